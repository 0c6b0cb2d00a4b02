"""What can be done with a node as a member: pause, drain, resume, stop, start, restart, evict; and why not."""

from __future__ import annotations

from nodeagent.api.objects import Group, Node, NodeState, Snapshot
from nodeagent.api.problems import Problem, problem

_MEMBER = (NodeState.UP, NodeState.PAUSED)


def groups_on(node: Node, cluster: Snapshot) -> list[Group]:
    """Return the groups that *node* owns, by name."""
    return sorted((g for g in cluster.groups.values() if g.owner == node.id), key=lambda g: g.name.casefold())


def pause_problem(node: Node, cluster: Snapshot) -> Problem | None:
    """A node that is up can be paused."""
    del cluster
    if node.paused:
        return problem("already", name=node.name, state="paused")
    return None if node.state is NodeState.UP else _not_up(node)


def drain_problem(node: Node, cluster: Snapshot) -> Problem | None:
    """A member can be drained, a paused one too, but not while it is being drained. Source: ApiPauseNodeEx."""
    if node.draining and groups_on(node, cluster):
        return problem("already", name=node.name, state="being drained")
    return None if node.state in _MEMBER else _not_up(node)


def cancel_drain_problem(node: Node, cluster: Snapshot) -> Problem | None:
    """Only a drain that was asked for and not called off can be."""
    del cluster
    return None if node.draining else problem("not_draining", name=node.name)


def resume_problem(node: Node, cluster: Snapshot) -> Problem | None:
    """Only a paused node can be resumed."""
    del cluster
    return None if node.paused else problem("not_paused", name=node.name)


def resume_failback_problem(node: Node, cluster: Snapshot) -> Problem | None:
    """Groups come back to a node that was drained of some."""
    if bad := resume_problem(node, cluster):
        return bad
    if node.state not in _MEMBER:
        return _not_up(node)
    return None if node.drained else problem("not_drained", name=node.name)


def stop_problem(node: Node, cluster: Snapshot) -> Problem | None:
    """A node that is down can be told to stay out, too."""
    del cluster
    return problem("already", name=node.name, state="stopped") if node.stopped else None


def start_problem(node: Node, cluster: Snapshot) -> Problem | None:
    """Only what was stopped by the same way can be started from afar."""
    del cluster
    if node.stopped:
        return None
    if node.state in _MEMBER:
        return problem("already", name=node.name, state="up")
    return problem("not_stopped", name=node.name)


def restart_problem(node: Node, cluster: Snapshot) -> Problem | None:
    """A member's service can be restarted; who does not run cannot hear of it."""
    del cluster
    return None if node.state in _MEMBER else _not_up(node)


def evict_problem(node: Node, cluster: Snapshot) -> Problem | None:
    """Only a node that is down and owns nothing is evicted (docs/safety.md)."""
    if node.state is not NodeState.DOWN:
        return problem("evict_member", name=node.name)
    if owned := groups_on(node, cluster):
        return problem("evict_owner", name=node.name, groups=tuple(group.name for group in owned))
    only = tuple(r.name for r in cluster.resources.values() if r.possible_owners == (node.id,))
    if only:
        return problem("evict_only_owner", name=node.name, resources=only)
    if len(cluster.nodes) == 1:
        return problem("evict_last", name=node.name)
    return None


def _not_up(node: Node) -> Problem:
    return problem("node_down", "node", node=node.name, state=node.state.name.title())
