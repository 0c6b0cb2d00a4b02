"""Stories of machines that live under one name: clones, and a machine that took another's place."""

from __future__ import annotations

from msgspec.structs import replace

from nodeagent.database.records import Life
from tests.simulation.node import Node
from tests.simulation.running import simulate
from tests.simulation.world import World


def clone_of(world: World, node: Node) -> Node:
    """Return another machine with the same settings."""
    other = Node(world, 9)
    other.name = other.machine = "clone"
    other.settings = replace(other.settings, name=node.settings.name)
    world.nodes[9] = other
    return other


def test_a_clone_does_not_join_while_its_original_is_heard_and_the_alarm_says_so() -> None:
    async def story(world: World) -> None:
        node = await world.boot_web()
        number, before = world.number_of(node), world.runs("web")
        clone = clone_of(world, node)
        clone.power_on()
        await world.pass_time(30.0)
        assert world.beat(number).incarnation == 1
        assert world.beat(number).machine == node.machine
        assert world.runs("web") is before
        assert "event_clone" in world.codes()
        clone.power_off()
        del world.nodes[9]
        await world.settled(1.0)

    simulate(story)


def test_a_machine_that_takes_the_place_of_one_that_is_gone_joins_under_its_name() -> None:
    async def story(world: World) -> None:
        await world.boot_web()
        node = world.others(world.home_of("g"))[0]
        number = world.number_of(node)
        node.power_off()
        heir = clone_of(world, node)
        await world.pass_time(0.5)
        heir.power_on()
        await world.until(lambda: world.beat(number).machine == "clone", 20.0, "it has joined")
        assert (world.beat(number).life, world.beat(number).incarnation) == (Life.ALIVE, 2)
        await world.settled(5.0)

    simulate(story)


def test_an_original_that_was_cut_off_does_not_push_out_the_clone_that_joined_meanwhile() -> None:
    async def story(world: World) -> None:
        node = await world.boot_web()
        number = world.number_of(node)
        node.path.cut()
        await world.until(lambda: world.beat(number).life is Life.DEAD, 7.0, "it is declared down")
        clone = clone_of(world, node)
        clone.power_on()
        await world.until(lambda: world.beat(number).machine == "clone", 20.0, "the clone has joined")
        node.path.heal()
        await world.pass_time(20.0)
        assert (world.beat(number).machine, world.beat(number).incarnation) == ("clone", 2)
        assert "event_clone" in world.codes()
        await world.until(lambda: world.runs("web"), 1.0, "web runs, once")

    simulate(story)


def test_of_two_machines_that_join_under_one_name_at_once_one_does() -> None:
    """Who comes second finds it out by the conflict, and then waits as if it had found it before."""

    async def story(world: World) -> None:
        await world.boot_web()
        node = world.others(world.home_of("g"))[0]
        number = world.number_of(node)
        node.power_off()
        await world.until(lambda: world.beat(number).life is Life.DEAD, 7.0, "it is declared down")
        clone_of(world, node).power_on()
        node.power_on()
        await world.until(lambda: world.beat(number).life is Life.ALIVE, 7.0, "one has joined")
        await world.pass_time(20.0)
        assert world.beat(number).incarnation == 2

    for seed in range(1, 6):
        simulate(story, seed=seed)
