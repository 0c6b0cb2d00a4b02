"""plan(snapshot, observations) -> decisions: what the leader decides, group by group."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from msgspec.structs import replace

from nodeagent.api.causes import Cause, Refusal, cause
from nodeagent.api.objects import (
    Group,
    GroupId,
    Node,
    NodeId,
    NodeState,
    Phase,
    Resource,
    ResourceState,
    Snapshot,
    Wanted,
)
from nodeagent.api.problems import Problem
from nodeagent.api.rules.maintenance import frozen
from nodeagent.api.rules.owners import host_problem
from nodeagent.api.rules.verbs import move_problem
from nodeagent.api.states import wanted
from nodeagent.api.texts import sentence
from nodeagent.planner.decisions import CannotPlace, Decision, DropWish, GiveGroup, GiveUp, TakeBack
from nodeagent.planner.placement import Choice, best_owner, clash_problem, last_resort, next_owner, spread
from nodeagent.planner.policies import (
    RestartAction,
    claim_patience,
    failback_allowed,
    failover_limit,
    failovers_left,
    policy_of,
)
from nodeagent.planner.workload import Workload


@dataclass(frozen=True, slots=True)
class Observations:
    """What is not in the database.

    Attributes:
        now: wall-clock seconds of the leader, for failover periods.
        hour: hour of the day in the cluster's time zone, for failback windows.
        wishes: who asked for which move, by group.
        skipped: hours that the clock left out just before this one, when summer time began: they count with it.
        unclaimed: groups whose new owner, though it is up, has not claimed them for longer than `claim_patience`.
    """

    now: float
    hour: int
    wishes: dict[str, Cause]
    skipped: tuple[int, ...] = ()
    unclaimed: frozenset[GroupId] = frozenset()


def plan(cluster: Snapshot, seen: Observations) -> list[Decision]:
    """Return the decisions that the present state calls for, at most one per group, in a stable order.

    Each decision is made as if those before it were carried out. Carrying out a GiveGroup or TakeBack ends a wish that
    it fulfils: the wish is deleted by the same commit.
    """
    round_ = _Round(cluster, seen)
    return [decision for group in sorted(cluster.groups.values(), key=_by_id) if (decision := round_.look(group))]


def _by_id(group: Group) -> str:
    return group.id


class _Round:
    """One plan: the cluster as it will be after the decisions made so far."""

    def __init__(self, cluster: Snapshot, seen: Observations) -> None:
        self.cluster = cluster
        self.seen = seen
        self._groups: dict[str, Group] | None = None

    @cached_property
    def work(self) -> Workload:
        return Workload(self.cluster)

    def look(self, group: Group) -> Decision | None:
        decision = _decide(group, self)
        if isinstance(decision, GiveGroup):
            self._changed(group, replace(group, owner=decision.node, phase=Phase.ASSIGNED, target=None))
        elif isinstance(decision, TakeBack):
            self._changed(group, replace(group, phase=Phase.MOVING, target=decision.target))
        return decision

    def _changed(self, before: Group, after: Group) -> None:
        if self._groups is None:
            self._groups = dict(self.cluster.groups)
            self.cluster = self.cluster.with_groups(self._groups)
        self.work.changed(before, after)
        self._groups[after.id] = after

    def asked(self, group: Group) -> Cause:
        return self.seen.wishes.get(group.id) or cause("cause_asked")


def owner_lost(group: Group, cluster: Snapshot) -> bool:
    """Tell whether the life of the owner that the ownership names has ended (safety rule O2 b)."""
    if group.owner is None:
        return True
    node = cluster.nodes.get(group.owner)
    return node is None or node.state is NodeState.DOWN or node.incarnation > group.owner_incarnation


def _decide(group: Group, now: _Round) -> Decision | None:
    still = frozen(group, now.cluster)
    if owner_lost(group, now.cluster):
        return _place_frozen(group, now) if still else _place(group, now)
    if group.phase is Phase.MOVING:
        return _retarget(group, now) if group.wish is None else _wish_on_the_way(group, now)
    if group.wish is not None:
        return _wish(group, now)
    if group.phase is Phase.ASSIGNED and group.id in now.seen.unclaimed and not still:
        return _not_claimed(group, now)
    if group.phase is not Phase.CLAIMED:
        return None
    if drain := _drain(group, now):
        return drain
    if group.gave_up or still:
        return None
    return (
        _after_failure(group, now)
        or _after_self_stops(group, now)
        or _away_from_paused(group, now)
        or _failback(group, now)
    )


# --- nobody owns it ---------------------------------------------------------------------------------------------


def _place(group: Group, now: _Round) -> Decision:
    """Give away a group that nobody owns any more; a node that merely started anew gets its own back first."""
    former = now.cluster.nodes.get(group.owner) if group.owner is not None else None
    if group.wish and _fits(group, group.wish, now):
        return GiveGroup(group.id, group.wish, now.asked(group))
    if group.phase is Phase.MOVING and group.target is not None and _fits(group, group.target, now):
        on_its_way = Choice(group.target, "it was on its way there", ())
        return GiveGroup(group.id, group.target, _lost_cause(former, on_its_way, now))
    renewed = former if former and host_problem(group, former, now.cluster) is None else None
    if renewed and now.work.clash(group, renewed.id) is None:
        return _back(group, renewed)
    choice = spread(group, now.cluster, now.work)
    if renewed and not now.work.enforced and (choice.node is None or now.work.clash(group, choice.node)):
        return _back(group, renewed)
    if choice.node is not None:
        return GiveGroup(group.id, choice.node, _lost_cause(former, choice, now), failover=group.owner is not None)
    if (resort := last_resort(group, now.cluster)) is not None:
        return GiveGroup(group.id, resort, replace(cause("cause_last_resort"), refused=choice.refused))
    reasons = " ".join(sentence(r.reason) for r in choice.refused) or "There is no other node."
    return CannotPlace(group.id, replace(cause("cause_no_node", reasons=reasons), refused=choice.refused))


def _place_frozen(group: Group, now: _Round) -> Decision | None:
    """In maintenance a group waits for its own node, unless a person sends it elsewhere."""
    if group.wish is not None or group.phase is Phase.MOVING:
        return _place(group, now)
    former = now.cluster.nodes.get(group.owner) if group.owner is not None else None
    if former and host_problem(group, former, now.cluster) is None:
        return _back(group, former)
    return None


def _fits(group: Group, node: NodeId, now: _Round) -> bool:
    """Tell whether the node that somebody chose can take the group; it need not be the best place."""
    host = now.cluster.nodes.get(node)
    if host is None or host_problem(group, host, now.cluster):
        return False
    return not now.work.enforced or now.work.clash(group, node) is None


def _back(group: Group, node: Node) -> GiveGroup:
    return GiveGroup(group.id, node.id, cause("cause_node_restarted", node=node.name))


def _lost_cause(former: Node | None, choice: Choice, now: _Round) -> Cause:
    if former is None:
        why = cause("cause_best_possible", node=now.cluster.node_name(choice.node), why=choice.why)
    elif former.state is not NodeState.DOWN:
        why = cause("cause_owner_renewed", node=former.name, why=choice.why)
    elif former.information:
        why = cause("cause_owner_down", node=former.name, reason=former.information, why=choice.why)
    else:
        why = cause("cause_owner_lost", node=former.name, why=choice.why)
    return replace(why, refused=choice.refused)


# --- moves and wishes -------------------------------------------------------------------------------------------


def _retarget(group: Group, now: _Round) -> Decision | None:
    """Choose anew when the target of a move died or was paused meanwhile; its owner still runs or stops the group."""
    if group.target == group.owner:
        return None  # the move was called off, or its owner gets it back: as good as there
    target = now.cluster.nodes.get(group.target) if group.target is not None else None
    if target and host_problem(group, target, now.cluster) is None:
        return None
    choice = best_owner(group, now.cluster, now.work)
    if choice.node is not None:
        why = cause("cause_best_possible", node=now.cluster.node_name(choice.node), why=choice.why)
        return TakeBack(group.id, choice.node, replace(why, refused=choice.refused))
    assert group.owner is not None  # else it were lost, not moving
    kept = cause("cause_kept", node=now.cluster.node_name(group.owner))
    return TakeBack(group.id, group.owner, replace(kept, refused=choice.refused))


def _wish_on_the_way(group: Group, now: _Round) -> Decision:
    """A move was asked for while the group moves: the last word counts."""
    asked = now.asked(group)
    if not group.wish or group.wish == group.target:
        return DropWish(group.id, asked)
    if bad := move_problem(group, group.wish, now.cluster):
        return DropWish(group.id, _refusal(asked, bad), refused=True)
    return TakeBack(group.id, group.wish, asked)


def _wish(group: Group, now: _Round) -> Decision | None:
    asked = now.asked(group)
    if group.phase is not Phase.CLAIMED and group.phase is not Phase.ASSIGNED:
        bad = move_problem(group, group.wish or None, now.cluster)
        return DropWish(group.id, _refusal(asked, bad) if bad else asked, refused=True)
    if group.wish == group.owner:
        return DropWish(group.id, asked)
    if group.phase is Phase.ASSIGNED:
        return _wish_before_claim(group, now, asked)
    if group.wish:
        if bad := move_problem(group, group.wish, now.cluster):
            return DropWish(group.id, _refusal(asked, bad), refused=True)
        return TakeBack(group.id, group.wish, asked)
    choice = best_owner(group, now.cluster, now.work)
    if choice.node is None:
        bad = move_problem(group, None, now.cluster)
        return DropWish(group.id, _refusal(asked, bad) if bad else asked, refused=True)
    return TakeBack(group.id, choice.node, replace(asked, refused=choice.refused))


def _wish_before_claim(group: Group, now: _Round, asked: Cause) -> Decision | None:
    """Its owner claims it first, and the wish waits; but "anywhere" is fulfilled when it was just given away."""
    owner = now.cluster.nodes[group.owner] if group.owner is not None else None
    if group.wish == 0 and owner and host_problem(group, owner, now.cluster) is None:
        return DropWish(group.id, asked)
    return None


def _refusal(asked: Cause, bad: Problem) -> Cause:
    return replace(cause("cause_refused", reason=sentence(bad)), request=asked.request, user=asked.user)


# --- failures and failback --------------------------------------------------------------------------------------


def exhausted(group: Group, cluster: Snapshot) -> Resource | None:
    """Return a failed resource whose policy affects the group and allows no restart here, or None.

    What another node reported before the group came here does not count.
    """
    for resource in cluster.resources_of(group.id):
        if resource.state is ResourceState.FAILED and resource.exhausted and resource.state_node in (None, group.owner):
            policy = policy_of(resource, cluster.types.get(resource.type))
            if policy.action is RestartAction.AFFECT_GROUP:
                return resource
    return None


def _after_failure(group: Group, now: _Round) -> Decision | None:
    resource = exhausted(group, now.cluster)
    if resource is None:
        return None
    choice = next_owner(group, now.cluster, now.work)
    if choice.node is None:  # it stays failed and is tried again here after RetryPeriodOnFailure
        return CannotPlace(group.id, replace(cause("cause_no_other_node"), refused=choice.refused))
    if failovers_left(group, now.seen.now) == 0:
        threshold, period = failover_limit(group)
        why = cause("cause_failover_threshold", count=threshold, hours=period / 3600)
        return GiveUp(group.id, replace(why, refused=choice.refused))
    why = cause(
        "cause_resource_failed",
        name=resource.name,
        node=now.cluster.node_name(group.owner),
        detail=resource.information,
    )
    return TakeBack(group.id, choice.node, replace(why, refused=choice.refused), failover=True)


def _after_self_stops(group: Group, now: _Round) -> Decision | None:
    """Move a group away from a node on which it had to stop by itself again and again, and was started again each time.

    Where it may not fail over any more it stays: it does run between those stops.
    """
    for resource in now.cluster.resources_of(group.id):
        if resource.exhausted and resource.state is not ResourceState.FAILED and resource.state_node == group.owner:
            choice = next_owner(group, now.cluster, now.work)
            if choice.node is None or failovers_left(group, now.seen.now) == 0:
                return None
            why = cause("cause_flapping", name=resource.name, node=now.cluster.node_name(group.owner))
            return TakeBack(group.id, choice.node, replace(why, refused=choice.refused), failover=True)
    return None


def _not_claimed(group: Group, now: _Round) -> Decision | None:
    """Take a group back from a node that is up and does not take it; that node then has nothing to stop."""
    choice = next_owner(group, now.cluster, now.work)
    if choice.node is None:
        return None
    patience = claim_patience(now.cluster.resources_of(group.id), now.cluster)
    why = cause("cause_not_claimed", node=now.cluster.node_name(group.owner), seconds=round(patience))
    return TakeBack(group.id, choice.node, replace(why, refused=choice.refused))


def _drain(group: Group, now: _Round) -> Decision | None:
    """Move a group away from a node that a person has drained; one that no other node can take stays."""
    owner = now.cluster.nodes[group.owner] if group.owner is not None else None
    if owner is None or not owner.draining or owner.state is not NodeState.PAUSED:
        return None
    choice = best_owner(group, now.cluster, now.work)
    if choice.node is None:
        return None
    return TakeBack(group.id, choice.node, replace(cause("cause_drain", node=owner.name), refused=choice.refused))


def _away_from_paused(group: Group, now: _Round) -> Decision | None:
    """Move a group on when it waits on a paused node, where nothing of it may be started, and another node can."""
    owner = now.cluster.nodes[group.owner] if group.owner is not None else None
    if owner is None or owner.state is not NodeState.PAUSED:
        return None
    members = now.cluster.resources_of(group.id)
    if not any(wanted(r, group) is Wanted.ONLINE for r in members):
        return None
    if any(r.state is not ResourceState.OFFLINE for r in members):
        return None  # something runs there, or has failed: then its restart policy has the word
    choice = best_owner(group, now.cluster, now.work)
    if choice.node is None:
        return None
    why = cause("cause_last_resort_over", node=owner.name, target=now.cluster.node_name(choice.node))
    return TakeBack(group.id, choice.node, replace(why, refused=choice.refused))


def _failback(group: Group, now: _Round) -> Decision | None:
    """Send a group back to its most preferred owner, once that node came up after the group had moved away."""
    if not group.preferred_owners or group.preferred_owners[0] == group.owner:
        return None
    if not any(failback_allowed(group, hour) for hour in (now.seen.hour, *now.seen.skipped)):
        return None
    if any(r.state.pending for r in now.cluster.resources_of(group.id)):
        return None
    refused: list[Refusal] = []
    for preferred in group.preferred_owners:
        if preferred == group.owner:
            return None
        node = now.cluster.nodes.get(preferred)
        if node is None:
            continue
        if bad := host_problem(group, node, now.cluster) or clash_problem(group, preferred, now.cluster, now.work):
            refused.append(Refusal(node=preferred, name=node.name, reason=bad))
        elif _came_up_since(node, group):
            return TakeBack(
                group.id, preferred, replace(cause("cause_failback", node=node.name), refused=tuple(refused))
            )
        else:
            return None  # a person moved it away while that node was up: a move is an order, not undone by a rule
    return None


def _came_up_since(node: Node, group: Group) -> bool:
    """Tell whether this life of *node* is a later one than the decision that put the group where it is.

    Incarnations say it; the time of day only for a node that was made a preferred owner afterwards.
    """
    return node.incarnation > group.lives[node.id] if node.id in group.lives else node.since > group.since
