"""Random clusters, random faults: nothing runs twice or too long, and afterwards everything is as it is wanted.

A failure prints the seed, what was to happen and what did; `--seed N` replays it.
"""

from __future__ import annotations

import pytest

from tests.simulation.faults import LASTS, SCENES, draw
from tests.simulation.playing import tell


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
