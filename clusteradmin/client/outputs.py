"""What a resource's application writes, from whichever node has it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Final

from clusteradmin.client.agent import AgentConnection
from clusteradmin.client.status import NotConnected
from clusteradmin.client.transport import ConnectionLost
from nodeagent.api.objects import NodeId, ResourceId, Snapshot
from nodeagent.api.problems import problem
from nodeagent.api.requests import ReadOutput

if TYPE_CHECKING:
    from clusteradmin.client.cluster import Cluster

TAIL_BYTES: Final = 65536
TAIL_AFTER_MOVE_BYTES: Final = 4096  # the rest of that node's log is of earlier stays
TAKEOVER_SECONDS: Final = 60.0  # longer than the slowest profile takes


async def follow_output(cluster: Cluster, resource: ResourceId, *, follow: bool) -> AsyncGenerator[bytes, None]:
    """Yield the output log of *resource*; see `Cluster.output`."""
    tail = TAIL_BYTES
    while True:
        node = await cluster.until(lambda snapshot: _holder(snapshot, resource, cluster.connected_node))
        request = ReadOutput(resource=resource, offset=-tail, limit=tail, follow=follow)
        lost: ConnectionLost | None = None
        try:
            async with (
                _connected(cluster, node) as connection,
                contextlib.aclosing(_until_moved(cluster, connection, request, node)) as stream,
            ):
                async for data in stream:
                    yield data
        except ConnectionLost as exc:
            lost = exc
        if not follow:
            if lost is not None:
                raise NotConnected(problem("not_connected", detail=str(lost))) from lost
            return
        if lost is not None:
            await _wait_for_new_holder(cluster, resource, node, lost)
        tail = TAIL_AFTER_MOVE_BYTES


def _holder(snapshot: Snapshot, resource: ResourceId, otherwise: NodeId) -> NodeId | None:
    """Return the node that has the resource, or *otherwise* when nobody has it. Raises ClusterError."""
    found = snapshot.resource(resource)
    return snapshot.group(found.group).owner or found.state_node or otherwise or None


@contextlib.asynccontextmanager
async def _connected(cluster: Cluster, node: NodeId) -> AsyncGenerator[AgentConnection, None]:
    if node == cluster.connected_node:
        yield cluster.own_connection
        return
    connection = await cluster.connect_to(node)
    try:
        yield connection
    finally:
        await connection.close()


async def _until_moved(
    cluster: Cluster, connection: AgentConnection, request: ReadOutput, node: NodeId
) -> AsyncGenerator[bytes, None]:
    """Yield pieces until the log ends or another node has the resource."""

    def elsewhere(snapshot: Snapshot) -> bool | None:
        return _holder(snapshot, request.resource, node) != node or None

    moved = asyncio.ensure_future(cluster.until(elsewhere))
    stream = connection.follow(request)
    step: asyncio.Future[bytes] | None = None
    try:
        while True:
            step = asyncio.ensure_future(anext(stream))
            await asyncio.wait({step, moved}, return_when=asyncio.FIRST_COMPLETED)
            if not step.done():
                moved.result()
                return
            try:
                yield step.result()
            except StopAsyncIteration:
                return
    finally:
        for task in (moved, step):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
                _ = task.cancelled() or task.exception()  # looked at: it was asked for no longer
        await stream.aclose()


async def _wait_for_new_holder(cluster: Cluster, resource: ResourceId, node: NodeId, lost: ConnectionLost) -> None:
    try:
        await cluster.until(lambda s: _holder(s, resource, node) != node or None, TAKEOVER_SECONDS)
    except TimeoutError:
        raise NotConnected(problem("not_connected", detail=str(lost))) from lost
