"""Whether a person's word may declare a node down, and whether the brake can be opened: the rules both sides ask."""

from __future__ import annotations

from nodeagent.api.objects import ClusterObject, Node, NodeState, Snapshot
from nodeagent.api.problems import Problem, problem
from nodeagent.api.spelling import comparable


def declare_off_problem(node: Node, cluster: Snapshot) -> Problem | None:
    """Say why *node* cannot be declared off; it must be a member of which the planning node hears nothing."""
    del cluster
    if node.state is NodeState.DOWN:
        return problem("node_down_already", name=node.name)
    return None if node.silent_since else problem("node_is_heard", name=node.name)


def confirmation_problem(node: Node, typed: str) -> Problem | None:
    """Say why what was typed does not confirm that *node* is meant."""
    if typed and comparable(typed) == comparable(node.name):
        return None
    return problem("name_not_confirmed", "name", typed=typed[:80], name=node.name)


def take_over_problem(item: ClusterObject, cluster: Snapshot) -> Problem | None:
    """Say why the brake cannot be opened."""
    del item
    return None if cluster.cluster.brake else problem("brake_open")
