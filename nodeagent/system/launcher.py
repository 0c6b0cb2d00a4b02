"""Starting programs from a small process: a fork of the monitor itself takes 3 ms longer, most of a restart's time.

Measured with 14 MB of the monitor's own memory: fork, exec and exit of a trivial program 5 ms, through the launcher
2 ms, by vfork 1.4 ms. vfork cannot be had: between it and exec a cgroup has to be joined and a user changed.
"""

from __future__ import annotations

import array
import select
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import nodeagent
from nodeagent.system import processes, urgency
from nodeagent.system.birth import EXEC, JOIN, Child, FailedStepError, is_missing
from nodeagent.system.launcherprocess import ANSWER, HELLO, MOST
from nodeagent.system.processes import Process

PATIENCE: Final = 0.1  # seconds for an answer; the monitor stands still meanwhile
START_AGAIN: Final = 1.0  # seconds between two starts of the launcher

_PROGRAM = "import sys; sys.path.append(sys.argv[1]); from nodeagent.system.launcherprocess import main; main()"


class LostError(Exception):
    """The launcher died, or hung and was killed, with the request in its hands: the child may have been born."""


class Launcher:
    """One small process that forks for us; its children are ours. Call from one thread only."""

    def __init__(self) -> None:
        self._line: socket.socket | None = None
        self._process: Process | None = None
        self._answers = False
        self._started_at = float("-inf")
        self._start()

    @property
    def pid(self) -> int:
        """Return its number, 0 when there is none."""
        return self._process.pid if self._process else 0

    def bear(self, child: Child, output: int, report: int, folder: int | None) -> int | None:
        """Fork a child that becomes the program; None when there is no launcher now: nothing was started then.

        Args:
            output, report, folder: see `birth.become`.

        Raises:
            FailedStepError: the fork failed.
            LostError: it is not known whether the child was born. Kill what its container holds.
        """
        packed = child.pack()
        if len(packed) > MOST or not self._is_ready():
            return None
        files = [output, report] if folder is None else [output, report, folder]
        assert self._line is not None
        try:
            self._line.sendmsg([packed], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))])
        except OSError:  # it is dead, or has not read for long
            self.close()
            return None
        answer = self._receive(PATIENCE)
        if answer is None and self._process is not None:
            self._process.signal(9)
            _readable(self._process, PATIENCE)
            answer = self._receive(0)
        if not answer:
            self.close()
            raise LostError
        pid, number = ANSWER.unpack(answer)
        if pid:
            return int(pid)
        if is_missing(number):
            self.close()
            self._started_at = float("inf")  # a next one could do no better
            return None
        raise FailedStepError(EXEC if folder is None else JOIN, number)

    def close(self) -> None:
        """End it."""
        if self._line is not None:
            self._line.close()
            self._line = None
        if self._process is not None:
            self._process.signal(9)
            _readable(self._process, PATIENCE)
            self._process.reap()
            self._process.close()
            self._process = None
        self._answers = False

    def _start(self) -> None:
        self._started_at = time.monotonic()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                started = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", _PROGRAM, str(Path(nodeagent.__file__).parent.parent)],
                    stdin=theirs.fileno(),
                    cwd="/",
                    env={},
                    start_new_session=True,
                )
            except OSError:  # no further process can be had; we fork ourselves meanwhile
                ours.close()
                return
        started.returncode = 0  # the pidfd is what waits for it: Popen must neither reap it nor warn
        self._line, self._process = ours, processes.watch_child(started.pid)

    def _is_ready(self) -> bool:
        """Tell whether it listens; one that is gone is started again, for the next time."""
        if self._line is None:
            if time.monotonic() - self._started_at > START_AGAIN:
                self._start()
            return False
        if not self._answers:
            said = self._receive(0)
            if said == b"":
                self.close()
            elif said == HELLO and self._process is not None:
                self._answers = True
                urgency.lend(self._process.pid, children=True)
        return self._answers

    def _receive(self, patience: float) -> bytes | None:
        """Return what it says, nothing when it is gone, None when it says nothing in time."""
        assert self._line is not None
        if not _readable(self._line, patience):
            return None
        try:
            return self._line.recv(MOST)
        except OSError:
            return b""


def _readable(thing: socket.socket | Process, patience: float) -> bool:
    poll = select.poll()  # select itself knows no numbers above 1023
    poll.register(thing, select.POLLIN)
    return bool(poll.poll(patience * 1000))
