"""New Resource: what it is, who may own it, what it needs, its parameters, review."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from clusteradmin.wizards.flow import Step
from clusteradmin.wizards.newresource import NewResource
from nodeagent.api.commonproperties import RESOURCE
from nodeagent.api.objects import GroupId, NodeId, ObjectKind, ResourceId, Snapshot
from nodeagent.api.problems import Problem
from nodeagent.api.properties import Kind, PropertySpec, Value, spec_of
from nodeagent.api.texts import sentence
from ui import words
from ui.forms.dependencies import Dependencies
from ui.forms.editors import ChoiceEditor, editor_for
from ui.forms.possibleowners import PossibleOwners
from ui.forms.row import PropertyRow, value_text
from ui.icons import kind_icon
from ui.wizards.newgroup import DESCRIPTION, NAME
from ui.wizards.page import ReviewPage, WizardPage
from ui.wizards.propertypage import ParametersPage
from ui.wizards.wizard import Wizard

if TYPE_CHECKING:
    from clusteradmin.client.cluster import Cluster

TYPE = PropertySpec(name="Resource type", kind=Kind.CHOICE, label="Resource type", required=True)
GROUP = PropertySpec(name="Group", kind=Kind.CHOICE, label="Group", required=True)


class IdentityPage(WizardPage):
    """Name, type, group, description, Resource Monitor."""

    step = Step.NEW_RESOURCE

    def __init__(self, wizard: Wizard, answers: NewResource) -> None:
        super().__init__(wizard, wizard.tr("New Resource"))
        self.answers = answers
        cluster = wizard.snapshot
        self.about(self.tr("A resource is one thing that goes online: an application, an address, a disk."))
        separate = spec_of(RESOURCE, "SeparateMonitor")
        self.name = PropertyRow(NAME, editor_for(NAME), label=self.tr("Name"))
        types = sorted(cluster.types.values(), key=lambda one: (one.display_name or one.name).casefold())
        kinds = ChoiceEditor(TYPE, [(one.name, one.display_name or one.name) for one in types])
        for place, one in enumerate(types):
            kinds.field.setItemIcon(place, kind_icon(one.name))
        self.type = PropertyRow(TYPE, kinds, label=self.tr("Resource type"))
        groups = sorted(cluster.groups.values(), key=lambda one: one.name.casefold())
        self.group = PropertyRow(GROUP, ChoiceEditor(GROUP, [(one.id, one.name) for one in groups]))
        self.description = PropertyRow(DESCRIPTION, editor_for(DESCRIPTION), label=self.tr("Description"), marked=False)
        self.separate = PropertyRow(separate, editor_for(separate))
        for row, attribute in (
            (self.name, "name"),
            (self.type, "type"),
            (self.group, "group"),
            (self.description, "description"),
        ):
            row.edited.connect(self._storing(attribute))
            self.column.addWidget(row)
        self.separate.edited.connect(self._separated)
        self.column.addWidget(self.separate)
        self.column.addStretch(1)

    def _storing(self, attribute: str) -> object:
        def store(value: Value | None) -> None:
            setattr(self.answers, attribute, str(value or ""))
            self.answered()

        return store

    def _separated(self, value: Value | None) -> None:
        self.answers.separate_monitor = bool(value)
        self.answered()

    def summary(self, cluster: Snapshot) -> str:
        return ", ".join(part for part in (self.answers.name, self.answers.type) if part)

    def refresh(self, cluster: Snapshot) -> None:
        for row, value in (
            (self.name, self.answers.name),
            (self.type, self.answers.type),
            (self.group, self.answers.group),
            (self.description, self.answers.description),
        ):
            row.show_value(value or None)
        self.separate.show_value(self.answers.separate_monitor or None)
        self.type.help.setText(self._about_type(cluster))
        self.type.help.setVisible(bool(self.type.help.text()) and not self.type.error.problem)

    def _about_type(self, cluster: Snapshot) -> str:
        kind = self.answers.resource_type(cluster)
        if kind is None:
            return ""
        count, every = len(kind.possible_owners), len(cluster.nodes)
        where = self.tr("Installed on every node.")
        if count < every:
            where = self.tr("Installed on {0} of {1} nodes.").format(count, every)
        needs = words.listed(list(kind.required_dependencies))
        needed = self.tr("Needs a dependency on: {0}.").format(needs) if needs else ""
        return " ".join(part for part in (kind.description, where, needed) if part)

    def show_problems(self, problems: Sequence[Problem]) -> None:
        found = {problem.field: sentence(problem) for problem in problems}
        for row, field in ((self.name, "name"), (self.type, "type"), (self.group, "group")):
            row.show_problem(found.get(field, ""))

    def take_focus(self) -> None:
        rows = (self.name, self.type, self.group)
        next((row for row in rows if row.error.problem), self.name).take_focus()


class PossibleOwnersPage(WizardPage):
    """The nodes that may host it."""

    step = Step.POSSIBLE_OWNERS

    def __init__(self, wizard: Wizard, answers: NewResource) -> None:
        super().__init__(wizard, wizard.tr("Possible Owners"))
        self.answers = answers
        self.owners = PossibleOwners()
        self.owners.edited.connect(self._chosen)
        self.column.addWidget(self.owners, 1)

    def _chosen(self, nodes: tuple[NodeId, ...] | None) -> None:
        self.answers.possible_owners = nodes
        self.answered()

    def summary(self, cluster: Snapshot) -> str:
        if self.answers.possible_owners is None:
            return self.tr("every node")
        count = len(self.answers.possible_owners)
        return self.tr("{0} of {1} nodes").format(count, len(cluster.nodes))

    def refresh(self, cluster: Snapshot) -> None:
        text = self.tr("Choose the nodes on which {0} may be online. Its whole group can run only where it can.")
        self.about(text.format(self.answers.name))
        self.owners.show_owners(self.answers.possible_owners, self.answers.type, cluster, self.answers.name)

    def show_problems(self, problems: Sequence[Problem]) -> None:
        self.owners.show_problem(sentence(problems[0]) if problems else "")

    def take_focus(self) -> None:
        self.owners.setFocus()


class DependenciesPage(WizardPage):
    """What must be online before it."""

    step = Step.DEPENDENCIES

    def __init__(self, wizard: Wizard, answers: NewResource) -> None:
        super().__init__(wizard, wizard.tr("Dependencies"))
        self.answers = answers
        self.lists = Dependencies()
        self.lists.edited.connect(self._chosen)
        self.column.addWidget(self.lists, 1)

    def _chosen(self, providers: tuple[ResourceId, ...]) -> None:
        self.answers.dependencies = providers
        self.answered()

    def summary(self, cluster: Snapshot) -> str:
        names = [cluster.resources[one].name for one in self.answers.providers(cluster) if one in cluster.resources]
        return self.tr("after {0}").format(words.listed(names)) if names else self.tr("none")

    def refresh(self, cluster: Snapshot) -> None:
        text = self.tr("Choose what must be online before {0} starts, and stops after it.")
        self.about(text.format(self.answers.name))
        self.lists.show_resource(self.answers.draft(cluster), cluster)

    def show_problems(self, problems: Sequence[Problem]) -> None:
        # What the type requires is said by the line below the lists, with its link.
        self.lists.show_problem(next((sentence(one) for one in problems if one.code != "dependency_missing"), ""))

    def take_focus(self) -> None:
        self.lists.setFocus()


class NewResourceWizard(Wizard):
    """Makes an offline resource."""

    kind = ObjectKind.RESOURCE

    def __init__(
        self, cluster: Cluster, snapshot: Snapshot, group: GroupId | None, parent: QWidget | None = None
    ) -> None:
        chosen = group if group in snapshot.groups else next(iter(snapshot.groups), "")
        only = group is not None or len(snapshot.groups) == 1
        self.answers = NewResource(group=chosen if chosen and only else "")
        super().__init__(cluster, snapshot, self.answers, parent)
        self.setWindowTitle(self.tr("New Resource"))
        self.add_pages(
            IdentityPage(self, self.answers),
            PossibleOwnersPage(self, self.answers),
            DependenciesPage(self, self.answers),
            ParametersPage(self, self.answers),
            ReviewPage(self),
        )

    def step_of(self, problem: Problem) -> Step:
        return self.answers.step_of(problem)

    def review_title(self) -> str:
        return self.tr("Finish creates this resource in {0}.").format(self.cluster.name)

    def review_facts(self, cluster: Snapshot) -> dict[str, str]:
        answers = self.answers
        owners = [cluster.node_name(node) for node in answers.possible_owners or ()]
        providers = [cluster.resources[one].name for one in answers.providers(cluster) if one in cluster.resources]
        own, shared = self.tr("a separate one"), self.tr("shared with the other resources of the node")
        facts = {
            self.tr("Name"): answers.name,
            self.tr("Resource type"): answers.type,
            self.tr("Group"): cluster.groups[answers.group].name if answers.group in cluster.groups else "",
            self.tr("Possible owners"): ", ".join(owners) or self.tr("every node, also nodes that join later"),
            self.tr("Dependencies"): ", ".join(providers) or self.tr("none"),
            self.tr("Resource Monitor"): own if answers.separate_monitor else shared,
        }
        if answers.description:
            facts[self.tr("Description")] = answers.description
        kind = answers.resource_type(cluster)
        parameters = answers.sent_parameters(cluster)
        for spec in kind.schema if kind else ():
            if spec.name in parameters:
                facts[spec.label or spec.name] = value_text(spec, parameters[spec.name])
        return facts

    def review_effect(self, cluster: Snapshot) -> str:
        group = cluster.groups.get(self.answers.group)
        text = self.tr("{0} is created offline in {1}. Nothing is started before you bring it online.")
        return text.format(self.answers.name, group.name if group else "")
