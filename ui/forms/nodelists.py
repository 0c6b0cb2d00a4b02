"""Nodes in two lists: available and chosen, with the state of those that are not up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from nodeagent.api.objects import Node, NodeId, NodeState, Snapshot
from ui import words
from ui.widgets.twolists import Choice, TwoLists


class NodeLists(QWidget):
    """Signals: `edited` with the ids of the chosen nodes, in their order."""

    edited = Signal(object)

    def __init__(self, available: str, chosen: str, *, ordered: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lists = TwoLists(available, chosen, ordered=ordered)
        self.lists.changed.connect(self._changed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.lists)
        self.setFocusProxy(self.lists.available)

    def show_nodes(self, chosen: Iterable[NodeId], cluster: Snapshot, refused: Mapping[NodeId, str]) -> None:
        """Show the cluster's nodes, the *chosen* ones at the right; *refused* says which may not be added, and why."""
        self.lists.set_choices(
            (_choice(node) for _, node in sorted(cluster.nodes.items())), [str(node) for node in chosen]
        )
        self.lists.set_refusals({str(node): reason for node, reason in refused.items()})

    def _changed(self) -> None:
        self.edited.emit(tuple(int(key) for key in self.lists.chosen()))


def _choice(node: Node) -> Choice:
    if node.state is NodeState.UP:
        return Choice(str(node.id), node.name, "node")
    word = words.state_word(node.state)
    return Choice(str(node.id), node.name, "node", word, words.english_state(node.state))
