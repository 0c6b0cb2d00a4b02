"""Time on the node, as far as it can be told without waiting."""

import select
import time
from dataclasses import dataclass

import pytest

from nodeagent.system import clock as clock_module
from nodeagent.system.clock import MonotonicTimer, SystemClock, boot_identity


@dataclass
class SetClock:
    now: float = 100.0

    def steady(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now


def readable(timer: MonotonicTimer, seconds: float = 0.0) -> bool:
    return bool(select.select([timer], [], [], seconds)[0])


def test_the_steady_clock_never_goes_back() -> None:
    clock = SystemClock()
    readings = [clock.steady() for _ in range(1000)]
    assert readings == sorted(readings)


def test_two_processes_read_the_same_steady_clock_to_a_millisecond() -> None:
    one, other = SystemClock(), SystemClock()
    assert abs(other.steady() - one.steady()) < 0.1  # the two were not asked at the same moment
    assert abs(one._suspended - other._suspended) < 1_000_000


def test_time_spent_suspended_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SystemClock()
    before = clock.steady()
    asleep = clock._suspended + 3600 * 10**9
    monkeypatch.setattr(clock_module, "_suspended", lambda: asleep)
    assert clock.steady() - before >= 3600


def test_an_offset_read_with_an_interruption_in_between_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([0, 5_000_000, 2_000_000, 10_000_000, 40_000_000, 10_000_100])
    monkeypatch.setattr(time, "clock_gettime_ns", lambda _: next(readings))
    assert clock_module._suspended() == 29_999_950


def test_a_timer_is_not_due_before_its_deadline_however_often_it_wakes() -> None:
    clock = SetClock()
    with MonotonicTimer(clock) as timer:
        timer.arm(100.001)
        assert readable(timer, 5)
        assert not timer.due()  # by the steady clock nothing has passed: it is armed again
        assert readable(timer, 5)
        clock.now = 100.001
        assert timer.due()


def test_a_deadline_in_the_past_is_due_at_once() -> None:
    with MonotonicTimer(SetClock()) as timer:
        timer.arm(99.0)
        assert readable(timer, 5)
        assert timer.due()


def test_a_disarmed_timer_is_not_due() -> None:
    with MonotonicTimer(SetClock()) as timer:
        timer.arm(99.0)
        assert readable(timer, 5)
        timer.disarm()
        assert timer.deadline is None
        assert not readable(timer)
        assert not timer.due()


def test_a_later_deadline_replaces_the_earlier_one() -> None:
    with MonotonicTimer(SetClock()) as timer:
        timer.arm(99.0)
        timer.arm(200.0)
        assert timer.deadline == 200.0
        assert not timer.due()


def test_a_life_of_the_machine_is_named_by_boot_id_and_the_start_of_process_1() -> None:
    boot, _, started = boot_identity().partition("/")
    assert len(boot) == 36
    assert started.isdecimal()
