"""New Resource: its answers, and which page comes next. An offline resource in a group comes out."""

from __future__ import annotations

from dataclasses import dataclass, field

from clusteradmin.wizards.flow import Step, at_fault
from nodeagent.api.objects import GroupId, Node, NodeId, ObjectKind, Resource, ResourceId, ResourceType, Snapshot
from nodeagent.api.problems import Problem, problem
from nodeagent.api.properties import Value, check_all
from nodeagent.api.requests import CreateResource
from nodeagent.api.rules.dependencies import dependencies_problem, missing_requirements
from nodeagent.api.rules.names import name_problem
from nodeagent.api.rules.owners import owners_problem

NOT_CREATED: ResourceId = ""  # the id of a resource that does not exist yet

_FIELDS = (
    (Step.NEW_RESOURCE, frozenset({"name", "type", "group", "description", "separate_monitor"})),
    (Step.POSSIBLE_OWNERS, frozenset({"possible_owners", "nodes"})),
    (Step.DEPENDENCIES, frozenset({"dependencies", "providers"})),
)


@dataclass(slots=True)
class NewResource:
    """The answers so far.

    Attributes:
        possible_owners: None means every node, also those that are added to the cluster later.
        parameters_of: what was filled in, by resource type: trying another type loses nothing.
    """

    name: str = ""
    type: str = ""
    group: GroupId = ""
    description: str = ""
    separate_monitor: bool = False
    possible_owners: tuple[NodeId, ...] | None = None
    dependencies: tuple[ResourceId, ...] = ()
    parameters_of: dict[str, dict[str, Value]] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, Value]:
        """What was filled in for the chosen type; changing it changes the answers."""
        return self.parameters_of.setdefault(self.type, {})

    def resource_type(self, cluster: Snapshot) -> ResourceType | None:
        """Return the chosen type."""
        return cluster.types.get(self.type)

    def steps(self, cluster: Snapshot) -> tuple[Step, ...]:
        """Return the pages in their order; a type without settings has no Parameters page."""
        kind = self.resource_type(cluster)
        parameters = () if kind is not None and not kind.schema else (Step.PARAMETERS,)
        return (Step.NEW_RESOURCE, Step.POSSIBLE_OWNERS, Step.DEPENDENCIES, *parameters, Step.REVIEW)

    def problems(self, step: Step, cluster: Snapshot) -> tuple[Problem, ...]:
        """Return what is wrong or missing on a page.

        A required dependency is asked for here although the cluster misses it only when the resource goes online.
        """
        match step:
            case Step.NEW_RESOURCE:
                return self._identity_problems(cluster)
            case Step.POSSIBLE_OWNERS:
                return self._owner_problems(cluster)
            case Step.DEPENDENCIES:
                wrong = dependencies_problem(self.draft(cluster), self.providers(cluster), cluster, creating=True)
                return (wrong,) if wrong else tuple(missing_requirements(self.draft(cluster), cluster))
            case Step.PARAMETERS:
                return self._parameter_problems(cluster)
        return ()

    def _identity_problems(self, cluster: Snapshot) -> tuple[Problem, ...]:
        found = [name_problem(ObjectKind.RESOURCE, self.name, cluster)]
        if not self.type:
            found.append(problem("nothing_chosen", "type", what="resource type"))
        elif self.type not in cluster.types:
            found.append(problem("type_unknown", "type", name=self.type))
        if not cluster.groups:
            found.append(problem("no_group_yet", "group"))
        elif not self.group:
            found.append(problem("nothing_chosen", "group", what="group"))
        elif self.group not in cluster.groups:
            found.append(problem("group_unknown", "group", id=self.group))
        return tuple(one for one in found if one)

    def _owner_problems(self, cluster: Snapshot) -> tuple[Problem, ...]:
        if wrong := owners_problem(self.possible_owners, cluster, field="possible_owners"):
            return (wrong,)
        refused = [owner_refusal(self.type, cluster.nodes[node], cluster, self.name) for node in self.owners(cluster)]
        if all(refused):
            return (problem("no_possible_owner", "possible_owners"),)
        return () if self.possible_owners is None else tuple(one for one in refused if one)

    def _parameter_problems(self, cluster: Snapshot) -> tuple[Problem, ...]:
        kind = self.resource_type(cluster)
        return tuple(check_all(kind.schema, self.sent_parameters(cluster), complete=True)) if kind else ()

    def owners(self, cluster: Snapshot) -> tuple[NodeId, ...]:
        """Return the nodes that may host it, as far as they were chosen."""
        return tuple(sorted(cluster.nodes)) if self.possible_owners is None else self.possible_owners

    def providers(self, cluster: Snapshot) -> tuple[ResourceId, ...]:
        """Return the chosen dependencies, without those that are not in the chosen group."""
        return tuple(
            one
            for one in self.dependencies
            if one not in cluster.resources or cluster.resources[one].group == self.group
        )

    def sent_parameters(self, cluster: Snapshot) -> dict[str, Value]:
        """Return what is stored: what was filled in, and the defaults of what is required."""
        kind = self.resource_type(cluster)
        given = {spec.name: spec.default for spec in (kind.schema if kind else ()) if spec.required and spec.default}
        return {**given, **self.parameters}

    def draft(self, cluster: Snapshot) -> Resource:
        """Return the resource as it would be, for the rules."""
        return Resource(
            id=NOT_CREATED,
            name=self.name,
            type=self.type,
            group=self.group,
            possible_owners=self.possible_owners,
            dependencies=self.providers(cluster),
        )

    def request(self, cluster: Snapshot) -> CreateResource:
        """Return what Finish sends."""
        return CreateResource(
            name=self.name,
            type=self.type,
            group=self.group,
            description=self.description,
            separate_monitor=self.separate_monitor,
            possible_owners=self.possible_owners,
            dependencies=self.providers(cluster),
            parameters=self.sent_parameters(cluster),
        )

    def step_of(self, problem: Problem) -> Step:
        """Return the page on which a refusal of the cluster is to be shown: a property's is Parameters."""
        return at_fault(problem, _FIELDS, Step.PARAMETERS if problem.field else Step.NEW_RESOURCE)


def owner_refusal(type_name: str, node: Node, cluster: Snapshot, resource: str = "") -> Problem | None:
    """Say why *node* cannot be a possible owner of a resource of that type, or None when it can."""
    kind = cluster.types.get(type_name)
    if kind is not None and node.id not in kind.possible_owners:
        return problem("type_missing_on_node", "possible_owners", node=node.name, type=type_name, name=resource)
    return None
