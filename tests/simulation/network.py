"""The way to the cluster database: late, lossy, cut in one direction or both; the database itself is sound."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

from nodeagent.database.limits import check_limits
from nodeagent.database.memory import MemoryDatabase
from nodeagent.database.store import (
    Change,
    ClusterStore,
    Compacted,
    Contents,
    StoreError,
    Transaction,
    Unavailable,
    Unknown,
)
from tests.simulation.moments import steps
from tests.simulation.virtualtime import Process

SLOWEST_REFUSAL = 0.05  # seconds until a refused connection is known
USUAL_DELAY = (0.0005, 0.003)  # seconds


@dataclass(slots=True)
class Path:
    """One node's way to the database; whoever makes faults changes it.

    Attributes:
        delay: least and most seconds of each direction.
        watch_delay: the same for changes on their way to watchers.
        lost_requests, lost_replies: shares of messages.
        refused: share of requests that certainly never leave (Unavailable).
        doubled: share of requests that arrive twice, and of replies.
        late: share of the lost requests that arrive after all, up to *latest* seconds later.
        cut_out, cut_in: nothing goes to, or comes from, the database.
        held: by how many seconds the next commit that takes that step is late; its sender hears nothing of it.
    """

    delay: tuple[float, float] = USUAL_DELAY
    watch_delay: tuple[float, float] = USUAL_DELAY
    lost_requests: float = 0.0
    lost_replies: float = 0.0
    refused: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    latest: float = 20.0
    cut_out: bool = False
    cut_in: bool = False
    held: dict[str, float] = field(default_factory=dict)
    watchers: list[Watcher] = field(default_factory=list)

    def cut(self, *, out: bool = True, into: bool = True) -> None:
        """Cut the way."""
        self.cut_out, self.cut_in = out, into

    def join(self) -> None:
        """Be cut no more; whatever else is wrong with it stays."""
        self.cut_out = self.cut_in = False
        for watcher in list(self.watchers):
            watcher.look()

    def holds(self, transaction: Transaction) -> float | None:
        """Return by how many seconds this commit is late, if it is the one that is lain in wait for."""
        found = [step for step in steps(transaction.put) if step in self.held] if self.held else []
        return self.held.pop(found[0]) if found else None

    def change(
        self,
        *,
        delay: tuple[float, float] | None = None,
        watch_delay: tuple[float, float] | None = None,
        lost_requests: float | None = None,
        lost_replies: float | None = None,
        refused: float | None = None,
        doubled: float | None = None,
        late: float | None = None,
    ) -> None:
        """Be a worse way."""
        self.delay = delay or self.delay
        self.watch_delay = watch_delay or self.watch_delay
        self.lost_requests = self.lost_requests if lost_requests is None else lost_requests
        self.lost_replies = self.lost_replies if lost_replies is None else lost_replies
        self.refused = self.refused if refused is None else refused
        self.doubled = self.doubled if doubled is None else doubled
        self.late = self.late if late is None else late

    def heal(self) -> None:
        """Be a good way again."""
        self.delay = self.watch_delay = USUAL_DELAY
        self.lost_requests = self.lost_replies = self.refused = self.doubled = 0.0
        self.held.clear()
        self.cut_out = self.cut_in = False
        for watcher in list(self.watchers):
            watcher.hurry()


class Watcher:
    """One watch of one store."""

    def __init__(self, network: Network, path: Path, service: Process, prefix: str, after: int) -> None:
        self._network = network
        self._path = path
        self._service = service
        self._prefix = prefix
        self._after = after
        self._under_way = False
        self.came = asyncio.Event()
        self.batches: list[tuple[Change, ...]] = []
        self.broken: StoreError | None = None

    def look(self) -> None:
        """Send what is new, unless something is on its way already."""
        if self._under_way or self._path.cut_in or self._network.database.revision <= self._after:
            return
        self._under_way = True
        self._network.later(self._network.draw(self._path.watch_delay), self._send)

    def hurry(self) -> None:
        """Send what is new without waiting for what was slow."""
        self._under_way = False
        self.look()

    def _send(self) -> None:
        self._under_way = False
        if self._path.cut_in:
            return
        database = self._network.database
        try:
            changes = database.changes(self._prefix, self._after)
        except Compacted as exc:
            self._service.soon(self._break, exc)
            return
        self._after = database.revision
        if changes:
            self._service.soon(self._arrive, changes)

    def _arrive(self, changes: tuple[Change, ...]) -> None:
        self.batches.append(changes)
        self.came.set()

    def _break(self, why: StoreError) -> None:
        self.broken = why
        self.came.set()


class Network:
    """The database, and all ways to it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, chance: random.Random) -> None:
        self.database = MemoryDatabase()
        self.watchers: dict[Watcher, None] = {}
        self.committed: Callable[[str, Transaction], None] = lambda _who, _what: None
        self.altered: Callable[[Transaction], Transaction] = lambda transaction: transaction
        self._kernel = Process("network")
        self._loop = loop
        self._chance = chance

    def later(self, seconds: float, action: Callable[..., Any], *arguments: Any) -> None:
        """Run *action* after *seconds*."""
        self._kernel.later(seconds, action, *arguments)

    def draw(self, span: tuple[float, float]) -> float:
        """Return a number of that span."""
        return self._chance.uniform(*span)

    def happens(self, share: float) -> bool:
        """Tell whether something that happens in *share* of all cases happens now."""
        return share > 0 and self._chance.random() < share

    def apply(self, who: str, transaction: Transaction) -> int:
        """Commit, and tell the watchers."""
        revision = self.database.apply(self.altered(transaction))
        self.committed(who, transaction)
        for watcher in list(self.watchers):
            watcher.look()
        return revision


class NodeStore(ClusterStore):
    """One service's store."""

    def __init__(self, network: Network, path: Path, who: str, service: Process) -> None:
        self._network = network
        self._path = path
        self._who = who
        self._service = service
        self._closed = False

    async def read(self, prefix: str, *, timeout: float = 2.0) -> Contents:
        """See ClusterStore."""

        def look() -> Contents:
            database = self._network.database
            found = {key: entry for key, entry in sorted(database.entries.items()) if key.startswith(prefix)}
            return Contents(database.revision, found)

        try:
            contents: Contents = await self._ask(look, timeout)
        except Unknown as exc:
            raise Unavailable("no answer") from exc
        return contents

    async def commit(self, transaction: Transaction, *, timeout: float = 2.0) -> int:
        """See ClusterStore."""
        check_limits(transaction)
        late = self._path.holds(transaction)
        revision: int = await self._ask(lambda: self._network.apply(self._who, transaction), timeout, late)
        return revision

    async def _ask(self, work: Callable[[], Any], timeout: float, late: float | None = None) -> Any:
        """Send a request, let *work* be done at the database, and wait for its reply.

        Args:
            late: the request is so many seconds late, and nothing is heard of it.

        Raises:
            Unavailable: it was not sent.
            Unknown: no reply in time.
        """
        network, path = self._network, self._path
        if self._closed or not self._service.alive:
            raise Unavailable("The store is closed.")
        if network.happens(path.refused):
            await asyncio.sleep(network.draw((0.0, SLOWEST_REFUSAL)))
            raise Unavailable("refused")
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def reply(result: Any, error: Exception | None) -> None:
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(result)

        def arrive() -> None:
            result, error = None, None
            try:
                result = work()
            except StoreError as exc:
                error = exc
            if late is None and not path.cut_in and not network.happens(path.lost_replies):
                network.later(network.draw(path.delay), self._service.soon, reply, result, error)

        if late is not None:
            network.later(late, arrive)
        elif path.cut_out or network.happens(path.lost_requests):
            if network.happens(path.late):
                network.later(network.draw((0.0, path.latest)), arrive)
        else:
            network.later(network.draw(path.delay), arrive)
            if network.happens(path.doubled):
                network.later(network.draw(path.delay) + network.draw((0.0, 1.0)), arrive)
        try:
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError:
            raise Unknown("no answer in time") from None

    async def watch(self, prefix: str, after: int) -> AsyncGenerator[tuple[Change, ...], None]:
        """See ClusterStore."""
        watcher = Watcher(self._network, self._path, self._service, prefix, after)
        self._network.watchers[watcher] = None
        self._path.watchers.append(watcher)
        try:
            watcher.look()
            while not self._closed:
                await watcher.came.wait()
                watcher.came.clear()
                while watcher.batches:
                    yield watcher.batches.pop(0)
                if watcher.broken is not None:
                    raise watcher.broken
        finally:
            self._network.watchers.pop(watcher, None)
            with contextlib.suppress(ValueError):
                self._path.watchers.remove(watcher)

    async def compact(self, before: int) -> None:
        """See ClusterStore."""
        await self._ask(lambda: self._network.database.forget(before), 2.0)

    async def close(self) -> None:
        """See ClusterStore."""
        self._closed = True
        for watcher in list(self._path.watchers):
            watcher.came.set()
