"""Where many nodes only beat, their news come together; whatever else happens is told at once."""

from __future__ import annotations

import asyncio

import pytest

from nodeagent.database.memory import MemoryStore
from nodeagent.database.records import GroupRecord, HeartbeatRecord, Life, encode, group_key, heartbeat_key
from nodeagent.database.store import Contents, Transaction, Unavailable
from nodeagent.database.view import Delta
from nodeagent.service.following import MUCH, Following

pytestmark = pytest.mark.asyncio


async def beats(store: MemoryStore, number: int) -> int:
    """Write heartbeats one after the other, and let who follows have its turn after each; return the last revision."""
    revision = 0
    for place in range(number):
        record = HeartbeatRecord(incarnation=1, life=Life.ALIVE, attempt=f"a-{place}", boot="b")
        revision = await store.commit(Transaction(put={heartbeat_key(place % 60 + 1): encode(record)}))
        for _ in range(5):
            await asyncio.sleep(0)
    return revision


async def test_many_heartbeats_are_taken_together_and_anything_else_at_once() -> None:
    store = MemoryStore()
    following = Following(store, "memory")
    await following.load()
    told: list[Delta] = []
    following.listen(told.append)
    task = asyncio.create_task(following.run())
    try:
        await following_has(following, await beats(store, MUCH - 1))
        assert len(told) == MUCH - 1
        await following_has(following, await beats(store, 100))
        assert len(told) < MUCH + 50
        changed = await store.commit(Transaction(put={group_key("g"): encode(GroupRecord(id="g", name="Group"))}))
        await following_has(following, changed)
        told.clear()
        await following_has(following, await beats(store, 20))
        assert len(told) == 20  # while something happens nobody waits
    finally:
        await store.close()
        await task


async def following_has(following: Following, revision: int) -> None:
    async with asyncio.timeout(10):
        await following.reached(revision)


class BusyStore(MemoryStore):
    """It needs five seconds for everything, and says so at once to whoever does not wait as long.

    Attributes:
        away: nothing is answered at all.
        asked: the patience of each who asked for everything; *small* that of those who asked for less.
    """

    away = False

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float] = []
        self.small: list[float] = []

    async def read(self, prefix: str, *, timeout: float = 2.0) -> Contents:
        (self.small if prefix else self.asked).append(timeout)
        if self.away or (not prefix and timeout < 5):
            raise Unavailable
        return await super().read(prefix, timeout=timeout)


async def test_a_store_that_needs_long_for_everything_is_given_more_time_after_each_failure() -> None:
    store = BusyStore()
    following = Following(store, "memory")
    for _ in range(2):
        with pytest.raises(Unavailable):
            await following.load()
    await following.load()
    assert store.asked == [2, 4, 8]
    with pytest.raises(Unavailable):
        await following.load()  # as patient as at first again
    await store.close()


async def test_a_store_that_answers_nothing_is_given_no_more_time() -> None:
    """What was lost on the way to it is never answered, and for so long a node would be silent when it is back."""
    store = BusyStore()
    following = Following(store, "memory")
    store.away = True
    for _ in range(6):
        with pytest.raises(Unavailable):
            await following.load()
    assert (store.asked, store.small) == ([2], [2] * 5)
    store.away = False
    with pytest.raises(Unavailable):
        await following.load()
    await following.load()
    assert store.asked == [2, 4, 8]
    await store.close()
