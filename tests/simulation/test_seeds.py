"""Random clusters, random faults: nothing runs twice or too long, and afterwards everything is as it is wanted.

A failure prints the seed, what was to happen and what did; `--seed N` replays it.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from nodeagent.planner.timing import PROFILES
from tests.simulation.faults import ANOTHER, LASTS, OWNER, Fault
from tests.simulation.moments import CLAIM, HANDOVER
from tests.simulation.network import USUAL_DELAY
from tests.simulation.plans import Group, Plan, draw, nobody_is_left_to_reset
from tests.simulation.playing import Player, tell
from tests.simulation.running import simulate
from tests.simulation.world import World


def test_nothing_runs_twice_and_everything_comes_back(seed: int) -> None:
    tell(seed)


@pytest.mark.parametrize("number", [3, 7])
def test_the_same_seed_tells_the_same_story(number: int) -> None:
    assert tell(number).timeline == tell(number).timeline


def test_the_stories_of_ci_know_every_kind_of_fault() -> None:
    kinds = {fault.kind for seed in range(1, 201) for fault in draw(seed).faults}
    assert kinds >= set(LASTS)
    of_scenes = {"rare news", "late news", "all late", "slow answers", "service lost", "move to", "shorter times"}
    assert of_scenes | {"unkillable"} <= kinds


def test_only_where_nobody_is_left_to_reset_a_machine_without_a_watchdog_nothing_resists() -> None:
    times = PROFILES["default"]
    resists = Fault(10.0, "unkillable", OWNER, 5.0)
    monitor = Fault(11.0, "monitor frozen", OWNER, 2.0)
    service = Fault(12.0, "service frozen", OWNER, 2.0)
    assert nobody_is_left_to_reset(resists, (resists, monitor, service), times)
    assert not nobody_is_left_to_reset(resists, (resists, monitor), times), "the service resets it"
    assert not nobody_is_left_to_reset(resists, (resists, service), times), "the monitor resets it"
    later = replace(service, at=20.0)
    assert not nobody_is_left_to_reset(resists, (resists, monitor, later), times)
    assert not nobody_is_left_to_reset(monitor, (resists, monitor, service), times), "all else happens"
    drawn = [plan for plan in map(draw, range(1, 1001)) if plan.reset == "sysrq" and plan.watchdog == "off"]
    resisting = [plan for plan in drawn if "unkillable" in (fault.kind for fault in plan.faults)]
    assert len(resisting) > len(drawn) / 2
    assert any(fault.kind.startswith("monitor ") for plan in resisting for fault in plan.faults)


def test_a_fault_can_wait_for_a_step_of_its_node() -> None:
    group = Group("g", {"web": ()}, {}, frozenset(), (), None, {}, {}, {})
    crash = Fault(5.0, "service crash", ANOTHER, scene=1, after=(CLAIM, 0.01))
    plan = Plan(
        2, "default", 8.0, 0.0, (group,), (crash, Fault(6.0, "move to", ANOTHER, scene=1)), None, "off", "never"
    )
    world = simulate(lambda world: Player(world, plan).play(), nodes=2)
    claim = next(place for place, line in enumerate(world.timeline) if line.endswith("epoch 5") and "claimed" in line)
    what, who = world.timeline[claim : claim + 8], world.timeline[claim].split()[1]
    assert any(f"{who}    the service crashes" in line for line in what), what


def test_a_step_that_is_lain_in_wait_for_comes_late_and_its_sender_hears_nothing() -> None:
    async def story(world: World) -> None:
        world.add_group("g", {"web": ()})
        await world.boot()
        source = world.home_of("g")
        source.path.held[HANDOVER] = 1.0
        world.move("g", world.number_of(world.others(source)[0]))
        await world.until(lambda: not source.path.held, 2.0, "the release is sent")
        before = world.owner("g")
        await world.pass_time(0.9)
        assert world.owner("g") == before
        await world.pass_time(0.2)
        assert world.owner("g").epoch > before.epoch
        await world.settled(20.0)

    simulate(story, nodes=2)


def test_the_end_of_a_fault_leaves_what_another_one_has_done_to_the_same_way() -> None:
    async def story(world: World) -> None:
        player = Player(world, Plan(2, "default", 1.0, 0.0, (), (), None, "off", "never"))
        late, cut = Fault(0.0, "late news", 1, 5.0), Fault(0.0, "cut", 1, 1.0)
        world.nodes[1].power_on()
        player._begin(late)
        player._begin(cut)
        player._end(cut)
        path = world.nodes[1].path
        assert not path.cut_in
        assert path.watch_delay[0] > USUAL_DELAY[1]
        player._end(late)
        assert path.watch_delay == USUAL_DELAY

    simulate(story, nodes=2)


def test_a_node_that_its_device_turns_off_after_everything_has_healed_is_switched_on() -> None:
    alone = Group("g", {"slow": ()}, {}, frozenset(), (1,), (1,), {}, {}, {"Start": 5.0})
    plan = Plan(2, "default", 1.0, 0.0, (alone,), (), None, "off", "never")

    async def story(world: World) -> None:
        world.kernel.later(3.0, world.nodes[1].power_off)
        await Player(world, plan).play()
        assert world.nodes[1].boots == 2

    simulate(story, nodes=2)
