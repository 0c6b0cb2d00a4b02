"""A real Resource Monitor and a watchdog: patted while the deadline is kept, and left to fire when it is not."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodeagent.monitor.messages import Enforced, Guard, Guarded
from nodeagent.system.clock import SystemClock
from nodeagent.system.watchdog import Watchdog, reset_host
from tests.support.monitors import PATIENCE, SLEEP, RunningMonitor, definition, eventually, kill, wait_for_end

K = 0.6  # seconds
GUARD = Guard(seconds=1.0, most=3.9)


class Device:
    """A stub in the place of the device, in a process of its own, and the process group that it "resets"."""

    def __init__(self, home: Path) -> None:
        self.fifo, self.report = home / "watchdog", home / "report"
        self.machine = subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)
        self._stub = subprocess.Popen(
            [sys.executable, "-m", "tests.support.watchdogstub", self.fifo, self.report, str(self.machine.pid)]
        )
        eventually(self.report, "ready")

    def said(self, text: str) -> float:
        """Wait until the stub has said so; returns when that was."""
        lines = eventually(self.report, text).splitlines()
        return float(next(line for line in lines if line.endswith(text)).split()[0])

    def close(self) -> None:
        for process in (self._stub, self.machine):
            process.kill()
            process.wait(PATIENCE)


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mon") as folder:  # Unix sockets need a short name
        yield Path(folder)


@pytest.fixture
def device(home: Path) -> Iterator[Device]:
    made = Device(home)
    yield made
    made.close()


@pytest.fixture
def monitor(home: Path, device: Device) -> Iterator[RunningMonitor]:
    running = RunningMonitor(home, "shared", {}, f'watchdog = "required"\nwatchdog_device = "{device.fifo}"\n')
    yield running
    running.close()


def test_it_fires_at_the_end_of_k_when_the_monitor_stands_still(monitor: RunningMonitor, device: Device) -> None:
    line = monitor.attach(seconds=30.0)
    line.say(GUARD)
    assert line.next(Guarded) == Guarded(seconds=GUARD.seconds)
    line.start(definition(SLEEP))
    line.online()
    until = SystemClock().steady() + 2.0
    line.permit(seconds=2.0)
    kill(monitor.process.pid, signal.SIGSTOP)
    assert device.said("fired") <= until + K + 0.05
    assert wait_for_end(device.machine.pid)


def test_it_is_patted_on_when_everything_has_stopped_at_the_deadline(monitor: RunningMonitor, device: Device) -> None:
    line = monitor.attach(seconds=30.0)
    line.say(GUARD)
    line.start(definition(SLEEP))
    process = line.online().process_id
    line.permit(seconds=0.5)
    assert wait_for_end(process)
    line.next(Enforced)
    line.say(Guard(seconds=0.5, most=3.9))
    assert device.said("timeout 0.5")
    line.permit(seconds=0.0)
    line.next(Enforced)
    line.permit(seconds=30.0)
    line.online()  # long enough afterwards: it is started again in place, and nothing was reset
    assert device.machine.poll() is None
    assert "fired" not in device.report.read_text(encoding="utf-8")


def test_a_monitor_that_ends_in_order_disarms_it(monitor: RunningMonitor, device: Device) -> None:
    line = monitor.attach(seconds=30.0)
    line.say(GUARD)
    line.next(Guarded)
    monitor.process.terminate()
    monitor.process.wait(PATIENCE)
    assert device.said("disarmed")
    assert device.machine.poll() is None


def test_a_monitor_that_dies_leaves_it_counting(monitor: RunningMonitor, device: Device) -> None:
    line = monitor.attach(seconds=30.0)
    line.say(GUARD)
    line.next(Guarded)
    kill(monitor.process.pid)
    assert device.said("fired")


def test_a_device_that_is_not_there_is_said_to_be_missing(home: Path) -> None:
    running = RunningMonitor(home, "shared", {}, f'watchdog = "preferred"\nwatchdog_device = "{home}/none"\n')
    try:
        line = running.attach(seconds=30.0)
        line.say(GUARD)
        said = line.next(Guarded)
        assert said.seconds == 0
        assert said.why is not None
        assert said.why.code == "watchdog_unusable"
    finally:
        running.close()


def test_a_separate_monitor_leaves_the_watchdog_to_the_shared_one(home: Path, device: Device) -> None:
    running = RunningMonitor(home, "alone", {}, f'watchdog = "required"\nwatchdog_device = "{device.fifo}"\n')
    try:
        line = running.attach(seconds=30.0)
        line.say(GUARD)
        assert line.next(Guarded) == Guarded(seconds=0.0)
    finally:
        running.close()


def test_a_path_that_is_no_device_is_told_its_time_out_in_words(home: Path) -> None:
    path = home / "file"
    path.touch()
    watchdog = Watchdog(path)
    assert watchdog.set_timeout(2.5) == 2.5
    watchdog.pat()
    watchdog.disarm()
    assert path.read_bytes() == b"timeout=2.5\n\0V"


def test_the_machine_is_reset_by_one_letter(home: Path) -> None:
    trigger = home / "trigger"
    trigger.touch()
    reset_host(trigger)
    assert trigger.read_bytes() == b"b"
