"""A coroutine per verb: ask, see the result in the mirror, and wait for the state when that is wanted.

All return the node's `Done` once the mirror has what was done. *wait* is how long to wait, in seconds, for the state
that the verb leads to: None does not wait, `math.inf` has no limit.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from clusteradmin.client.cluster import Cluster
from clusteradmin.client.outcomes import gone_offline, gone_online, group_offline, group_online, moved
from nodeagent.api.objects import (
    Group,
    GroupId,
    Node,
    NodeId,
    ObjectRef,
    Phase,
    Resource,
    ResourceId,
    Snapshot,
    ref,
)
from nodeagent.api.problems import refuse
from nodeagent.api.properties import Value
from nodeagent.api.requests import (
    BringOnline,
    ChangeGroup,
    CreateGroup,
    CreateResource,
    Delete,
    Done,
    InitiateFailure,
    MoveGroup,
    Rename,
    Request,
    SetDependencies,
    SetPossibleOwners,
    SetPreferredOwners,
    SetProperties,
    TakeOffline,
    Validated,
    ValidateParameters,
)
from nodeagent.api.states import state_words
from nodeagent.api.texts import because, render

SEEN_SECONDS: Final = 2.0
"""How long to wait for the mirror to show what was committed: a node sends the news before its answer."""

Test = Callable[[Snapshot], bool | None]


async def send(cluster: Cluster, request: Request) -> Done:
    """Ask for a change and return when the mirror has it.

    Raises:
        ClusterError: the refusal.
        NotConnected: see `Cluster.call`.
    """
    reply = await cluster.call(request)
    assert isinstance(reply, Done), reply
    revision = reply.revision
    with contextlib.suppress(TimeoutError):  # it is committed all the same; what it changed comes later
        await cluster.until(lambda snapshot: snapshot.revision >= revision or None, SEEN_SECONDS)
    return reply


async def wait_for(cluster: Cluster, item: ObjectRef, test: Test, seconds: float | None) -> None:
    """Wait until *test* is true of the snapshot; None does not wait.

    Raises:
        ClusterError: still_pending, with the object's state; or what the test raises.
    """
    if seconds is None:
        return
    try:
        await cluster.until(test, None if math.isinf(seconds) else seconds)
    except TimeoutError:
        found = cluster.snapshot.get(item) if cluster.snapshot else None
        words = state_words(found.state) if isinstance(found, Group | Resource | Node) else "as it was"
        raise refuse("still_pending", name=found.name if found else item.id, state=words) from None


def _present(cluster: Cluster) -> Snapshot:
    if cluster.snapshot is None:
        raise refuse("not_connected", detail=cluster.status.detail)
    return cluster.snapshot


class _Dropped:
    """Knows whether the wish for a move, which was committed, was dropped by who plans; and why, from the event log."""

    def __init__(self, cluster: Cluster, group: GroupId, revision: int) -> None:
        self._cluster = cluster
        self._group = group
        self._revision = revision

    def __call__(self, snapshot: Snapshot) -> None:
        """Raise when the group is not on its way although the wish is gone.

        Raises:
            ClusterError: move_dropped.
        """
        group = snapshot.group(self._group)
        if snapshot.revision < self._revision or group.wish is not None or group.phase is not Phase.CLAIMED:
            return
        raise refuse("move_dropped", name=group.name, detail=self._why())

    def _why(self) -> str:
        for entry in reversed(self._cluster.log):
            if entry.code == "event_group_gave_up" and entry.object and entry.object.id == self._group:
                return because(entry.cause) if entry.cause else render(entry.code, entry.parameters)
        return "the event log has the reason."


# --- groups and resources ---------------------------------------------------------------------------------------


async def bring_online(
    cluster: Cluster,
    item: Group | Resource,
    *,
    node: NodeId | None = None,
    wait: float | None = None,
    note: str = "",
) -> Done:
    """Bring a group or resource online; a group on *node* when given."""
    done = await send(cluster, BringOnline(kind=ref(item).kind, id=item.id, node=node, note=note))
    if isinstance(item, Resource):
        test = gone_online(item)
    else:
        dropped = _Dropped(cluster, item.id, done.revision)
        test = group_online(item, node, _present(cluster), dropped)
    await wait_for(cluster, ref(item), test, wait)
    return done


async def take_offline(cluster: Cluster, item: Group | Resource, *, wait: float | None = None, note: str = "") -> Done:
    """Take a group or resource offline, dependents first."""
    done = await send(cluster, TakeOffline(kind=ref(item).kind, id=item.id, note=note))
    test = gone_offline(item) if isinstance(item, Resource) else group_offline(item)
    await wait_for(cluster, ref(item), test, wait)
    return done


async def move_group(
    cluster: Cluster, group: Group, node: NodeId | None = None, *, wait: float | None = None, note: str = ""
) -> Done:
    """Move a group to *node*, or to the best possible one, and wait until it has arrived in its wanted state."""
    done = await send(cluster, MoveGroup(group=group.id, node=node, note=note))
    await wait_for(cluster, ref(group), moved(group, node, _Dropped(cluster, group.id, done.revision)), wait)
    return done


async def initiate_failure(cluster: Cluster, resource: Resource, *, note: str = "") -> Done:
    """Treat an online resource as failed and let its policy act."""
    return await send(cluster, InitiateFailure(resource=resource.id, note=note))


async def change_group(cluster: Cluster, resource: Resource, group: GroupId) -> Done:
    """Move a resource, with its whole tree of dependencies, to another group."""
    return await send(cluster, ChangeGroup(resource=resource.id, group=group))


async def create_group(
    cluster: Cluster,
    name: str,
    *,
    description: str = "",
    preferred_owners: Sequence[NodeId] = (),
    properties: Mapping[str, Value] | None = None,
) -> Done:
    """Create an empty, offline group; the reply has its id."""
    return await send(
        cluster,
        CreateGroup(
            name=name,
            description=description,
            preferred_owners=tuple(preferred_owners),
            properties=dict(properties or {}),
        ),
    )


async def create_resource(
    cluster: Cluster,
    name: str,
    type_name: str,
    group: GroupId,
    *,
    description: str = "",
    separate_monitor: bool = False,
    possible_owners: Sequence[NodeId] | None = None,
    dependencies: Sequence[ResourceId] = (),
    properties: Mapping[str, Value] | None = None,
    parameters: Mapping[str, Value] | None = None,
) -> Done:
    """Create an offline resource in a group; the reply has its id."""
    return await send(
        cluster,
        CreateResource(
            name=name,
            type=type_name,
            group=group,
            description=description,
            separate_monitor=separate_monitor,
            possible_owners=None if possible_owners is None else tuple(possible_owners),
            dependencies=tuple(dependencies),
            properties=dict(properties or {}),
            parameters=dict(parameters or {}),
        ),
    )


async def delete(cluster: Cluster, item: Group | Resource, *, with_dependents: Sequence[ResourceId] = ()) -> Done:
    """Delete a group or resource; *with_dependents* must name all resources that go with it."""
    return await send(cluster, Delete(kind=ref(item).kind, id=item.id, with_dependents=tuple(with_dependents)))


async def set_preferred_owners(cluster: Cluster, group: GroupId, nodes: Sequence[NodeId]) -> Done:
    """Set a group's preferred owners, in order."""
    return await send(cluster, SetPreferredOwners(group=group, nodes=tuple(nodes)))


async def set_possible_owners(cluster: Cluster, resource: ResourceId, nodes: Sequence[NodeId] | None) -> Done:
    """Set a resource's possible owners; None means every node."""
    return await send(cluster, SetPossibleOwners(resource=resource, nodes=None if nodes is None else tuple(nodes)))


async def set_dependencies(cluster: Cluster, resource: ResourceId, providers: Sequence[ResourceId]) -> Done:
    """Set what a resource depends on."""
    return await send(cluster, SetDependencies(resource=resource, providers=tuple(providers)))


# --- any object -------------------------------------------------------------------------------------------------


async def rename(cluster: Cluster, item: ObjectRef, name: str) -> Done:
    """Give a cluster, group, resource or network another name."""
    return await send(cluster, Rename(kind=item.kind, id=item.id, name=name))


async def set_properties(
    cluster: Cluster,
    item: ObjectRef,
    properties: Mapping[str, Value | None] | None = None,
    parameters: Mapping[str, Value | None] | None = None,
    *,
    expected: int = 0,
) -> Done:
    """Change common and private properties; None means "back to the default".

    Args:
        expected: revision of the object as it was when the person began; 0 for whatever is there.
    """
    return await send(
        cluster,
        SetProperties(
            kind=item.kind,
            id=item.id,
            properties=dict(properties or {}),
            parameters=dict(parameters or {}),
            expected=expected,
        ),
    )


# --- settings ------------------------------------------------------------------------------------------------


async def validate(
    cluster: Cluster,
    type_name: str,
    parameters: Mapping[str, Value],
    possible_owners: Sequence[NodeId] | None = None,
) -> Validated:
    """Ask every possible owner whether it could run a resource with these parameters.

    Raises:
        ClusterError: the refusal.
    """
    reply = await cluster.call(
        ValidateParameters(
            type=type_name,
            parameters=dict(parameters),
            possible_owners=None if possible_owners is None else tuple(possible_owners),
        )
    )
    assert isinstance(reply, Validated), reply
    return reply
