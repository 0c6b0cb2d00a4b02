"""A program in the place of a watchdog device: reads a FIFO, and kills what it guards when nobody pats it in time.

python -m tests.support.watchdogstub FIFO REPORT WHAT: WHAT is a process number, or a cgroup's directory (a lab host).
It writes what happens into REPORT, a line each, with the steady time. See `nodeagent.system.watchdog` for the bytes.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import sys
from pathlib import Path

from nodeagent.system.clock import SystemClock

UNTOLD = 60.0  # seconds of time-out until another one is set


class Stub:
    """The device. Whoever closes it without a "V" leaves it counting."""

    def __init__(self, fifo: Path, report: Path, what: str) -> None:
        self._clock = SystemClock()
        self._report = report
        self._what = what
        self._timeout = UNTOLD
        self._fires = math.inf
        self._unread = b""
        fifo.unlink(missing_ok=True)
        os.mkfifo(fifo, 0o600)
        self._file = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)  # as a writer too, so that it never ends

    def run(self) -> None:
        """Count until it fires."""
        self._say("ready")
        while True:
            left = self._fires - self._clock.steady()
            if left <= 0:
                self._fire()
                return
            if select.select([self._file], [], [], None if math.isinf(left) else left)[0]:
                self._take(os.read(self._file, 4096))

    def _take(self, data: bytes) -> None:
        self._unread += data
        while self._unread:
            if self._unread.startswith(b"timeout="):
                line, end, rest = self._unread.partition(b"\n")
                if not end:
                    return
                self._timeout, self._unread = float(line.removeprefix(b"timeout=")), rest
                self._say(f"timeout {self._timeout:g}")
                self._pat()
            elif self._unread.startswith(b"V"):
                self._unread, self._fires = self._unread[1:], math.inf
                self._say("disarmed")
            else:
                self._unread = self._unread[1:]
                self._pat()

    def _pat(self) -> None:
        self._fires = self._clock.steady() + self._timeout

    def _fire(self) -> None:
        self._say("fired")
        if self._what.isdigit():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(int(self._what), signal.SIGKILL)
        else:
            (Path(self._what) / "cgroup.kill").write_text("1", encoding="ascii")

    def _say(self, text: str) -> None:
        with self._report.open("a", encoding="utf-8") as file:
            file.write(f"{self._clock.steady():.6f} {text}\n")


if __name__ == "__main__":
    Stub(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]).run()
