"""roundtrip: how long a question to a node takes over SSH, against the same question at its Unix socket."""

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from clusteradmin.client.agent import AgentConnection
from clusteradmin.client.dialing import Dialer
from clusteradmin.client.transport import LineTransport, UnixTransport
from clusteradmin.settings import ClientHome, KnownNode, SavedConnection
from clusteradmin.ssh.credentials import NoPrompter
from nodeagent.api import wire
from nodeagent.api.objects import Endpoint, Group, ObjectKind
from nodeagent.api.requests import BringOnline, Request, SetProperties
from nodeagent.api.wire import Hello, Ping, Pong, Welcome
from tests.benchmarks.figures import BenchmarkFailed, Figure, spread
from tests.benchmarks.nodes import AgentNode, add_group, running_nodes
from tests.support.sshd import Sshd, running_sshd

PINGS = 300
CALLS = 100

Question = Callable[[], Awaitable[None]]


def run() -> list[Figure]:
    """Ask by both ways in turn, so that both meet the same machine."""
    return asyncio.run(_measure())


async def _measure() -> list[Figure]:
    with running_nodes(1) as nodes:
        node = nodes.first
        async with nodes.client() as cluster:
            group = await add_group(cluster, "Sleep", {"Sleeper": "/bin/sleep 100000"})
        relay = f"{sys.executable} -m nodeagent relay --config {node.config}"
        with running_sshd(nodes.folder / "sshd", f"ForceCommand {relay}\n") as sshd:
            return await _by_both_ways(node, sshd, group)


def _dial(sshd: Sshd, folder: Path) -> Awaitable[LineTransport]:
    endpoint = Endpoint(host="127.0.0.1", port=sshd.port, host_keys=(str(sshd.host_key),))
    nodes = (KnownNode(id=1, name="NODE1", endpoints=(endpoint,)),)
    saved = SavedConnection(target=sshd.target, identity_files=(str(sshd.user_key),), nodes=nodes)
    dialer = Dialer(saved, NoPrompter(), ClientHome(folder))
    return dialer.dial(dialer.places(nodes)[0], may_ask=False)


async def _by_both_ways(node: AgentNode, sshd: Sshd, group: Group) -> list[Figure]:
    async def by_ssh() -> LineTransport:
        return await _dial(sshd, node.folder / "nobody")

    async def by_socket() -> LineTransport:
        return await UnixTransport.open(node.socket)

    figures: list[Figure] = []
    async with _pinger(await by_ssh()) as ping_far, _pinger(await by_socket()) as ping_near:
        figures += await _compared("ping", ping_far, ping_near, PINGS)
    far, near = await AgentConnection.open(await by_ssh()), await AgentConnection.open(await by_socket())
    try:
        online = BringOnline(kind=ObjectKind.GROUP, id=group.id)
        figures += await _compared("bring online what is online", _call(far, online), _call(near, online), CALLS)
        figures += await _compared("set a property", _set_properties(far, group), _set_properties(near, group), CALLS)
    finally:
        await far.close()
        await near.close()
    return figures


async def _compared(what: str, far: Question, near: Question, count: int) -> list[Figure]:
    over_ssh: list[float] = []
    by_socket: list[float] = []
    for _ in range(count):
        for question, times in ((near, by_socket), (far, over_ssh)):
            began = time.perf_counter()
            await question()
            times.append(time.perf_counter() - began)
    ratio = statistics.median(over_ssh) / statistics.median(by_socket)
    return [
        *spread(f"{what}, Unix socket", by_socket),
        *spread(f"{what}, over SSH", over_ssh),
        Figure(f"{what}, p50 against the socket's", ratio, "times"),
    ]


@asynccontextmanager
async def _pinger(transport: LineTransport) -> AsyncIterator[Question]:
    """Greet the node and yield what asks it for a sign of life."""
    await transport.send(wire.encode(Hello()))
    lines = transport.lines()
    if not isinstance(wire.decode_from_node((await anext(lines))[0]), Welcome):
        raise BenchmarkFailed("the node does not greet")
    number = 0

    async def ping() -> None:
        nonlocal number
        number += 1
        await transport.send(wire.encode(Ping(number=number)))
        if wire.decode_from_node((await anext(lines))[0]) != Pong(number=number):
            raise BenchmarkFailed("a ping was answered by something else")

    try:
        yield ping
    finally:
        await transport.close()


def _call(connection: AgentConnection, request: Request) -> Question:
    async def ask() -> None:
        await connection.call(request)

    return ask


def _set_properties(connection: AgentConnection, group: Group) -> Question:
    """Return what commits another description each time: to the database, with all that a power cut asks for."""
    number = 0

    async def change() -> None:
        nonlocal number
        number += 1
        properties = {"Description": f"{id(connection)} {number}"}
        await connection.call(SetProperties(kind=ObjectKind.GROUP, id=group.id, properties=dict(properties)))

    return change
