"""Whom a leader declares down: the node whose silence it has measured, for as long as that silence lasts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from nodeagent.api.objects import NodeId
from nodeagent.database.memory import MemoryDatabase, MemoryStore
from nodeagent.database.records import (
    LEADER,
    HeartbeatRecord,
    LeaderRecord,
    Life,
    NodeRecord,
    decode,
    encode,
    heartbeat_key,
    node_key,
)
from nodeagent.database.store import Transaction
from nodeagent.service.following import Following
from nodeagent.system.clock import SystemClock
from tests.support.agents import short_folder
from tests.support.offices import PATIENCE, Office, open_office

BEAT = HeartbeatRecord(
    incarnation=1,
    life=Life.ALIVE,
    attempt="1",
    boot="boot",
    machine="another",
    interval=0.5,
    self_stop=3.5,
    kill_bound=0.6,
    margin=0.3,
)
SILENT = (2, 3)
HEARD = (4, 5)


class HeardMeanwhile(MemoryStore):
    """While one silent node is declared down, the other ones are heard again."""

    def __init__(self, database: MemoryDatabase) -> None:
        super().__init__(database)
        self.following: Following | None = None

    async def commit(self, transaction: Transaction, *, timeout: float = 2.0) -> int:
        dead = [node for node in SILENT if _life(transaction, node) is Life.DEAD]
        if self.following is not None and dead:
            following, self.following = self.following, None
            others = {heartbeat_key(node): encode(replace(BEAT, attempt="2")) for node in SILENT if node not in dead}
            revision = await super().commit(Transaction(put=others))
            async with asyncio.timeout(PATIENCE):
                await following.reached(revision)
        return await super().commit(transaction, timeout=timeout)


def _life(transaction: Transaction, node: NodeId) -> Life | None:
    value = transaction.put.get(heartbeat_key(node))
    return decode(value, HeartbeatRecord).life if value is not None else None


def life(office: Office, node: NodeId) -> Life:
    found = office.following.view.heartbeat(node)
    assert found is not None
    return found[0].life


@pytest.mark.asyncio
async def test_a_node_that_is_heard_while_another_one_is_declared_down_is_not_declared_down_with_it() -> None:
    """Its new heartbeat is no heartbeat whose silence was measured (safety rule M2)."""
    with short_folder() as home:
        store = HeardMeanwhile(MemoryDatabase())
        async with open_office(Path(home), store=store) as office:
            beats = {heartbeat_key(node): encode(BEAT) for node in (*SILENT, *HEARD)}
            nodes = {node_key(node): encode(NodeRecord(id=node, name=f"NODE{node}")) for node in (*SILENT, *HEARD)}
            leader = encode(LeaderRecord(node=office.node, incarnation=1, term=1))
            await office.commit(Transaction(put={**beats, **nodes, LEADER: leader}))
            long_ago = SystemClock().steady() - 60
            for node in SILENT:
                office.leadership._seen[node] = office.leadership._seen[node][0], long_ago
            store.following = office.following
            async with asyncio.timeout(PATIENCE):
                await office.leadership._judge()
                await office.following.reached(store.database.revision)
            assert {life(office, node) for node in SILENT} == {Life.DEAD, Life.ALIVE}
            assert all(life(office, node) is Life.ALIVE for node in HEARD)
