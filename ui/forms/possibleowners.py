"""Possible owners: every node, also those to come, or the chosen ones; used by wizard and sheet alike."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from clusteradmin.wizards.newresource import owner_refusal
from nodeagent.api.objects import NodeId, Snapshot
from nodeagent.api.texts import sentence
from ui.forms.nodelists import NodeLists
from ui.theme import Space
from ui.widgets import FieldError


class PossibleOwners(QWidget):
    """Signals: `edited` with the ids of the chosen nodes, or None for every node."""

    edited = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.every = QCheckBox(self.tr("&Every node, also nodes that join the cluster later"))
        self.nodes = NodeLists(self.tr("Available nodes"), self.tr("Possible owners"), ordered=False)
        self.error = FieldError()
        self._all: tuple[NodeId, ...] = ()
        self.every.clicked.connect(self._every_clicked)
        self.nodes.edited.connect(self.edited)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.SMALL)
        column.addWidget(self.every)
        column.addWidget(self.nodes, 1)
        column.addWidget(self.error)
        self.setFocusProxy(self.every)

    def show_owners(self, owners: tuple[NodeId, ...] | None, type_name: str, cluster: Snapshot, name: str = "") -> None:
        """Show *owners* of a resource of that type; nodes without the type are listed with that as the reason."""
        refused = {
            node.id: sentence(problem)
            for node in cluster.nodes.values()
            if (problem := owner_refusal(type_name, node, cluster, name or self.tr("this resource")))
        }
        self._all = tuple(node for node in sorted(cluster.nodes) if node not in refused)
        self.every.setChecked(owners is None)
        self.nodes.setEnabled(owners is not None)
        self.nodes.show_nodes(self._all if owners is None else owners, cluster, refused)

    def show_problem(self, problem: str) -> None:
        """Say what is wrong with the choice; nothing when it is good."""
        self.error.show_problem(problem)

    def _every_clicked(self, checked: bool) -> None:
        self.edited.emit(None if checked else self._all)
