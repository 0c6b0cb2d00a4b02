"""Stories of a leader whose commits are long in coming through: what it has found out does not hold for ever."""

from __future__ import annotations

from nodeagent.database.records import Life
from tests.simulation.moments import DEAD, HANDOVER
from tests.simulation.mutationstories import leading
from tests.simulation.node import Node
from tests.simulation.running import simulate
from tests.simulation.world import World

NEVER = 60.0  # seconds by which a request is late that comes when the story is over
GROUPS = tuple(f"g{number}" for number in range(1, 9))


async def sent(world: World, leader: Node, step: str) -> None:
    """Have the leader's next such commit be very late, and return when it has been sent."""
    leader.path.held[step] = NEVER
    await world.until(lambda: step not in leader.path.held, 15.0, f"{step} is sent")


def test_a_node_that_is_heard_while_the_leader_declares_another_one_down_is_not_declared_down() -> None:
    async def story(world: World) -> None:
        await world.boot_web()
        leader = leading(world)
        lost, home = world.others(leader)[0], world.others(leader)[-1]  # looked at in the order of their numbers
        if world.home_of("g") is not home:
            world.move("g", world.number_of(home))
            await world.pass_time(3.0)
        number = world.number_of(home)
        lost.path.cut()
        home.path.cut()
        await sent(world, leader, DEAD)
        await sent(world, leader, DEAD)  # the second time both have been silent for long enough
        home.path.heal()
        await world.pass_time(6.0)
        assert world.home_of("g") is home
        assert (world.beat(number).life, world.beat(number).incarnation) == (Life.ALIVE, 1)
        lost.path.heal()
        await world.settled(20.0)

    simulate(story, nodes=5)


def test_a_leader_that_was_overtaken_in_the_middle_of_its_plan_gives_no_group_away_any_more() -> None:
    async def story(world: World) -> None:
        for group in GROUPS:
            world.add_group(group, {f"{group}-app": ()})
        await world.boot()
        leader = leading(world)
        lost = world.others(leader)[0]
        for group in GROUPS:
            if world.home_of(group) is not lost:
                world.move(group, world.number_of(lost))
        await world.pass_time(5.0)
        for node in world.nodes.values():
            for group in GROUPS:
                node.container(f"{group}-app").dies_in = 0.5
        lost.power_off()
        await sent(world, leader, HANDOVER)
        leader.path.cut(into=False)  # from here on nothing comes through, but it hears everything
        others = [node for node in world.others(leader) if node is not lost]
        await world.until(lambda: any(n.parts and n.parts.leadership.leads for n in others), 10.0, "another one leads")
        await world.until(lambda: all(world.runs(f"{group}-app") for group in GROUPS), 10.0, "all run again")
        homes = {group: world.home_of(group) for group in GROUPS}
        leader.path.heal()
        await world.pass_time(20.0)
        assert {group: world.home_of(group) for group in GROUPS} == homes
        lost.power_on()
        await world.settled(20.0)

    simulate(story, nodes=4)
