"""Stories of a simulated cluster, each with what must come out."""

from __future__ import annotations

from nodeagent.api.objects import Wanted
from tests.simulation.world import World, simulate

WEB = {"address": (), "web": ("address",)}


def test_a_group_is_taken_over_within_the_budget_when_its_node_loses_power() -> None:
    async def story(world: World) -> None:
        world.add_group("g", WEB)
        await world.boot()
        lost = world.home_of("g")
        lost.power_off()
        await world.until(lambda: world.runs("web"), 5.5, "web runs elsewhere")
        assert world.home_of("g") is not lost

    simulate(story)


def test_a_start_that_waited_for_a_monitor_is_not_ordered_in_the_next_life_of_the_node() -> None:
    async def story(world: World) -> None:
        world.add_group("g", WEB)
        await world.boot()
        node = world.home_of("g")
        node.crash_monitor()
        await world.pass_time(0.03)
        node.freeze(monitor=True)  # the new one, before it listens
        node.path.cut()
        await world.pass_time(7.0)
        node.path.heal()
        await world.until(lambda: world.beat(world.number_of(node)).incarnation == 2, 3.0, "it has joined again")
        node.thaw()
        await world.pass_time(1.0)
        await world.settled(30.0)

    for seed in range(1, 6):
        simulate(story, seed=seed)


def test_a_node_that_was_declared_down_joins_again_however_badly_the_database_answers() -> None:
    async def story(world: World) -> None:
        world.add_group("g", WEB)
        await world.boot()
        node = world.home_of("g")
        node.path.cut()
        await world.pass_time(10.0)
        node.path.heal()
        node.path.change(lost_requests=0.6, lost_replies=0.3, refused=0.3)
        await world.pass_time(20.0)
        node.path.heal()
        await world.settled(20.0)

    for seed in range(1, 6):
        simulate(story, seed=seed)


def test_a_state_that_arrives_late_does_not_hide_a_newer_one() -> None:
    async def story(world: World) -> None:
        world.add_group("g", WEB)
        await world.boot()
        node = world.home_of("g")
        node.path.change(lost_requests=1.0, late=1.0)
        world.want("g", Wanted.OFFLINE)
        await world.until(lambda: not world.runs("address"), 2.0, "all is stopped")
        await world.pass_time(0.1)
        node.path.heal()
        world.want("g", Wanted.ONLINE)
        await world.pass_time(25.0)  # what was lost has come by then
        await world.settled(1.0)

    for seed in range(1, 6):
        simulate(story, seed=seed)


def test_a_gap_of_the_database_at_the_very_moment_does_not_delay_the_takeover() -> None:
    async def story(world: World) -> None:
        world.add_group("g", WEB)
        await world.boot()
        await world.pass_time(5.0)
        world.home_of("g").power_off()
        world.cut_everybody()
        await world.pass_time(1.4)  # as long as an election of the database takes
        world.heal_everybody()
        await world.until(lambda: world.runs("web"), 4.2, "web runs elsewhere")

    simulate(story)


def test_a_group_that_was_given_up_comes_online_when_a_person_asks() -> None:
    async def story(world: World) -> None:
        world.add_group("g", WEB, properties={"FailoverThreshold": 0}, policy={"RestartThreshold": 0})
        await world.boot()
        world.home_of("g").crash_app("web")
        await world.until(lambda: not world.runs("address"), 5.0, "the group is given up")
        await world.pass_time(1.0)
        world.retry("web")
        await world.settled(5.0)

    simulate(story)
