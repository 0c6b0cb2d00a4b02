"""The part of a node that answers workstations and other nodes, in this process: no monitors, heartbeats or planner."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest
from msgspec.structs import replace

from clusteradmin.client.mirror import Mirror
from nodeagent import resourcetypes
from nodeagent.api.events import Changes, LogEntry, Page
from nodeagent.api.objects import GroupId, Phase, ResourceId, ResourceState
from nodeagent.api.problems import ClusterError, Problem
from nodeagent.api.requests import Done, Reply, Request, Right
from nodeagent.api.wire import (
    Answer,
    Call,
    Frame,
    FromNode,
    Hello,
    LineReader,
    Refused,
    Subscribe,
    Welcome,
    decode_from_node,
    encode,
)
from nodeagent.database.memory import MemoryDatabase, MemoryStore
from nodeagent.database.records import OwnerRecord, StateRecord, owner_key, state_key
from nodeagent.database.records import encode as record
from nodeagent.database.store import ClusterStore, Transaction
from nodeagent.resourcetypes.base import ResourceType
from nodeagent.service import connections
from nodeagent.service.connections import Connections
from nodeagent.service.eventlog import EventLog
from nodeagent.service.fencing import Fencing
from nodeagent.service.following import Following
from nodeagent.service.handlers import Handlers
from nodeagent.service.leadership import Leadership
from nodeagent.service.membership import Membership
from nodeagent.service.questions import Questions
from nodeagent.service.rights import Caller
from nodeagent.service.selfreport import node_report
from nodeagent.settings import AgentSettings
from nodeagent.system.clock import SystemClock
from nodeagent.system.fenceagents import FenceAgents

PATIENCE = 20.0  # seconds; nothing here takes longer than a fraction of one, except on a very busy machine
ANNA = Caller("anna", Right.ADMINISTER)


@dataclass
class Office:
    """One node's."""

    settings: AgentSettings
    following: Following
    membership: Membership
    questions: Questions
    events: EventLog
    handlers: Handlers
    leadership: Leadership

    @property
    def node(self) -> int:
        return self.membership.node

    async def ask(self, request: Request, caller: Caller = ANNA) -> Reply:
        async with asyncio.timeout(PATIENCE):
            return await self.handlers.handle(request, caller)

    async def do(self, request: Request, caller: Caller = ANNA) -> Done:
        done = await self.ask(request, caller)
        assert isinstance(done, Done)
        return done

    async def refusal(self, request: Request, caller: Caller = ANNA) -> Problem:
        """Return why *request* is refused; fail when it is not."""
        try:
            reply = await self.ask(request, caller)
        except ClusterError as exc:
            return exc.problem
        pytest.fail(f"{request} was not refused: {reply}")

    async def commit(self, transaction: Transaction) -> None:
        """Commit past all rules, as another part of the service would, and wait until it is seen here."""
        revision = await self.following.store.commit(transaction)
        async with asyncio.timeout(PATIENCE):
            await self.following.reached(revision)

    async def own(self, group: GroupId, node: int = 0, phase: Phase = Phase.CLAIMED) -> None:
        """Let *node* (this one) own the group."""
        me = node or self.node
        owner = OwnerRecord(phase=phase, node=me, incarnation=1, epoch=1)
        await self.commit(Transaction(put={owner_key(group): record(owner)}))

    async def report(self, resource: ResourceId, state: ResourceState) -> None:
        """Let the group's owner report *state*."""
        group = self.following.snapshot.resources[resource].group
        owner = self.following.view.owner(group)
        assert owner is not None
        assert owner[0].node is not None
        said = StateRecord(state=state, node=owner[0].node, epoch=owner[0].epoch)
        await self.commit(Transaction(put={state_key(resource): record(said)}))

    @property
    def log(self) -> list[LogEntry]:
        return self.following.view.log()


async def _yes(*_: object) -> bool:
    return True


@asynccontextmanager
async def open_office(
    home: Path,
    database: MemoryDatabase | None = None,
    name: str = "NODE1",
    *,
    types: Mapping[str, ResourceType[Any]] | None = None,
    store: ClusterStore | None = None,
) -> AsyncIterator[Office]:
    """Let a node join and work until the block ends; those over one *database* are a cluster."""
    settings = AgentSettings(name=name, cluster="TEST", home=home / name, run=home / name)
    clock = SystemClock()
    kinds = resourcetypes.installed()[0] if types is None else types
    following = Following(store or MemoryStore(database or MemoryDatabase()), "memory")
    events = EventLog(clock, name)
    membership = Membership(settings, following, clock, events, ("boot", "machine"), _yes, _yes)
    questions = Questions(following, kinds, clock)
    await following.load()
    await membership.join(replace(node_report(settings, kinds, cgroups=False), interfaces=()))
    questions.node = membership.node
    await following.load()
    fencing = Fencing(following, clock, events, FenceAgents((home,)))
    leadership = Leadership(following, membership, clock, events, fencing)
    handlers = Handlers(following, membership, questions, events, leadership, fencing)
    tasks = [asyncio.create_task(work) for work in (following.run(), questions.run())]
    try:
        yield Office(settings, following, membership, questions, events, handlers, leadership)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        await following.store.close()
        assert all(isinstance(end, asyncio.CancelledError) or end is None for end in ends), ends


class Visitor:
    """A workstation on the office's socket, with a mirror of the cluster."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.mirror = Mirror()
        self._lines = LineReader()
        self._frames: list[FromNode] = []
        self._last_id = 0

    def say(self, *frames: Frame) -> None:
        self.writer.write(b"".join(map(encode, frames)))

    async def next(self) -> FromNode | None:
        """Return the next frame, None at the end of the connection."""
        async with asyncio.timeout(PATIENCE):
            while not self._frames:
                try:
                    data = await self.reader.read(65536)
                except ConnectionResetError:
                    return None
                if not data:
                    return None
                self._frames += [decode_from_node(line) for line in self._lines.feed(data)]
        frame = self._frames.pop(0)
        if isinstance(frame, Page | Changes):
            taken = self.mirror.take(frame)
            assert not taken.gap, frame
        return frame

    async def hello(self) -> Welcome:
        self.say(Hello())
        welcome = await self.next()
        assert isinstance(welcome, Welcome), welcome
        return welcome

    async def subscribe(self, log: int = 1000) -> None:
        """Subscribe, and return when the whole snapshot is there."""
        self.say(Subscribe(log=log))
        while not (isinstance(frame := await self.next(), Page) and frame.last):
            assert frame is not None

    async def ask(self, request: Request) -> Reply:
        """Return the reply; what comes before it goes into the mirror. Raises ClusterError."""
        self._last_id += 1
        self.say(Call(id=self._last_id, request=request))
        while (frame := await self.next()) is not None:
            if isinstance(frame, Answer) and frame.id == self._last_id:
                return frame.reply
            if isinstance(frame, Refused):
                raise ClusterError(frame.problem)
        pytest.fail("The connection ended without an answer.")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()


class Door:
    """The office's socket."""

    def __init__(self, office: Office, opened: Connections) -> None:
        self.connections = opened
        self._path = office.settings.socket_path

    async def visit(self) -> Visitor:
        """Connect, and say nothing."""
        return Visitor(*await asyncio.open_unix_connection(self._path, limit=1 << 20))

    async def enter(self) -> Visitor:
        """Connect and say hello."""
        visitor = await self.visit()
        await visitor.hello()
        return visitor


@asynccontextmanager
async def open_door(office: Office, caller: Caller | None = None) -> AsyncIterator[Door]:
    """Listen on the office's socket until the block ends; with *caller*, whoever connects is taken for that user."""
    opened = Connections(office.settings, office.following, office.membership, office.handlers)
    with pytest.MonkeyPatch.context() as patch:
        if caller is not None:
            patch.setattr(connections, "caller", lambda _: caller)
        await opened.open()
        try:
            yield Door(office, opened)
        finally:
            await opened.close()
