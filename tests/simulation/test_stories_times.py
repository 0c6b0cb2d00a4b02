"""Stories of a cluster whose times change while it runs (safety rule P9)."""

from __future__ import annotations

from nodeagent.api.objects import Phase
from nodeagent.planner.timing import PROFILES, UNBOUNDED, bound_for
from tests.simulation.machine import Slow
from tests.simulation.ownerstories import alive, elsewhere, on_a_follower
from tests.simulation.running import simulate
from tests.simulation.world import World

# --- P9: other times while it runs ------------------------------------------------------------------------------


def test_a_node_that_does_not_learn_of_shorter_times_is_waited_for_as_long_as_it_announced() -> None:
    async def story(world: World) -> None:
        node = await on_a_follower(world)
        node.path.change(watch_delay=(60.0, 60.0))
        world.change_profile("fast")
        await world.until(lambda: world.beat(3).self_stop == PROFILES["fast"].self_stop, 5.0, "others announce it")
        node.path.cut()
        await world.pass_time(25.0)  # it still has its permission of 33 s, and runs
        assert world.home_of("g") is node
        assert alive(world, node)
        await world.until(lambda: elsewhere(world, node), 17.0, "it is taken over")
        node.path.heal()
        await world.settled(30.0)

    simulate(story, profile="virtual machines")


def test_shorter_times_are_announced_only_when_the_monitors_have_acknowledged_them() -> None:
    async def story(world: World) -> None:
        node = await on_a_follower(world)
        number = world.number_of(node)
        node.freeze(monitor=True)
        world.change_profile("fast")
        before = world.beat(number).attempt
        await world.until(lambda: world.beat(number).attempt != before, 3.0, "it has said something since")
        assert world.beat(number).self_stop == PROFILES["virtual machines"].self_stop
        node.crash_service(restart=False)
        await world.pass_time(25.0)
        assert alive(world, node)
        await world.until(lambda: elsewhere(world, node), 15.0, "it is taken over")

    simulate(story, profile="virtual machines")


def test_who_cannot_announce_shorter_times_does_not_run_longer_for_trying() -> None:
    async def story(world: World) -> None:
        node = await on_a_follower(world)
        node.path.cut(into=False)  # it hears of everything, and cannot say a word
        await world.pass_time(1.0)
        world.change_profile("fast")
        await world.until(lambda: not world.runs("web"), 3.0, "it has stopped by itself")
        await world.pass_time(30.0)
        assert not world.witness.running(node=node.name)
        await world.until(lambda: world.runs("web"), 15.0, "it is taken over")

    simulate(story, profile="virtual machines")


def test_times_go_there_and_back_without_any_application_noticing() -> None:
    async def story(world: World) -> None:
        await world.boot_web()
        before = world.runs("web")
        for name in ("fast", "default", "virtual machines", "fast", "virtual machines", "default"):
            world.change_profile(name)
            wanted = PROFILES[name].self_stop
            await world.until(lambda: {world.beat(n).self_stop for n in (1, 2, 3)} == {wanted}, 10.0, name)  # noqa: B023
            await world.pass_time(2.0)
        assert world.runs("web") is before

    for seed in range(1, 4):
        simulate(story, seed=seed)


def test_each_change_of_times_holds_when_the_owner_is_cut_off_in_the_middle_of_it() -> None:
    async def story(world: World) -> None:
        node = await on_a_follower(world)
        for name in ("fast", "virtual machines", "default"):
            world.change_profile(name)
            await world.pass_time(world.chance.uniform(0.0, 1.0))
            node.path.cut(into=world.chance.random() < 0.5)
            await world.pass_time(world.chance.uniform(1.0, 50.0))
            node.path.heal()
            await world.settled(60.0)

    for seed in range(1, 7):
        simulate(story, seed=seed)


# --- k: what may take longer to stop ----------------------------------------------------------------------------


def test_a_type_that_takes_longer_to_stop_is_claimed_once_that_is_announced() -> None:
    async def story(world: World) -> None:
        node = await on_a_follower(world)
        number = world.number_of(node)
        for resource in ("s1", "s2"):
            node.container(resource).dies_in = 4.8
        world.add_group("s", {"s1": (), "s2": ()}, kind="Slow", preferred=(number,))
        await world.until(lambda: world.owner("s").phase is Phase.CLAIMED, 5.0, "it is claimed")
        assert world.beat(number).kill_bound == bound_for(Slow.kill_bound)
        await world.until(lambda: world.runs("s1"), 3.0, "it runs")
        node.path.cut()
        await world.until(lambda: world.runs("s1") and world.home_of("s") is not node, 17.0, "it is taken over")

    simulate(story)


def test_what_takes_long_to_stop_has_stopped_in_time_also_when_only_the_kernel_enforces_the_deadline() -> None:
    async def story(world: World) -> None:
        node = await on_a_follower(world)
        node.container("s1").dies_in = Slow.kill_bound
        world.add_group("s", {"s1": ()}, kind="Slow", preferred=(world.number_of(node),))
        await world.until(lambda: world.runs("s1"), 5.0, "it runs")
        node.path.cut()
        node.freeze(service=True, monitor=True)
        await world.until(lambda: world.runs("s1") and world.home_of("s") is not node, 17.0, "it is taken over")

    simulate(story)


def test_a_type_without_a_bound_keeps_its_node_from_being_judged_by_time() -> None:
    async def story(world: World) -> None:
        node = await on_a_follower(world, kind="Boundless")
        number = world.number_of(node)
        assert world.beat(number).kill_bound == UNBOUNDED
        node.path.cut()
        await world.pass_time(60.0)
        assert alive(world, node)
        node.path.heal()
        await world.settled(10.0)
        assert world.home_of("g") is node
        world.move("g", world.number_of(world.others(node)[0]))
        await world.until(lambda: world.beat(number).kill_bound < UNBOUNDED, 10.0, "it holds nothing of that kind")
        node.path.cut()
        await world.until(lambda: not alive(world, node), 6.0, "now time may judge it")

    simulate(story)
