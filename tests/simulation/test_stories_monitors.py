"""Stories of groups that several Resource Monitors hold, and of services that are started again."""

from __future__ import annotations

from nodeagent.api.objects import ResourceState
from tests.simulation.mutationstories import wiped_without_a_monitor
from tests.simulation.running import simulate
from tests.simulation.world import WEB, World

CHAIN = {"address": (), "web": ("address",), "mail": ("web",)}


def test_after_a_self_stop_the_order_of_dependencies_is_kept_across_monitors() -> None:
    async def story(world: World) -> None:
        world.add_group("g", CHAIN, kinds={"address": "Address"}, separate={"web"})
        await world.boot()
        before, home = world.runs("web"), world.home_of("g")
        world.cut_everybody()
        await world.until(lambda: not world.runs("mail") and not world.runs("web"), 5.0, "all has stopped by itself")
        await world.pass_time(5.0)
        world.heal_everybody()
        await world.until(lambda: world.runs("mail"), 3.0, "all runs again")  # the witness looks at the order
        assert world.runs("web") is not before
        assert world.home_of("g") is home
        await world.settled(5.0)

    for seed in range(1, 5):
        simulate(story, seed=seed)


def test_what_a_former_service_said_late_does_not_stay() -> None:
    async def story(world: World) -> None:
        world.add_group("g", {"address": ()}, kinds={"address": "Address"})
        await world.boot()
        node = world.home_of("g")
        node.path.late = 1.0  # what is lost comes late
        node.path.cut()
        await world.until(lambda: not world.runs("address"), 4.2, "it has stopped by itself")
        await world.pass_time(0.1)
        node.path.heal()
        await world.until(lambda: world.runs("address"), 2.0, "it runs again")
        node.crash_service()
        await world.pass_time(25.0)  # what was lost has come by then
        address = world.record("address")
        assert address is not None
        assert address.state is ResourceState.ONLINE

    for seed in range(1, 9):
        simulate(story, seed=seed)


def test_a_node_whose_directories_are_wiped_gives_its_addresses_back_before_its_next_life() -> None:
    async def story(world: World) -> None:
        world.add_group("g", {"address": ()}, kinds={"address": "Address"})
        await world.boot()
        node = world.home_of("g")
        world.pause(world.number_of(node), paused=True)
        node.wipe()
        await world.pass_time(5.0)
        assert world.home_of("g") is not node
        await world.settled(20.0)

    for seed in range(1, 5):
        simulate(story, seed=seed, profile="virtual machines")  # whose permissions last


def test_what_a_dead_monitor_has_left_of_an_address_is_found_without_notes() -> None:
    for seed in range(1, 5):
        simulate(wiped_without_a_monitor, seed=seed, profile="virtual machines")  # whose permissions last


def test_nothing_starts_on_what_died_with_its_monitor_while_another_resource_of_that_is_slow_to_die() -> None:
    async def story(world: World) -> None:
        for node in world.nodes.values():
            node.slow.add("slow")
        world.add_group("g", WEB, preferred=(1,), separate={"web"})
        world.add_group("h", {"slow": ()}, preferred=(1,), kind="Slow")
        await world.boot()
        before, node = world.runs("web"), world.home_of("g")
        assert node is world.home_of("h")
        node.crash_monitor()
        await world.until(lambda: not world.runs("address") and not world.runs("web"), 0.5, "both are gone")
        await world.settled(20.0)  # the witness looks at the order
        assert world.runs("web") is not before

    for seed in range(1, 9):
        simulate(story, seed=seed)


def test_a_program_that_was_killed_before_it_ran_does_not_run_when_it_waits_for_a_device() -> None:
    async def story(world: World) -> None:
        world.add_group("g", {"web": ()}, preferred=(1,), parameters={"Start": 1.0})
        node = world.nodes[1]
        for other in world.nodes.values():
            other.power_on()
            await world.pass_time(0.05)
        container = node.container("web")
        await world.until(lambda: container.inside, 10.0, "it is about to run")
        container.unkillable = True
        node.crash_monitor()
        await world.pass_time(10.0)
        assert not world.runs("web")
        assert not container.is_empty()
        container.unkillable = False
        await world.settled(20.0)

    simulate(story)


def test_a_monitor_that_stands_still_is_replaced_on_a_node_that_is_alone_too() -> None:
    """It has no deadline that would end it, and nobody else who could take over."""

    async def story(world: World) -> None:
        node = await world.boot_web()
        await world.pass_time(30.0)
        before = world.runs("web")
        assert before is not None
        node.freeze(monitor=True)
        await world.until(lambda: world.runs("web") not in (None, before), 30.0, "it runs again, under another one")
        await world.settled(10.0)

    simulate(story, nodes=1)


def test_a_monitor_that_stands_still_for_a_moment_is_left_alone_where_nobody_waits_for_it() -> None:
    async def story(world: World) -> None:
        node = await world.boot_web()
        before = world.runs("web")
        for _ in range(10):
            node.freeze(monitor=True)
            await world.pass_time(5.0)
            node.thaw()
            await world.pass_time(2.0)
        assert world.runs("web") is before

    simulate(story, nodes=1)
