"""Who may host what: possible owners, preferred owners, anti-affinity, and why a node cannot take a group."""

from __future__ import annotations

from collections.abc import Iterable

from nodeagent.api.objects import Group, Node, NodeId, NodeState, Phase, Resource, ResourceState, Snapshot, Wanted
from nodeagent.api.problems import Problem, problem
from nodeagent.api.states import wanted


def possible_owners(resource: Resource, cluster: Snapshot) -> set[NodeId]:
    """Return the nodes that may host *resource*: its possible owners that have its type."""
    allowed = set(cluster.nodes) if resource.possible_owners is None else set(resource.possible_owners)
    kind = cluster.types.get(resource.type)
    return allowed & set(kind.possible_owners) if kind else set()


def owners_problem(nodes: Iterable[NodeId] | None, cluster: Snapshot, *, field: str) -> Problem | None:
    """Say what is wrong with a list of nodes; an empty list of possible owners is refused, None means every node."""
    if nodes is None:
        return None
    given = list(nodes)
    if not given and field == "possible_owners":
        return problem("no_possible_owner", field)
    for node in given:
        if node not in cluster.nodes:
            return problem("node_unknown", field, id=str(node))
        if given.count(node) > 1:
            return problem("node_twice", field, node=cluster.node_name(node))
    return None


def can_host(resource: Resource, node: NodeId, cluster: Snapshot) -> bool:
    """Tell whether *node* is among the `possible_owners` of *resource*."""
    if resource.possible_owners is not None and node not in resource.possible_owners:
        return False
    kind = cluster.types.get(resource.type)
    return kind is not None and node in kind.possible_owners


def host_problem(
    group: Group, node: Node, cluster: Snapshot, resources: Iterable[Resource] | None = None
) -> Problem | None:
    """Say why *node* cannot take *group* now, or None when it can. Anti-affinity is `separation_problem`'s matter.

    Args:
        resources: those that matter; None means all of the group.
    """
    if node.state is NodeState.PAUSED:
        return problem("node_paused", "node", node=node.name)
    if node.state is not NodeState.UP:
        return problem("node_down", "node", node=node.name, state=node.state.name.title())
    for resource in cluster.resources_of(group.id) if resources is None else resources:
        if not can_host(resource, node.id, cluster):
            if resource.type in cluster.types and node.id not in cluster.types[resource.type].possible_owners:
                return problem("type_missing_on_node", "node", node=node.name, type=resource.type, name=resource.name)
            return problem("not_possible_owner", "node", node=node.name, name=resource.name)
    return None


def hosts(group: Group, cluster: Snapshot) -> list[Node]:
    """Return the nodes that can take *group* now, by id; the present owner is among them when it can."""
    return [node for _, node in sorted(cluster.nodes.items()) if host_problem(group, node, cluster) is None]


# --- anti-affinity ----------------------------------------------------------------------------------------------


def affinity_classes(group: Group) -> frozenset[str]:
    """Return the group's anti-affinity class names."""
    names = group.properties.get("AntiAffinityClassNames")
    return frozenset(names) if isinstance(names, tuple) else frozenset()


def separation_enforced(cluster: Snapshot) -> bool:
    """Tell whether groups that share a class name never run on one node, or only preferably not."""
    return bool(cluster.cluster.properties.get("EnforcedAntiAffinity"))


def places(group: Group, *, enforced: bool) -> tuple[NodeId, ...]:
    """Return where a group counts for anti-affinity: where it goes, and if *enforced* also where it still is."""
    if group.phase is Phase.MOVING and group.target is not None:
        return (group.target, group.owner) if enforced and group.owner is not None else (group.target,)
    return () if group.owner is None else (group.owner,)


def runs(group: Group, cluster: Snapshot) -> bool:
    """Tell whether something of *group* runs, or would as soon as it can."""
    return any(
        resource.state is not ResourceState.OFFLINE or (wanted(resource, group) is Wanted.ONLINE and not group.gave_up)
        for resource in cluster.resources_of(group.id)
    )


def anti_affine(group: Group, node: NodeId, cluster: Snapshot) -> Group | None:
    """Return a group on *node* that shares an anti-affinity class name and is or wants to be online there."""
    mine = affinity_classes(group)
    if not mine:
        return None
    enforced = separation_enforced(cluster)
    for other in cluster.groups.values():
        if (
            other.id != group.id
            and node in places(other, enforced=enforced)
            and mine & affinity_classes(other)
            and runs(other, cluster)
        ):
            return other
    return None


def separation_problem(group: Group, node: NodeId, cluster: Snapshot) -> Problem | None:
    """Say which group on *node* forbids *group* there; None while anti-affinity is not enforced but a preference.

    Source: ApiOnlineGroup (error 5071), which the property pages limit to enforced anti-affinity.
    """
    if not separation_enforced(cluster) or (clash := anti_affine(group, node, cluster)) is None:
        return None
    return problem("anti_affinity", "node", node=cluster.node_name(node), group=clash.name)
