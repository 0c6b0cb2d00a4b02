"""Random clusters, random faults: nothing runs twice or too long, and afterwards everything is as it is wanted.

A failure prints the seed, what was to happen and what did; `--seed N` replays it.
"""

from __future__ import annotations

import pytest

from tests.simulation.faults import LASTS
from tests.simulation.plans import Group, Plan, draw
from tests.simulation.playing import Player, tell
from tests.simulation.running import simulate
from tests.simulation.scenes import SCENES
from tests.simulation.world import World


def test_nothing_runs_twice_and_everything_comes_back(seed: int) -> None:
    tell(seed)


@pytest.mark.parametrize("number", [3, 7])
def test_the_same_seed_tells_the_same_story(number: int) -> None:
    assert tell(number).timeline == tell(number).timeline


def test_the_stories_of_ci_know_every_kind_of_fault() -> None:
    kinds = {fault.kind for seed in range(1, 201) for fault in draw(seed).faults}
    assert kinds >= set(LASTS)
    assert {"rare news", "all late", "slow answers", "service lost", "move to", "unkillable"} <= kinds
    assert len(SCENES) == len({scene.__name__ for scene in SCENES})


def test_a_node_that_its_device_turns_off_after_everything_has_healed_is_switched_on() -> None:
    alone = Group("g", {"slow": ()}, {}, frozenset(), (1,), (1,), {}, {}, {"Start": 5.0})
    plan = Plan(2, "default", 1.0, 0.0, (alone,), (), None, "off", "never")

    async def story(world: World) -> None:
        world.kernel.later(3.0, world.nodes[1].power_off)
        await Player(world, plan).play()
        assert world.nodes[1].boots == 2

    simulate(story, nodes=2)
