"""What a node reports of its resources, beside their states."""

from __future__ import annotations

import asyncio

import pytest

from nodeagent.api import requests as r
from nodeagent.api.events import Severity
from nodeagent.api.objects import ResourceState
from nodeagent.api.problems import problem
from nodeagent.api.properties import Value
from nodeagent.api.texts import render
from nodeagent.database.store import Transaction
from nodeagent.monitor.messages import Report
from nodeagent.service.reporting import Reporting
from nodeagent.system.clock import SystemClock
from tests.support.agents import short_folder
from tests.support.offices import open_office


@pytest.mark.asyncio
async def test_what_is_less_safe_on_a_node_is_a_warning_and_stands_beside_the_state() -> None:
    with short_folder() as home:
        async with open_office(home) as office:
            group = (await office.do(r.CreateGroup(name="Web"))).id
            await office.own(group)
            parameters: dict[str, Value] = {"Address": "10.0.0.50"}
            made = await office.do(r.CreateResource(name="IP", type="IP Address", group=group, parameters=parameters))
            reporting = Reporting(office.following, office.membership, SystemClock(), office.events, home)
            weak = problem("address_unguarded", address="10.0.0.50", detail="Operation not supported")
            said = Report(
                id=made.id, group=group, epoch=1, incarnation=1, state=ResourceState.ONLINE, at=0.0, information=weak
            )
            for _ in range(2):  # the second one is no news
                reporting.report(office.following.snapshot.resources[made.id], said, 0.0, 0)
                await reporting.flush()
            async with asyncio.timeout(20):
                while office.following.snapshot.resources[made.id].state is not ResourceState.ONLINE:
                    await office.following.next(1.0)
            told = render(weak.code, weak.parameters)
            assert office.following.snapshot.resources[made.id].information == told
            (warned,) = (entry for entry in office.log if entry.code == "event_weaker")
            assert warned.severity is Severity.WARNING
            assert render(warned.code, warned.parameters) == f"IP is less safe on NODE1 than it should be: {told}"


@pytest.mark.asyncio
async def test_what_is_said_while_two_write_at_once_is_not_lost() -> None:
    """A service that begins anew writes what is left beside the part that always writes."""
    with short_folder() as home:
        async with open_office(home) as office:
            reporting = Reporting(office.following, office.membership, SystemClock(), office.events, home)
            store, commit, told = office.following.store, office.following.store.commit, asyncio.Event()
            commits: list[Transaction] = []

            async def late(transaction: Transaction, *, timeout: float = 2.0) -> int:
                commits.append(transaction)
                if len(commits) == 2:
                    await told.wait()
                await asyncio.sleep(0)  # on its way
                return await commit(transaction, timeout=timeout)

            store.commit = late  # type: ignore[method-assign]
            reporting.say(Severity.INFORMATION, "event_node_restarted", detail="the first")
            async with asyncio.timeout(20):
                one, other = asyncio.create_task(reporting.flush()), asyncio.create_task(reporting.flush())
                await one
                reporting.say(Severity.INFORMATION, "event_node_restarted", detail="the second")
                told.set()
                await other
                await reporting.flush()
                while len(said := [e.parameters["detail"] for e in office.log if "detail" in e.parameters]) < 2:
                    await office.following.next(1.0)
            assert said == ["the first", "the second"]
