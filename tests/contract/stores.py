"""The databases that the store contract is asked of, and what its tests have in common."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import uuid
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from nodeagent.database.memory import MemoryDatabase, MemoryStore
from nodeagent.database.sqlite import SqliteStore
from nodeagent.database.store import Change, ClusterStore, Transaction
from tests.support.etcd import Etcd

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 30.0  # seconds; nothing here takes longer than a fraction of one, except on a very busy machine

Open = Callable[[], ClusterStore]


@dataclass(frozen=True, slots=True)
class Database:
    """One empty database, how a client joins it, and how another process finds it (see `tests.support.committer`)."""

    open: Open
    arguments: tuple[str, ...] = ()

    async def started(self, what: str, argument: int) -> Process:
        """Start a process that commits to it."""
        command = [sys.executable, "-m", "tests.support.committer", what, str(argument), *self.arguments]
        return await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE)


def memory() -> Database:
    database = MemoryDatabase()
    return Database(lambda: MemoryStore(database))


def sqlite(folder: Path) -> Database:
    file = folder / "database" / "cluster.sqlite"
    return Database(lambda: SqliteStore(file), ("sqlite", str(file)))


def etcd(servers: Etcd) -> Database:
    """Return a namespace of its own in an etcd that many tests share."""
    namespace, files = f"{uuid.uuid4().hex}/", servers.certificates
    keys = (str(files.ca), str(files.certificate), str(files.key))
    return Database(lambda: servers.store(namespace), ("etcd", namespace, *keys, *servers.endpoints))


def put(**values: bytes) -> Transaction:
    return Transaction(put=values)


@contextlib.asynccontextmanager
async def watching(
    store: ClusterStore, prefix: str = "", *, after: int
) -> AsyncIterator[AsyncIterator[tuple[Change, ...]]]:
    watch = store.watch(prefix, after)
    try:
        yield watch
    finally:
        await cast("AsyncGenerator[object]", watch).aclose()


async def following(watch: AsyncIterator[tuple[Change, ...]], number: int) -> list[tuple[Change, ...]]:
    """Return the next batches, until they hold *number* changes."""
    batches: list[tuple[Change, ...]] = []
    async with asyncio.timeout(PATIENCE):
        while sum(map(len, batches)) < number:
            batches.append(await anext(watch))
    return batches


def joined(batches: list[tuple[Change, ...]]) -> list[Change]:
    return [change for batch in batches for change in batch]
