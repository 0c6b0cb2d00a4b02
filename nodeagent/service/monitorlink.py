"""The connection to one Resource Monitor: its greeting, what is awaited of it, and the end of its process."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from nodeagent.api.problems import Problem, problem
from nodeagent.monitor.messages import Attach, Attached, ToMonitor, decode_news, encode
from nodeagent.system.processes import Process

log = logging.getLogger(__name__)

END_PATIENCE: Final = 5.0  # seconds for a monitor that is to end
_LONGEST_LINE: Final = 8 * 1024 * 1024  # bytes; an attached monitor says all that it holds in one line


@dataclass(frozen=True, slots=True)
class Greeting:
    """A monitor that has answered: its line, and what it holds."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    attached: Attached


@dataclass(slots=True)
class Link:
    """The connection to one monitor."""

    name: str
    process: Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    attached: Attached
    asked: float | None = None  # steady time of the oldest permission that is not acknowledged
    quits: bool = False  # it was asked to end
    stopped: asyncio.Future[bool] | None = None
    renewed: asyncio.Future[Problem | None] | None = None
    acknowledged: asyncio.Event = field(default_factory=asyncio.Event)

    def send(self, message: ToMonitor) -> None:
        """Send it, unless the connection is being closed."""
        if not self.writer.is_closing():
            self.writer.write(encode(message))

    def has_acknowledged(self) -> None:
        """Nothing is awaited any more: tell those who wait."""
        self.asked = None
        self.acknowledged.set()
        self.acknowledged = asyncio.Event()

    def has_stopped(self, *, proven: bool) -> None:
        """Tell who waits for the proof that everything has stopped, if anybody does."""
        if self.stopped is not None and not self.stopped.done():
            self.stopped.set_result(proven)

    @property
    def renews(self) -> bool:
        """Whether it was told to begin anew, and has not said what came of it."""
        return self.renewed is not None and not self.renewed.done()

    def has_renewed(self, why_not: Problem | None) -> None:
        """Tell who waits for it to begin anew, if anybody does."""
        if self.renewed is not None and not self.renewed.done():
            self.renewed.set_result(why_not)

    def lost(self) -> None:
        """It is gone: nobody waits for its answers any more."""
        self.writer.close()
        self.has_stopped(proven=False)
        self.has_renewed(problem("renewal_silent"))


async def greet(socket: Path, service: str, patience: float) -> Greeting | None:
    """Attach to the monitor at that socket; None when there is none, or none that answers within *patience* seconds."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(socket), limit=_LONGEST_LINE)
    except OSError:  # no such file, nobody listens, or too many wait already
        return None
    try:
        writer.write(encode(Attach(service=service)))
        async with asyncio.timeout(patience):
            attached = decode_news(await reader.readline())
    except (TimeoutError, OSError, ValueError, msgspec.DecodeError):
        writer.close()
        return None
    if not isinstance(attached, Attached):
        writer.close()
        return None
    return Greeting(reader, writer, attached)


async def kill(process: Process) -> None:
    """Kill a monitor that nobody is attached to."""
    process.signal(9)
    await wait_end(process)
    process.reap()
    process.close()


async def wait_end(process: Process) -> None:
    """Wait until the monitor has ended, for some seconds at the most."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(process.fileno(), ended.set)
    try:
        async with asyncio.timeout(END_PATIENCE):
            await ended.wait()
    except TimeoutError:
        log.warning("a Resource Monitor does not end")
    finally:
        loop.remove_reader(process.fileno())
