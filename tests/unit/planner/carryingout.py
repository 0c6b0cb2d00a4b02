"""What happens to a snapshot when decisions are carried out and the nodes do their part, without store or process."""

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from nodeagent.api.objects import Group, NodeId, NodeState, Phase, Resource, ResourceState, Snapshot, Wanted
from nodeagent.api.states import wanted
from nodeagent.planner.decisions import Decision, DropWish, GiveGroup, GiveUp, TakeBack
from nodeagent.planner.plan import Observations, owner_lost, plan

Breaks = Callable[[Resource, NodeId], bool]


def never(_resource: Resource, _node: NodeId) -> bool:
    return False


def seen(now: float = 1000.0, hour: int = 12) -> Observations:
    return Observations(now=now, hour=hour, wishes={})


def carried_out(cluster: Snapshot, decisions: Iterable[Decision], now: float) -> Snapshot:
    """Return *cluster* after the leader's commits."""
    groups = dict(cluster.groups)
    for decision in decisions:
        groups[decision.group] = _committed(groups[decision.group], decision, cluster, now)
    return replace(cluster, groups=groups)


def _committed(group: Group, decision: Decision, cluster: Snapshot, now: float) -> Group:
    if isinstance(decision, GiveUp):
        return replace(group, gave_up=True)
    if isinstance(decision, DropWish):
        return replace(group, wish=None)
    if not isinstance(decision, (GiveGroup, TakeBack)):
        return group
    group = replace(
        group,
        epoch=group.epoch + 1,
        cause=decision.cause,
        failovers=(*group.failovers, now) if decision.failover else group.failovers,
    )
    if isinstance(decision, TakeBack):
        return replace(group, phase=Phase.MOVING, target=decision.target, wish=None)
    return replace(
        group,
        phase=Phase.ASSIGNED,
        owner=decision.node,
        owner_incarnation=cluster.nodes[decision.node].incarnation,
        target=None,
        gave_up=False,
        since=group.since if decision.node == group.owner else now,
        wish=None if group.wish in (0, decision.node) else group.wish,
    )


def nodes_did_their_part(cluster: Snapshot, now: float, breaks: Breaks = never) -> Snapshot:
    """Return *cluster* after living owners claimed, stopped and released, started.

    Args:
        breaks: whether a resource fails on a node until its restarts are used up.
    """
    groups, resources = dict(cluster.groups), dict(cluster.resources)
    for group in cluster.groups.values():
        if owner_lost(group, cluster):
            continue
        assert group.owner is not None
        members = cluster.resources_of(group.id)
        if group.phase is Phase.ASSIGNED:
            groups[group.id] = replace(group, phase=Phase.CLAIMED, epoch=group.epoch + 1)
            resources |= {r.id: replace(r, state=ResourceState.OFFLINE, exhausted=False) for r in members}
        elif group.phase is Phase.MOVING and group.target is not None:
            target = cluster.nodes[group.target]
            groups[group.id] = replace(
                group,
                phase=Phase.ASSIGNED,
                owner=target.id,
                owner_incarnation=target.incarnation,
                target=None,
                epoch=group.epoch + 1,
                since=now,
            )
            resources |= {r.id: replace(r, state=ResourceState.OFFLINE, exhausted=False) for r in members}
        elif group.phase is Phase.CLAIMED:
            resources |= {r.id: _acted(r, group, cluster, breaks) for r in members}
    return replace(cluster, groups=groups, resources=resources)


def _acted(resource: Resource, group: Group, cluster: Snapshot, breaks: Breaks) -> Resource:
    assert group.owner is not None
    if wanted(resource, group) is not Wanted.ONLINE or group.gave_up:
        return replace(resource, state=ResourceState.OFFLINE, state_node=group.owner, exhausted=False)
    if resource.state is ResourceState.FAILED and resource.exhausted:
        return resource
    if cluster.nodes[group.owner].state is NodeState.PAUSED and resource.state is ResourceState.OFFLINE:
        return resource
    failed = breaks(resource, group.owner)
    state = ResourceState.FAILED if failed else ResourceState.ONLINE
    return replace(resource, state=state, state_node=group.owner, exhausted=failed)


def settled(
    cluster: Snapshot, *, now: float = 1000.0, hour: int = 12, rounds: int = 30, breaks: Breaks = never
) -> tuple[Snapshot, list[Decision]]:
    """Plan, carry out, let the nodes act, and so on until nothing more is decided; return all that was decided.

    Raises:
        AssertionError: there is no end within *rounds*.
    """
    decided: list[Decision] = []
    for number in range(rounds):
        moment = now + number
        new = [d for d in plan(cluster, seen(moment, hour)) if isinstance(d, (GiveGroup, TakeBack, GiveUp, DropWish))]
        after = nodes_did_their_part(carried_out(cluster, new, moment), moment, breaks)
        decided += new
        if not new and after == cluster:
            return cluster, decided
        cluster = after
    raise AssertionError(f"no end within {rounds} rounds: {decided[-6:]}")
