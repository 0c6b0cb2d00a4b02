"""Each rule of a node as owner, switched off, is missed by a story."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from tests.simulation.machine import TYPES
from tests.simulation.ownermutations import OWNER_MUTATIONS
from tests.simulation.ownerstories import Slow, on_a_follower
from tests.simulation.running import Story, simulate
from tests.simulation.world import BrokenPromise, World

SEEDS = range(1, 7)


def _nothing(_world: World) -> None:
    pass


def without_kernel_timer(world: World) -> None:
    for node in world.nodes.values():
        node.kernel_kills = False


def with_watchdog_that_stands_alone(world: World) -> None:
    without_kernel_timer(world)
    for node in world.nodes.values():
        node.settings = replace(node.settings, watchdog="preferred")


async def unaware_of_shorter_times(world: World) -> None:
    """A node does not learn that times became shorter, and is cut off."""
    node = await on_a_follower(world)
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
    world.types = {**TYPES, "Slow": Slow()}
    node.container("s1").dies_in = 4.8
    world.add_group("s", {"s1": ()}, kind="Slow", preferred=(world.number_of(node),))
    await world.until(lambda: world.runs("s1"), 5.0, "it runs")
    node.path.cut()
    await world.pass_time(20.0)


async def unkillable(world: World) -> None:
    """Something cannot be killed; some time later its node is cut off."""
    node = await on_a_follower(world)
    node.container("web").unkillable = True
    node.crash_monitor()
    await world.pass_time(5.0)
    node.path.cut()
    await world.pass_time(20.0)


async def frozen_monitor(world: World) -> None:
    """A node is cut off, and its monitor stands still when it would have to stop everything."""
    node = await on_a_follower(world)
    node.path.cut()
    await world.pass_time(3.0)
    node.freeze(monitor=True)
    await world.pass_time(20.0)


async def only_the_watchdog_helps(world: World) -> None:
    """Something cannot be killed on a node that is cut off; there is nothing but its watchdog."""
    node = await on_a_follower(world)
    node.container("web").unkillable = True
    node.path.cut()
    await world.pass_time(20.0)


async def wiped(world: World) -> None:
    """The agent's directories are wiped while everything runs."""
    node = await on_a_follower(world)
    node.wipe()
    await world.pass_time(20.0)


@dataclass(frozen=True, slots=True)
class Told:
    """In which world a story is told."""

    story: Story
    prepare: Callable[[World], None] = _nothing
    profile: str = "default"


STORIES: dict[str, Told] = {
    "times_of_the_configuration": Told(unaware_of_shorter_times, profile="virtual machines"),
    "shorter_without_acknowledgement": Told(frozen_while_times_change, profile="virtual machines"),
    "claimed_before_announced": Told(slow_to_stop),
    "unclean_is_not_said": Told(unkillable),
    "no_second_enforcer": Told(frozen_monitor, without_kernel_timer),
    "watchdog_always_patted": Told(only_the_watchdog_helps, with_watchdog_that_stands_alone),
    "life_without_notes": Told(wiped),
}


@pytest.mark.parametrize("rule", OWNER_MUTATIONS)
def test_with_all_rules_on_these_stories_end_well(rule: str) -> None:
    told = STORIES[rule]
    for seed in SEEDS:
        simulate(told.story, seed=seed, profile=told.profile, prepare=told.prepare)


@pytest.mark.parametrize("rule", OWNER_MUTATIONS)
def test_a_rule_that_is_switched_off_is_missed(rule: str) -> None:
    told = STORIES[rule]
    for seed in SEEDS:
        with OWNER_MUTATIONS[rule]():
            try:
                simulate(told.story, seed=seed, profile=told.profile, prepare=told.prepare)
            except BrokenPromise as exc:
                assert "runs on" in str(exc) or "starts on" in str(exc)  # noqa: PT017 - any seed will do
                return
    pytest.fail(f"no story misses the rule: {rule}")
