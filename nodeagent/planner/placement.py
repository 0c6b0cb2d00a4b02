"""Which node gets a group: after a failure, on request, and when a node's groups are spread."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from msgspec.structs import replace

from nodeagent.api.causes import Refusal
from nodeagent.api.objects import Group, NodeId, NodeState, Snapshot
from nodeagent.api.problems import Problem, problem
from nodeagent.api.rules.owners import anti_affine, host_problem
from nodeagent.planner.workload import Workload

__all__ = [
    "Choice",
    "anti_affine",
    "best_owner",
    "clash_problem",
    "last_resort",
    "next_owner",
    "spread",
    "spread_order",
]

FEWEST = "it has the fewest groups"


@dataclass(frozen=True, slots=True)
class Choice:
    """The node that was chosen (None: no node can), why, and who was refused."""

    node: NodeId | None
    why: str
    refused: tuple[Refusal, ...]


def next_owner(group: Group, cluster: Snapshot, work: Workload | None = None) -> Choice:
    """Choose the node that takes *group* over when a resource of it has failed on its owner.

    A node can if it is up and a possible owner of all the group's resources. The order is the preferred owners, then
    all others by node id; the next one after the present owner is taken, round to the start. Source: KB 299631.
    """
    rest = [node for node in sorted(cluster.nodes) if node not in group.preferred_owners]
    order = [node for node in (*group.preferred_owners, *rest) if node in cluster.nodes]
    start = order.index(group.owner) + 1 if group.owner in order else 0
    after = [node for node in order[start:] + order[:start] if node != group.owner]
    return _first(group, cluster, after, "it is next in the order of preferred owners and node numbers", work)


def best_owner(group: Group, cluster: Snapshot, work: Workload | None = None) -> Choice:
    """Choose the node for a move without a target: the highest preferred owner that can, else the least loaded.

    Anti-affinity goes before preference. Source: "Preferred Owners in a Cluster" (MSDN blogs): a manual move starts at
    the top of the list.
    """
    work = work or Workload(cluster)
    preferred = [node for node in group.preferred_owners if node in cluster.nodes and node != group.owner]
    others = [node for node in spread_order(group, cluster, work) if node not in preferred]
    choice = _first(group, cluster, [*preferred, *others], FEWEST, work)
    if choice.node not in preferred or choice.why != FEWEST:
        return choice
    return Choice(choice.node, "it is the most preferred owner that can run it", choice.refused)


def spread(group: Group, cluster: Snapshot, work: Workload | None = None) -> Choice:
    """Choose the node for a group of a node that was lost.

    With preferred owners the order of `next_owner` holds. Without, the groups are spread where the original draws at
    random: fewest groups first, then node id.
    """
    if group.preferred_owners:
        return next_owner(group, cluster, work)
    return _first(group, cluster, spread_order(group, cluster, work), FEWEST, work)


def spread_order(group: Group, cluster: Snapshot, work: Workload | None = None) -> list[NodeId]:
    """Return all nodes but the group's owner, fewest groups first, then by id."""
    work = work or Workload(cluster)
    return sorted((n for n in cluster.nodes if n != group.owner), key=lambda n: (work.groups_on(n), n))


def last_resort(group: Group, cluster: Snapshot) -> NodeId | None:
    """Return a paused node, its owner first, that could run the group: given to it but not brought online there.

    Source: ApiPauseNode of the published Cluster Management protocol.
    """
    for node in sorted(cluster.nodes.values(), key=lambda n: (n.id != group.owner, n.id)):
        if node.state is NodeState.PAUSED:
            as_if_up = replace(node, state=NodeState.UP, paused=False)
            if host_problem(group, as_if_up, cluster) is None:
                return node.id
    return None


def clash_problem(group: Group, node: NodeId, cluster: Snapshot, work: Workload) -> Problem | None:
    """Say from which group on *node* this one is to be kept apart, or None; a preference unless it is enforced."""
    clash = work.clash(group, node)
    return problem("anti_affinity", "node", node=cluster.node_name(node), group=clash.name) if clash else None


def _first(group: Group, cluster: Snapshot, order: Iterable[NodeId], why: str, work: Workload | None) -> Choice:
    """Choose the first of *order* that can; one beside an anti-affine group only when there is no other."""
    work = work or Workload(cluster)
    refused: list[Refusal] = []
    second_choice: NodeId | None = None
    for node in order:
        name = cluster.node_name(node)
        host = cluster.nodes[node]
        if bad := host_problem(group, host, cluster):
            refused.append(Refusal(node=node, name=name, reason=bad))
        elif host.maintenance is not None:  # only a person chooses it
            refused.append(Refusal(node=node, name=name, reason=problem("node_in_maintenance", "node", node=name)))
        elif reason := clash_problem(group, node, cluster, work):
            refused.append(Refusal(node=node, name=name, reason=reason))
            second_choice = node if second_choice is None else second_choice
        else:
            return Choice(node, why, tuple(refused))
    if second_choice is not None and not work.enforced:
        kept = tuple(r for r in refused if r.node != second_choice)
        return Choice(second_choice, "it is the first that can, though anti-affinity cannot be kept", kept)
    return Choice(None, "", tuple(refused))
