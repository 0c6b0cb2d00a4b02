"""Stories of a node as owner: what does not stop, the watchdog, unguarded nodes, and leaving what does not go well."""

from __future__ import annotations

from typing import ClassVar

import pytest
from msgspec.structs import replace

from nodeagent.api.objects import Phase
from nodeagent.planner.timing import PROFILES
from nodeagent.resourcetypes.base import Running
from tests.simulation.machine import Application, Settings
from tests.simulation.node import Node
from tests.simulation.ownerstories import alive, elsewhere, on_a_follower
from tests.simulation.running import simulate
from tests.simulation.world import WEB, World

# --- P7: what does not stop -------------------------------------------------------------------------------------


def test_a_group_that_does_not_stop_is_stuck_until_it_does_and_then_goes_where_it_was_to_go() -> None:
    async def story(world: World) -> None:
        node = await on_a_follower(world)
        number, target = world.number_of(node), world.others(node)[0]
        node.container("web").unkillable = True
        world.move("g", world.number_of(target))
        await world.until(lambda: world.owner("g").phase is Phase.STUCK, 30.0, "it is stuck")
        assert world.beat(number).unclean
        node.container("web").unkillable = False
        await world.until(lambda: world.runs("web") and world.home_of("g") is target, 10.0, "it has arrived")
        await world.until(lambda: not world.beat(number).unclean, 2.0, "the node is clean again")
        await world.settled(10.0)

    simulate(story)


def test_a_node_that_has_shown_it_is_unclean_is_not_taken_over_by_time_and_is_after_its_next_boot() -> None:
    async def story(world: World) -> None:
        node = await on_a_follower(world)
        number = world.number_of(node)
        node.container("web").unkillable = True
        node.crash_monitor()
        await world.until(lambda: world.beat(number).unclean, 15.0, "it says that it is unclean")
        node.path.cut()
        await world.pass_time(60.0)
        assert alive(world, node)
        node.power_off()
        await world.pass_time(30.0)
        assert alive(world, node)
        node.path.heal()
        node.power_on()
        await world.settled(30.0)

    simulate(story)


def test_a_service_that_is_started_again_says_too_that_its_node_is_unclean() -> None:
    async def story(world: World) -> None:
        node = await on_a_follower(world)
        number = world.number_of(node)
        node.container("web").unkillable = True
        node.crash_monitor()
        node.crash_service()
        await world.until(lambda: world.beat(number).unclean, 15.0, "it says that it is unclean")
        node.container("web").unkillable = False
        await world.until(lambda: not world.beat(number).unclean, 10.0, "it is clean")
        await world.settled(20.0)

    for seed in range(1, 4):
        simulate(story, seed=seed)


def allowed_to_reset(world: World) -> None:
    for node in world.nodes.values():
        node.settings = replace(node.settings, reset="sysrq")


async def is_reset(world: World, node: Node) -> None:
    """See that the machine is reset once, by its deadline, and that all is well when it has booted."""
    boots = node.boots
    await world.until(lambda: not node.on, 4.3, "it is reset")
    await world.until(lambda: elsewhere(world, node), 3.0, "it is taken over")
    node.path.heal()
    await world.until(lambda: node.on, 10.0, "it has booted")
    await world.settled(30.0)
    assert node.boots == boots + 1


def test_what_cannot_be_stopped_at_the_deadline_resets_the_machine_where_that_is_allowed() -> None:
    async def story(world: World) -> None:
        node = await on_a_follower(world)
        node.container("web").unkillable = True
        node.path.cut()
        await is_reset(world, node)

    simulate(story, prepare=allowed_to_reset)


@pytest.mark.parametrize("crash", [False, True], ids=["the same service", "a service that was started again"])
def test_so_does_what_a_dead_monitor_left(crash: bool) -> None:
    async def story(world: World) -> None:
        node = await on_a_follower(world)
        node.container("web").unkillable = True
        node.path.cut()
        await world.pass_time(0.5)
        if crash:
            node.crash_service()
        node.crash_monitor()
        await is_reset(world, node)

    for seed in range(1, 5):
        simulate(story, seed=seed, prepare=allowed_to_reset)


def test_nothing_is_reset_as_long_as_the_node_can_say_that_it_is_unclean() -> None:
    async def story(world: World) -> None:
        node = await on_a_follower(world)
        boots = node.boots
        node.container("web").unkillable = True
        node.crash_monitor()
        await world.until(lambda: world.beat(world.number_of(node)).unclean, 10.0, "it says so")
        await world.pass_time(15.0)
        assert node.boots == boots
        node.container("web").unkillable = False
        await world.settled(30.0)

    simulate(story, prepare=allowed_to_reset)


# --- P8: the second enforcer ------------------------------------------------------------------------------------


def test_a_monitor_that_misses_the_deadline_is_killed_by_its_service() -> None:
    def without_kernel_timer(world: World) -> None:
        for node in world.nodes.values():
            node.kernel_kills = False

    async def story(world: World) -> None:
        node = await on_a_follower(world)
        node.path.cut()
        await world.pass_time(3.0)
        node.freeze(monitor=True)  # too late to be noticed by a permission that is not acknowledged
        await world.pass_time(2.0)
        assert not world.witness.running("web", node.name)
        node.path.heal()
        await world.settled(20.0)

    for seed in range(1, 4):
        simulate(story, seed=seed, prepare=without_kernel_timer)


# --- P10: the watchdog ------------------------------------------------------------------------------------------


def with_watchdog(world: World) -> None:
    for node in world.nodes.values():
        node.settings = replace(node.settings, watchdog="required")
        node.kernel_kills = False


def test_the_watchdog_resets_a_machine_on_which_nothing_of_ours_goes_on() -> None:
    async def story(world: World) -> None:
        node = await on_a_follower(world)
        assert world.beat(world.number_of(node)).watchdog == PROFILES["default"].watchdog
        node.freeze(service=True, monitor=True)
        await world.until(lambda: not node.on, 4.2, "it is reset")
        await world.until(lambda: world.runs("web"), 5.0, "it is taken over")
        await world.settled(30.0)

    for seed in range(1, 4):
        simulate(story, seed=seed, prepare=with_watchdog)


def test_the_watchdog_leaves_machines_alone_that_stop_when_the_database_is_away() -> None:
    async def story(world: World) -> None:
        home = await world.boot_web()
        world.cut_everybody()
        await world.pass_time(30.0)
        assert not world.runs("web")
        world.heal_everybody()
        await world.settled(10.0)
        assert world.home_of("g") is home
        assert [node.watchdog.resets for node in world.nodes.values()] == [0, 0, 0]

    simulate(story, prepare=with_watchdog)


def test_the_watchdog_follows_the_cluster_s_times() -> None:
    async def story(world: World) -> None:
        node = await on_a_follower(world)
        for name in ("fast", "virtual machines", "fast", "default"):
            world.change_profile(name)
            wanted = PROFILES[name].watchdog
            await world.until(lambda: {world.beat(n).watchdog for n in (1, 2, 3)} == {wanted}, 10.0, name)  # noqa: B023
        node.freeze(service=True, monitor=True)
        await world.until(lambda: not node.on, 4.2, "it is reset")
        await world.settled(30.0)
        assert [one.watchdog.resets for one in world.others(node)] == [0, 0]

    simulate(story, prepare=with_watchdog)


def test_without_a_required_watchdog_a_node_does_not_join() -> None:
    def one_without(world: World) -> None:
        with_watchdog(world)
        world.nodes[2].watchdog.present = False
        world.nodes[3].watchdog.shortest = 60.0

    async def story(world: World) -> None:
        world.add_group("g", WEB)
        for node in world.nodes.values():
            node.power_on()
        await world.until(lambda: world.runs("web"), 10.0, "the first node runs it")
        await world.pass_time(5.0)
        assert {key for key in world.network.database.entries if key.startswith("heartbeats/")} == {"heartbeats/1"}
        world.nodes[2].watchdog.present = True
        await world.until(lambda: "heartbeats/2" in world.network.database.entries, 5.0, "it has one now")

    simulate(story, prepare=one_without)


# --- unguarded nodes --------------------------------------------------------------------------------------------


def test_a_node_alone_goes_on_without_its_database_and_becomes_guarded_when_another_joins() -> None:
    async def story(world: World) -> None:
        first, second = world.nodes[1], world.nodes[2]
        world.add_group("g", WEB)
        first.power_on()
        await world.until(lambda: world.runs("web"), 10.0, "it runs")
        assert world.beat(1).self_stop == 0
        before = world.runs("web")
        first.path.cut()
        await world.pass_time(60.0)
        first.path.heal()
        assert world.runs("web") is before
        second.power_on()
        await world.until(lambda: world.beat(1).self_stop > 0, 10.0, "it is guarded")
        assert world.runs("web") is before
        first.path.cut()
        await world.until(lambda: world.runs("web") and world.home_of("g") is second, 7.0, "it is taken over")
        first.path.heal()
        await world.settled(20.0)

    simulate(story, nodes=2)


def test_a_node_that_learns_late_that_it_is_no_longer_alone_is_not_taken_over() -> None:
    async def story(world: World) -> None:
        first, second = world.nodes[1], world.nodes[2]
        world.add_group("g", WEB)
        first.power_on()
        await world.until(lambda: world.runs("web"), 10.0, "it runs")
        before = world.runs("web")
        first.path.cut()
        second.power_on()
        await world.pass_time(60.0)
        assert world.runs("web") is before
        first.path.heal()
        await world.until(lambda: world.beat(1).self_stop > 0, 10.0, "it is guarded")
        await world.settled(10.0)
        assert world.runs("web") is before

    simulate(story, nodes=2)


# --- leaving what does not go well ------------------------------------------------------------------------------


def test_a_group_leaves_a_node_on_which_it_has_to_stop_by_itself_again_and_again() -> None:
    async def story(world: World) -> None:
        node = await on_a_follower(world)
        for _ in range(4):
            if not world.runs("web") or world.home_of("g") is not node:
                break
            node.path.cut()
            await world.pass_time(4.0)
            node.path.heal()
            await world.pass_time(1.0)
        await world.until(lambda: elsewhere(world, node), 5.0, "it has moved away")
        assert alive(world, node)
        await world.settled(10.0)

    simulate(story)


def test_a_group_that_its_new_owner_does_not_claim_is_given_to_another() -> None:
    async def story(world: World) -> None:
        world.add_group("g", WEB, policy={"PendingTimeout": 5000})
        await world.boot()
        source = world.home_of("g")
        lame = world.others(source)[0]
        assert lame.parts is not None
        lame.parts.executor._owning.is_covered = lambda group: False  # type: ignore[method-assign]
        world.move("g", world.number_of(lame))
        await world.until(lambda: world.runs("web") and world.home_of("g") is not lame, 50.0, "another has it")

    simulate(story)


def test_a_node_that_can_start_no_monitor_lets_its_groups_go() -> None:
    async def story(world: World) -> None:
        node = await on_a_follower(world)
        node.monitors_start = False
        node.crash_monitor()
        await world.until(lambda: elsewhere(world, node), 40.0, "another has it")
        assert alive(world, node)

    simulate(story)


def test_a_node_that_lost_its_directories_proves_that_nothing_runs_and_begins_a_new_life() -> None:
    async def story(world: World) -> None:
        node = await on_a_follower(world)
        number = world.number_of(node)
        node.wipe()
        await world.until(lambda: world.beat(number).incarnation == 2, 10.0, "it has joined anew")
        await world.settled(10.0)
        assert len(node.monitors) == 1

    for seed in range(1, 4):
        simulate(story, seed=seed)


def test_a_node_that_cannot_prove_that_its_former_life_has_ended_says_so_and_is_not_taken_over() -> None:
    async def story(world: World) -> None:
        node = await on_a_follower(world)
        number = world.number_of(node)
        node.container("web").unkillable = True
        node.wipe()
        await world.until(lambda: world.beat(number).unclean, 10.0, "it says so")
        await world.pass_time(30.0)
        assert alive(world, node)
        node.container("web").unkillable = False
        await world.until(lambda: world.beat(number).incarnation == 2, 10.0, "it has joined anew")
        assert not world.beat(number).unclean
        await world.settled(20.0)

    for seed in range(1, 4):
        simulate(story, seed=seed)


def test_a_node_that_takes_long_to_join_again_has_not_stood_still() -> None:
    async def story(world: World) -> None:
        node = await on_a_follower(world)
        node.path.cut()
        await world.until(lambda: not alive(world, node), 6.0, "it is declared down")
        node.path.heal()
        node.path.change(delay=(0.2, 0.2))
        told = "declared down; it stops everything"
        await world.until(lambda: any(told in line for line in world.timeline), 5.0, "it knows")
        node.path.cut()
        await world.pass_time(8.0)
        node.path.heal()
        await world.until(lambda: alive(world, node), 10.0, "it has joined again")
        await world.settled(30.0)
        assert not [line for line in world.timeline if "stood still" in line]

    simulate(story)


def test_what_starts_with_an_address_is_made_ready_once_and_while_that_is_asked_for() -> None:
    world_of_it: list[World] = []
    looked: list[bool] = []

    class Looking(Application):
        """Knows whether its address was there when it was made ready."""

        name: ClassVar[str] = "Looking"

        def prepare(self, mine: Settings) -> Running:
            """See ApplicationType."""
            looked.append(bool(world_of_it[0].runs("address")))
            return super().prepare(mine)

    async def story(world: World) -> None:
        world_of_it[:] = [world]
        world.types[Looking.name] = Looking()
        kinds = {"address": "Address", "server": Looking.name}
        world.add_group("g", {"address": (), "server": ("address",)}, kinds=kinds)
        await world.boot()
        looked.clear()
        home = world.home_of("g")
        target = world.others(home)[0]
        world.move("g", world.number_of(target))
        await world.until(lambda: world.runs("server") and world.home_of("g") is target, 5.0, "it has arrived")

    seen = []
    for seed in range(1, 9):  # asking takes longer than to make ready in some of them
        simulate(story, seed=seed)
        seen.append(list(looked))
    assert [False] in seen, "beside the asking, and used"
    assert all(len(one) == 1 for one in seen), "what was not ready yet was waited for"
