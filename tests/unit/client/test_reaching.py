"""Places that are tried: in order, and side by side where one of them keeps silent."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from clusteradmin.client.agent import AgentConnection
from clusteradmin.client.dialing import Place
from clusteradmin.client.reaching import tried
from clusteradmin.client.transport import ConnectionLost, UnixTransport
from tests.builders import cluster
from tests.support.scriptedagent import scripted_agent

pytestmark = pytest.mark.asyncio

SILENT, GONE, THERE = Place("silent"), Place("gone"), Place("there")


async def test_a_silent_place_holds_nobody_up_and_is_left_when_another_one_serves(tmp_path: Path) -> None:
    ended: list[Place] = []

    async def greet(place: Place) -> AgentConnection:
        try:
            if place is SILENT:
                await asyncio.get_running_loop().create_future()
            if place is GONE:
                raise ConnectionLost("to nobody")
            return await AgentConnection.open(await UnixTransport.open(agent.path))
        finally:
            ended.append(place)

    with scripted_agent(tmp_path, cluster()) as agent:
        attempts = tried([SILENT, GONE, THERE], greet, 0.01)
        async with contextlib.aclosing(attempts):
            place, gone = await anext(attempts)
            assert place is GONE
            with pytest.raises(ConnectionLost):
                await gone
            place, greeted = await anext(attempts)
            assert place is THERE
        assert ended == [GONE, THERE, SILENT]
        await (await greeted).close()


async def test_a_connection_that_came_second_is_closed(tmp_path: Path) -> None:
    opened: list[AgentConnection] = []
    both = asyncio.Event()

    async def greet(place: Place) -> AgentConnection:
        opened.append(await AgentConnection.open(await UnixTransport.open(agent.path)))
        if len(opened) == 2:
            both.set()
        return opened[-1]

    with scripted_agent(tmp_path, cluster()) as agent:
        attempts = tried([THERE, THERE], greet, 0.0)
        async with contextlib.aclosing(attempts):
            _, first = await anext(attempts)
            await both.wait()
        kept = await first
        assert not kept.ended
        assert [connection.ended for connection in opened if connection is not kept] == [True]
        await kept.close()


async def test_without_a_head_start_a_place_is_tried_when_the_one_before_has_failed() -> None:
    running: list[Place] = []

    async def greet(place: Place) -> AgentConnection:
        assert not running
        running.append(place)
        await asyncio.sleep(0)
        running.remove(place)
        raise ConnectionLost("to nobody")

    attempts = tried([SILENT, GONE, THERE], greet, None)
    async with contextlib.aclosing(attempts):
        order = []
        async for place, failed in attempts:
            order.append(place)
            with pytest.raises(ConnectionLost):
                await failed
    assert order == [SILENT, GONE, THERE]
