"""New Group: name and description, preferred owners, review."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from clusteradmin.wizards.flow import Step
from clusteradmin.wizards.newgroup import NewGroup
from nodeagent.api.commonproperties import GROUP as GROUP_PROPERTIES
from nodeagent.api.objects import NodeId, ObjectKind, Snapshot
from nodeagent.api.problems import Problem
from nodeagent.api.properties import Kind, PropertySpec, Value, spec_of
from nodeagent.api.texts import sentence
from ui import words
from ui.forms.editors import editor_for
from ui.forms.nodelists import NodeLists
from ui.forms.row import PropertyRow, value_text
from ui.widgets import FieldError
from ui.wizards.page import ReviewPage, WizardPage
from ui.wizards.wizard import Wizard

if TYPE_CHECKING:
    from clusteradmin.client.cluster import Cluster

NAME = PropertySpec(name="Name", kind=Kind.STRING, label="Name", required=True)
DESCRIPTION = PropertySpec(name="Description", kind=Kind.TEXT, label="Description", default="")


class IdentityPage(WizardPage):
    """Name and description."""

    step = Step.NEW_GROUP

    def __init__(self, wizard: Wizard, answers: NewGroup) -> None:
        super().__init__(wizard, wizard.tr("New Group"))
        self.answers = answers
        self.about(self.tr("A group is moved as a whole. What belongs to one application goes into one group."))
        self.name = PropertyRow(NAME, editor_for(NAME), label=self.tr("Name"))
        self.description = PropertyRow(DESCRIPTION, editor_for(DESCRIPTION), label=self.tr("Description"), marked=False)
        self.name.edited.connect(self._named)
        self.description.edited.connect(self._described)
        for row in (self.name, self.description):
            self.column.addWidget(row)
        self.column.addStretch(1)

    def _named(self, value: Value | None) -> None:
        self.answers.name = str(value or "")
        self.answered()

    def _described(self, value: Value | None) -> None:
        self.answers.description = str(value or "")
        self.answered()

    def summary(self, cluster: Snapshot) -> str:
        del cluster
        return self.answers.name

    def refresh(self, cluster: Snapshot) -> None:
        del cluster
        self.name.show_value(self.answers.name or None)
        self.description.show_value(self.answers.description or None)

    def show_problems(self, problems: Sequence[Problem]) -> None:
        self.name.show_problem(sentence(problems[0]) if problems else "")

    def take_focus(self) -> None:
        self.name.take_focus()


class PreferredOwnersPage(WizardPage):
    """Where the group is to run, best first."""

    step = Step.PREFERRED_OWNERS

    def __init__(self, wizard: Wizard, answers: NewGroup) -> None:
        super().__init__(wizard, wizard.tr("Preferred Owners"))
        self.answers = answers
        self.lists = NodeLists(self.tr("Available nodes"), self.tr("Preferred owners, best first"), ordered=True)
        self.lists.edited.connect(self._chosen)
        self.error = FieldError()
        self.column.addWidget(self.lists, 1)
        self.column.addWidget(self.error)

    def _chosen(self, nodes: tuple[NodeId, ...]) -> None:
        self.answers.preferred_owners = nodes
        self.answered()

    def summary(self, cluster: Snapshot) -> str:
        names = [cluster.node_name(node) for node in self.answers.preferred_owners]
        return words.listed(names) or self.tr("none, any node")

    def refresh(self, cluster: Snapshot) -> None:
        name = self.answers.name
        self.about(self.tr("Choose the nodes on which {0} should run, in order. The list may stay empty.").format(name))
        self.lists.show_nodes(self.answers.preferred_owners, cluster, {})

    def show_problems(self, problems: Sequence[Problem]) -> None:
        self.error.show_problem(sentence(problems[0]) if problems else None)

    def take_focus(self) -> None:
        self.lists.setFocus()


class NewGroupWizard(Wizard):
    """Makes an empty, offline group."""

    kind = ObjectKind.GROUP

    def __init__(self, cluster: Cluster, snapshot: Snapshot, parent: QWidget | None = None) -> None:
        self.answers = NewGroup()
        super().__init__(cluster, snapshot, self.answers, parent)
        self.setWindowTitle(self.tr("New Group"))
        self.add_pages(IdentityPage(self, self.answers), PreferredOwnersPage(self, self.answers), ReviewPage(self))

    def step_of(self, problem: Problem) -> Step:
        return self.answers.step_of(problem)

    def review_title(self) -> str:
        return self.tr("Finish creates this group in {0}.").format(self.cluster.name)

    def review_facts(self, cluster: Snapshot) -> dict[str, str]:
        names = [cluster.node_name(node) for node in self.answers.preferred_owners]
        return {
            self.tr("Name"): self.answers.name,
            self.tr("Description"): self.answers.description or self.tr("none"),
            self.tr("Preferred owners"): ", ".join(names) or self.tr("none: any node may have it"),
            self.tr("Failover"): self.tr("at most {0} times in {1} hours; its properties can change that").format(
                _default("FailoverThreshold"), _default("FailoverPeriod")
            ),
            self.tr("Failback"): self.tr("{0}; its properties can change that").format(_default("AutoFailbackType")),
        }

    def review_effect(self, cluster: Snapshot) -> str:
        del cluster
        text = self.tr("{0} is created empty and offline. Nothing else changes. Next, put resources into it.")
        return text.format(self.answers.name)


def _default(name: str) -> str:
    spec = spec_of(GROUP_PROPERTIES, name)
    return str(spec.default) if spec.kind is Kind.INTEGER else value_text(spec, spec.default)
