"""The cluster's time zone: one that the node does not know is refused, and told where it is stored already."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from msgspec.structs import replace

from nodeagent.api import requests as r
from nodeagent.api.events import LogEntry, Severity
from nodeagent.api.objects import ObjectKind, Phase
from nodeagent.api.properties import Value
from nodeagent.api.texts import render, sentence
from nodeagent.database.records import CLUSTER, LEADER, LeaderRecord, OwnerRecord, encode, owner_key
from nodeagent.database.store import Transaction
from nodeagent.service.reconciler import Reconciler
from nodeagent.system.clock import SystemClock
from tests.support.agents import short_folder
from tests.support.offices import PATIENCE, Office, open_office

pytestmark = pytest.mark.asyncio
UNKNOWN = "Nowhere/Atlantis"
TOLD = "event_time_zone_unknown"


@pytest_asyncio.fixture
async def office() -> AsyncIterator[Office]:
    with short_folder() as home:
        async with open_office(home) as made:
            yield made


def setting(office: Office, **properties: Value | None) -> r.SetProperties:
    return r.SetProperties(kind=ObjectKind.CLUSTER, id=office.following.snapshot.cluster.id, properties=properties)


async def store(office: Office, zone: str) -> None:
    """Let the database hold *zone*, as another node wrote it that knows it."""
    found = office.following.view.cluster()
    assert found is not None
    await office.commit(Transaction(put={CLUSTER: encode(replace(found[0], properties={"TimeZone": zone}))}))


def told(office: Office) -> list[LogEntry]:
    return [entry for entry in office.log if entry.code == TOLD]


@pytest.mark.parametrize("name", ["TimeZone", "timezone"])
async def test_an_unknown_time_zone_is_refused_where_it_is_set(office: Office, name: str) -> None:
    bad = await office.refusal(setting(office, **{name: UNKNOWN}))
    assert (bad.code, bad.field, bad.number) == ("time_zone_unknown", "TimeZone", 87)
    assert sentence(bad) == (
        f"NODE1 knows no time zone {UNKNOWN}; write one as Europe/Vienna, or install the package tzdata there."
    )
    assert "TimeZone" not in office.following.snapshot.cluster.properties


async def test_a_known_one_is_stored_and_can_be_taken_back(office: Office) -> None:
    await office.do(setting(office, TimeZone="Europe/Vienna"))
    assert office.following.snapshot.cluster.properties["TimeZone"] == "Europe/Vienna"
    await office.do(setting(office, TimeZone=None))
    assert not office.following.snapshot.cluster.properties.get("TimeZone")


async def test_a_stored_one_that_is_unknown_keeps_nobody_from_changing_something_else(office: Office) -> None:
    await store(office, UNKNOWN)
    await office.do(setting(office, Description="orders"))
    assert office.following.snapshot.cluster.description == "orders"


async def test_a_stored_one_that_is_unknown_is_told_once_by_who_plans(office: Office) -> None:
    reconciler = Reconciler(office.following, office.leadership, SystemClock(), office.events)
    await store(office, UNKNOWN)
    await office.commit(Transaction(put={LEADER: encode(LeaderRecord(node=1, incarnation=1, term=1))}))
    planning = asyncio.create_task(reconciler.run())
    try:
        async with asyncio.timeout(PATIENCE):
            while not told(office):
                await office.following.next(PATIENCE)
            made = await office.do(r.CreateGroup(name="Web"))
            free = encode(OwnerRecord(phase=Phase.FREE))  # something to plan: it is given to this node
            await office.commit(Transaction(put={owner_key(made.id): free}))
            while not any(entry.code == "event_group_assigned" for entry in office.log):
                await office.following.next(PATIENCE)
    finally:
        planning.cancel()
        await asyncio.gather(planning, return_exceptions=True)
    (entry,) = told(office)
    assert entry.severity is Severity.WARNING
    assert UNKNOWN in render(entry.code, entry.parameters)
    assert "NODE1" in render(entry.code, entry.parameters)
