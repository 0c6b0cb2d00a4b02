"""For each rule that can be switched off, a short story that misses it; with all rules on it ends well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from nodeagent.api.objects import Phase
from tests.simulation.mutations.switching import nothing
from tests.simulation.node import Node
from tests.simulation.ownerstories import on_a_follower
from tests.simulation.running import Story
from tests.simulation.world import WEB, World


def leading(world: World) -> Node:
    """Return the node that leads."""
    return next(node for node in world.nodes.values() if node.parts and node.parts.leadership.leads)


async def away_from_the_leader(world: World) -> Node:
    """Let a group run on a node that does not lead, and return that node."""
    await world.boot_web()
    world.move("g", world.number_of(world.others(leading(world))[0]))
    await world.pass_time(3.0)
    return world.home_of("g")


# --- permission -------------------------------------------------------------------------------------------------


async def cut_off(world: World) -> None:
    """A node that does not lead is cut off for a while, and comes back."""
    node = await away_from_the_leader(world)
    node.path.cut()
    await world.pass_time(10.0)
    node.path.heal()
    await world.pass_time(3.0)
    await world.settled(20.0)


async def slow_answers(world: World) -> None:
    """A node's heartbeats arrive, their answers come late; then it is cut off."""
    node = await away_from_the_leader(world)
    for _ in range(4):
        node.path.change(delay=(0.1, 0.29))
        for name in ("address", "web"):
            node.container(name).dies_in = 0.58  # as long as it may
        await world.pass_time(world.chance.uniform(2.0, 3.0))
        node.path.cut()
        await world.pass_time(8.0)
        node.path.heal()
        await world.settled(20.0)
        node = world.home_of("g")


async def unanswered_beats(world: World) -> None:
    """A node's heartbeat arrives, its answers do not; when at last a read is answered, the node is cut off."""
    node = await away_from_the_leader(world)
    parts = node.parts
    assert parts is not None
    node.path.cut(out=False)
    await world.pass_time(2.5)
    before = parts.membership.confirmed_at
    node.path.heal()
    await world.until(lambda: parts.membership.confirmed_at > before, 2.0, "something is confirmed")
    node.path.cut()
    await world.pass_time(6.0)
    node.path.heal()
    await world.settled(20.0)


async def late_order(world: World) -> None:
    """A node's monitor reads an order to start when another node has taken the group over."""
    await world.boot_web()
    leader = leading(world)
    world.move("g", world.number_of(leader))
    await world.until(lambda: world.runs("web") and world.home_of("g") is leader, 5.0, "the leader runs it")
    await world.pass_time(1.0)
    node = world.others(leader)[0]
    node.freeze(monitor=True)
    world.move("g", world.number_of(node))
    claimed = (Phase.CLAIMED, world.number_of(node))
    await world.until(lambda: (world.owner("g").phase, world.owner("g").node) == claimed, 1.0, "it is claimed")
    await world.pass_time(0.02)
    node.freeze(service=True)
    node.path.cut()
    await world.until(lambda: world.runs("web"), 10.0, "another one runs it")
    node.thaw()
    await world.pass_time(5.0)


async def unkillable(world: World) -> None:
    """Something cannot be killed; some time later its node is cut off."""
    node = await on_a_follower(world)
    node.container("web").unkillable = True
    node.crash_monitor()
    await world.pass_time(5.0)
    node.path.cut()
    await world.pass_time(20.0)


async def unlucky_service(world: World) -> None:
    """A node is cut off just before its monitor crashes, and its service with it."""
    node = await world.boot_web()
    node.path.cut()
    await world.pass_time(1.0)
    node.crash_service(restart=False)
    node.crash_monitor()
    await world.pass_time(10.0)


async def frozen_monitor(world: World) -> None:
    """A node is cut off, and its monitor stands still when it would have to stop everything."""
    node = await on_a_follower(world)
    node.path.cut()
    await world.pass_time(3.0)
    node.freeze(monitor=True)
    await world.pass_time(20.0)


async def unaware_of_shorter_times(world: World) -> None:
    """A node does not learn that times became shorter, and is cut off."""
    node = await on_a_follower(world)
    await world.pass_time(40.0)  # from then on the leader judges others
    node.path.change(watch_delay=(60.0, 60.0))
    world.change_profile("fast")
    await world.pass_time(5.0)
    node.path.cut()
    await world.pass_time(60.0)


async def frozen_while_times_change(world: World) -> None:
    """A monitor stands still while times become shorter; then its service dies."""
    node = await on_a_follower(world)
    before = world.beat(world.number_of(node)).attempt
    node.freeze(monitor=True)
    world.change_profile("fast")
    await world.until(lambda: world.beat(world.number_of(node)).attempt != before, 3.0, "it has said something since")
    node.crash_service(restart=False)
    await world.pass_time(60.0)


async def slow_to_stop(world: World) -> None:
    """A node is cut off as soon as it runs something that takes long to stop."""
    node = await on_a_follower(world)
    node.container("s1").dies_in = 4.8
    world.add_group("s", {"s1": ()}, kind="Slow", preferred=(world.number_of(node),))
    await world.until(lambda: world.runs("s1"), 5.0, "it runs")
    node.path.cut()
    await world.pass_time(20.0)


async def only_the_watchdog_helps(world: World) -> None:
    """Something cannot be killed on a node that is cut off; there is nothing but its watchdog."""
    node = await on_a_follower(world)
    node.container("web").unkillable = True
    node.path.cut()
    await world.pass_time(20.0)


# --- membership -------------------------------------------------------------------------------------------------


async def back_unaware(world: World) -> None:
    """A node that was cut off is heard again before it hears what has happened meanwhile."""
    node = await away_from_the_leader(world)
    node.path.change(watch_delay=(1.0, 1.0))
    node.path.cut()
    await world.pass_time(10.0 + world.chance.uniform(0.0, 1.0))
    node.path.cut_in = node.path.cut_out = False
    await world.pass_time(3.0)
    node.path.heal()
    await world.settled(20.0)


async def slow_kill(world: World) -> None:
    """A node is cut off, and what it runs takes nearly all of k to die."""
    node = await away_from_the_leader(world)
    for name in ("address", "web"):
        node.container(name).dies_in = 0.55
    node.path.cut()
    await world.pass_time(8.0)
    node.path.heal()
    await world.settled(20.0)


async def late_death(world: World) -> None:
    """What the leader says of a node that is cut off comes to the database late, when that node is well again."""
    node = await away_from_the_leader(world)
    leader = leading(world)
    for _ in range(3):
        node.path.cut()
        await world.pass_time(world.profile.takeover - world.profile.interval - 0.05)
        leader.path.change(lost_requests=1.0, late=1.0)
        await world.pass_time(world.profile.interval + 0.2)
        world.heal_everybody()
        await world.pass_time(leader.path.latest)
    await world.settled(20.0)


async def rare_news(world: World) -> None:
    """News come rarely to the leader; a node is cut off, and what it runs takes nearly all of k to die."""
    node = await away_from_the_leader(world)
    leader = leading(world)
    for _ in range(4):
        for name in ("address", "web"):
            node.container(name).dies_in = 0.58
        leader.path.change(watch_delay=(0.8, 0.9))
        await world.pass_time(world.chance.uniform(3.0, 4.0))
        node.path.cut()
        await world.pass_time(1.0)
        leader.path.heal()
        await world.pass_time(7.0)
        world.heal_everybody()
        await world.settled(20.0)
        node = world.home_of("g")
        if node is leading(world):
            world.move("g", world.number_of(world.others(node)[0]))
            await world.pass_time(3.0)
            node = world.home_of("g")
        leader = leading(world)


async def late_news(world: World) -> None:
    """A node comes back when it has just been declared down, and hears late what has become of its group."""
    node = await away_from_the_leader(world)
    number = world.number_of(node)
    node.path.change(watch_delay=(3.0, 3.0))
    node.path.cut()
    await world.pass_time(7.0)
    node.path.cut_in = node.path.cut_out = False
    await world.until(lambda: world.beat(number).reason == "", 10.0, "it has joined again")
    await world.pass_time(5.0)
    node.path.heal()
    await world.settled(20.0)


async def wiped(world: World) -> None:
    """The agent's directories are wiped while everything runs."""
    node = await on_a_follower(world)
    node.wipe()
    await world.pass_time(20.0)


async def wiped_without_a_monitor(world: World) -> None:
    """A node's monitor dies while its service does, and before another one comes the directories are wiped."""
    world.add_group("g", {"address": ()}, kinds={"address": "Address"})
    await world.boot()
    node = world.home_of("g")
    world.pause(world.number_of(node), paused=True)
    node.crash_service(restart=False)
    node.crash_monitor()
    node.wipe()
    await world.pass_time(5.0)
    assert world.home_of("g") is not node
    await world.settled(20.0)


# --- ownership --------------------------------------------------------------------------------------------------


async def lost_releases(world: World) -> None:
    """A group goes to and fro while requests are lost, and come late."""
    await world.boot_web()
    for _ in range(6):
        source = world.home_of("g")
        world.move("g", world.number_of(world.others(source)[0]))
        for node in world.nodes.values():
            node.path.change(lost_requests=0.3, lost_replies=0.3, late=1.0)
        await world.pass_time(4.0)
        world.heal_everybody()
        await world.pass_time(4.0)
        await world.settled(40.0)


async def late_decisions(world: World) -> None:
    """What the leader decides about a move comes late, when the group has gone elsewhere."""
    await world.boot_web()
    for _ in range(4):
        leader, source = leading(world), world.home_of("g")
        first, second = world.others(source)
        world.move("g", world.number_of(first))
        leader.path.change(lost_requests=1.0, late=1.0)
        await world.pass_time(0.2)
        leader.path.heal()
        await world.settled(20.0)
        await world.pass_time(1.0)
        world.move("g", world.number_of(second))
        await world.pass_time(20.0)
        await world.settled(20.0)


async def move(world: World) -> None:
    """A group is moved."""
    world.add_group("g", WEB, parameters={"Stop": 0.5})
    await world.boot()
    world.move("g", world.number_of(world.others(world.home_of("g"))[0]))
    await world.pass_time(5.0)


async def unanswered_release(world: World) -> None:
    """The answer to a release is lost, or the release itself comes late."""
    node = await away_from_the_leader(world)
    for _ in range(4):
        world.move("g", world.number_of(world.others(node)[0]))
        await world.until(lambda: world.owner("g").phase is Phase.MOVING, 1.0, "the move is decided")
        node.path.change(lost_requests=0.8, late=1.0)
        await world.pass_time(3.0)
        node.path.heal()
        await world.pass_time(node.path.latest)
        await world.settled(20.0)
        node = world.home_of("g")


async def orders_of_the_dead(world: World) -> None:
    """A service dies as soon as it has ordered a start; its successor is told to hand the group on."""
    world.add_group("g", WEB)
    world.add_group("h", {"other": ()})
    await world.boot()
    source = world.home_of("g")
    node, third = world.others(source)
    number = world.number_of(node)
    world.move("g", number)
    claimed = (Phase.CLAIMED, number)
    await world.until(lambda: (world.owner("g").phase, world.owner("g").node) == claimed, 3.0, "it is claimed")
    await world.until(lambda: node.parts and "g" in node.parts.executor._owning.claimed, 1.0, "that is known there")
    node.crash_service()
    world.move("g", world.number_of(third))
    await world.pass_time(6.0)
    await world.settled(20.0)


@dataclass(frozen=True, slots=True)
class Told:
    """In which world a story is told."""

    story: Story
    prepare: Callable[[World], None] = nothing
    profile: str = "default"


def without_kernel_timer(world: World) -> None:
    """Let only the service end a monitor that stands still."""
    for node in world.nodes.values():
        node.kernel_kills = False


def with_watchdog_that_stands_alone(world: World) -> None:
    """Let only the watchdog keep the deadline."""
    without_kernel_timer(world)
    for node in world.nodes.values():
        node.settings = replace(node.settings, watchdog="preferred")


STORIES: dict[str, Told] = {
    "stamp_of_the_reply": Told(slow_answers),
    "any_attempt_confirms": Told(unanswered_beats),
    "no_self_stop": Told(cut_off),
    "start_without_permission": Told(late_order, without_kernel_timer),
    "restart_without_permission": Told(cut_off),
    "unclean_is_not_said": Told(unkillable),
    "monitors_leave_orphans": Told(unlucky_service),
    "frozen_monitor_without_backstop": Told(frozen_monitor, without_kernel_timer),
    "times_of_the_configuration": Told(unaware_of_shorter_times, profile="virtual machines"),
    "shorter_without_acknowledgement": Told(frozen_while_times_change, profile="virtual machines"),
    "claimed_before_announced": Told(slow_to_stop),
    "watchdog_always_patted": Told(only_the_watchdog_helps, with_watchdog_that_stands_alone),
    "takeover_after_s": Told(slow_kill),
    "takeover_too_early": Told(cut_off),
    "beat_without_expectation": Told(back_unaware),
    "stale_dead": Told(late_death),
    "dead_only_compared": Told(back_unaware),
    "counted_from_before": Told(rare_news),
    "same_incarnation": Told(late_news),
    "life_without_notes": Told(wiped),
    "life_without_proof": Told(wiped),
    "addresses_nobody_holds": Told(wiped_without_a_monitor, profile="virtual machines"),
    "ownership_without_expectation": Told(lost_releases),
    "stale_leader_commits": Told(late_decisions),
    "release_before_stop": Told(move),
    "unknown_is_no": Told(unanswered_release),
    "orders_of_a_former_service": Told(orders_of_the_dead),
    "any_order": Told(cut_off),
}
