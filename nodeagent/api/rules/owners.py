"""Who may host what: possible owners, preferred owners, and why a node cannot take a group."""

from __future__ import annotations

from collections.abc import Iterable

from nodeagent.api.objects import Group, Node, NodeId, NodeState, Resource, Snapshot
from nodeagent.api.problems import Problem, problem


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


def host_problem(group: Group, node: Node, cluster: Snapshot) -> Problem | None:
    """Say why *node* cannot take *group* now, or None when it can. Anti-affinity is the planner's matter."""
    if node.state is NodeState.PAUSED:
        return problem("node_paused", "node", node=node.name)
    if node.state is not NodeState.UP:
        return problem("node_down", "node", node=node.name, state=node.state.name.title())
    for resource in cluster.resources_of(group.id):
        if node.id not in possible_owners(resource, cluster):
            if resource.type in cluster.types and node.id not in cluster.types[resource.type].possible_owners:
                return problem("type_missing_on_node", "node", node=node.name, type=resource.type, name=resource.name)
            return problem("not_possible_owner", "node", node=node.name, name=resource.name)
    return None


def hosts(group: Group, cluster: Snapshot) -> list[Node]:
    """Return the nodes that can take *group* now, by id; the present owner is among them when it can."""
    return [node for _, node in sorted(cluster.nodes.items()) if host_problem(group, node, cluster) is None]
