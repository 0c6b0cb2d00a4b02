"""The view follows the database, whatever the database does: it compacts, goes away, comes back, is closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator

import pytest
import pytest_asyncio

from nodeagent.database.memory import MemoryDatabase, MemoryStore
from nodeagent.database.records import GroupRecord, encode, group_key
from nodeagent.database.store import Change, Compacted, Contents, Transaction, Unavailable
from nodeagent.database.view import Delta
from nodeagent.service import following
from nodeagent.service.following import Following

pytestmark = pytest.mark.asyncio
PATIENCE = 20.0  # seconds


class Fickle(MemoryStore):
    """A store that fails when it is told to.

    Attributes:
        away: it does not answer.
        lost: the next watch finds that changes are no longer known.
        asked: gets an item whenever somebody asks to watch.
    """

    away = False
    lost = False

    def __init__(self, database: MemoryDatabase) -> None:
        super().__init__(database)
        self.asked: asyncio.Queue[None] = asyncio.Queue()

    async def read(self, prefix: str, *, timeout: float = 2.0) -> Contents:
        if self.away:
            raise Unavailable("it is away")
        return await super().read(prefix, timeout=timeout)

    async def watch(self, prefix: str, after: int) -> AsyncGenerator[tuple[Change, ...], None]:
        self.asked.put_nowait(None)
        if self.away:
            raise Unavailable("it is away")
        if self.lost:
            self.lost = False
            raise Compacted("gone")
        async for batch in super().watch(prefix, after):
            if self.away:
                raise Unavailable("it went away")
            yield batch


class Followed:
    """A view that follows a store, and what was told of it."""

    def __init__(self) -> None:
        self.database = MemoryDatabase()
        self.store = Fickle(self.database)
        self.following = Following(self.store, "memory")
        self.told: list[Delta] = []
        self.following.listen(self.told.append)

    async def put(self, name: str) -> int:
        """Put a group into the database, past the store under test; returns its revision."""
        record = GroupRecord(id=name, name=name)
        return self.database.apply(Transaction(put={group_key(name): encode(record)}))

    async def asked_again(self, times: int) -> None:
        """Wait until the store was asked to watch so many times more."""
        async with asyncio.timeout(PATIENCE):
            for _ in range(times):
                await self.store.asked.get()

    async def reached(self, revision: int) -> set[str]:
        async with asyncio.timeout(PATIENCE):
            await self.following.reached(revision)
        return set(self.following.snapshot.groups)


@pytest_asyncio.fixture
async def followed(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Followed]:
    monkeypatch.setattr(following, "RETRY", 0.01)
    found = Followed()
    await found.following.load()
    task = asyncio.create_task(found.following.run())
    yield found
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_each_change_is_seen_and_told_once(followed: Followed) -> None:
    for number in range(20):
        assert f"g{number}" in await followed.reached(await followed.put(f"g{number}"))
    told = [item.id for delta in followed.told for item in delta.changed]
    assert told == [f"g{number}" for number in range(20)]


async def test_changes_that_were_forgotten_are_made_up_for_by_reading_everything(followed: Followed) -> None:
    await followed.reached(await followed.put("before"))
    followed.store.away = True
    await followed.put("trigger")
    for number in range(5):
        await followed.put(f"missed{number}")
    followed.database.forget(followed.database.revision + 1)
    followed.store.lost = True
    followed.store.away = False
    assert await followed.reached(followed.database.revision) == {
        "before",
        "trigger",
        *(f"missed{n}" for n in range(5)),
    }
    assert followed.following.reloads == 1
    assert "*" in followed.told[-1].keys
    assert {item.id for item in followed.told[-1].changed} >= {"before", "missed4"}
    assert "after" in await followed.reached(await followed.put("after"))


async def test_a_store_that_is_away_is_asked_until_it_is_back_and_that_is_said_once(
    followed: Followed, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        followed.store.away = True
        revision = await followed.put("meanwhile")
        await followed.asked_again(5)
        assert "meanwhile" not in followed.following.snapshot.groups
        followed.store.away = False
        assert await followed.reached(revision) == {"meanwhile"}
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "the cluster database cannot be watched",
        "the cluster database is watched again",
    ]


async def test_a_store_that_goes_away_while_everything_is_read_again_is_waited_for(followed: Followed) -> None:
    followed.store.away = True
    revision = await followed.put("trigger")
    await followed.asked_again(3)
    followed.store.lost = True
    followed.store.away = False
    assert await followed.reached(revision) == {"trigger"}


async def test_following_ends_when_the_store_is_closed() -> None:
    found = Followed()
    await found.following.load()
    task = asyncio.create_task(found.following.run())
    await found.reached(await found.put("one"))
    await found.store.close()
    async with asyncio.timeout(PATIENCE):
        await task


async def test_who_waits_for_the_next_batch_waits_no_longer_than_told(followed: Followed) -> None:
    await followed.following.next(0.01)
    waiting = asyncio.create_task(followed.following.next(PATIENCE))
    await asyncio.sleep(0)
    await followed.put("one")
    async with asyncio.timeout(PATIENCE):
        await waiting


async def test_who_no_longer_listens_is_told_nothing(followed: Followed) -> None:
    heard: list[Delta] = []
    stop = followed.following.listen(heard.append)
    await followed.reached(await followed.put("one"))
    stop()
    await followed.reached(await followed.put("two"))
    assert [item.id for delta in heard for item in delta.changed] == ["one"]
