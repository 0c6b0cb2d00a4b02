"""One workstation on the local socket: hello, calls, its subscription, output that is followed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, Protocol

from nodeagent.api import requests as r
from nodeagent.api.events import Changes, Output
from nodeagent.api.problems import ClusterError, Problem, problem
from nodeagent.api.wire import (
    SOFTWARE,
    Answer,
    Bye,
    Call,
    Cancel,
    FromNode,
    FromWorkstation,
    Hello,
    LineReader,
    Ping,
    Pong,
    ProtocolError,
    Refused,
    Subscribe,
    Welcome,
    agree,
    decode_from_workstation,
    encode,
    number_of,
)
from nodeagent.service import outputlogs
from nodeagent.service.following import Following
from nodeagent.service.handlers import Handlers
from nodeagent.service.news import LOG_ENTRIES, Gathered, change_lines, page_lines
from nodeagent.service.rights import Caller

log = logging.getLogger(__name__)

MAXIMUM_CALLS: Final = 100  # at a time, of one workstation
MAXIMUM_FRAME: Final = 1024 * 1024  # bytes of a frame that is looked at; the database takes no more in one commit
HELLO_PATIENCE: Final = 10.0  # seconds for the first frame
BEHIND: Final = 1024 * 1024  # bytes left unread from which on nothing is added but what was asked for
MAXIMUM_BEHIND: Final = 32 * 1024 * 1024  # bytes that a workstation may have left unread
WRITE_PATIENCE: Final = 30.0  # seconds without taking a byte, after which a workstation is sent away
CLOSE_PATIENCE: Final = 1.0  # seconds for the last frame to be taken
PIECE: Final = 65536  # bytes read at a time


class Home(Protocol):
    """What a workstation needs of its node."""

    following: Following
    handlers: Handlers
    page_turn: asyncio.Lock

    @property
    def node(self) -> int:
        """The node's number."""

    @property
    def node_name(self) -> str:
        """The node's name."""

    @property
    def logs(self) -> Path:
        """Directory of output logs."""

    @property
    def told(self) -> int:
        """Revision up to which all workstations that keep up have been told."""

    def tell(self) -> None:
        """Tell all workstations what was gathered."""


class Workstation:
    """One connection."""

    def __init__(self, home: Home, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, who: Caller) -> None:
        self._home = home
        self._reader = reader
        self._writer = writer
        self._who = who
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._subscribed = False
        self._sent = 0  # revision that its mirror reaches with what was written
        self._missed = Gathered()
        self._catching_up: asyncio.Task[None] | None = None
        self._written = 0
        self._stuck: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Serve until the workstation goes or breaks the rules."""
        lines = LineReader()
        try:
            async with asyncio.timeout(HELLO_PATIENCE) as patience:
                while data := await self._reader.read(PIECE):
                    for line in lines.feed(data):
                        self._take(line, patience)
                    await self._breathe()
        except ProtocolError as exc:
            self.send(Bye(problem=exc.problem))
        except TimeoutError:
            self.send(Bye(problem=problem("hello_missing")))

    async def _breathe(self) -> None:
        """Let others have their turn, and read no more of somebody who does not read either."""
        await asyncio.sleep(0)
        if self._writer.transport.get_write_buffer_size() > BEHIND:
            await self._writer.drain()

    def _take(self, line: bytes, patience: asyncio.Timeout) -> None:
        if patience.when() is not None:
            frame = decode_from_workstation(line)
            if not isinstance(frame, Hello):
                raise ProtocolError(problem("hello_missing"))
            self._welcome(frame)
            patience.reschedule(None)
            return
        try:
            if len(line) > MAXIMUM_FRAME:
                detail = f"the frame has {len(line)} bytes, {MAXIMUM_FRAME} are allowed"
                raise ProtocolError(problem("too_large", detail=detail))
            frame = decode_from_workstation(line)
        except ProtocolError as exc:
            # One bad frame does no harm: say what was wrong with it, and go on.
            self.send(Refused(id=number_of(line), problem=exc.problem))
            return
        self._obey(frame)

    def _welcome(self, hello: Hello) -> None:
        cluster = self._home.following.snapshot.cluster
        self.send(
            Welcome(
                protocol=agree(hello.protocol),
                software=SOFTWARE,
                node=self._home.node,
                node_name=self._home.node_name,
                cluster=cluster.id,
                cluster_name=cluster.name,
                user=self._who.user,
                right=self._who.right,
            )
        )

    def _obey(self, frame: FromWorkstation) -> None:
        if isinstance(frame, Ping):
            self.send(Pong(number=frame.number))
        elif isinstance(frame, Subscribe):
            self._subscribe(frame.log)
        elif isinstance(frame, Cancel):
            if task := self._calls.get(frame.id):
                task.cancel()
        elif isinstance(frame, Call):
            self._call(frame)
        else:
            self.send(Refused(id=0, problem=problem("frame_unexpected", frame="hello")))

    # --- calls --------------------------------------------------------------------------------------------------

    def _call(self, call: Call) -> None:
        if len(self._calls) >= MAXIMUM_CALLS:
            self.send(Refused(id=call.id, problem=problem("too_many_calls", maximum=MAXIMUM_CALLS)))
        elif call.id in self._calls:
            self.send(Refused(id=call.id, problem=problem("call_id_in_use", id=call.id)))
        else:
            work = self._read_output if isinstance(call.request, r.ReadOutput) else self._ask
            task = asyncio.create_task(self._guarded(call, work), name=f"call {call.id}")
            self._calls[call.id] = task
            task.add_done_callback(lambda _: self._calls.pop(call.id, None))

    async def _guarded(self, call: Call, work: Callable[[Call], Awaitable[None]]) -> None:
        try:
            await work(call)
        except ClusterError as exc:
            self.send(Refused(id=call.id, problem=exc.problem))
        except ConnectionError as exc:
            log.debug("a workstation is gone: %s", exc)
        except Exception as exc:  # a fault of ours must not end the connection; it is told and logged
            log.exception("call failed")
            self.send(Refused(id=call.id, problem=_internal(exc)))

    async def _ask(self, call: Call) -> None:
        limit = call.request.timeout
        try:
            async with asyncio.timeout(limit):
                reply = await self._home.handlers.handle(call.request, self._who)
        except TimeoutError:
            raise ClusterError(problem("timed_out", seconds=limit)) from None
        # News first, so that whoever has the answer also has what it speaks of.
        self._home.tell()
        while self._catching_up is not None:
            await asyncio.wait({self._catching_up})
        self.send(Answer(id=call.id, reply=reply))

    async def _read_output(self, call: Call) -> None:
        request = call.request
        assert isinstance(request, r.ReadOutput)
        self._home.handlers.check(request, self._who)
        resource = self._home.following.snapshot.resource(request.resource).id
        data, offset = outputlogs.read(self._home.logs, resource, request.offset, request.limit)
        self.send(Answer(id=call.id, reply=r.OutputRead(data=data, offset=offset)))
        if request.follow:
            async for more, reached, cut in outputlogs.follow(self._home.logs, resource, offset):
                self.send(Output(id=call.id, data=more, offset=reached, truncated=cut))
                await self._writer.drain()

    # --- subscription -------------------------------------------------------------------------------------------

    def _subscribe(self, entries: int) -> None:
        """Send the snapshot in pages, and from now on what changes; a second time all over again."""
        self._home.tell()
        view = self._home.following.view
        logged = view.log(min(entries, LOG_ENTRIES))
        self._subscribed, self._sent = True, view.revision
        self._missed.clear()
        self._begin_to_catch_up(page_lines(view.snapshot, logged))

    def begin_anew(self) -> None:
        """Send the snapshot again: the node itself has missed changes."""
        if self._subscribed:
            self._subscribe(0)

    def take(self, changes: Changes, lines: Iterable[bytes]) -> None:
        """Send *changes*, which *lines* hold; one that does not read fast enough gets them later, each object once."""
        if not self._subscribed:
            return
        if self._catching_up is None and self._writer.transport.get_write_buffer_size() <= BEHIND:
            for line in lines:
                self._write(line)
            self._sent = changes.revision
            return
        self._missed.add(changes)
        if self._catching_up is None:
            self._begin_to_catch_up(iter(()))

    def _begin_to_catch_up(self, pages: Iterator[bytes]) -> None:
        if self._catching_up is not None:
            self._catching_up.cancel()
        self._catching_up = asyncio.create_task(self._catch_up(pages), name="catching up")

    async def _catch_up(self, pages: Iterator[bytes]) -> None:
        """Write at the pace of the reader, so that a slow one costs no more memory than a page."""
        mine = asyncio.current_task()
        try:
            await self._write_slowly(pages)
            while self._sent != self._home.told:
                changes = self._missed.take(self._sent, self._home.told)
                self._sent = changes.revision
                await self._write_slowly(change_lines(changes))
        except ConnectionError as exc:
            log.debug("a workstation is gone: %s", exc)
            self._subscribed = False
        finally:
            if self._catching_up is mine:
                self._catching_up = None

    async def _write_slowly(self, lines: Iterator[bytes]) -> None:
        while True:
            async with self._home.page_turn:
                line = next(lines, None)
                if line is None:
                    return
                self._write(line)
                await asyncio.sleep(0)
            await self._writer.drain()

    # --- sending ------------------------------------------------------------------------------------------------

    def send(self, frame: FromNode) -> None:
        """Queue a frame; a workstation that leaves too much unread is sent away."""
        self._write(encode(frame))

    def _write(self, line: bytes) -> None:
        transport = self._writer.transport
        if transport.is_closing():
            return
        self._writer.write(line)
        self._written += len(line)
        behind = transport.get_write_buffer_size()
        if behind > MAXIMUM_BEHIND:
            self._send_away()
        elif behind and self._stuck is None:
            self._watch_reading()

    def _watch_reading(self) -> None:
        taken = self._written - self._writer.transport.get_write_buffer_size()
        self._stuck = asyncio.get_running_loop().call_later(WRITE_PATIENCE, self._look_if_stuck, taken)

    def _look_if_stuck(self, taken: int) -> None:
        self._stuck = None
        behind = self._writer.transport.get_write_buffer_size()
        if behind and self._written - behind <= taken:
            self._send_away()
        elif behind:
            self._watch_reading()

    def _send_away(self) -> None:
        log.warning("a workstation of %s does not read; it is sent away", self._who.user)
        self._writer.transport.abort()

    @property
    def calls(self) -> list[asyncio.Task[None]]:
        """What is being worked on."""
        return list(self._calls.values())

    async def close(self) -> None:
        """End everything of this connection; the last frame gets a moment to be taken."""
        self._subscribed = False
        tasks = [*self._calls.values(), *([self._catching_up] if self._catching_up else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            self._writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(CLOSE_PATIENCE):
                    await self._writer.wait_closed()
        finally:
            self._writer.transport.abort()
            if self._stuck is not None:
                self._stuck.cancel()


def _internal(exc: Exception) -> Problem:
    return problem("internal_error", detail=f"{type(exc).__name__}: {exc}")
