"""Two nodes with something to ask about, over one database that fails when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest_asyncio

from nodeagent.api import requests as r
from nodeagent.api.objects import GroupId, ObjectKind, ResourceId, ResourceState
from nodeagent.database.memory import MemoryDatabase, MemoryStore
from nodeagent.database.store import Conflict, Transaction
from tests.support.agents import short_folder
from tests.support.offices import Office, open_office

APPLICATION = "Generic Application"
RUNNABLE = {"CommandLine": "/bin/true", "CurrentDirectory": "/"}


class Fickle(MemoryStore):
    """A store that fails when it is told to.

    Attributes:
        conflicts: how many of the next commits meet somebody else's.
        failing: what the next commits raise instead of being made.
    """

    conflicts = 0
    failing: Exception | None = None

    async def commit(self, transaction: Transaction, *, timeout: float = 2.0) -> int:
        if self.failing is not None:
            raise self.failing
        if self.conflicts:
            self.conflicts -= 1
            raise Conflict(tuple(transaction.expect))
        return await super().commit(transaction, timeout=timeout)


@dataclass
class World:
    """Two nodes; Web with Site online and App, offline, on Disk, offline; Spare, empty; the second node's commands."""

    office: Office
    other: Office
    store: Fickle
    groups: dict[str, GroupId] = field(default_factory=dict)
    resources: dict[str, ResourceId] = field(default_factory=dict)

    @classmethod
    async def build(cls, office: Office, other: Office, store: Fickle) -> World:
        self = cls(office, other, store)
        for name in ("Web", "Spare"):
            self.groups[name] = (await office.do(r.CreateGroup(name=name))).id
            await office.own(self.groups[name])
        for name, needs in (("Disk", ""), ("App", "Disk"), ("Site", "")):
            made = await office.do(
                r.CreateResource(
                    name=name,
                    type=APPLICATION,
                    group=self.groups["Web"],
                    dependencies=(self.resources[needs],) if needs else (),
                    parameters=dict(RUNNABLE),
                )
            )
            self.resources[name] = made.id
        await office.do(r.BringOnline(kind=ObjectKind.RESOURCE, id=self.resources["Site"]))
        await office.report(self.resources["Site"], ResourceState.ONLINE)
        return self


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    database = MemoryDatabase()
    store = Fickle(database)
    with short_folder() as home:
        async with open_office(home, store=store) as office, open_office(home, database, "NODE2") as other:
            async with asyncio.timeout(20):
                await office.following.reached(database.revision)
            yield await World.build(office, other, store)
