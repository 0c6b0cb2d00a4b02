"""Stories of a simulated cluster, each with what must come out."""

from __future__ import annotations

import pytest

from nodeagent.api.objects import Phase, Wanted
from nodeagent.database.records import Life
from nodeagent.planner.timing import RHO
from tests.simulation.running import simulate
from tests.simulation.world import WEB, World


def test_a_group_is_taken_over_within_the_budget_when_its_node_loses_power() -> None:
    async def story(world: World) -> None:
        lost = await world.boot_web()
        lost.power_off()
        await world.until(lambda: world.runs("web"), 5.5, "web runs elsewhere")
        assert world.home_of("g") is not lost

    simulate(story)


def test_a_start_that_waited_for_a_monitor_is_not_ordered_in_the_next_life_of_the_node() -> None:
    async def story(world: World) -> None:
        node = await world.boot_web()
        node.crash_monitor()
        await world.pass_time(0.03)
        node.freeze(monitor=True)  # the new one, before it listens
        node.path.cut()
        await world.pass_time(7.0)
        node.path.heal()
        await world.until(lambda: world.beat(world.number_of(node)).incarnation == 2, 6.0, "it has joined again")
        node.thaw()
        await world.pass_time(1.0)
        await world.settled(30.0)

    for seed in range(1, 6):
        simulate(story, seed=seed)


def test_a_node_that_was_declared_down_joins_again_however_badly_the_database_answers() -> None:
    async def story(world: World) -> None:
        node = await world.boot_web()
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
        node = await world.boot_web()
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
        await world.boot_web()
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


def test_a_node_that_is_cut_off_stops_by_itself_and_joins_again_as_another_life() -> None:
    async def story(world: World) -> None:
        node = await world.boot_web()
        number = world.number_of(node)
        node.path.cut()
        await world.until(lambda: not world.runs("web"), 4.5, "web has stopped by itself")
        await world.until(lambda: world.runs("web"), 2.0, "web runs elsewhere")
        assert world.home_of("g") is not node
        node.path.heal()
        await world.until(lambda: world.beat(number).incarnation == 2, 3.0, "it has joined again")
        await world.settled(10.0)

    simulate(story)


def test_a_frozen_service_cannot_keep_an_application_running() -> None:
    async def story(world: World) -> None:
        node = await world.boot_web()
        node.freeze(service=True)
        await world.until(lambda: not world.runs("web"), 4.5, "web has stopped by itself")
        await world.until(lambda: world.runs("web"), 2.0, "web runs elsewhere")
        node.thaw()
        await world.settled(10.0)

    simulate(story)


def test_a_frozen_monitor_is_replaced_before_the_deadline() -> None:
    async def story(world: World) -> None:
        await world.boot_web()
        world.home_of("g").freeze(monitor=True)
        await world.until(lambda: not world.runs("web"), 4.2, "what it held has ended")
        await world.settled(10.0)

    simulate(story)


def test_a_group_moves_when_asked_and_its_providers_go_first_and_stop_last() -> None:
    async def story(world: World) -> None:
        source = await world.boot_web()
        target = world.others(source)[0]
        world.move("g", world.number_of(target))
        await world.until(lambda: world.runs("web") and world.home_of("g") is target, 2.0, "web runs at the target")
        assert world.owner("g").incarnation == 1

    simulate(story)


def test_two_of_three_that_fall_silent_are_not_declared_down() -> None:
    async def story(world: World) -> None:
        await world.boot_web()
        silent = list(world.nodes.values())[:2]
        for node in silent:
            node.path.cut()
        await world.pass_time(20.0)
        assert [world.beat(number).life for number in (1, 2)] == [Life.ALIVE, Life.ALIVE]
        world.heal_everybody()
        await world.settled(10.0)
        assert [world.beat(number).incarnation for number in (1, 2, 3)] == [1, 1, 1]

    simulate(story)


def test_a_world_that_slept_goes_on_where_it_was() -> None:
    async def story(world: World) -> None:
        home = await world.boot_web()
        for node in world.nodes.values():
            node.freeze(whole=True)
        await world.pass_time(3600.0)
        for node in world.nodes.values():
            node.thaw()
        await world.pass_time(1.0)
        await world.settled(10.0)
        assert world.home_of("g") is home
        assert [world.beat(number).incarnation for number in (1, 2, 3)] == [1, 1, 1]

    simulate(story)


def test_no_group_moves_when_the_database_was_away_for_everybody() -> None:
    async def story(world: World) -> None:
        home = await world.boot_web()
        world.cut_everybody()
        await world.until(lambda: not world.runs("web"), 4.5, "web has stopped by itself")
        await world.pass_time(30.0)
        world.heal_everybody()
        await world.until(lambda: world.runs("web"), 2.0, "web runs again, in place")
        await world.settled(10.0)
        assert world.home_of("g") is home

    simulate(story)


def test_a_release_whose_reply_is_lost_ends_with_one_owner() -> None:
    async def story(world: World) -> None:
        source = await world.boot_web()
        world.move("g", world.number_of(world.others(source)[0]))
        await world.until(lambda: world.owner("g").phase is Phase.MOVING, 1.0, "the move is decided")
        source.path.change(lost_requests=0.5, lost_replies=0.5, late=1.0)
        await world.pass_time(3.0)
        source.path.heal()
        await world.pass_time(20.0)  # what was lost has come by then
        await world.settled(10.0)

    for seed in range(1, 9):
        simulate(story, seed=seed)


def test_a_service_that_is_started_again_finds_its_applications_running() -> None:
    async def story(world: World) -> None:
        node = await world.boot_web()
        before = world.runs("web")
        node.crash_service()
        await world.until(lambda: node.parts is not None and node.parts.membership.incarnation == 1, 3.0, "it is back")
        await world.pass_time(5.0)
        await world.settled(1.0)
        assert world.runs("web") is before

    simulate(story)


def test_another_node_leads_when_the_leader_dies_and_takes_its_groups_over() -> None:
    async def story(world: World) -> None:
        await world.boot_web()
        leader = next(n for n in world.nodes.values() if n.parts and n.parts.leadership.leads)
        world.move("g", world.number_of(leader))
        await world.until(lambda: world.runs("web") and world.home_of("g") is leader, 3.0, "the leader runs it")
        leader.power_off()
        await world.until(lambda: world.runs("web"), 5.5, "web runs elsewhere")
        assert any(n.parts and n.parts.leadership.leads for n in world.others(leader))

    simulate(story)


@pytest.mark.parametrize("slow", [1, 2])
def test_clocks_that_are_off_by_rho_do_not_let_anything_run_twice(slow: int) -> None:
    async def story(world: World) -> None:
        await world.boot_web()
        world.move("g", 1)
        await world.pass_time(3.0)
        for _ in range(3):
            node = world.home_of("g")
            node.path.cut(into=False)
            await world.pass_time(8.0)
            node.path.heal()
            await world.settled(10.0)

    simulate(story, nodes=2, rates={1: 1 + RHO, 2: 1 - RHO} if slow == 2 else {1: 1 - RHO, 2: 1 + RHO})


def test_what_a_new_service_heard_of_its_former_life_does_not_keep_the_next_one_from_starting() -> None:
    async def story(world: World) -> None:
        world.add_group("g", WEB, possible=(1,))
        world.add_group("h", {"other": ()})  # so that not all hangs on one node, which is never judged by its silence
        await world.boot()
        node = world.nodes[1]
        node.path.change(delay=(0.2, 0.2))
        node.crash_service()
        await world.until(lambda: node.parts and node.parts.monitors.process_of("shared"), 5.0, "it has attached")
        node.path.cut()  # before it has joined
        await world.until(lambda: world.beat(1).life is Life.DEAD, 7.0, "it is declared down")
        assert not world.runs("web")
        node.path.heal()
        await world.settled(10.0)

    simulate(story)


def test_a_release_does_not_wait_for_the_answer_of_a_monitor_that_died() -> None:
    async def story(world: World) -> None:
        node = await world.boot_web()
        target = world.number_of(world.others(node)[0])
        world.want("g", Wanted.OFFLINE)
        await world.settled(5.0)
        node.freeze(monitor=True)
        world.move("g", target)
        await world.until(lambda: world.owner("g").node == target, 10.0, "it is at the target")

    simulate(story)


def test_an_order_that_a_monitor_did_not_read_is_not_waited_for() -> None:
    async def story(world: World) -> None:
        source = await world.boot_web()
        target = world.others(source)[0]
        target.freeze(monitor=True)
        world.move("g", world.number_of(target))
        await world.until(lambda: world.owner("g").node == world.number_of(target), 1.0, "it is at the target")
        await world.pass_time(0.02)
        world.move("g", world.number_of(source))
        await world.until(lambda: world.runs("web"), 10.0, "web runs again")
        await world.settled(10.0)

    simulate(story)
