"""plan(snapshot, observations) -> decisions: what the leader decides, group by group."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from msgspec.structs import replace

from nodeagent.api.causes import Cause, cause
from nodeagent.api.objects import Group, NodeId, NodeState, Phase, Resource, ResourceState, Snapshot
from nodeagent.api.problems import Problem
from nodeagent.api.rules.owners import host_problem
from nodeagent.api.rules.verbs import move_problem
from nodeagent.api.texts import sentence
from nodeagent.planner.decisions import CannotPlace, Decision, DropWish, GiveGroup, GiveUp, TakeBack
from nodeagent.planner.placement import Choice, anti_affine, best_owner, last_resort, next_owner, spread
from nodeagent.planner.policies import RestartAction, failback_allowed, failover_limit, failovers_left, policy_of


@dataclass(frozen=True, slots=True)
class Observations:
    """What is not in the database.

    Attributes:
        now: wall-clock seconds of the leader, for failover periods.
        hour: hour of the day in the cluster's time zone, for failback windows.
        wishes: who asked for which move, by group.
    """

    now: float
    hour: int
    wishes: dict[str, Cause]


def plan(cluster: Snapshot, seen: Observations) -> list[Decision]:
    """Return the decisions that the present state calls for, at most one per group, in a stable order."""
    decisions: list[Decision] = []
    given: Counter[NodeId] = Counter()
    for group in sorted(cluster.groups.values(), key=lambda g: g.id):
        decision = _decide(group, cluster, seen, given)
        if decision:
            decisions.append(decision)
            if isinstance(decision, GiveGroup):
                given[decision.node] += 1
                cluster = _given(cluster, decision)
    return decisions


def _given(cluster: Snapshot, decision: GiveGroup) -> Snapshot:
    group = replace(cluster.groups[decision.group], owner=decision.node, phase=Phase.ASSIGNED)
    return replace(cluster, groups={**cluster.groups, group.id: group})


def owner_lost(group: Group, cluster: Snapshot) -> bool:
    """Tell whether the life of the owner that the ownership names has ended (safety rule O2 b)."""
    if group.owner is None:
        return True
    node = cluster.nodes.get(group.owner)
    return node is None or node.state is NodeState.DOWN or node.incarnation > group.owner_incarnation


def _decide(group: Group, cluster: Snapshot, seen: Observations, given: Counter[NodeId]) -> Decision | None:
    if owner_lost(group, cluster):
        return _place(group, cluster, given)
    if group.phase is Phase.MOVING:
        return _retarget(group, cluster, seen)
    if group.wish is not None:
        return _wish(group, cluster, seen)
    if group.phase is not Phase.CLAIMED or group.gave_up:
        return None
    return _after_failure(group, cluster, seen) or _failback(group, cluster, seen)


def _place(group: Group, cluster: Snapshot, given: Counter[NodeId]) -> Decision | None:
    """Give away a group that nobody owns any more; a node that merely started anew gets its own back first."""
    node = cluster.nodes.get(group.owner) if group.owner is not None else None
    if node and node.state is NodeState.UP and host_problem(group, node, cluster) is None:
        return GiveGroup(group.id, node.id, cause("cause_node_restarted", node=node.name))
    choice = spread(group, cluster, given)
    if choice.node is not None:
        return GiveGroup(group.id, choice.node, _lost_cause(group, cluster, choice), failover=group.owner is not None)
    resort = last_resort(group, cluster)
    if resort is not None and resort != group.owner:
        return GiveGroup(group.id, resort, replace(cause("cause_last_resort"), refused=choice.refused))
    reasons = " ".join(sentence(r.reason) for r in choice.refused) or "There is no other node."
    return CannotPlace(group.id, replace(cause("cause_no_node", reasons=reasons), refused=choice.refused))


def _lost_cause(group: Group, cluster: Snapshot, choice: Choice) -> Cause:
    node = cluster.nodes.get(group.owner) if group.owner is not None else None
    if node is None:
        why = cause("cause_best_possible", node=cluster.node_name(choice.node), why=choice.why)
    else:
        why = cause("cause_owner_down", node=node.name, reason=node.information or "it is down", why=choice.why)
    return replace(why, refused=choice.refused)


def _retarget(group: Group, cluster: Snapshot, seen: Observations) -> Decision | None:
    """Choose anew when the target of a move died or was paused meanwhile; its owner still runs or stops the group."""
    target = cluster.nodes.get(group.target) if group.target is not None else None
    if target and target.id != group.owner and host_problem(group, target, cluster) is None:
        return None
    del seen
    choice = best_owner(group, cluster)
    node = choice.node if choice.node is not None else group.owner
    if node is None or node == group.target:
        return None
    why = cause("cause_best_possible", node=cluster.node_name(node), why=choice.why or "no other node can run it")
    return TakeBack(group.id, node, replace(why, refused=choice.refused))


def _wish(group: Group, cluster: Snapshot, seen: Observations) -> Decision | None:
    asked = seen.wishes.get(group.id) or cause("cause_requested", user="")
    if group.phase is not Phase.CLAIMED and group.phase is not Phase.ASSIGNED:
        return DropWish(group.id, asked, refused=True)
    if group.wish == group.owner:
        return DropWish(group.id, asked)
    if group.phase is Phase.ASSIGNED:
        return None  # its owner claims it first; the wish waits
    if group.wish:
        if bad := move_problem(group, group.wish, cluster):
            return DropWish(group.id, _refusal(asked, bad), refused=True)
        return TakeBack(group.id, group.wish, asked)
    choice = best_owner(group, cluster)
    if choice.node is None:
        bad = move_problem(group, None, cluster)
        return DropWish(group.id, _refusal(asked, bad) if bad else asked, refused=True)
    return TakeBack(group.id, choice.node, replace(asked, refused=choice.refused))


def _refusal(asked: Cause, bad: Problem) -> Cause:
    return replace(cause("cause_refused", reason=sentence(bad)), request=asked.request, user=asked.user)


def exhausted(group: Group, cluster: Snapshot) -> Resource | None:
    """Return a failed resource whose policy affects the group and allows no restart here, or None."""
    for resource in cluster.resources_of(group.id):
        if resource.state is ResourceState.FAILED and resource.exhausted:
            policy = policy_of(resource, cluster.types.get(resource.type))
            if policy.action is RestartAction.AFFECT_GROUP:
                return resource
    return None


def _after_failure(group: Group, cluster: Snapshot, seen: Observations) -> Decision | None:
    resource = exhausted(group, cluster)
    if resource is None:
        return None
    choice = next_owner(group, cluster)
    if choice.node is None:
        return None  # it stays failed and is tried again here after RetryPeriodOnFailure
    if failovers_left(group, seen.now) == 0:
        threshold, period = failover_limit(group)
        return GiveUp(group.id, cause("cause_failover_threshold", count=threshold, hours=period / 3600))
    why = cause(
        "cause_resource_failed", name=resource.name, node=cluster.node_name(group.owner), detail=resource.information
    )
    return TakeBack(group.id, choice.node, replace(why, refused=choice.refused), failover=True)


def _failback(group: Group, cluster: Snapshot, seen: Observations) -> Decision | None:
    """Send a group back to its most preferred owner, once that node came up after the group had moved away."""
    if not failback_allowed(group, seen.hour) or any(r.state.pending for r in cluster.resources_of(group.id)):
        return None
    for preferred in group.preferred_owners:
        if preferred == group.owner:
            return None
        node = cluster.nodes.get(preferred)
        if node is None or host_problem(group, node, cluster) or anti_affine(group, preferred, cluster):
            continue
        if node.since <= group.since:
            return None  # a person moved it away while that node was up: a move is an order, not undone by a rule
        return TakeBack(group.id, preferred, cause("cause_failback", node=node.name))
    return None
