"""Timers run once, in order, and cancelled ones do not pile up."""

from __future__ import annotations

import math

from nodeagent.monitor.timers import FEW, Timers


def run(timers: Timers, now: float) -> None:
    for action in timers.due(now):
        action()


def test_what_is_due_runs_in_the_order_of_its_moments() -> None:
    timers, ran = Timers(), list[int]()
    for moment in (3, 1, 2, 5):
        timers.at(moment, lambda moment=moment: ran.append(moment))  # type: ignore[misc]
    run(timers, 3)
    assert ran == [1, 2, 3]
    assert timers.next() == 5


def test_a_cancelled_one_does_not_run_even_when_the_one_before_it_cancels_it() -> None:
    timers, ran = Timers(), list[str]()
    second = timers.at(2, lambda: ran.append("second"))
    timers.at(1, second.cancel)
    run(timers, 5)
    assert ran == []
    assert timers.next() == math.inf


def test_what_is_added_by_one_that_runs_waits_for_the_next_turn() -> None:
    timers, ran = Timers(), list[str]()

    def add() -> None:
        timers.at(0, lambda: ran.append("added"))

    timers.at(1, add)
    run(timers, 5)
    assert ran == []
    run(timers, 5)
    assert ran == ["added"]


def test_cancelled_ones_do_not_pile_up() -> None:
    timers = Timers()
    for moment in range(100_000):
        timers.at(1000 + moment, lambda: None).cancel()
    assert len(timers) <= FEW + 1
    assert timers.next() == math.inf


def test_cancelling_twice_or_after_it_ran_is_nothing() -> None:
    timers, ran = Timers(), list[str]()
    timer = timers.at(1, lambda: ran.append("ran"))
    run(timers, 1)
    timer.cancel()
    timer.cancel()
    assert ran == ["ran"]
    assert len(timers) == 0
