"""Random clusters, random faults: nothing runs twice or too long, and afterwards everything is as it is wanted.

A failure prints the seed, what was to happen and what did; `--seed N` replays it.
"""

from __future__ import annotations

from tests.simulation import faults
from tests.simulation.running import simulate
from tests.simulation.world import BrokenPromise


def test_nothing_runs_twice_and_everything_comes_back(seed: int) -> None:
    plan = faults.draw(seed)
    try:
        simulate(lambda world: faults.play(world, plan), seed=seed, nodes=plan.nodes, profile=plan.profile)
    except BrokenPromise as exc:
        raise BrokenPromise(f"{exc}\n\nthe story of seed {seed}: {plan}") from exc


def test_the_same_seed_tells_the_same_story() -> None:
    plan = faults.draw(3)
    first, second = (
        simulate(lambda world: faults.play(world, plan), seed=3, nodes=plan.nodes, profile=plan.profile)
        for _ in range(2)
    )
    assert first.timeline == second.timeline
