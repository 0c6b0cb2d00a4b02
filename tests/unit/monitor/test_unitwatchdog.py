"""The unit's watchdog fires shortly after the deadline, and the kernel's timer before it."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nodeagent.monitor.unitwatchdog import AFTER, SHORTEST, UnitWatchdog
from nodeagent.system.clock import SystemClock
from nodeagent.system.supervisor import Supervisor, watchdog_timeout
from tests.support.agents import short_folder

TIME_OUT = 10.0


class Systemd:
    """What systemd would be told."""

    def __init__(self, folder: Path) -> None:
        self.address = folder / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(0.0)
        self._socket.bind(str(self.address))

    def close(self) -> None:
        self._socket.close()

    def time_out(self) -> float:
        """Return the time-out that is in force, seconds; each message must be a sign of life as well."""
        found = math.nan
        while True:
            try:
                fields = dict(line.split("=") for line in self._socket.recv(1000).decode().splitlines())
            except BlockingIOError:
                return found
            assert fields["WATCHDOG"] == "1"
            found = int(fields["WATCHDOG_USEC"]) / 1e6


@pytest.fixture
def systemd() -> Iterator[Systemd]:
    with short_folder() as folder:
        found = Systemd(folder)
        yield found
        found.close()


@pytest.fixture
def watchdog(systemd: Systemd) -> Iterator[UnitWatchdog]:
    found = UnitWatchdog(SystemClock(), Supervisor(str(systemd.address)), TIME_OUT)
    yield found
    found.disarm()
    found.close()


def test_without_a_deadline_the_units_own_time_out_is_in_force(systemd: Systemd, watchdog: UnitWatchdog) -> None:
    watchdog.live()
    assert systemd.time_out() == TIME_OUT
    watchdog.arm(math.inf)  # a node that is not guarded
    assert systemd.time_out() == TIME_OUT


def test_with_a_deadline_it_fires_shortly_after_it(systemd: Systemd, watchdog: UnitWatchdog) -> None:
    watchdog.arm(SystemClock().steady() + 3.0)
    assert systemd.time_out() == pytest.approx(3.0 + AFTER, abs=0.2)


def test_a_sign_of_life_does_not_put_the_end_off(systemd: Systemd, watchdog: UnitWatchdog) -> None:
    clock = SystemClock()
    moment = clock.steady() + 2.0
    watchdog.arm(moment)
    systemd.time_out()
    watchdog.live()
    assert clock.steady() + systemd.time_out() <= moment + AFTER + 0.01


def test_a_profile_that_survives_long_pauses_has_a_longer_one_than_the_unit(
    systemd: Systemd, watchdog: UnitWatchdog
) -> None:
    watchdog.arm(SystemClock().steady() + 34.0)
    assert systemd.time_out() > 30


def test_a_deadline_that_is_past_does_not_switch_it_off(systemd: Systemd) -> None:
    later = UnitWatchdog(PastClock(), Supervisor(str(systemd.address)), TIME_OUT)
    later._moment = 0.0  # without the kernel's timer, which would end this very process
    later.live()
    assert systemd.time_out() == SHORTEST
    later.close()


class PastClock(SystemClock):
    """One on which every moment has passed."""

    def steady(self) -> float:
        return 1e9


def test_a_kept_deadline_gives_the_units_own_time_out_back(systemd: Systemd, watchdog: UnitWatchdog) -> None:
    watchdog.arm(SystemClock().steady() + 3.0)
    watchdog.disarm()
    assert systemd.time_out() == TIME_OUT


def test_signs_of_life_go_on(systemd: Systemd, watchdog: UnitWatchdog) -> None:
    planned: list[tuple[float, Callable[[], None]]] = []
    watchdog.live_on(lambda seconds, action: planned.append((seconds, action)))
    assert systemd.time_out() == TIME_OUT
    (seconds, action), *_ = planned
    assert seconds <= TIME_OUT / 2
    action()
    assert systemd.time_out() == TIME_OUT
    assert len(planned) == 2


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, 0.0),
        ({"WATCHDOG_USEC": "2500000"}, 2.5),
        ({"WATCHDOG_USEC": "2500000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
    ],
    ids=["none", "ours", "another process's", "nonsense"],
)
def test_the_time_out_is_told_by_the_supervisor(
    variables: dict[str, str], expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert watchdog_timeout() == expected
