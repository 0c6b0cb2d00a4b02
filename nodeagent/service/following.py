"""Keeps a view of the cluster database up to date, and tells those who listen what changed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from nodeagent.api.events import LogEntry
from nodeagent.api.objects import Snapshot
from nodeagent.database.records import CLUSTER, encode, event_key
from nodeagent.database.store import Change, ClusterStore, Compacted, Restored, Unavailable
from nodeagent.database.view import ClusterView, Delta

log = logging.getLogger(__name__)

Listener = Callable[[Delta], None]
MUCH: Final = 40  # heartbeats within a second
BREATH: Final = 0.04  # seconds
PATIENCE: Final = 2.0  # seconds for reading everything, at first
MOST_PATIENCE: Final = 16.0
RETRY: Final = 0.2  # seconds between attempts to read a store that does not answer


class _Breathers:
    """Tells when to let some news come together: a turn for several heartbeats costs far less than one for each."""

    def __init__(self) -> None:
        self._beats: deque[float] = deque(maxlen=MUCH)
        self._other = float("-inf")

    def due(self, batch: Sequence[Change]) -> bool:
        """Tell whether a batch shows that there are many nodes and that all they do is to beat."""
        now = asyncio.get_running_loop().time()
        beats = sum(change.key.startswith("heartbeats/") for change in batch)
        self._beats.extend([now] * beats)
        if beats < len(batch):
            self._other = now
        return len(self._beats) == MUCH and now - self._beats[0] < 1 and now - self._other > 1


class Following:
    """The view, and who is told of its changes. A reload is a Delta with everything in `keys` that exists."""

    def __init__(self, store: ClusterStore, backend: str) -> None:
        self.store = store
        self.view = ClusterView(backend)
        self.reloads = 0
        self._reachable = True
        self._patience = PATIENCE
        self._listeners: list[Listener] = []
        self._moved = asyncio.Event()
        self._breathers = _Breathers()

    @property
    def snapshot(self) -> Snapshot:
        """Return the cluster as this node knows it."""
        return self.view.snapshot

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have *listener* called after each batch; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def load(self) -> None:
        """Read everything once; after a failure with more patience, as it may be much and the store busy.

        A store that does not answer a small question either is not worth that patience: the answer to what was lost
        on the way never comes, and this node would be silent long after everything is well again.

        Raises:
            Unavailable: the store does not answer.
        """
        if self._patience > PATIENCE:
            await self.store.read(CLUSTER, timeout=PATIENCE)
        patience, self._patience = self._patience, min(2 * self._patience, MOST_PATIENCE)
        self.view.load(await self.store.read("", timeout=patience))
        self._patience = PATIENCE

    async def reached(self, revision: int) -> None:
        """Wait until the view has come to *revision*."""
        while self.view.revision < revision:
            await self._moved.wait()

    async def next(self, timeout: float) -> None:
        """Wait for the next batch, *timeout* seconds at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._moved.wait()

    def say_here(self, entry: LogEntry) -> None:
        """Show an entry to the workstations of this node alone, when the database cannot take it."""
        change = Change(self.view.revision, event_key(entry.sequence), encode(entry))
        self._tell(self.view.apply((change,)))

    async def run(self) -> None:
        """Follow until the store is closed."""
        while True:
            try:
                await self._watch()
            except Compacted:
                log.warning("missed changes; reading the cluster database again")
                await self._reload()
            except Restored as exc:
                log.error("the cluster database is followed no more: %s", exc)
                return
            except Unavailable as exc:
                await self._wait_for_store(exc)
            else:
                return

    async def _wait_for_store(self, why: Unavailable) -> None:
        """Nothing tells when a store is back: asking is the only way. What is wrong is said once."""
        if self._reachable:
            log.warning("the cluster database cannot be watched: %s", why)
        self._reachable = False
        await asyncio.sleep(RETRY)

    async def _watch(self) -> None:
        batches = self.store.watch("", self.view.revision)
        try:
            async for batch in batches:
                self._back()
                self._tell(self.view.apply(batch))
                if self._breathers.due(batch):
                    await asyncio.sleep(BREATH)  # how long the news may wait at most
        finally:
            await batches.aclose()  # type: ignore[attr-defined]

    async def _reload(self) -> None:
        try:
            await self.load()
        except Unavailable as exc:
            await self._wait_for_store(exc)
            return
        self._back()
        self.reloads += 1
        everything = tuple(self.snapshot.everything())
        self._tell(Delta(changed=everything, keys=frozenset({"*"})))

    def _back(self) -> None:
        if not self._reachable:
            log.warning("the cluster database is watched again")
        self._reachable = True

    def _tell(self, delta: Delta) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
        for listener in list(self._listeners):
            listener(delta)
