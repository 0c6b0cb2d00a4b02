"""What stands behind the self-stop deadline, by a clock that the test moves: kernel timer, reset, watchdog."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from nodeagent.monitor.backstop import PATS, Backstop, Machine
from nodeagent.monitor.deadline import Armed, Deadline
from nodeagent.monitor.messages import Enforced, Guard, Guarded, Resisting
from nodeagent.planner.timing import UNBOUNDED
from tests.support.surroundings import Clockwork

K = 0.6  # seconds
GUARD = Guard(seconds=2.0, most=3.9)


class Dog:
    """A watchdog device that counts by the test's clock.

    Attributes:
        fires: when it would reset the machine.
    """

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self.timeout = 60.0
        self.shortest = 1.0
        self.fires = float("inf")
        self.ended = ""

    def set_timeout(self, seconds: float) -> float:
        self.timeout = max(seconds, self.shortest)
        self.pat()
        return self.timeout

    def pat(self) -> None:
        self.fires = self._monitor.time + self.timeout

    def disarm(self) -> None:
        self.fires, self.ended = float("inf"), "disarmed"

    def leave(self) -> None:
        self.ended = "left"


@dataclass
class Resource:
    """What the backstop looks at of a held resource."""

    id: str
    armed: Armed = field(default_factory=lambda: Armed("g", 1, 1))
    kind: Any = field(default_factory=lambda: SimpleNamespace(exclusive=True, kill_bound=0.15))
    active: bool = True
    ending_since: float | None = None

    @property
    def running(self) -> bool:
        return self.active


class Monitor(Clockwork):
    """A monitor of which only the clock, the timers and the resources are there."""

    def __init__(self) -> None:
        super().__init__(100.0)
        self.held: list[Resource] = []
        self.said: list[Resisting | Enforced] = []
        self.deadline = Deadline()
        self.resets = 0
        self.others = False
        self.killed_at: float | None = None
        self.dog = Dog(self)
        machine = Machine(
            watchdog=lambda: self.dog,
            device="/dev/watchdog",
            reset=self._reset,
            others_run=lambda: self.others,
            killer=self,
        )
        self.backstop = Backstop(self, self.deadline, machine)

    def _reset(self) -> None:
        self.resets += 1

    def permit(self, seconds: float | None, bound: float = K) -> None:
        until = None if seconds is None else self.time + seconds
        self.deadline.replace(1, until)
        self.backstop.permitted(until, bound)

    # --- the kernel's timer ---

    def arm(self, moment: float) -> None:
        self.killed_at = moment

    def disarm(self) -> None:
        self.killed_at = None

    # --- Around ---

    def exclusive(self) -> Iterable[Any]:
        return self.held

    def say(self, news: Resisting | Enforced) -> None:
        self.said.append(news)


@pytest.fixture
def monitor() -> Monitor:
    return Monitor()


def stop(monitor: Monitor) -> None:
    """Let the deadline be enforced: all of it begins to end."""
    for resource in monitor.held:
        resource.ending_since = monitor.time
    monitor.backstop.enforced()


# --- kernel timer -----------------------------------------------------------------------------------------------


def test_the_kernel_kills_the_monitor_half_of_k_after_the_deadline_unless_it_was_kept(monitor: Monitor) -> None:
    monitor.permit(3.5)
    assert monitor.killed_at == pytest.approx(103.5 + K / 2)
    monitor.pass_time(3.5)
    stop(monitor)
    assert monitor.killed_at is None
    assert monitor.said == [Enforced(until=103.5)]


# --- T + k ------------------------------------------------------------------------------------------------------


def test_what_has_stopped_in_time_resets_nothing(monitor: Monitor) -> None:
    monitor.held = [Resource("a")]
    monitor.permit(1.0)
    monitor.pass_time(1.0)
    stop(monitor)
    monitor.pass_time(K / 2)
    monitor.held[0].active, monitor.held[0].ending_since = False, None
    monitor.pass_time(10.0)
    assert monitor.resets == 0
    assert not any(isinstance(said, Resisting) for said in monitor.said)


def test_what_runs_on_at_the_end_of_k_resets_the_machine(monitor: Monitor) -> None:
    monitor.held = [Resource("a"), Resource("b", active=False)]
    monitor.permit(1.0)
    monitor.pass_time(1.0)
    stop(monitor)
    monitor.held[1].ending_since = None
    monitor.pass_time(K - 0.01)
    assert monitor.resets == 0
    monitor.pass_time(0.02)
    assert monitor.resets == 1
    assert monitor.said[-1] == Resisting(resources=("a",))


def test_a_later_permission_comes_before_the_reset(monitor: Monitor) -> None:
    monitor.held = [Resource("a")]
    monitor.permit(1.0)
    monitor.pass_time(1.0)
    stop(monitor)
    monitor.permit(3.5)
    monitor.pass_time(2.0)
    assert monitor.resets == 0


def test_a_type_that_promises_no_bound_resets_nothing(monitor: Monitor) -> None:
    boundless = SimpleNamespace(exclusive=True, kill_bound=None)
    monitor.held = [Resource("a", kind=boundless)]
    monitor.permit(1.0)
    monitor.pass_time(1.0)
    stop(monitor)
    monitor.pass_time(5.0)
    assert monitor.resets == 0
    assert monitor.backstop.resisting == ("a",)
    assert monitor.backstop.largest_bound() == UNBOUNDED


def test_what_resists_while_there_is_a_permission_is_told_and_taken_back_when_it_has_ended(monitor: Monitor) -> None:
    monitor.held = [Resource("a")]
    monitor.permit(100.0)
    monitor.held[0].ending_since = monitor.time
    monitor.backstop.resists()
    monitor.pass_time(K - 0.05)
    assert monitor.said == []
    monitor.pass_time(0.2)
    assert monitor.said == [Resisting(resources=("a",))]
    monitor.held[0].active, monitor.held[0].ending_since = False, None
    monitor.pass_time(0.2)
    assert monitor.said[-1] == Resisting()
    assert monitor.resets == 0


# --- the watchdog -----------------------------------------------------------------------------------------------


def test_the_watchdog_fires_exactly_at_the_end_of_k_when_something_runs_on(monitor: Monitor) -> None:
    monitor.held = [Resource("a")]
    assert monitor.backstop.guard(GUARD) == Guarded(seconds=2.0)
    monitor.permit(3.5)
    monitor.pass_time(3.5)
    stop(monitor)
    monitor.pass_time(5.0)
    assert monitor.dog.fires == pytest.approx(103.5 + K)


def test_the_watchdog_is_patted_while_permissions_come(monitor: Monitor) -> None:
    monitor.held = [Resource("a")]
    monitor.backstop.guard(GUARD)
    for _ in range(20):
        monitor.permit(3.5)
        monitor.pass_time(0.5)
        assert monitor.dog.fires > monitor.time + GUARD.seconds * (1 - 1 / PATS) - 0.01
        assert monitor.dog.fires <= monitor.deadline.until + K + 0.001


def test_the_watchdog_is_patted_again_as_soon_as_everything_has_stopped(monitor: Monitor) -> None:
    monitor.held = [Resource("a")]
    monitor.backstop.guard(GUARD)
    monitor.permit(3.5)
    monitor.pass_time(3.5)
    stop(monitor)
    monitor.pass_time(0.1)
    monitor.held[0].active = False
    monitor.pass_time(60.0)
    assert monitor.dog.fires > monitor.time


def test_the_watchdog_is_not_patted_for_what_another_monitor_lets_run(monitor: Monitor) -> None:
    monitor.backstop.guard(GUARD)
    monitor.permit(3.5)
    monitor.others = True
    monitor.pass_time(10.0)
    assert monitor.dog.fires == pytest.approx(103.5 + K)


def test_nothing_starts_that_the_watchdog_would_not_end_in_time(monitor: Monitor) -> None:
    monitor.backstop.guard(GUARD)
    monitor.permit(1.0)
    monitor.pass_time(1.35)  # nothing runs, so it is patted all the same
    monitor.permit(0.5)  # a late permission: 0.5 s are left of it
    assert not monitor.backstop.may_start()
    monitor.permit(3.5)
    assert monitor.backstop.may_start()


def test_a_watchdog_that_is_too_slow_for_the_heartbeats_is_let_go(monitor: Monitor) -> None:
    monitor.dog.shortest = 30.0
    said = monitor.backstop.guard(GUARD)
    assert said.seconds == 0
    assert said.why is not None
    assert said.why.code == "watchdog_too_slow"
    assert monitor.dog.ended == "disarmed"
    assert monitor.backstop.may_start()


def test_a_watchdog_in_use_stays_as_it_was_when_other_times_are_too_short_for_it(monitor: Monitor) -> None:
    monitor.backstop.guard(GUARD)
    monitor.dog.shortest = 2.0
    said = monitor.backstop.guard(Guard(seconds=1.0, most=1.6))
    assert (said.seconds, monitor.dog.timeout, monitor.dog.ended) == (2.0, 2.0, "")


def test_a_machine_without_a_watchdog_says_so(monitor: Monitor) -> None:
    def none() -> Any:
        raise OSError(errno.ENOENT, "No such file or directory")

    backstop = Backstop(monitor, monitor.deadline, Machine(watchdog=none, device="/dev/watchdog"))
    said = backstop.guard(GUARD)
    assert said.seconds == 0
    assert said.why is not None
    assert said.why.parameters == {"path": "/dev/watchdog", "detail": "No such file or directory"}
    assert Backstop(monitor, monitor.deadline, Machine()).guard(GUARD) == Guarded(seconds=0.0)


@pytest.mark.parametrize(("runs", "ended"), [(True, "left"), (False, "disarmed")])
def test_the_watchdog_is_disarmed_at_the_end_only_when_nothing_runs(
    monitor: Monitor, *, runs: bool, ended: str
) -> None:
    monitor.held = [Resource("a", active=runs)]
    monitor.backstop.guard(GUARD)
    monitor.backstop.close()
    assert monitor.dog.ended == ended
