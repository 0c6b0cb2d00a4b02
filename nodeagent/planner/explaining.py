"""Why a group is where it is, and what of each other node: the answer to "why is it here?" and "why not there?"."""

from __future__ import annotations

from dataclasses import dataclass

from nodeagent.api.causes import Cause
from nodeagent.api.objects import Group, NodeId, Snapshot
from nodeagent.api.problems import Problem
from nodeagent.api.rules.owners import host_problem
from nodeagent.planner.placement import clash_problem
from nodeagent.planner.workload import Workload


@dataclass(frozen=True, slots=True)
class Standing:
    """One node as a place for a group, now.

    Attributes:
        here: it is the group's owner.
        problem: why it cannot take the group, or only as a second choice (anti-affinity); None when it can.
        then: why it was refused when it was decided where the group is, if it was.
    """

    node: NodeId
    name: str
    here: bool
    problem: Problem | None
    then: Problem | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a group is where it is: the decision's own record, and every node as it is now."""

    cause: Cause | None
    nodes: tuple[Standing, ...]


def explain(group: Group, cluster: Snapshot) -> Explanation:
    """Say why *group* is where it is, and of every node whether it could have it."""
    work = Workload(cluster)
    refused = {refusal.node: refusal.reason for refusal in group.cause.refused} if group.cause else {}
    return Explanation(
        group.cause,
        tuple(
            Standing(
                node=node.id,
                name=node.name,
                here=node.id == group.owner,
                problem=host_problem(group, node, cluster) or clash_problem(group, node.id, cluster, work),
                then=refused.get(node.id),
            )
            for _, node in sorted(cluster.nodes.items())
        ),
    )
