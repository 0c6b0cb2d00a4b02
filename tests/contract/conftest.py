"""The stores that the contract is asked of, each test with an empty database."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from nodeagent.database.store import ClusterStore
from tests.contract.stores import Database, Open, etcd, memory, sqlite
from tests.support.agents import short_folder
from tests.support.etcd import running_etcd

KINDS = ("memory", "sqlite", "etcd", "etcd of three")


Make = Callable[[Path], Database]


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Give a function that makes an empty database. All tests of a kind share its servers."""
    if request.param == "memory":
        yield lambda _folder: memory()
    elif request.param == "sqlite":
        yield sqlite
    else:
        with short_folder() as folder, running_etcd(folder, 3 if "three" in request.param else 1) as servers:
            yield lambda _folder: etcd(servers)


@pytest.fixture
def database(kind: Make, tmp_path: Path) -> Database:
    """Give an empty database of each kind in turn."""
    return kind(tmp_path)


@pytest_asyncio.fixture
async def open_store(database: Database) -> AsyncIterator[Open]:
    """Give a function that joins one more client to the same database; all are closed at the end."""
    async with contextlib.AsyncExitStack() as stack:

        def opened() -> ClusterStore:
            store = database.open()
            stack.push_async_callback(store.close)
            return store

        yield opened


@pytest_asyncio.fixture
async def store(open_store: Open) -> ClusterStore:
    return open_store()
