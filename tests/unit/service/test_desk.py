"""What is changed by many commits, or a moment after it was looked at, overwrites nothing that came in between."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from nodeagent.api import requests as r
from nodeagent.api.freezing import Maintenance
from nodeagent.api.objects import ObjectKind
from nodeagent.database.memory import MemoryDatabase, MemoryStore
from nodeagent.database.records import LEADER, LeaderRecord, encode, group_key
from nodeagent.database.store import Conflict, Transaction
from nodeagent.service.desk import PIECE, Desk
from nodeagent.service.following import Following
from nodeagent.service.maintenance import MaintenanceEnds
from nodeagent.system.clock import SystemClock
from tests.support.agents import short_folder
from tests.support.offices import PATIENCE, open_office

KEYS = [f"wishes/{number:03}" for number in range(PIECE + 20)]


class Busy(MemoryStore):
    """While the first piece is committed, somebody else writes under a key of the second one."""

    def __init__(self, database: MemoryDatabase) -> None:
        super().__init__(database)
        self.following: Following | None = None

    async def commit(self, transaction: Transaction, *, timeout: float = 2.0) -> int:
        if self.following is not None and KEYS[0] in transaction.put:
            following, self.following = self.following, None
            revision = await super().commit(Transaction(put={KEYS[-1]: b"another"}))
            async with asyncio.timeout(PATIENCE):
                await following.reached(revision)
        return await super().commit(transaction, timeout=timeout)


@pytest.mark.asyncio
async def test_a_change_that_comes_between_two_pieces_of_one_request_is_not_overwritten() -> None:
    with short_folder() as home:
        store = Busy(MemoryDatabase())
        async with open_office(Path(home), store=store) as office:
            await office.commit(Transaction(put=dict.fromkeys(KEYS, b"former")))
            desk = Desk(office.following, office.membership, office.events)
            store.following = office.following
            with pytest.raises(Conflict):
                await desk.commit_all(dict.fromkeys(KEYS, b"ours"))
            assert store.database.entries[KEYS[0]].value == b"ours"
            assert store.database.entries[KEYS[-1]].value == b"another"


@pytest.mark.asyncio
async def test_maintenance_that_was_prolonged_at_its_very_end_goes_on() -> None:
    with short_folder() as home:
        async with open_office(Path(home)) as office:
            group = (await office.do(r.CreateGroup(name="Web"))).id
            await office.do(r.BeginMaintenance(kind=ObjectKind.GROUP, id=group, seconds=60))
            leader = encode(LeaderRecord(node=office.node, incarnation=1, term=1))
            await office.commit(Transaction(put={LEADER: leader}))
            found = office.following.view.group(group)
            assert found is not None
            over = replace(office.following.snapshot.groups[group], maintenance=Maintenance(since=1.0, until=2.0))
            ends = MaintenanceEnds(office.following, office.leadership, SystemClock(), office.events)
            await ends._end(over)
            assert office.following.view.group(group) == found
            past = replace(found[0], maintenance=over.maintenance)
            await office.commit(Transaction(put={group_key(group): encode(past)}))
            await ends._end(over)
            ended = office.following.view.group(group)
            assert ended is not None
            assert ended[0].maintenance is None
