"""Dependencies: what may be depended on, what is, what the type requires, and the order of going online."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from clusteradmin.wizards.order import ranks
from nodeagent.api.objects import Resource, ResourceId, Snapshot
from nodeagent.api.problems import Problem
from nodeagent.api.rules.dependencies import dependency_problem, missing_requirements
from nodeagent.api.texts import sentence
from ui.forms.goingonline import GoingOnline
from ui.models.roles import Tone
from ui.theme import Space
from ui.widgets import FieldError
from ui.widgets.labels import LinkLabel, StateLabel
from ui.widgets.panels import InfoPanel
from ui.widgets.twolists import Choice, TwoLists


class Dependencies(QWidget):
    """Signals: `edited` with the ids of the chosen providers."""

    edited = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lists = TwoLists(self.tr("Available resources"), self.tr("Resource dependencies"))
        self.lists.changed.connect(lambda: self.edited.emit(tuple(self.lists.chosen())))
        self.error = FieldError()
        self.requirement = StateLabel()
        self.add_link = LinkLabel("")
        self.add_link.clicked.connect(self._add_required)
        self.panel = InfoPanel(self.tr("Order of going online"))
        self.order = GoingOnline()
        self.panel.body.addWidget(self.order)
        self._fulfilling: ResourceId | None = None
        needs = QHBoxLayout()
        needs.setSpacing(Space.SMALL)
        needs.addWidget(self.requirement)
        needs.addWidget(self.add_link)
        needs.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.SMALL)
        column.addWidget(self.lists, 1)
        column.addWidget(self.error)
        column.addLayout(needs)
        column.addWidget(self.panel)
        self.setFocusProxy(self.lists.available)

    def show_resource(self, resource: Resource, cluster: Snapshot) -> None:
        """Show the other resources of its group, those in its dependencies at the right."""
        others = [one for one in cluster.resources_of(resource.group) if one.id != resource.id]
        refused = {
            one.id: sentence(problem)
            for one in others
            if one.id not in resource.dependencies and (problem := dependency_problem(resource, one, cluster))
        }
        group = cluster.groups[resource.group].name if resource.group in cluster.groups else ""
        self.lists.available_title.setText(self.tr("Available in {0}").format(group))
        self.lists.chosen_title.setText(self.tr("{0} goes online after").format(resource.name))
        self.lists.set_choices((Choice(one.id, one.name, one.type, one.type) for one in others), resource.dependencies)
        self.lists.set_refusals(refused)
        self._show_requirements(resource, [one for one in others if one.id not in refused], group, cluster)
        self.order.show_ranks(ranks(resource, cluster))

    def _show_requirements(self, resource: Resource, offered: list[Resource], group: str, cluster: Snapshot) -> None:
        self._fulfilling = None
        missing = missing_requirements(resource, cluster)
        if missing:
            self._show_missing(missing[0], offered, group)
        elif not offered and not resource.dependencies:
            text = self.tr("{0} has no other resource that could be needed. Nothing has to be chosen.").format(group)
            self.requirement.show_state("information", text, Tone.TEXT2)
        else:
            text = self.tr("All that a resource of type {0} needs is there.").format(resource.type)
            self.requirement.show_state("online", text, Tone.TEXT)
        self.add_link.setVisible(self._fulfilling is not None)

    def _show_missing(self, missing: Problem, offered: list[Resource], group: str) -> None:
        needed = str(missing.parameters.get("type", ""))
        found = next((one for one in offered if one.type == needed), None)
        text = sentence(missing)
        if found is None:
            text += " " + self.tr("{0} has none yet.").format(group)
        else:
            self._fulfilling = found.id
            self.add_link.setText(self.tr("Add {0}").format(found.name))
            self.add_link.setAccessibleName(self.add_link.text())
            self.add_link.updateGeometry()
        self.requirement.show_state("failed", text, Tone.TEXT)

    def _add_required(self) -> None:
        if self._fulfilling is not None:
            self.edited.emit((*self.lists.chosen(), self._fulfilling))

    def show_problem(self, problem: str) -> None:
        """Say what is wrong with the choice; nothing when it is good."""
        self.error.show_problem(problem)

    def lock(self, locked: bool) -> None:
        """Switch the lists off or on."""
        self.lists.setEnabled(not locked)
        self.add_link.setEnabled(not locked)
