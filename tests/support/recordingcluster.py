"""A cluster that is only a picture: it records what is asked of it, and changes when the test says so."""

from __future__ import annotations

import asyncio
import collections
import time
from collections.abc import Callable
from typing import TypeVar

from clusteradmin.client.cluster import Cluster
from clusteradmin.client.status import ConnectionState, Status, Update
from nodeagent.api.events import LogEntry
from nodeagent.api.objects import Snapshot, ref
from nodeagent.api.requests import Done, NodeAnswer, Reply, Request, Right, Validated, ValidateParameters

T = TypeVar("T")


class RecordingCluster(Cluster):
    """Stands in for a connection: `requests` holds what was asked, `answer` says what comes back.

    `gate` holds all answers back until it is set.
    """

    def __init__(self, snapshot: Snapshot | None, right: Right = Right.ADMINISTER) -> None:
        self.target = "stand-in"
        self.log: collections.deque[LogEntry] = collections.deque(maxlen=1000)
        self.status = Status(ConnectionState.LIVE, node="a", since=time.time())
        self.user = "anna"
        self.right = right
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Reply] = self.plain_answer
        self.gate = asyncio.Event()
        self.gate.set()
        self._shown = snapshot
        self._told: dict[int, Callable[[Update], None]] = {}
        self._numbers = 0

    @property
    def snapshot(self) -> Snapshot | None:
        return self._shown

    @property
    def name(self) -> str:
        return self._shown.cluster.name if self._shown else self.target

    @property
    def listeners(self) -> int:
        """How many still listen."""
        return len(self._told)

    def listen(self, listener: Callable[[Update], None]) -> Callable[[], None]:
        self._numbers += 1
        number = self._numbers
        self._told[number] = listener

        def stop() -> None:
            self._told.pop(number, None)

        return stop

    async def call(self, request: Request, *, timeout: float | None = None) -> Reply:
        del timeout
        self.requests.append(request)
        await self.gate.wait()
        return self.answer(request)

    async def until(self, test: Callable[[Snapshot], T | None], timeout: float | None = None) -> T:
        loop = asyncio.get_running_loop()
        found: asyncio.Future[T] = loop.create_future()

        def look(_: Update) -> None:
            result = test(self._shown) if self._shown is not None else None
            if result is not None and not found.done():
                found.set_result(result)

        stop = self.listen(look)
        look(Update())
        try:
            async with asyncio.timeout(timeout):
                return await found
        finally:
            stop()

    def plain_answer(self, request: Request) -> Reply:
        """Say that it is done, or that every node could run it."""
        assert self._shown is not None
        if isinstance(request, ValidateParameters):
            return Validated(answers=tuple(NodeAnswer(node=node) for node in request.possible_owners or ()))
        return Done(revision=self._shown.revision, id="new")

    def become(self, snapshot: Snapshot, *logged: LogEntry) -> None:
        """Show another picture, and tell what is different."""
        before = {ref(item): item for item in self._shown.everything()} if self._shown else {}
        after = {ref(item): item for item in snapshot.everything()}
        self._shown = snapshot
        self.log.extend(logged)
        changed = tuple(item for reference, item in after.items() if before.get(reference) != item)
        self._tell(Update(changed=changed, removed=tuple(before.keys() - after.keys()), logged=logged))

    def lose(self) -> None:
        """Lose the connection."""
        self.status = Status(ConnectionState.LOST, node="a", since=time.time())
        self._tell(Update(status=True))

    def _tell(self, update: Update) -> None:
        for listener in list(self._told.values()):
            listener(update)
