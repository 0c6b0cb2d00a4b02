"""A cluster over real SSH connections: opened by one node, and gone on with by another."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from clusteradmin.client.cluster import Cluster, ConnectionState, NotConnected
from clusteradmin.settings import ClientHome, KnownNode, SavedConnection
from clusteradmin.ssh.connection import OPEN_SECONDS
from clusteradmin.ssh.credentials import NoPrompter
from nodeagent.api.objects import Endpoint, Snapshot
from nodeagent.api.requests import Done, PauseNode
from tests.builders import changed, cluster
from tests.support.scriptedagent import ScriptedAgent, scripted_agent
from tests.support.sshd import Sshd, make_key, running_sshd

pytestmark = pytest.mark.asyncio

# What `clusteragent relay` does, for a socket whose path is its argument.
RELAY = """
import os, socket, sys, threading
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
def up():
    while data := os.read(0, 65536):
        peer.sendall(data)
    peer.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while data := peer.recv(65536):
    os.write(1, data)
"""


@dataclass
class Node:
    sshd: Sshd
    agent: ScriptedAgent

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(host="127.0.0.1", port=self.sshd.port, host_keys=(str(self.sshd.host_key),))


@contextmanager
def node(folder: Path, snapshot: Snapshot, number: int, user_key: Path) -> Iterator[Node]:
    folder.mkdir()
    relay = folder / "relay.py"
    relay.write_text(RELAY)
    with scripted_agent(folder, snapshot, node=number, answer=lambda agent, request: Done()) as agent:
        force = f"ForceCommand {sys.executable} -S {relay} {agent.path}\nAuthorizedKeysFile {user_key}.pub\n"
        with running_sshd(folder / "sshd", force) as sshd:
            yield Node(sshd, agent)


@dataclass
class World:
    first: Node
    second: Node
    home: ClientHome
    user_key: Path
    snapshot: Snapshot

    def save(self, *nodes: KnownNode) -> None:
        self.home.save(
            SavedConnection(
                name="mine", target=self.first.sshd.target, identity_files=(str(self.user_key),), nodes=nodes
            )
        )

    @property
    def known(self) -> tuple[KnownNode, KnownNode]:
        return (
            KnownNode(id=1, name="a", endpoints=(self.first.endpoint,)),
            KnownNode(id=2, name="b", endpoints=(self.second.endpoint,)),
        )

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Cluster]:
        found = Cluster("mine", prompter=NoPrompter(), home=self.home)
        await found.open()
        try:
            yield found
        finally:
            await found.close()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    key = make_key(tmp_path / "user_key")
    snapshot = cluster(nodes="ab", groups={"Web": "IP App"})
    with node(tmp_path / "a", snapshot, 1, key) as first, node(tmp_path / "b", snapshot, 2, key) as second:
        snapshot = changed(snapshot, "node", "a", endpoints=(first.endpoint,))
        snapshot = changed(snapshot, "node", "b", endpoints=(second.endpoint,))
        first.agent.snapshot = second.agent.snapshot = snapshot
        yield World(first, second, ClientHome(tmp_path / "home"), key, snapshot)


async def heard(found: Cluster, state: ConnectionState, node_name: str = "") -> None:
    news = asyncio.Event()
    stop = found.listen(lambda update: news.set())
    try:
        async with asyncio.timeout(30):
            while found.status.state is not state or node_name not in ("", found.status.node):
                await news.wait()
                news.clear()
    finally:
        stop()


async def test_a_saved_cluster_whose_keys_are_known_is_opened_without_a_question(world: World) -> None:
    world.save(*world.known)
    async with world.opened() as found:
        assert found.snapshot == world.snapshot
        assert await found.call(PauseNode(node=2)) == Done()
        assert world.first.agent.requests == [PauseNode(node=2)]
    assert world.first.agent.connections == 1


async def test_when_its_node_dies_it_goes_on_by_another_one_without_a_question(world: World) -> None:
    world.save(*world.known)
    async with world.opened() as found:
        assert found.status.node == "a"
        world.first.sshd.crash()
        await heard(found, ConnectionState.LIVE, "b")
        assert await found.call(PauseNode(node=1)) == Done()
        assert world.second.agent.requests == [PauseNode(node=1)]


async def test_a_node_that_falls_silent_is_left_for_another_one_long_before_its_host_is_given_up(world: World) -> None:
    world.save(*world.known)
    async with world.opened() as found:
        world.first.sshd.freeze()  # its kernel still takes connections
        async with asyncio.timeout(OPEN_SECONDS * 0.7):
            await heard(found, ConnectionState.LIVE, "b")
        assert await found.call(PauseNode(node=1)) == Done()


async def test_a_node_that_shows_another_key_than_reported_is_not_connected_to(world: World) -> None:
    world.save(*world.known)
    wrong = Endpoint(host="127.0.0.1", port=world.second.sshd.port, host_keys=world.first.endpoint.host_keys)
    world.first.agent.snapshot = changed(world.snapshot, "node", "b", endpoints=(wrong,))
    async with world.opened() as found:
        world.first.sshd.crash()
        while not any("has changed" in line for line in found.status.attempts):
            await heard_something(found)
        assert found.status.state is ConnectionState.LOST
        assert world.second.agent.connections == 0


async def heard_something(found: Cluster) -> None:
    news = asyncio.Event()
    stop = found.listen(lambda update: news.set())
    try:
        await asyncio.wait_for(news.wait(), 30)
    finally:
        stop()


async def test_an_unknown_host_is_not_trusted_when_nobody_can_be_asked(world: World) -> None:
    world.save()
    with pytest.raises(NotConnected, match="cannot be asked"):
        async with world.opened():
            pass


async def test_output_of_another_node_comes_over_a_second_connection(world: World) -> None:
    world.save(*world.known)
    world.second.agent.output = b"from b\n"
    moved = changed(world.snapshot, "group", "Web", owner=2)
    async with world.opened() as found:
        world.first.agent.push(moved)
        await found.until(lambda s: s.groups["web"].owner == 2 or None, 10)
        stream = found.output("app")
        assert await anext(stream) == b"from b\n"
        world.second.agent.write(b"more\n")
        assert await anext(stream) == b"more\n"
        world.first.agent.output = b"back on a\n"
        world.first.agent.push(changed(moved, "group", "Web", owner=1))
        assert await anext(stream) == b"back on a\n"
        await stream.aclose()
    assert world.second.agent.connections == 1


async def test_the_output_is_followed_to_the_next_owner_when_its_node_dies(world: World) -> None:
    world.save(*world.known)
    world.second.agent.output = b"from b\n"
    on_b = changed(world.snapshot, "group", "Web", owner=2)
    async with world.opened() as found:
        world.first.agent.push(on_b)
        await found.until(lambda s: s.groups["web"].owner == 2 or None, 10)
        stream = found.output("app")
        assert await anext(stream) == b"from b\n"
        world.first.agent.output = b"taken over by a\n"
        following = asyncio.ensure_future(anext(stream))
        world.second.sshd.crash()
        world.first.agent.push(changed(on_b, "group", "Web", owner=1))
        assert await asyncio.wait_for(following, 30) == b"taken over by a\n"
        await stream.aclose()
