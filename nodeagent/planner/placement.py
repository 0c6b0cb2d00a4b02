"""Which node gets a group: after a failure, on request, and when a node's groups are spread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from nodeagent.api.causes import Refusal
from nodeagent.api.commonproperties import COMMON
from nodeagent.api.objects import Group, NodeId, NodeState, ObjectKind, Phase, ResourceState, Snapshot, Wanted
from nodeagent.api.problems import problem
from nodeagent.api.properties import effective
from nodeagent.api.rules.owners import host_problem
from nodeagent.api.states import wanted


@dataclass(frozen=True, slots=True)
class Choice:
    """The node that was chosen (None: no node can), why, and who was refused."""

    node: NodeId | None
    why: str
    refused: tuple[Refusal, ...]


def next_owner(group: Group, cluster: Snapshot) -> Choice:
    """Choose the node that takes *group* over when a resource of it has failed on its owner.

    A node can if it is up and a possible owner of all the group's resources. The order is the preferred owners, then
    all others by node id; the next one after the present owner is taken, round to the start. Source: KB 299631.
    """
    rest = [node for node in sorted(cluster.nodes) if node not in group.preferred_owners]
    order = [node for node in (*group.preferred_owners, *rest) if node in cluster.nodes]
    start = order.index(group.owner) + 1 if group.owner in order else 0
    after = [node for node in order[start:] + order[:start] if node != group.owner]
    return _first(group, cluster, after, "next after its owner in the order of preferred owners and node numbers")


def best_owner(group: Group, cluster: Snapshot) -> Choice:
    """Choose the node for a move without a target: the highest preferred owner that can, else the least loaded.

    Source: "Preferred Owners in a Cluster" (MSDN blogs): a manual move starts at the top of the list.
    """
    preferred = [node for node in group.preferred_owners if node in cluster.nodes and node != group.owner]
    choice = _first(group, cluster, preferred, "the most preferred owner that can run it")
    if choice.node is not None:
        return choice
    others = spread_order(group, cluster, {})
    second = _first(group, cluster, [n for n in others if n not in preferred], "it has the fewest groups")
    return Choice(second.node, second.why, choice.refused + second.refused)


def spread(group: Group, cluster: Snapshot, added: Mapping[NodeId, int]) -> Choice:
    """Choose the node for a group of a node that was lost.

    With preferred owners the order of `next_owner` holds. Without, the groups are spread where the original draws at
    random: fewest groups first, then node id.

    Args:
        added: groups that this very plan has already given to nodes.
    """
    if group.preferred_owners:
        return next_owner(group, cluster)
    order = [node for node in spread_order(group, cluster, added) if node != group.owner]
    return _first(group, cluster, order, "it has the fewest groups")


def spread_order(group: Group, cluster: Snapshot, added: Mapping[NodeId, int]) -> list[NodeId]:
    """Return all nodes but the group's owner, fewest groups first, then by id."""
    load = dict.fromkeys(cluster.nodes, 0)
    for other in cluster.groups.values():
        if other.id != group.id and other.owner in load:
            load[other.owner] += 1
    for node, count in added.items():
        load[node] = load.get(node, 0) + count
    return sorted((n for n in cluster.nodes if n != group.owner), key=lambda n: (load[n], n))


def last_resort(group: Group, cluster: Snapshot) -> NodeId | None:
    """Return a paused node that could run the group: it is given to it but not brought online there.

    Source: ApiPauseNode of the published Cluster Management protocol.
    """
    for node in sorted(cluster.nodes.values(), key=lambda n: n.id):
        if node.state is NodeState.PAUSED:
            as_if_up = replace(node, state=NodeState.UP, paused=False)
            if host_problem(group, as_if_up, cluster) is None:
                return node.id
    return None


def _first(group: Group, cluster: Snapshot, order: list[NodeId], why: str) -> Choice:
    refused: list[Refusal] = []
    second_choice: NodeId | None = None
    enforced = bool(effective(COMMON[ObjectKind.CLUSTER], cluster.cluster.properties, "EnforcedAntiAffinity"))
    for node in order:
        name = cluster.node_name(node)
        if bad := host_problem(group, cluster.nodes[node], cluster):
            refused.append(Refusal(node=node, name=name, reason=bad))
        elif clash := anti_affine(group, node, cluster):
            reason = problem("anti_affinity", "node", node=name, group=clash.name)
            refused.append(Refusal(node=node, name=name, reason=reason))
            second_choice = second_choice or node
        else:
            return Choice(node, why, tuple(refused))
    if second_choice is not None and not enforced:
        kept = tuple(r for r in refused if r.node != second_choice)
        return Choice(second_choice, "anti-affinity could not be kept: no other node is left", kept)
    return Choice(None, "", tuple(refused))


def anti_affine(group: Group, node: NodeId, cluster: Snapshot) -> Group | None:
    """Return a group on *node* that shares an anti-affinity class name and is or wants to be online there."""
    mine = _classes(group)
    if not mine:
        return None
    for other in cluster.groups.values():
        here = other.target if other.phase is Phase.MOVING and other.target is not None else other.owner
        if other.id != group.id and here == node and mine & _classes(other) and _active(other, cluster):
            return other
    return None


def _classes(group: Group) -> frozenset[str]:
    names = effective(COMMON[ObjectKind.GROUP], group.properties, "AntiAffinityClassNames")
    return frozenset(names) if isinstance(names, tuple) else frozenset()


def _active(group: Group, cluster: Snapshot) -> bool:
    return any(
        wanted(r, group) is Wanted.ONLINE or r.state is not ResourceState.OFFLINE
        for r in cluster.resources_of(group.id)
    )
