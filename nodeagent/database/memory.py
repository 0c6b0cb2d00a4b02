"""The store in memory: the same promises inside one event loop, for tests and simulations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from nodeagent.database.limits import check_limits
from nodeagent.database.store import (
    ABSENT,
    Change,
    ClusterStore,
    Compacted,
    Conflict,
    Contents,
    Entry,
    Transaction,
    Unavailable,
)

_KEPT: Final = 10_000  # revisions of which the changes stay known, as in the embedded store


class MemoryDatabase:
    """What several MemoryStores of one event loop share: the contents, and the changes that led to them."""

    def __init__(self) -> None:
        """Begin empty, at revision 0."""
        self.revision = 0
        self.compacted = 0
        self.entries: dict[str, Entry] = {}
        self.history: dict[int, tuple[Change, ...]] = {}
        self.watches: set[asyncio.Event] = set()

    def apply(self, transaction: Transaction) -> int:
        """Apply the transaction at once; see `ClusterStore.commit`."""
        differing = tuple(key for key, wanted in transaction.expect.items() if self._revision_of(key) != wanted)
        if differing:
            raise Conflict(differing)
        gone = [key for key in transaction.delete if key in self.entries]
        if not transaction.put and not gone:
            return self.revision
        self.revision += 1
        values: dict[str, bytes | None] = {**transaction.put, **dict.fromkeys(gone)}
        for key, value in values.items():
            if value is None:
                del self.entries[key]
            else:
                self.entries[key] = Entry(value, self.revision)
        self.history[self.revision] = tuple(Change(self.revision, key, values[key]) for key in sorted(values))
        self.forget(self.revision - _KEPT + 1)
        for wake in self.watches:
            wake.set()
        return self.revision

    def forget(self, before: int) -> None:
        """Forget changes older than revision *before*."""
        before = min(before, self.revision + 1)
        for revision in range(self.compacted, before):
            self.history.pop(revision, None)
        self.compacted = max(self.compacted, before)

    def changes(self, prefix: str, after: int) -> tuple[Change, ...]:
        """Return all changes after revision *after*.

        Raises:
            Compacted: some of them are forgotten.
        """
        if after + 1 < self.compacted:
            raise Compacted(f"Changes before revision {self.compacted} are forgotten.")
        batches = (self.history[revision] for revision in range(max(after, 0) + 1, self.revision + 1))
        return tuple(change for batch in batches for change in batch if change.key.startswith(prefix))

    def _revision_of(self, key: str) -> int:
        return self.entries[key].revision if key in self.entries else ABSENT


class MemoryStore(ClusterStore):
    """One client of a MemoryDatabase. It never waits, so no call of it is ever Unknown, or late."""

    def __init__(self, database: MemoryDatabase | None = None) -> None:
        """Join *database*, or begin one of its own."""
        self.database = database or MemoryDatabase()
        self._watches: set[asyncio.Event] = set()
        self._closed = False

    async def read(self, prefix: str, *, timeout: float = 2.0) -> Contents:
        """See `ClusterStore.read`."""
        await self._turn()
        found = {key: entry for key, entry in sorted(self.database.entries.items()) if key.startswith(prefix)}
        return Contents(self.database.revision, found)

    async def commit(self, transaction: Transaction, *, timeout: float = 2.0) -> int:
        """See `ClusterStore.commit`."""
        check_limits(transaction)
        await self._turn()
        return self.database.apply(transaction)

    async def watch(self, prefix: str, after: int) -> AsyncGenerator[tuple[Change, ...], None]:
        """See `ClusterStore.watch`. After `close` the iteration ends."""
        wake = asyncio.Event()
        self._watches.add(wake)
        self.database.watches.add(wake)
        try:
            while not self._closed:
                wake.clear()
                reached = self.database.revision
                if changes := self.database.changes(prefix, after):
                    yield changes
                else:
                    await wake.wait()
                after = max(after, reached)
        finally:
            self._watches.discard(wake)
            self.database.watches.discard(wake)

    async def compact(self, before: int) -> None:
        """See `ClusterStore.compact`."""
        await self._turn()
        self.database.forget(before)

    async def close(self) -> None:
        """See `ClusterStore.close`. The database stays for other clients."""
        self._closed = True
        for wake in self._watches:
            wake.set()

    async def _turn(self) -> None:
        """Let others run first, as every store does: who forgets that must not find out elsewhere."""
        if self._closed:
            raise Unavailable("The store is closed.")
        await asyncio.sleep(0)
