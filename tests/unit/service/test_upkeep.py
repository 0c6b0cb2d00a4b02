"""What nobody waits for any more goes; what is new stays."""

from __future__ import annotations

import pytest

from nodeagent.database.memory import MemoryDatabase, MemoryStore
from nodeagent.database.records import answer_key, ask_key
from nodeagent.database.store import Transaction
from nodeagent.service.following import Following
from nodeagent.service.leadership import Leadership
from nodeagent.service.upkeep import Upkeep


class NoLeadership(Leadership):
    """Upkeep's tidying itself asks nobody."""

    def __init__(self) -> None:
        """Have no parts."""


@pytest.mark.asyncio
async def test_an_answer_that_nobody_collected_is_gone_at_the_second_look() -> None:
    store = MemoryStore(MemoryDatabase())
    old, new = answer_key("old", 1), ask_key(2, "new")
    upkeep = Upkeep(Following(store, "memory"), NoLeadership())
    await store.commit(Transaction(put={old: b"{}", "cluster": b"{}"}))
    await upkeep.tidy()
    assert old in (await store.read("")).entries
    await store.commit(Transaction(put={new: b"{}"}))
    await upkeep.tidy()
    assert set((await store.read("")).entries) == {new, "cluster"}
    await store.close()
