"""Stories of nodes that are declared down: by a fence device, by a person's word; the brake; a leader that hangs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from nodeagent.api import requests as r
from nodeagent.api.freezing import Maintenance
from nodeagent.api.problems import ClusterError
from nodeagent.api.requests import Right
from nodeagent.database.records import HeartbeatRecord, Life, NodeRecord, decode, encode, node_key
from nodeagent.planner.timing import PROFILES, UNBOUNDED
from nodeagent.service.judging import fence_after
from nodeagent.service.membership import Membership
from nodeagent.service.rights import Caller
from tests.simulation.node import Node
from tests.simulation.running import simulate
from tests.simulation.world import World

ANNA = Caller("anna", Right.ADMINISTER)
FENCED_WITHIN = 4.2  # seconds: half of d, h and a, the switch's half second, three commits and the start


async def begin(world: World) -> Node:
    """Bring the group online on a node that does not lead; return the node."""
    await world.boot_web()
    world.give_fence_devices()
    home = world.home_of("g")
    leader = leading(world)
    if home is leader:
        world.move("g", world.number_of(world.others(leader)[0]))
        await world.pass_time(3.0)
    return world.home_of("g")


def leading(world: World) -> Node:
    return next(n for n in world.nodes.values() if n.parts and n.parts.leadership.leads)


async def ask(node: Node, request: r.Request) -> r.Reply:
    """Ask as a workstation of that node would."""
    assert node.parts is not None
    assert node.service is not None
    task: asyncio.Task[r.Reply] = node.service.start(node.parts.handlers.handle(request, ANNA), "a request")
    return await task


async def refusal(node: Node, request: r.Request) -> str:
    with pytest.raises(ClusterError) as refused:
        await ask(node, request)
    return refused.value.problem.code


@pytest.fixture
def unbounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every node announces that it cannot promise to stop in time."""
    whole = Membership._beat_record

    def announced(self: Membership, *arguments: Any, **named: Any) -> HeartbeatRecord:
        return replace(whole(self, *arguments, **named), kill_bound=UNBOUNDED)

    monkeypatch.setattr(Membership, "_beat_record", announced)


# --- fence devices ----------------------------------------------------------------------------------------------


def test_a_node_that_its_fence_device_has_turned_off_is_taken_over_sooner() -> None:
    async def story(world: World) -> None:
        lost = await begin(world)
        number = world.number_of(lost)
        lost.path.cut()
        took = await world.until(lambda: world.beat(number).life is Life.DEAD, FENCED_WITHIN, "it is declared down")
        assert world.beat(number).reason == "fenced"
        assert world.switch.asked == [lost.name]
        assert not lost.on
        assert took >= fence_after(world.beat(number), world.profile) - world.profile.interval
        await world.until(lambda: world.runs("web"), 1.0, "web runs elsewhere")

    simulate(story)


def test_a_leader_that_is_lost_with_the_group_is_turned_off_as_early() -> None:
    async def story(world: World) -> None:
        await begin(world)
        leader = leading(world)
        world.move("g", world.number_of(leader))
        await world.pass_time(5.0)
        number = world.number_of(leader)
        leader.path.cut()
        await world.until(lambda: world.beat(number).life is Life.DEAD, FENCED_WITHIN, "it is declared down")
        assert world.beat(number).reason == "fenced"
        assert set(world.switch.asked) == {leader.name}
        await world.until(lambda: world.runs("web"), 1.0, "web runs elsewhere")

    simulate(story)


def test_a_node_in_maintenance_is_not_turned_off() -> None:
    async def story(world: World) -> None:
        node = await begin(world)
        number = world.number_of(node)
        record = decode(world.network.database.entries[node_key(number)].value, NodeRecord)
        frozen = Maintenance(since=0.0, until=1e12)
        world.put(node_key(number), encode(replace(record, maintenance=frozen)))
        await world.pass_time(1.0)
        node.power_off()
        await world.pass_time(20.0)
        assert world.switch.asked == []

    simulate(story)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_fence_device_is_asked_after_half_of_the_takeover_time_and_before_all_of_it(profile: str) -> None:
    times = PROFILES[profile]
    beat = HeartbeatRecord(incarnation=1, life=Life.ALIVE, attempt="", boot="", interval=times.interval)
    assert times.takeover / 2 + times.interval < fence_after(beat, times) < times.takeover


def test_a_node_that_stood_still_for_a_moment_is_not_turned_off() -> None:
    async def story(world: World) -> None:
        node = await begin(world)
        for _ in range(5):
            node.freeze(whole=True)
            await world.pass_time(1.5)
            node.thaw()
            await world.pass_time(2.0)
        assert world.switch.asked == []
        await world.settled(5.0)

    simulate(story)


def test_a_leader_that_slept_has_nobody_turned_off() -> None:
    async def story(world: World) -> None:
        await begin(world)
        leader = leading(world)
        world.switch.asked.clear()
        leader.freeze(service=True)
        await world.pass_time(1.6)
        leader.thaw()
        await world.pass_time(10.0)
        assert world.switch.asked == []

    simulate(story)


def test_a_leader_whose_watch_is_dead_has_nobody_turned_off() -> None:
    async def story(world: World) -> None:
        await begin(world)
        leader = leading(world)
        leader.path.change(watch_delay=(30.0, 30.0))
        await world.pass_time(20.0)
        assert world.switch.asked == []
        assert all(world.beat(number).life is Life.ALIVE for number in (1, 2, 3))
        leader.path.heal()
        await world.settled(5.0)

    simulate(story)


def test_a_fence_device_that_fails_is_an_alarm_and_silence_decides_as_before() -> None:
    async def story(world: World) -> None:
        lost = await begin(world)
        number = world.number_of(lost)
        world.switch.fails = True
        lost.path.cut()
        await world.until(lambda: world.runs("web") and world.home_of("g") is not lost, 7.0, "web runs elsewhere")
        assert world.beat(number).reason == "silence"
        assert world.codes().count("event_fence_failed") == 1

    simulate(story)


def test_a_fence_device_that_hangs_delays_the_takeover_by_its_time_limit_and_no_more() -> None:
    async def story(world: World) -> None:
        lost = await begin(world)
        number = world.number_of(lost)
        world.switch.hangs = True
        lost.path.cut()
        await world.pass_time(8.0)
        assert world.beat(number).life is Life.ALIVE
        await world.until(lambda: world.beat(number).life is Life.DEAD, 8.0, "silence decides")
        assert world.beat(number).reason == "silence"
        assert "event_fence_failed" in world.codes()

    simulate(story)


def test_an_order_is_given_up_when_the_node_is_heard_again() -> None:
    async def story(world: World) -> None:
        node = await begin(world)
        world.switch.seconds = 3.0
        node.path.cut()
        await world.until(lambda: world.switch.asked, 5.0, "the device is asked")
        node.path.heal()
        await world.until(lambda: world.switch.cancelled == [node.name], 2.0, "the order is given up")
        await world.settled(10.0)
        assert world.beat(world.number_of(node)).incarnation == 1
        assert "event_fence_cancelled" in world.codes()

    simulate(story)


def test_a_node_that_was_turned_off_and_came_back_by_itself_meanwhile_loses_nothing() -> None:
    async def story(world: World) -> None:
        node = await begin(world)
        number = world.number_of(node)
        node.path.cut()
        await world.until(lambda: not node.on, 5.0, "it is turned off")
        node.path.heal()
        node.power_on()
        await world.settled(20.0)
        assert world.beat(number).life is Life.ALIVE

    for seed in range(1, 4):
        simulate(story, seed=seed)


def test_two_of_three_that_fall_silent_are_not_turned_off() -> None:
    async def story(world: World) -> None:
        await begin(world)
        leader = leading(world)
        for node in world.others(leader):
            node.path.cut()
        await world.pass_time(15.0)
        assert world.switch.asked == []
        assert "event_brake" in world.codes()

    simulate(story)


@pytest.mark.usefixtures("unbounded")
def test_a_node_that_time_may_not_judge_is_turned_off() -> None:
    async def story(world: World) -> None:
        lost = await begin(world)
        number = world.number_of(lost)
        lost.path.cut()
        await world.until(lambda: world.beat(number).life is Life.DEAD, FENCED_WITHIN, "it is declared down")
        assert world.beat(number).reason == "fenced"
        await world.until(lambda: world.runs("web"), 1.0, "web runs elsewhere")

    simulate(story)


@pytest.mark.usefixtures("unbounded")
def test_a_node_that_nothing_can_judge_keeps_its_groups_and_the_alarm_says_what_to_do() -> None:
    async def story(world: World) -> None:
        lost = await begin(world)
        number = world.number_of(lost)
        world.switch.fails = True
        lost.path.cut()
        await world.pass_time(90.0)
        assert world.beat(number).life is Life.ALIVE
        assert len(world.switch.asked) >= 3  # it is tried again and again
        assert world.codes().count("event_fence_stuck") == 1
        world.switch.fails = False
        await world.until(lambda: world.beat(number).reason == "fenced", 35.0, "the device works again")
        await world.until(lambda: world.runs("web") and world.home_of("g") is not lost, 2.0, "web runs elsewhere")

    simulate(story)


def test_an_unclean_node_is_turned_off_although_it_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World) -> None:
        node = await begin(world)
        number, membership, whole = world.number_of(node), node.parts and node.parts.membership, Membership._beat_record

        def announced(self: Membership, *arguments: Any, **named: Any) -> HeartbeatRecord:
            record = whole(self, *arguments, **named)
            return replace(record, unclean=True) if self is membership else record

        monkeypatch.setattr(Membership, "_beat_record", announced)
        await world.until(lambda: world.beat(number).life is Life.DEAD, 6.0, "it is declared down")
        assert world.beat(number).reason == "fenced"
        await world.until(lambda: world.runs("web"), 1.0, "web runs elsewhere")

    simulate(story)


def test_a_device_that_turns_off_something_else_is_an_alarm_and_not_asked_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(world: World) -> None:
        node = await begin(world)
        world.switch.lies = True
        membership, whole = node.parts and node.parts.membership, Membership._beat_record

        def announced(self: Membership, *arguments: Any, **named: Any) -> HeartbeatRecord:
            record = whole(self, *arguments, **named)
            return replace(record, unclean=True) if self is membership else record

        monkeypatch.setattr(Membership, "_beat_record", announced)
        await world.pass_time(25.0)
        assert world.beat(world.number_of(node)).life is Life.ALIVE
        assert len(world.switch.asked) == 3
        assert world.codes().count("event_fence_doubtful") == 1
        assert world.runs("web")

    simulate(story)


def test_devices_that_do_not_work_are_told_once_and_so_is_that_they_work_again() -> None:
    async def story(world: World) -> None:
        await begin(world)
        world.switch.fails = True
        await world.pass_time(700.0)
        assert world.codes().count("event_fence_unhealthy") == 3
        world.switch.fails = False
        await world.pass_time(400.0)
        assert world.codes().count("event_fence_healthy") == 3

    simulate(story)


# --- a person's word --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("unbounded")
def test_a_person_declares_a_silent_node_off_and_its_groups_are_taken_over() -> None:
    async def story(world: World) -> None:
        lost = await world.boot_web()
        number, other = world.number_of(lost), world.others(lost)[0]
        lost.power_off()
        await world.pass_time(20.0)
        assert world.beat(number).life is Life.ALIVE
        assert other.parts is not None
        shown = other.parts.following.snapshot.nodes[number]
        assert shown.silent_since
        word = r.DeclareOff(node=number, name=lost.name, heartbeat=shown.heartbeat)
        assert await refusal(other, replace(word, name="another")) == "name_not_confirmed"
        assert await refusal(other, replace(word, heartbeat=shown.heartbeat - 1)) == "heard_meanwhile"
        await ask(other, word)
        assert (world.beat(number).life, world.beat(number).reason) == (Life.DEAD, "user")
        await world.until(lambda: world.runs("web"), 2.0, "web runs elsewhere")
        assert await refusal(other, word) == "node_down_already"

    simulate(story)


def test_a_word_that_comes_after_a_heartbeat_takes_nothing() -> None:
    async def story(world: World) -> None:
        await world.boot_web()
        await world.pass_time(world.profile.takeover)  # the leader has settled
        other = leading(world)
        node = world.others(other)[0]
        number = world.number_of(node)
        assert other.parts is not None
        node.path.cut()
        await world.until(lambda: other.parts and other.parts.following.snapshot.nodes[number].heartbeat, 4.0)
        shown = other.parts.following.snapshot.nodes[number].heartbeat
        node.path.heal()
        await world.pass_time(1.0)
        word = r.DeclareOff(node=number, name=node.name, heartbeat=shown)
        assert await refusal(other, word) in ("heard_meanwhile", "node_is_heard")
        await world.settled(5.0)
        assert world.beat(number).incarnation == 1

    simulate(story)


# --- the brake --------------------------------------------------------------------------------------------------


def test_a_person_opens_the_brake_once_for_those_that_are_silent_now() -> None:
    async def story(world: World) -> None:
        await world.boot_web()
        one = leading(world)
        silent = world.others(one)
        assert one.parts is not None
        for node in silent:
            node.power_off()
        await world.pass_time(15.0)
        numbers = tuple(one.parts.following.snapshot.cluster.brake)
        assert len(numbers) == 2
        await ask(one, r.TakeOverNow(nodes=numbers))
        await world.until(lambda: all(world.beat(n).life is Life.DEAD for n in numbers), 2.0, "they are declared down")
        await world.until(lambda: world.runs("web"), 2.0, "web runs")
        await world.pass_time(10.0)
        assert one.parts.following.snapshot.cluster.brake == ()
        assert await refusal(one, r.TakeOverNow(nodes=numbers)) == "brake_open"

    simulate(story)


# --- a leader that hangs ----------------------------------------------------------------------------------------


def test_a_leader_that_beats_but_does_not_plan_is_replaced() -> None:
    async def story(world: World) -> None:
        await world.boot_web()
        await world.pass_time(10.0)
        stuck = leading(world)
        assert stuck.parts is not None
        hanging = asyncio.Event()

        async def hang() -> bool:
            hanging.set()
            await asyncio.Event().wait()
            return False

        stuck.parts.reconciler._plan_once = hang  # type: ignore[method-assign]  # as a task that waits for ever
        world.pause(world.number_of(stuck), paused=True)  # something to plan
        await world.until(hanging.is_set, 1.0, "it hangs")
        await world.until(lambda: leading(world) is not stuck, 7.0, "another one leads")
        assert "event_leader_stuck" in world.codes()
        target = world.number_of(world.others(stuck)[0])
        world.move("g", target)
        await world.until(lambda: world.owner("g").node == target, 3.0, "it plans")

    simulate(story)


def test_a_leader_that_has_nothing_to_plan_stays() -> None:
    async def story(world: World) -> None:
        await world.boot_web()
        leader = leading(world)
        await world.pass_time(120.0)
        assert leading(world) is leader

    for profile in PROFILES:
        simulate(story, profile=profile)
