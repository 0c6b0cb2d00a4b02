"""Restarts in a sliding window, and the pause between them."""

from __future__ import annotations

import signal

import pytest

from nodeagent.monitor.failures import CRASH_LOOP_DELAYS, KILLS_IN_A_ROW, MOST_REMEMBERED, Failures
from nodeagent.planner.policies import Policy, RestartAction
from nodeagent.system.processes import ExitStatus


def test_three_restarts_are_allowed_in_fifteen_minutes_and_a_fourth_later() -> None:
    failures = Failures()
    assert [failures.add(Policy(), now) for now in (0, 1, 2, 3)] == [True, True, True, False]
    assert failures.add(Policy(), 902)


def test_a_high_threshold_does_not_remember_without_end() -> None:
    failures, policy = Failures(), Policy(threshold=2**32 - 1, period=4_294_967.0)
    assert all(failures.add(policy, now / 1000) for now in range(3 * MOST_REMEMBERED))
    assert failures.used(policy, 3 * MOST_REMEMBERED / 1000) == MOST_REMEMBERED


@pytest.mark.parametrize(
    ("status", "lived", "waits"),
    [
        (ExitStatus(code=0), 0.5, True),
        (ExitStatus(code=1), 0.5, True),
        (ExitStatus(signal=signal.SIGSEGV), 0.5, True),
        (ExitStatus(signal=signal.SIGKILL), 0.5, False),
        (ExitStatus(signal=signal.SIGKILL), 0.01, False),
        (ExitStatus(code=1), 1.5, False),
        (ExitStatus(), 0.5, False),
    ],
)
def test_only_a_program_that_ends_by_itself_at_once_waits(status: ExitStatus, lived: float, waits: bool) -> None:
    failures = Failures()
    failures.ended(status, lived)
    assert (failures.delay > 0) is waits


def test_a_loop_of_kills_waits_a_little_at_last() -> None:
    failures = Failures()
    for _ in range(KILLS_IN_A_ROW):
        failures.ended(ExitStatus(signal=signal.SIGKILL), 0.01)
        assert failures.delay == 0
    failures.ended(ExitStatus(signal=signal.SIGKILL), 0.01)
    assert failures.delay > 0


def test_the_pause_grows_to_its_limit_and_a_long_life_ends_it() -> None:
    failures = Failures()
    for expected in (*CRASH_LOOP_DELAYS[1:], CRASH_LOOP_DELAYS[-1]):
        failures.ended(ExitStatus(code=1), 0.0)
        assert failures.delay == expected
    failures.ended(ExitStatus(code=1), 2.0)
    assert failures.delay == 0


def test_a_single_self_stop_moves_nothing_and_one_too_many_does() -> None:
    failures = Failures()
    assert not any(failures.flapping(Policy(), now) for now in range(3))
    for now in range(3):
        failures.stopped_by_itself(Policy(), now)
        assert not failures.flapping(Policy(), now)
    failures.stopped_by_itself(Policy(), 3)
    assert failures.flapping(Policy(), 3)
    assert not failures.flapping(Policy(), 903)


def test_self_stops_and_other_failures_count_together() -> None:
    failures = Failures()
    assert all(failures.add(Policy(), now) for now in (0, 1, 2))
    failures.stopped_by_itself(Policy(), 3)
    assert not failures.flapping(Policy(), 3)  # the first one by itself: perhaps the database was away for everybody
    failures.stopped_by_itself(Policy(), 4)
    assert failures.flapping(Policy(), 4)
    failures.forget()
    assert not failures.flapping(Policy(), 4)


def test_what_may_not_affect_its_group_never_asks_to_leave_the_node() -> None:
    failures, policy = Failures(), Policy(action=RestartAction.RESTART)
    for now in range(10):
        failures.stopped_by_itself(policy, now)
    assert not failures.flapping(policy, 10)
