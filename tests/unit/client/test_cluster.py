"""A cluster over a real socket: opened, kept up to date, lost and found again."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from clusteradmin.client.cluster import Cluster, ConnectionState, NotConnected, Update
from clusteradmin.settings import ClientHome, SavedConnection
from clusteradmin.ssh.credentials import NoPrompter
from nodeagent.api.events import Changes, LogEntry, Severity
from nodeagent.api.objects import ResourceState, Snapshot
from nodeagent.api.problems import ClusterError, problem
from nodeagent.api.requests import Done, PauseNode, Right
from nodeagent.api.wire import Cancel
from tests.builders import changed, cluster, replace
from tests.support.scriptedagent import ScriptedAgent, difference, scripted_agent

pytestmark = pytest.mark.asyncio

SNAPSHOT = cluster(nodes="ab", groups={"Web": "IP App"})


def entry(sequence: int) -> LogEntry:
    return LogEntry(sequence=sequence, at=1.0, node="a", severity=Severity.INFORMATION, code="event_notice")


@asynccontextmanager
async def opened(agent: ScriptedAgent, *, reconnect: bool = True, target: str = "") -> AsyncIterator[Cluster]:
    home = ClientHome(agent.path.parent / "home")
    found = Cluster(target or f"unix:{agent.path}", prompter=NoPrompter(), home=home, reconnect=reconnect)
    await found.open()
    try:
        yield found
    finally:
        await found.close()


async def heard(found: Cluster, test: Callable[[], object]) -> None:
    """Wait until *test* holds, looking after each update."""
    news = asyncio.Event()
    stop = found.listen(lambda update: news.set())
    try:
        async with asyncio.timeout(10):
            while not test():
                await news.wait()
                news.clear()
    finally:
        stop()


async def test_an_opened_cluster_has_the_whole_snapshot_and_the_log(tmp_path: Path) -> None:
    with scripted_agent(tmp_path, SNAPSHOT, log=[entry(1), entry(2)], right=Right.OPERATE) as agent:
        async with opened(agent) as found:
            assert found.snapshot == SNAPSHOT
            assert [e.sequence for e in found.log] == [1, 2]
            assert (found.name, found.user, found.right) == ("TEST", "tester", Right.OPERATE)
            assert (found.status.state, found.status.node) == (ConnectionState.LIVE, "a")
            assert time.monotonic() - found.last_heard < 5
        assert found.status.state is ConnectionState.CLOSED


async def test_changes_arrive_without_being_asked_for(tmp_path: Path) -> None:
    after = changed(SNAPSHOT, "resource", "App", state=ResourceState.FAILED)
    with scripted_agent(tmp_path, SNAPSHOT) as agent:
        async with opened(agent) as found:
            updates: list[Update] = []
            found.listen(updates.append)
            agent.push(after, entry(3))
            await found.until(lambda s: s.resources["app"].state is ResourceState.FAILED or None, 10)
            await heard(found, lambda: any(update.changed for update in updates))
            assert found.snapshot == after
            told = next(update for update in updates if update.changed)
            assert {item.id for item in told.changed} == {"app", "web"}
            assert [e.sequence for e in told.logged] == [3]


async def test_a_listener_that_has_stopped_hears_nothing_more(tmp_path: Path) -> None:
    with scripted_agent(tmp_path, SNAPSHOT) as agent:
        async with opened(agent) as found:
            updates: list[Update] = []
            stop = found.listen(updates.append)
            await heard(found, lambda: updates)
            stop()
            updates.clear()
            agent.push(changed(SNAPSHOT, "resource", "App", state=ResourceState.FAILED))
            await found.until(lambda s: s.revision > SNAPSHOT.revision or None, 10)
            await heard(found, lambda: True)
            assert updates == []


async def test_a_burst_of_changes_is_told_in_few_updates(tmp_path: Path) -> None:
    with scripted_agent(tmp_path, SNAPSHOT) as agent:
        async with opened(agent) as found:
            updates: list[Update] = []
            found.listen(updates.append)
            last = SNAPSHOT
            for number in range(50):
                following = changed(last, "resource", "App", information=str(number))
                agent.tell(difference(last, following))
                last = following
            agent.push(replace(last))
            await found.until(lambda s: s.revision == last.revision + 1 or None, 10)
            await heard(found, lambda: any(u.changed and u.changed[-1] == last.resources["app"] for u in updates))
            assert len(updates) < 25


async def test_a_gap_is_healed_by_a_new_snapshot(tmp_path: Path) -> None:
    with scripted_agent(tmp_path, SNAPSHOT) as agent:
        async with opened(agent) as found:
            agent.snapshot = changed(SNAPSHOT, "resource", "App", state=ResourceState.FAILED)
            agent.tell(Changes(after=90, revision=91))
            await found.until(lambda s: s.resources["app"].state is ResourceState.FAILED or None, 10)
            assert found.snapshot == agent.snapshot
            assert agent.connections == 1


async def test_a_refusal_arrives_with_its_problem(tmp_path: Path) -> None:
    refusal = problem("node_paused", node="a")
    with scripted_agent(tmp_path, SNAPSHOT, answer=lambda agent, request: refusal) as agent:
        async with opened(agent) as found:
            with pytest.raises(ClusterError) as caught:
                await found.call(PauseNode(node=1))
            assert caught.value.problem == refusal
            assert agent.requests == [PauseNode(node=1)]


async def test_a_call_that_is_not_answered_in_time_says_so_and_is_cancelled(tmp_path: Path) -> None:
    with scripted_agent(tmp_path, SNAPSHOT, answer=lambda agent, request: None) as agent:
        async with opened(agent) as found:
            with pytest.raises(ClusterError, match="No answer within"):
                await found.call(PauseNode(node=1), timeout=0.05)
            agent.answer = lambda agent, request: Done()
            assert await found.call(PauseNode(node=2)) == Done()
            assert await found.call(PauseNode(node=2)) == Done()
            assert Cancel(id=1) in agent.frames


async def test_a_lost_cluster_keeps_its_picture_and_is_found_again(tmp_path: Path) -> None:
    with scripted_agent(tmp_path, SNAPSHOT, log=[entry(1)]) as agent:
        async with opened(agent) as found:
            agent.stop()
            await heard(found, lambda: found.status.state is ConnectionState.LOST)
            assert found.snapshot == SNAPSHOT
            with pytest.raises(NotConnected):
                await found.call(PauseNode(node=1))
            agent.snapshot = changed(SNAPSHOT, "resource", "App", state=ResourceState.FAILED)
            agent.log.append(entry(2))
            agent.start()
            found.try_now()
            await heard(found, lambda: found.status.state is ConnectionState.LIVE)
            assert found.snapshot == agent.snapshot
            assert [e.sequence for e in found.log] == [1, 2]
            assert found.status.attempts == ()


async def test_what_was_tried_is_told_while_the_cluster_is_lost(tmp_path: Path) -> None:
    with scripted_agent(tmp_path, SNAPSHOT) as agent:
        async with opened(agent) as found:
            agent.stop()
            await heard(found, lambda: found.status.attempts and found.status.next_try)
            assert "No Cluster Service listens" in found.status.attempts[-1]
            assert found.status.state is ConnectionState.LOST


async def test_an_answer_that_cannot_come_any_more_is_not_waited_for(tmp_path: Path) -> None:
    with scripted_agent(tmp_path, SNAPSHOT, answer=lambda agent, request: None) as agent:
        async with opened(agent) as found:
            asked = asyncio.create_task(found.call(PauseNode(node=1)))
            with pytest.raises(ClusterError):  # the one before it was read by then
                await found.call(PauseNode(node=2), timeout=0.05)
            agent.stop()
            with pytest.raises(NotConnected, match="not known"):
                await asked


async def test_another_cluster_at_the_same_place_is_not_taken_for_this_one(tmp_path: Path) -> None:
    with scripted_agent(tmp_path, SNAPSHOT) as agent:
        async with opened(agent) as found:
            agent.stop()
            agent.snapshot = other_cluster()
            agent.start()
            found.try_now()
            await heard(found, lambda: any("another cluster" in line for line in found.status.attempts))
            assert found.snapshot == SNAPSHOT


def other_cluster() -> Snapshot:
    made = cluster(name="OTHER")
    return msgspec.structs.replace(made, cluster=msgspec.structs.replace(made.cluster, id="other"))


async def test_a_cluster_that_is_not_there_cannot_be_opened(tmp_path: Path) -> None:
    found = Cluster(f"unix:{tmp_path}/nobody.sock", prompter=NoPrompter(), home=ClientHome(tmp_path))
    with pytest.raises(NotConnected, match="No Cluster Service listens"):
        await found.open()
    assert found.status.state is ConnectionState.CLOSED


async def test_output_is_followed_until_the_reader_leaves(tmp_path: Path) -> None:
    with scripted_agent(tmp_path, SNAPSHOT, output=b"first\n") as agent:
        async with opened(agent) as found:
            stream = found.output("app")
            assert await anext(stream) == b"first\n"
            agent.write(b"second\n")
            assert await anext(stream) == b"second\n"
            await stream.aclose()
            assert await collected(found) == [b"first\nsecond\n"]


async def collected(found: Cluster) -> list[bytes]:
    return [piece async for piece in found.output("app", follow=False)]


async def test_waiting_for_a_state_ends_at_its_time_limit(tmp_path: Path) -> None:
    with scripted_agent(tmp_path, SNAPSHOT) as agent:
        async with opened(agent) as found:
            with pytest.raises(TimeoutError):
                await found.until(lambda s: None, 0.01)


async def test_a_saved_connection_learns_its_clusters_nodes(tmp_path: Path) -> None:
    home = ClientHome(tmp_path / "home")
    with scripted_agent(tmp_path, SNAPSHOT) as agent:
        home.save(SavedConnection(name="mine", target=f"unix:{agent.path}"))
        async with opened(agent, target="mine") as found:
            assert found.saved.cluster_name == "TEST"
    saved = home.connection("mine")
    assert saved is not None
    assert [node.name for node in saved.nodes] == ["a", "b"]
