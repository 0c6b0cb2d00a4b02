"""A leader's decisions are for the cluster that they were made for, however long the commits before them take."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from nodeagent.api import requests as r
from nodeagent.api.objects import GroupId, Phase
from nodeagent.database.memory import MemoryDatabase, MemoryStore
from nodeagent.database.records import LEADER, LeaderRecord, OwnerRecord, encode, owner_key
from nodeagent.database.store import Transaction
from nodeagent.service.following import Following
from nodeagent.service.reconciler import Reconciler
from nodeagent.system.clock import SystemClock
from tests.support.agents import short_folder
from tests.support.offices import PATIENCE, Office, open_office

LEADS = LeaderRecord(node=1, incarnation=1, term=1)
OTHER = OwnerRecord(phase=Phase.CLAIMED, node=2, incarnation=1, epoch=7)


class Overtaken(MemoryStore):
    """While its first decision is committed another node takes the lead and gives *group* to one that claims it."""

    def __init__(self, database: MemoryDatabase) -> None:
        super().__init__(database)
        self.following: Following | None = None
        self.group: GroupId = ""

    async def commit(self, transaction: Transaction, *, timeout: float = 2.0) -> int:
        if self.following is None or LEADER not in transaction.expect:
            return await super().commit(transaction, timeout=timeout)
        following, self.following = self.following, None
        self.group = next(g for g in following.snapshot.groups if owner_key(g) not in transaction.put)
        taken = {LEADER: encode(replace(LEADS, node=2, term=2)), owner_key(self.group): encode(OTHER)}
        revision = await super().commit(Transaction(put=taken))
        async with asyncio.timeout(PATIENCE):
            await following.reached(revision)
        return await super().commit(transaction, timeout=timeout)


async def two_groups_to_give(office: Office) -> None:
    for name in ("Mail", "Web"):
        await office.do(r.CreateGroup(name=name))
    free = encode(OwnerRecord(phase=Phase.FREE))
    groups = office.following.snapshot.groups
    await office.commit(Transaction(put={LEADER: encode(LEADS), **{owner_key(group): free for group in groups}}))


@pytest.mark.asyncio
async def test_a_leader_that_was_overtaken_while_it_commits_its_plan_gives_nothing_away_any_more() -> None:
    """Its watch may show what the new leader did, and its own decision is older all the same (safety rule O2)."""
    with short_folder() as home:
        store = Overtaken(MemoryDatabase())
        async with open_office(Path(home), store=store) as office:
            await two_groups_to_give(office)
            reconciler = Reconciler(office.following, office.leadership, SystemClock(), office.events)
            assert office.leadership.leads
            store.following = office.following
            async with asyncio.timeout(PATIENCE):
                await reconciler._plan_once()
            assert store.group, "nothing was decided"
            owner = office.following.view.owner(store.group)
            assert owner is not None
            assert owner[0] == OTHER
            other = next(group for group in office.following.snapshot.groups if group != store.group)
            given = office.following.view.owner(other)
            assert given is None or given[0].phase is Phase.FREE, "it was made under the lead that was lost"
