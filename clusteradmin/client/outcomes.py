"""What a verb leads to, as tests of a snapshot: not yet (None), reached (True), or an error that says why never."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nodeagent.api.commonproperties import RESOURCE
from nodeagent.api.objects import (
    Group,
    GroupState,
    NodeId,
    Phase,
    Resource,
    ResourceState,
    Snapshot,
    Wanted,
)
from nodeagent.api.problems import refuse
from nodeagent.api.properties import effective
from nodeagent.api.rules.owners import hosts
from nodeagent.api.states import wanted

Test = Callable[[Snapshot], bool | None]

AFFECT_GROUP = 2  # RestartAction: the failure moves the group


def _never(snapshot: Snapshot) -> None:
    """Nobody drops it."""
    del snapshot


def gone_online(before: Resource) -> Test:
    """Return the test for a resource that was asked to go online, as it was *before*.

    It raises resource_failed once the resource failed anew and no rule will try it again.
    """

    def test(snapshot: Snapshot) -> bool | None:
        now = snapshot.resource(before.id)
        if now.state is ResourceState.ONLINE:
            return True
        _raise_if_failed(now, before, snapshot)
        return None

    return test


def gone_offline(before: Resource) -> Test:
    """Return the test for a resource that was asked to go offline."""

    def test(snapshot: Snapshot) -> bool | None:
        return snapshot.resource(before.id).state in (ResourceState.OFFLINE, ResourceState.FAILED) or None

    return test


def group_online(
    before: Group, node: NodeId | None, at_first: Snapshot, dropped: Callable[[Snapshot], None] = _never
) -> Test:
    """Return the test for a group that was asked to go online, on *node* when given.

    Args:
        at_first: the snapshot when it was asked.
        dropped: raises when the move that it takes will not come.
    """
    members = {resource.id: resource for resource in at_first.resources_of(before.id)}

    def test(snapshot: Snapshot) -> bool | None:
        group = snapshot.group(before.id)
        if group.state is GroupState.ONLINE and (node is None or group.owner == node):
            return True
        if node is not None and group.owner != node:
            dropped(snapshot)
        for resource in snapshot.resources_of(group.id):
            _raise_if_failed(resource, members.get(resource.id), snapshot)
        return None

    return test


def group_offline(before: Group) -> Test:
    """Return the test for a group that was asked to go offline."""

    def test(snapshot: Snapshot) -> bool | None:
        members = snapshot.resources_of(snapshot.group(before.id).id)
        return _all_in(members, (ResourceState.OFFLINE, ResourceState.FAILED)) or None

    return test


def moved(before: Group, node: NodeId | None, dropped: Callable[[Snapshot], None] = _never) -> Test:
    """Return the test for a group that was asked to move: arrived, and each resource as it is wanted, or failed.

    Args:
        dropped: raises when the move will not come.
    """

    def test(snapshot: Snapshot) -> bool | None:
        group = snapshot.group(before.id)
        arrived = group.owner != before.owner if node is None else group.owner == node
        if not arrived:
            dropped(snapshot)
        if not arrived or group.phase is not Phase.CLAIMED:
            return None
        return all(_as_wanted(resource, group) for resource in snapshot.resources_of(group.id)) or None

    return test


def _all_in(members: Iterable[Resource], states: tuple[ResourceState, ...]) -> bool:
    return all(resource.state in states for resource in members)


def _as_wanted(resource: Resource, group: Group) -> bool:
    if resource.state is ResourceState.FAILED:
        return resource.exhausted
    return resource.state is (
        ResourceState.ONLINE if wanted(resource, group) is Wanted.ONLINE else ResourceState.OFFLINE
    )


def _raise_if_failed(now: Resource, before: Resource | None, snapshot: Snapshot) -> None:
    """Raise when *now* failed since *before* and stays so: its policy allows no restart, and its group no move."""
    if now.state is not ResourceState.FAILED or not now.exhausted or now.retry_at:
        return
    if before is not None and (now.state, now.since) == (before.state, before.since):
        return  # that is the failure from before; the attempt has not begun
    group = snapshot.group(now.group)
    moves = effective(RESOURCE, now.properties, "RestartAction") == AFFECT_GROUP
    elsewhere = any(node.id != group.owner for node in hosts(group, snapshot))
    if group.phase is Phase.CLAIMED and (group.gave_up or not moves or not elsewhere):
        raise refuse("resource_failed", name=now.name, detail=now.information or "no reason was given")
