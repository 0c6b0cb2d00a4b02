"""Each safety rule, switched off, is missed by a story. Were one not, the stories would prove little."""

from __future__ import annotations

import pytest

from tests.simulation.mutations import MUTATIONS
from tests.simulation.node import Node
from tests.simulation.running import Story, simulate
from tests.simulation.world import BrokenPromise, World

WEB = {"address": (), "web": ("address",)}


def leading(world: World) -> Node:
    """Return the node that leads."""
    return next(node for node in world.nodes.values() if node.parts and node.parts.leadership.leads)


async def away_from_the_leader(world: World) -> Node:
    """Let a group run on a node that does not lead, and return that node."""
    world.add_group("g", WEB)
    await world.boot()
    world.move("g", world.number_of(world.others(leading(world))[0]))
    await world.pass_time(3.0)
    return world.home_of("g")


async def cut_off(world: World) -> None:
    """A node that does not lead is cut off for a while, and comes back."""
    node = await away_from_the_leader(world)
    node.path.cut()
    await world.pass_time(10.0)
    node.path.heal()
    await world.settled(20.0)


async def unlucky_service(world: World) -> None:
    """A node is cut off just before its monitor crashes, and its service with it."""
    world.add_group("g", WEB)
    await world.boot()
    node = world.home_of("g")
    node.path.cut()
    await world.pass_time(1.0)
    node.crash_service(restart=False)
    node.crash_monitor()
    await world.pass_time(10.0)


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


async def lost_releases(world: World) -> None:
    """A group goes to and fro while requests are lost, and come late."""
    world.add_group("g", WEB)
    await world.boot()
    for _ in range(6):
        source = world.home_of("g")
        world.move("g", world.number_of(world.others(source)[0]))
        for node in world.nodes.values():
            node.path.change(lost_requests=0.3, lost_replies=0.3, late=1.0)
        await world.pass_time(4.0)
        world.heal_everybody()
        await world.pass_time(4.0)
        await world.settled(40.0)


async def move(world: World) -> None:
    """A group is moved."""
    world.add_group("g", WEB, parameters={"Stop": 0.5})
    await world.boot()
    world.move("g", world.number_of(world.others(world.home_of("g"))[0]))
    await world.pass_time(5.0)


STORIES: dict[str, Story] = {
    "no_self_stop": cut_off,
    "takeover_too_early": cut_off,
    "ownership_without_expectation": lost_releases,
    "dead_without_expectation": late_death,
    "stale_dead": late_death,
    "start_without_permission": cut_off,
    "release_before_stop": move,
    "monitors_leave_orphans": unlucky_service,
    "any_order": cut_off,
}
SEEDS = range(1, 9)


@pytest.mark.parametrize("story", {story.__name__: story for story in STORIES.values()}.values())
def test_with_all_rules_on_these_stories_end_well(story: Story) -> None:
    for seed in SEEDS:
        simulate(story, seed=seed)


@pytest.mark.parametrize("rule", MUTATIONS)
def test_a_rule_that_is_switched_off_is_missed(rule: str) -> None:
    story = STORIES[rule]
    for seed in SEEDS:
        with MUTATIONS[rule]() as prepare:
            try:
                simulate(story, seed=seed, prepare=prepare)
            except BrokenPromise as exc:
                assert "runs on" in str(exc) or "starts on" in str(exc)  # noqa: PT017 - any seed will do
                return
    pytest.fail(f"no story misses the rule: {rule}")
