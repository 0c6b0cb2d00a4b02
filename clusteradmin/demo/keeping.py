"""One program that is kept running: started, listened to, and started again when it ends or hangs."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clusteradmin.demo.children import Child, Children
from clusteradmin.demo.notices import ALIVE, READY, SOCKET_VARIABLE, NoticeBoard
from clusteradmin.demo.supervision import SILENCE_SECONDS, Restarts, Silence

_HOPELESS_STARTS: Final = 3


def clock() -> float:
    """Return seconds that count the sleep of the computer, too."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class Program:
    """What is kept running.

    Attributes:
        title: for messages: "The Cluster Service of NODE1".
        notices: path of the socket to which it tells that it lives.
        console: file that gets what it prints.
    """

    title: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    notices: Path
    console: Path


class Kept:
    """Keeps one program running between `start` and `cut`.

    Attributes:
        ready: set while it is running and has said that it is ready.
        hopeless: set when it has ended several times without ever being ready; it is started again all the same.
    """

    def __init__(self, program: Program, children: Children, say: Callable[[str], None]) -> None:
        self.program = program
        self.ready = asyncio.Event()
        self.hopeless = asyncio.Event()
        self.starts = 0
        self._children = children
        self._say = say
        self._child: Child | None = None
        self._silence = Silence(clock())
        self._ready_since: float | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The program's process, 0 while there is none."""
        return self._child.pid if self._child and not self._child.ended.done() else 0

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"keeps {self.program.title}")

    async def _run(self) -> None:
        restarts = Restarts()
        while True:
            try:
                how = _how_it_ended(await self._live())
            except OSError as exc:
                how = f"cannot be started ({exc})"
            lived = None if self._ready_since is None else clock() - self._ready_since
            pause = restarts.pause(lived)
            if restarts.in_a_row >= _HOPELESS_STARTS and lived is None:
                self.hopeless.set()
            self._say(f"{self.program.title} {how}; it is started again {f'in {pause:g} s' if pause else 'now'}.")
            await asyncio.sleep(pause)

    async def _live(self) -> int:
        """Start it and return how it ended."""
        self._silence, self._ready_since = Silence(clock()), None
        self.ready.clear()
        board = NoticeBoard(self.program.notices, self._hear)
        try:
            watchdog = {"WATCHDOG_USEC": str(int(SILENCE_SECONDS * 1e6))}
            environment = {**self.program.environment, SOCKET_VARIABLE: str(self.program.notices), **watchdog}
            self._child = self._children.start(self.program.argv, environment, self.program.console)
            self.starts += 1
            return await asyncio.shield(self._child.ended)
        finally:
            self.ready.clear()
            board.close()

    def _hear(self, said: set[str]) -> None:
        if said & {READY, ALIVE}:
            self._silence.hear(clock(), ready=READY in said)
        if READY in said and not self.ready.is_set():
            self._ready_since = clock()
            self.hopeless.clear()
            self.ready.set()

    def forgive(self) -> None:
        """Begin to count its silence anew: the computer slept, and the program with it."""
        self._silence.hear(clock())

    def check(self) -> None:
        """Kill it when it has been silent for too long; it is then started again."""
        if self.pid and self._silence.is_over(clock()):
            self._say(f"{self.program.title} has been silent for too long, so it is killed.")
            self._silence.hear(clock())
            self.kill()

    async def _stop_keeping(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def kill(self) -> None:
        """Kill it now; whether it is started again depends on what was asked before."""
        if self._child is not None:
            self._child.signal_group(signal.SIGKILL)

    async def cut(self) -> None:
        """Kill it and its process group in this moment, and do not start it again."""
        self.kill()
        await self._stop_keeping()
        if self._child is not None:
            await asyncio.shield(self._child.ended)

    def last_words(self, lines: int = 12) -> str:
        """Return the end of what it printed."""
        try:
            text = self.program.console.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])


def _how_it_ended(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
