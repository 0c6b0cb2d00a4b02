"""A peer at a Unix socket that speaks the protocol's frames and does as it is told, also what the protocol forbids.

It runs on a loop in a thread of its own, so that blocking code (the command line, the automation objects) can talk to
it. What a real agent does with requests is tested against the real one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from nodeagent.api import wire
from nodeagent.api.events import Changes, LogEntry, Output, Page
from nodeagent.api.objects import ClusterObject, ObjectKind, ObjectRef, Snapshot, ref
from nodeagent.api.problems import Problem
from nodeagent.api.requests import Done, OutputRead, ReadOutput, Reply, Request, Right

T = TypeVar("T")

Answering = Callable[["ScriptedAgent", Request], Reply | Problem | None]


def agree_to_all(agent: ScriptedAgent, request: Request) -> Reply:
    """Answer Done and do nothing."""
    del request
    return Done(revision=agent.snapshot.revision)


@dataclass
class ScriptedAgent:
    """The script.

    Attributes:
        answer: what a request is answered with; None is no answer at all.
        protocol: the version that it says it speaks.
        silent: says nothing more once it has sent the welcome.
        greets: False: takes the connection and never says a word.
        half_a_frame: closes in the middle of the first frame after the welcome.
        garbage: sends this line after the welcome.
        deaf: reads nothing after the hello.
        pages_of: objects on a page.
    """

    path: Path
    snapshot: Snapshot
    answer: Answering = agree_to_all
    log: list[LogEntry] = field(default_factory=list)
    right: Right = Right.ADMINISTER
    node: int = 1
    protocol: int = 1
    silent: bool = False
    greets: bool = True
    half_a_frame: bool = False
    garbage: bytes = b""
    deaf: bool = False
    pages_of: int = 2
    output: bytes = b""
    requests: list[Request] = field(default_factory=list)
    frames: list[wire.FromWorkstation] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="scripted agent")
        self._server: asyncio.Server | None = None
        self._peers: dict[asyncio.Task[None], _Peer] = {}
        self._thread.start()

    # --- from the test's thread

    def start(self) -> None:
        self._do(self._start())

    def stop(self) -> None:
        """Close the socket and all connections, as a node does that goes down."""
        self._do(self._stop())

    def close(self) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def push(self, after: Snapshot, *logged: LogEntry) -> None:
        """Go on to the snapshot *after* and tell the workstations."""
        self._do(self._push(after, logged))

    def tell(self, frame: wire.FromNode) -> None:
        """Send any frame to all workstations."""
        self._do(self._tell(frame))

    def write(self, data: bytes = b"more\n") -> None:
        """Add to the output log that is followed."""
        self._do(self._write(data))

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    # --- in the loop's thread

    def move_on(self, after: Snapshot, *logged: LogEntry) -> int:
        """Do the same as `push`, for answers: they run in the agent's thread. Returns the revision."""
        changes = difference(self.snapshot, after, logged)
        self.snapshot = after
        self.log += logged
        for peer in self._peers.values():
            if peer.subscribed:
                peer.send(changes)
        return after.revision

    async def _start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self.path.unlink(missing_ok=True)
            self._server = None
        for task, peer in tuple(self._peers.items()):
            peer.writer.transport.abort()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _push(self, after: Snapshot, logged: Sequence[LogEntry]) -> None:
        self.move_on(after, *logged)

    async def _tell(self, frame: wire.FromNode) -> None:
        for peer in self._peers.values():
            peer.send(frame)

    async def _write(self, data: bytes) -> None:
        self.output += data
        for peer in self._peers.values():
            for call in peer.followed:
                peer.send(Output(id=call, data=data))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        peer = self._peers[task] = _Peer(writer)
        try:
            await self._converse(reader, peer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the other side has gone, or `stop` was called
        finally:
            del self._peers[task]
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, peer: _Peer) -> None:
        await reader.readuntil(b"\n")
        if not self.greets:
            await reader.read()
        peer.send(self._welcome())
        if self.half_a_frame:
            peer.writer.write(b'{"frame":"po')
            return
        peer.writer.write(self.garbage)
        if self.deaf:
            await asyncio.get_running_loop().create_future()
        while line := await reader.readline():
            frame = wire.decode_from_workstation(line)
            self.frames.append(frame)
            if not self.silent:
                self._take(frame, peer)

    def _welcome(self) -> wire.Welcome:
        return wire.Welcome(
            protocol=self.protocol,
            software="9.9",
            node=self.node,
            node_name=self.snapshot.node_name(self.node),
            cluster=self.snapshot.cluster.id,
            cluster_name=self.snapshot.cluster.name,
            user="tester",
            right=self.right,
        )

    def _take(self, frame: wire.FromWorkstation, peer: _Peer) -> None:
        match frame:
            case wire.Ping(number=number):
                peer.send(wire.Pong(number=number))
            case wire.Subscribe(log=log):
                peer.subscribed = True
                for page in pages(self.snapshot, self.pages_of, self.log[-log:]):
                    peer.send(page)
            case wire.Cancel(id=number):
                peer.followed.discard(number)
            case wire.Call(id=number, request=request):
                self.requests.append(request)
                reply = self._reply(number, request, peer)
                if isinstance(reply, Problem):
                    peer.send(wire.Refused(id=number, problem=reply))
                elif reply is not None:
                    peer.send(wire.Answer(id=number, reply=reply))

    def _reply(self, number: int, request: Request, peer: _Peer) -> Reply | Problem | None:
        if isinstance(request, ReadOutput):
            if request.follow:
                peer.followed.add(number)
            return OutputRead(data=self.output, offset=len(self.output))
        return self.answer(self, request)


@dataclass(eq=False)
class _Peer:
    writer: asyncio.StreamWriter
    subscribed: bool = False
    followed: set[int] = field(default_factory=set)

    def send(self, frame: wire.FromNode) -> None:
        self.writer.write(wire.encode(frame))


@contextmanager
def scripted_agent(folder: Path, snapshot: Snapshot, **script: Any) -> Iterator[ScriptedAgent]:
    """Run a scripted agent at the socket "agent.sock" in *folder*."""
    agent = ScriptedAgent(folder / "agent.sock", snapshot, **script)
    try:
        agent.start()
        yield agent
    finally:
        agent.close()


def pages(snapshot: Snapshot, size: int, log: Sequence[LogEntry] = ()) -> Iterator[Page]:
    """Cut *snapshot* into pages of *size* objects."""
    objects = list(snapshot.everything())
    batches = [tuple(objects[at : at + size]) for at in range(0, len(objects), size)]
    for number, batch in enumerate(batches, 1):
        last = number == len(batches)
        yield Page(revision=snapshot.revision, objects=batch, logged=tuple(log) if last else (), last=last)


def difference(before: Snapshot, after: Snapshot, logged: Sequence[LogEntry] = ()) -> Changes:
    """Return the changes that lead from *before* to *after*."""
    changed: list[ClusterObject] = []
    removed: list[ObjectRef] = []
    for kind in ObjectKind:
        old, new = before.table(kind), after.table(kind)
        changed += [item for key, item in new.items() if old.get(key) != item]
        removed += [ref(item) for key, item in old.items() if key not in new]
    return Changes(
        after=before.revision,
        revision=after.revision,
        changed=tuple(changed),
        removed=tuple(removed),
        logged=tuple(logged),
    )


def with_objects(snapshot: Snapshot, *items: ClusterObject) -> Snapshot:
    """Return *snapshot* at the next revision, with *items* in place of what has their ids."""
    names = {
        ObjectKind.NODE: "nodes",
        ObjectKind.GROUP: "groups",
        ObjectKind.RESOURCE: "resources",
        ObjectKind.RESOURCE_TYPE: "types",
        ObjectKind.NETWORK: "networks",
        ObjectKind.INTERFACE: "interfaces",
    }
    changes: dict[str, Any] = {"revision": snapshot.revision + 1}
    for item in items:
        kind = ref(item).kind
        if kind is ObjectKind.CLUSTER:
            changes["cluster"] = item
        else:
            table = changes.get(names[kind], getattr(snapshot, names[kind]))
            changes[names[kind]] = {**table, item.id: item}
    return msgspec.structs.replace(snapshot, **changes)
