"""Stories in which two parts meet that work well alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, ClassVar

import msgspec

from nodeagent.api.objects import Phase, ResourceState
from nodeagent.database.records import (
    HeartbeatRecord,
    Life,
    ResourceRecord,
    decode,
    encode,
    heartbeat_key,
    resource_key,
)
from nodeagent.database.store import Contents, Restored, Transaction, Unknown
from nodeagent.planner.timing import PROFILES
from nodeagent.resourcetypes.base import Running
from tests.simulation.machine import TYPES, Application, Settings
from tests.simulation.node import Node
from tests.simulation.ownerstories import elsewhere, on_a_follower
from tests.simulation.running import simulate
from tests.simulation.world import World


class Patient(Application):
    """Is asked to end, and waited for, for longer than a node that leaves waits for its groups."""

    name: ClassVar[str] = "Patient"

    def prepare(self, mine: Settings) -> Running:
        """See ApplicationType."""
        return replace(super().prepare(mine), stop_timeout=60.0)


def goes_when_shorter_times_are_on_their_way(world: World, node: Node, self_stop: float) -> asyncio.Event:
    """Have the first heartbeat that announces *self_stop* arrive late, and the service end when it has looked for it.

    Returns what is set when it was sent.
    """
    assert node.parts is not None
    store, key, sent = node.parts.following.store, heartbeat_key(world.number_of(node)), asyncio.Event()
    commit, read = store.commit, store.read

    async def delayed(transaction: Transaction, *, timeout: float = 2.0) -> int:
        value = transaction.put.get(key)
        if value is None or decode(value, HeartbeatRecord).self_stop != self_stop:
            return await commit(transaction, timeout=timeout)
        if not sent.is_set():
            world.network.later(0.5, world.network.apply, node.name, transaction)
        sent.set()
        await asyncio.sleep(timeout)
        raise Unknown("no answer in time")

    async def looked(prefix: str, *, timeout: float = 2.0) -> Contents:
        found = await read(prefix, timeout=timeout)
        if sent.is_set() and prefix == key:
            world.kernel.later(0.02, lambda: node.crash_service(restart=False))
        return found

    store.commit, store.read = delayed, looked  # type: ignore[method-assign]
    return sent


def test_shorter_times_that_were_sent_bind_although_the_store_does_not_show_them_yet() -> None:
    """Safety rule P9: a look that finds the former heartbeat does not bring its longer permission back."""

    async def story(world: World) -> None:
        node = await on_a_follower(world)
        await world.pass_time(PROFILES["virtual machines"].takeover)  # from now on nodes are judged
        sent = goes_when_shorter_times_are_on_their_way(world, node, PROFILES["fast"].self_stop)
        world.change_profile("fast")
        await world.until(sent.is_set, 5.0, "shorter times are sent")
        await world.until(lambda: node.service is None, 2.0, "the service is gone")
        await world.until(lambda: elsewhere(world, node), 40.0, "it is taken over")

    simulate(story, profile="virtual machines")


def test_a_group_is_not_released_while_what_a_dead_monitor_left_of_it_still_runs() -> None:
    """Safety rules O2 and P7: what nobody holds is not proven stopped because nobody says that it runs."""

    async def story(world: World) -> None:
        node = await on_a_follower(world)
        number = world.number_of(node)
        node.container("web").unkillable = True
        node.crash_service()
        node.crash_monitor()
        world.move("g", next(n for n in world.nodes if n != number))
        await world.until(lambda: world.owner("g").phase is Phase.STUCK, 10.0, "it is stuck")
        assert world.beat(number).unclean
        await world.pass_time(20.0)
        assert world.owner("g").node == number
        assert world.runs("other")  # of another group, which was held by that monitor too
        assert world.owner("h").phase is Phase.CLAIMED
        node.container("web").unkillable = False
        node.container("web").begin_kill()
        await world.until(lambda: elsewhere(world, node), 10.0, "it is handed on when the proof comes")

    simulate(story)


def test_a_node_that_leaves_and_cannot_stop_everything_says_so_before_it_falls_silent() -> None:
    """Safety rule P7: it has no heartbeat any more when it finds out, and others judge its silence."""

    async def story(world: World) -> None:
        world.types = {**TYPES, "Patient": Patient()}
        world.add_group("p", {"patient": ()}, kind="Patient")
        await world.boot()
        node = world.home_of("p")
        node.container("patient").unkillable = True
        number = world.number_of(node)
        node.stop_service()
        await world.until(lambda: node.parts is None, 40.0, "the service has ended")
        await world.pass_time(20.0)
        assert world.beat(number).life is Life.ALIVE
        assert world.beat(number).unclean

    simulate(story)


def test_a_resource_that_is_deleted_while_it_starts_is_stopped_and_its_group_can_move() -> None:
    async def story(world: World) -> None:
        node = await on_a_follower(world)
        world.add_group("d", {"doomed": ()}, preferred=(world.number_of(node),))
        await world.until(lambda: world.runs("doomed"), 10.0, "it runs")
        del world.groups["d"]
        state = world.record("doomed")
        assert state is None or state.state is not ResourceState.ONLINE  # what is shown allows to delete it
        key = resource_key("doomed")
        world.network.apply("admin", Transaction(delete=(key,)))
        await world.until(lambda: not world.runs("doomed"), 5.0, "it is stopped")
        world.move("d", next(n for n in world.nodes if n != world.number_of(node)))
        await world.until(lambda: world.owner("d").node != world.number_of(node), 5.0, "it has moved")

    simulate(story)


def test_a_death_that_the_store_does_not_take_at_once_does_not_hold_the_brake() -> None:
    """Each attempt to commit it is about the same node, and about one silence."""

    async def story(world: World) -> None:
        node = await on_a_follower(world)
        leader = next(n for n in world.nodes.values() if n.parts and n.parts.leadership.holds_lead)
        assert leader.parts is not None
        store, lost = leader.parts.following.store, list[str]()
        commit = store.commit

        async def lose(transaction: Transaction, *, timeout: float = 2.0) -> int:
            beat = transaction.put.get(heartbeat_key(world.number_of(node)))
            if beat is None or len(lost) == 5:
                return await commit(transaction, timeout=timeout)
            lost.append("a request")
            await asyncio.sleep(0.05)
            raise Unknown("no answer in time")

        store.commit = lose  # type: ignore[method-assign]
        node.path.cut()
        await world.until(lambda: elsewhere(world, node), 9.0, "it is taken over")
        assert len(lost) == 5
        assert "event_brake" not in world.codes()

    simulate(story)


def test_a_separate_monitor_that_is_not_needed_any_more_has_not_died() -> None:
    async def story(world: World) -> None:
        node = await on_a_follower(world)
        number = world.number_of(node)
        world.add_group("s", {"alone": ()}, preferred=(number,), policy={"SeparateMonitor": True})
        await world.until(lambda: world.runs("alone") and world.home_of("s") is node, 10.0, "it runs there")
        assert len(node.monitors) == 2
        world.move("s", next(n for n in world.nodes if n != number))
        await world.until(lambda: world.runs("alone") and world.home_of("s") is not node, 10.0, "it has moved")
        await world.until(lambda: len(node.monitors) == 1, 5.0, "its monitor has ended")
        await world.pass_time(2.0)
        assert "event_monitor_died" not in world.codes()

    simulate(story)


def test_a_database_that_was_restored_stops_everything_on_its_node_and_the_others_take_over() -> None:
    """Safety rule O7: the monitors are told to stop, and none of them has to be killed for that."""

    async def story(world: World) -> None:
        node = await on_a_follower(world)
        assert node.parts is not None
        store, why = node.parts.following.store, Restored("it is an older one")

        async def refuse(*_arguments: object, **_options: object) -> Any:
            raise why

        store.commit = store.read = refuse  # type: ignore[method-assign]
        store.on_restored(why)
        monitors = set(node.monitors)
        await world.until(lambda: not world.witness.running(node=node.name), 1.0, "all is stopped")
        await world.until(lambda: elsewhere(world, node), 7.0, "it is taken over")
        await world.pass_time(20.0)
        assert not world.witness.running(node=node.name)
        assert set(node.monitors) == monitors

    simulate(story)


def test_a_restarted_service_stops_a_resource_in_the_monitor_that_holds_it() -> None:
    """That it shall have one of its own, or none, counts from its next start on."""

    async def story(world: World) -> None:
        node = await on_a_follower(world)
        number = world.number_of(node)
        for group, resource, separate in (("s", "alone", True), ("t", "together", False)):
            world.add_group(group, {resource: ()}, preferred=(number,), policy={"SeparateMonitor": separate})
            await world.until(lambda: world.runs(resource), 10.0, "it runs")  # noqa: B023
            assert world.home_of(group) is node
            record = decode(world.network.database.entries[resource_key(resource)].value, ResourceRecord)
            changed = msgspec.structs.replace(record, properties={"SeparateMonitor": not separate})
            world.put(resource_key(resource), encode(changed))
        node.crash_service()
        await world.until(lambda: node.parts is not None, 3.0, "it is there again")
        for group in ("s", "t"):
            world.move(group, next(n for n in world.nodes if n != number))
            await world.until(lambda: world.owner(group).node != number, 5.0, "it has moved")  # noqa: B023

    simulate(story)
