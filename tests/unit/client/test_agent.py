"""The conversation with a peer that breaks its rules: it ends with a sentence, and nothing hangs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from clusteradmin.client import agent as agent_module
from clusteradmin.client.agent import AgentConnection
from clusteradmin.client.transport import ConnectionLost, TransportError, UnixTransport
from nodeagent.api import wire
from nodeagent.api.problems import ClusterError, problem
from nodeagent.api.requests import CreateGroup, Done, PauseNode
from tests.builders import cluster
from tests.support.scriptedagent import scripted_agent

pytestmark = pytest.mark.asyncio

SNAPSHOT = cluster(nodes="ab", groups={"Web": "IP App"})


@asynccontextmanager
async def connected(folder: Path, **script: Any) -> AsyncIterator[AgentConnection]:
    with scripted_agent(folder, SNAPSHOT, **script) as agent:
        connection = await AgentConnection.open(await UnixTransport.open(agent.path))
        try:
            yield connection
        finally:
            await connection.close()


async def test_an_unknown_version_is_refused_before_anything_else_is_read(tmp_path: Path) -> None:
    with scripted_agent(tmp_path, SNAPSHOT, protocol=99) as agent, pytest.raises(ClusterError) as caught:
        await AgentConnection.open(await UnixTransport.open(agent.path))
    assert caught.value.problem.code == "version_unknown"


async def test_a_peer_that_never_greets_is_left_after_the_time_limit(tmp_path: Path) -> None:
    with scripted_agent(tmp_path, SNAPSHOT, greets=False) as agent, pytest.raises(ClusterError, match="No answer"):
        await AgentConnection.open(await UnixTransport.open(agent.path), timeout=0.05)


async def test_a_connection_that_breaks_within_a_frame_is_lost(tmp_path: Path) -> None:
    async with connected(tmp_path, half_a_frame=True) as connection:
        assert isinstance(await connection.wait_ended(), ConnectionLost)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"this is no JSON\n", "not_json"),
        (b'{"frame":"answer","id":"seven"}\n', "frame_invalid"),
        (b'{"frame":"no such frame"}\n', "frame_invalid"),
        (b"[" * 100_000 + b"\n", "frame_invalid"),
    ],
)
async def test_a_line_that_is_no_frame_ends_the_conversation(tmp_path: Path, line: bytes, code: str) -> None:
    async with connected(tmp_path, garbage=line) as connection:
        why = await connection.wait_ended()
        assert isinstance(why, wire.ProtocolError)
        assert why.problem.code == code


async def test_a_silent_peer_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_module, "PING_SECONDS", 0.02)
    async with connected(tmp_path, silent=True) as connection:
        why = await connection.wait_ended()
        assert "said nothing for 0.06 s" in str(why)
        with pytest.raises(ConnectionLost):
            await connection.call(PauseNode(node=1))


async def test_a_silent_peer_is_given_more_time_where_a_new_connection_needs_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_module, "PING_SECONDS", 0.02)
    with scripted_agent(tmp_path, SNAPSHOT, silent=True) as agent:
        transport = await UnixTransport.open(agent.path)
        connection = await AgentConnection.open(transport, silent_pings=agent_module.PATIENT_PINGS)
        assert "said nothing for 0.16 s" in str(await connection.wait_ended())
        await connection.close()


async def test_a_peer_that_answers_pings_is_not_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_module, "PING_SECONDS", 0.02)
    with scripted_agent(tmp_path, SNAPSHOT) as agent:
        connection = await AgentConnection.open(await UnixTransport.open(agent.path))
        before = connection.last_heard
        while len([f for f in agent.frames if isinstance(f, wire.Ping)]) < 6:
            await asyncio.wait([asyncio.ensure_future(connection.wait_ended())], timeout=0.02)
        assert not connection.ended
        assert connection.last_heard > before
        await connection.close()


async def test_a_peer_that_stops_reading_cannot_hold_up_a_call(tmp_path: Path) -> None:
    async with connected(tmp_path, deaf=True) as connection:
        too_much_for_the_socket = CreateGroup(name="x" * 4_000_000)
        with pytest.raises(ClusterError, match="No answer within"):
            await connection.call(too_much_for_the_socket, timeout=0.05)


async def test_closing_is_prompt_when_the_peer_is_deaf(tmp_path: Path) -> None:
    async with connected(tmp_path, deaf=True) as connection:
        started = asyncio.get_running_loop().time()
        await connection.close()
        assert asyncio.get_running_loop().time() - started < 1.0


async def test_a_goodbye_is_the_reason_of_the_end(tmp_path: Path) -> None:
    with scripted_agent(tmp_path, SNAPSHOT) as agent:
        connection = await AgentConnection.open(await UnixTransport.open(agent.path))
        agent.tell(wire.Bye(problem=problem("service_stopping", node="a")))
        why = await connection.wait_ended()
        assert str(why) == "The Cluster Service on a is stopping."
        await connection.close()


async def test_a_cancelled_call_is_cancelled_at_the_node(tmp_path: Path) -> None:
    with scripted_agent(tmp_path, SNAPSHOT, answer=lambda agent, request: None) as agent:
        connection = await AgentConnection.open(await UnixTransport.open(agent.path))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await connection.call(PauseNode(node=1))
        with pytest.raises(ClusterError):
            await connection.call(PauseNode(node=2), timeout=0.05)
        assert wire.Cancel(id=1) in agent.frames
        await connection.close()


async def test_an_answer_that_comes_too_late_disturbs_nobody(tmp_path: Path) -> None:
    with scripted_agent(tmp_path, SNAPSHOT, answer=lambda agent, request: None) as agent:
        connection = await AgentConnection.open(await UnixTransport.open(agent.path))
        with pytest.raises(ClusterError):
            await connection.call(PauseNode(node=1), timeout=0.02)
        agent.tell(wire.Answer(id=1, reply=Done()))
        agent.answer = lambda agent, request: Done(revision=5)
        assert await connection.call(PauseNode(node=1)) == Done(revision=5)
        await connection.close()


async def test_a_socket_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="No Cluster Service listens"):
        await UnixTransport.open(tmp_path / "none.sock")
