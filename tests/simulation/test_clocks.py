"""Clocks whose rates are off by more than rho: something runs twice, and the simulation finds it."""

from __future__ import annotations

from tests.simulation.mutations import is_overlap
from tests.simulation.mutationstories import cut_off
from tests.simulation.running import simulate
from tests.simulation.world import BrokenPromise

BEYOND = 0.2  # two hundred times rho


def test_a_clock_that_is_much_too_slow_lets_something_run_twice_and_that_is_found() -> None:
    found = []
    for slow in (1, 2, 3):
        try:
            simulate(cut_off, rates={node: 1 - BEYOND if node == slow else 1 + BEYOND for node in (1, 2, 3)})
        except BrokenPromise as exc:
            found.append(is_overlap(str(exc)))
    assert found == [True]  # the one that the group runs on
