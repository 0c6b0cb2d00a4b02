"""Workstations on the local socket: hello, calls, subscriptions, output that is followed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

from nodeagent.api import requests as r
from nodeagent.api.events import Changes, LogEntry, Output, Page
from nodeagent.api.objects import ClusterObject, ObjectRef, ref
from nodeagent.api.problems import ClusterError, Problem, problem
from nodeagent.api.wire import (
    MAXIMUM_LINE,
    PAGE_SIZE,
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
)
from nodeagent.database.view import Delta
from nodeagent.service import outputlogs
from nodeagent.service.following import Following
from nodeagent.service.handlers import Handlers
from nodeagent.service.membership import Membership
from nodeagent.service.rights import Caller, caller
from nodeagent.settings import AgentSettings

log = logging.getLogger(__name__)

BATCH: Final = 0.02  # seconds in which changes are gathered before they are sent
MAXIMUM_CALLS: Final = 100  # at a time, of one workstation
HELLO_PATIENCE: Final = 10.0  # seconds for the first frame
MAXIMUM_BEHIND: Final = 32 * 1024 * 1024  # bytes that a workstation may have left unread
WRITE_PATIENCE: Final = 30.0  # seconds for a workstation to read on before it is sent away
LOG_ENTRIES: Final = 10_000


class Connections:
    """The listening socket and all workstations."""

    def __init__(
        self, settings: AgentSettings, following: Following, membership: Membership, handlers: Handlers
    ) -> None:
        self._settings = settings
        self.following = following
        self.membership = membership
        self.handlers = handlers
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._workstations: set[Workstation] = set()
        following.listen(self._changed)

    @property
    def logs(self) -> Path:
        """Return the directory of output logs."""
        return self._settings.logs

    @property
    def node_name(self) -> str:
        """Return this node's name."""
        return self._settings.name

    async def open(self) -> None:
        """Begin to listen. Every user may connect: what a user may do is judged per connection."""
        path = self._settings.socket_path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._accept, str(path), limit=MAXIMUM_LINE)
        path.chmod(0o666)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer), name="workstation")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        transport: socket.socket = writer.get_extra_info("socket")
        workstation = Workstation(self, reader, writer, caller(transport))
        self._workstations.add(workstation)
        try:
            await workstation.run()
        except (OSError, asyncio.IncompleteReadError) as exc:
            log.debug("a workstation is gone: %s", exc)
        finally:
            self._workstations.discard(workstation)
            await workstation.close()

    def _changed(self, delta: Delta) -> None:
        for workstation in self._workstations:
            workstation.changed(delta)

    async def close(self) -> None:
        """Say goodbye to all and stop listening."""
        if self._server is not None:
            self._server.close()
        bye = Bye(problem=problem("service_stopping", node=self.node_name))
        for workstation in list(self._workstations):
            workstation.send(bye)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
        self._settings.socket_path.unlink(missing_ok=True)


class Workstation:
    """One connection."""

    def __init__(
        self, home: Connections, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, who: Caller
    ) -> None:
        self._home = home
        self._reader = reader
        self._writer = writer
        self._who = who
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._subscribed = False
        self._sent = 0
        self._changed: dict[ObjectRef, ClusterObject | None] = {}
        self._logged: list[LogEntry] = []
        self._resync = False
        self._flush: asyncio.Task[None] | None = None
        self._stuck: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Serve until the workstation goes or breaks the rules."""
        lines = LineReader()
        try:
            async with asyncio.timeout(HELLO_PATIENCE) as patience:
                while data := await self._reader.read(65536):
                    for line in lines.feed(data):
                        self._take(line, patience)
        except ProtocolError as exc:
            self.send(Bye(problem=exc.problem))
        except TimeoutError:
            self.send(Bye(problem=problem("hello_missing")))
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1.0):
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
            frame = decode_from_workstation(line)
        except ProtocolError as exc:
            # One bad frame does no harm: say what was wrong with it, and go on.
            self.send(Refused(id=0, problem=exc.problem))
            return
        self._obey(frame)

    def _welcome(self, hello: Hello) -> None:
        cluster = self._home.following.snapshot.cluster
        version = agree(hello.protocol)
        if self._who.right is r.Right.NONE:
            raise ProtocolError(problem("no_right", user=self._who.user))
        self.send(
            Welcome(
                protocol=version,
                software=SOFTWARE,
                node=self._home.membership.node,
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
            self._subscribe(frame)
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
            work = (
                self._read_output(call.id, call.request) if isinstance(call.request, r.ReadOutput) else self._ask(call)
            )
            self._start(call.id, work)

    def _start(self, number: int, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._guarded(number, work), name=f"call {number}")
        self._calls[number] = task
        task.add_done_callback(lambda _: self._calls.pop(number, None))

    async def _guarded(self, number: int, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except ClusterError as exc:
            self.send(Refused(id=number, problem=exc.problem))
        except Exception as exc:  # a fault of ours must not end the connection; it is told and logged
            log.exception("call failed")
            self.send(Refused(id=number, problem=_internal(exc)))

    async def _ask(self, call: Call) -> None:
        limit = call.request.timeout
        try:
            async with asyncio.timeout(limit):
                reply = await self._home.handlers.handle(call.request, self._who)
        except TimeoutError:
            raise ClusterError(problem("timed_out", seconds=limit)) from None
        self._send_changes()  # first, so that whoever has the answer also has what it speaks of
        self.send(Answer(id=call.id, reply=reply))

    async def _read_output(self, number: int, request: r.ReadOutput) -> None:
        if request.resource not in self._home.following.snapshot.resources:
            raise ClusterError(problem("resource_unknown", id=request.resource))
        logs = self._home.logs
        data, offset = outputlogs.read(logs, request.resource, request.offset, request.limit)
        self.send(Answer(id=number, reply=r.OutputRead(data=data, offset=offset)))
        if request.follow:
            async for more, reached, cut in outputlogs.follow(logs, request.resource, offset):
                self.send(Output(id=number, data=more, offset=reached, truncated=cut))
                await self._writer.drain()

    # --- subscription -------------------------------------------------------------------------------------------

    def _subscribe(self, frame: Subscribe) -> None:
        """Send the snapshot in pages, and from now on what changes."""
        following = self._home.following
        snapshot = following.snapshot
        objects = tuple(snapshot.everything())
        pages = [objects[i : i + PAGE_SIZE] for i in range(0, len(objects), PAGE_SIZE)] or [()]
        wanted = max(0, min(frame.log, LOG_ENTRIES))
        logged = tuple(following.view.log()[-wanted:]) if wanted else ()
        for page in pages:
            last = page is pages[-1]
            self.send(Page(revision=snapshot.revision, objects=page, last=last, logged=logged if last else ()))
        self._subscribed, self._sent = True, snapshot.revision
        self._changed.clear()
        self._logged.clear()

    def changed(self, delta: Delta) -> None:
        """Gather a batch of changes; it is sent a moment later, each object once."""
        if not self._subscribed:
            return
        if "*" in delta.keys:
            self._subscribe(Subscribe(log=0))
            return
        if not (delta.changed or delta.removed or delta.logged):
            return
        for item in delta.changed:
            self._changed[ref(item)] = item
        for reference in delta.removed:
            self._changed[reference] = None
        self._logged += delta.logged
        if self._flush is None:
            self._flush = asyncio.create_task(self._send_later(), name="changes")

    async def _send_later(self) -> None:
        await asyncio.sleep(BATCH)  # what changes together is sent together
        self._flush = None
        if self._changed or self._logged:
            self._send_changes()

    def _send_changes(self) -> None:
        """Send what was gathered; without anything, only the revision that was reached."""
        if not self._subscribed or self._sent == self._home.following.view.revision:
            return
        changes = Changes(
            after=self._sent,
            revision=self._home.following.view.revision,
            changed=tuple(item for item in self._changed.values() if item is not None),
            removed=tuple(reference for reference, item in self._changed.items() if item is None),
            logged=tuple(self._logged),
        )
        self._sent = changes.revision
        self._changed.clear()
        self._logged.clear()
        self.send(changes)

    # --- sending ------------------------------------------------------------------------------------------------

    def send(self, frame: FromNode) -> None:
        """Queue a frame; a workstation that leaves too much unread is sent away."""
        transport = self._writer.transport
        if transport.is_closing():
            return
        self._writer.write(encode(frame))
        behind = transport.get_write_buffer_size()
        if behind > MAXIMUM_BEHIND:
            self._too_slow()
        elif behind and self._stuck is None:
            self._stuck = asyncio.get_running_loop().call_later(WRITE_PATIENCE, self._look_if_stuck, behind)

    def _look_if_stuck(self, before: int) -> None:
        self._stuck = None
        behind = self._writer.transport.get_write_buffer_size()
        if behind >= before:
            self._too_slow()
        elif behind:
            self._stuck = asyncio.get_running_loop().call_later(WRITE_PATIENCE, self._look_if_stuck, behind)

    def _too_slow(self) -> None:
        log.warning("a workstation of %s does not read; it is sent away", self._who.user)
        self._writer.transport.abort()

    async def close(self) -> None:
        """End everything of this connection."""
        if self._stuck is not None:
            self._stuck.cancel()
        tasks = [*self._calls.values(), *([self._flush] if self._flush else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._writer.close()


def _internal(exc: Exception) -> Problem:
    return problem("internal_error", detail=f"{type(exc).__name__}: {exc}")
