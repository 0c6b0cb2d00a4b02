"""Programs that the demo starts, and how they end; orphans below it become its own, and are reaped."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2), linux/prctl.h


class Child:
    """A program in a session of its own, so that Ctrl-C in the terminal reaches the demo alone.

    Attributes:
        ended: its exit code, negative for the signal that ended it; done once it is reaped.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.pid = process.pid
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._process = process

    def signal(self, number: int) -> None:
        """Signal it; one that has ended is left alone, since its number may be another's."""
        if not self.ended.done():
            os.kill(self.pid, number)

    def signal_group(self, number: int) -> None:
        """Signal it and what it started in its own process group."""
        if not self.ended.done():
            os.killpg(self.pid, number)

    async def end(self, patience: float) -> int:
        """Ask it to end, kill it after *patience* (seconds), and return how it ended."""
        self.signal(signal.SIGTERM)
        await asyncio.wait([self.ended], timeout=patience)
        self.signal_group(signal.SIGKILL)
        return await asyncio.shield(self.ended)

    def reaped(self, code: int) -> None:
        self._process.returncode = code  # or it would be waited for once more
        if not self.ended.done():
            self.ended.set_result(code)


class Children:
    """All children of this process: nothing else in it may wait for any."""

    def __init__(self) -> None:
        self._known: dict[int, Child] = {}
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> Self:
        _adopt_orphans(True)
        self._loop.add_signal_handler(signal.SIGCHLD, self._reap)
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._reap()
        self._loop.remove_signal_handler(signal.SIGCHLD)
        _adopt_orphans(False)

    def start(
        self, argv: Sequence[str], environment: Mapping[str, str], console: Path | None = None, directory: str = "/"
    ) -> Child:
        """Start a program; what it prints goes to the end of *console*, or where our own output goes.

        Raises:
            OSError: it cannot be started.
        """
        with contextlib.ExitStack() as stack:
            out = stack.enter_context(console.open("ab")) if console else None
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT if out else None,
                env=environment,
                cwd=directory,
                start_new_session=True,
            )
        child = self._known[process.pid] = Child(process)
        return child

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):  # none is left
            while result := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG):
                exited = result.si_code == os.CLD_EXITED
                if child := self._known.pop(result.si_pid, None):
                    child.reaped(result.si_status if exited else -result.si_status)


def _adopt_orphans(yes: bool) -> None:
    """Let orphans below this process become its children, or no longer."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, int(yes), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
