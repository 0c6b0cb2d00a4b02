"""What workstations are told, at their own pace: whole, once, in bounded memory, and nobody waits for another."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from msgspec.structs import replace

from nodeagent.api import requests as r
from nodeagent.api.events import Changes, LogEntry, Page, Severity
from nodeagent.api.objects import ObjectKind, ObjectRef
from nodeagent.api.wire import PAGE_SIZE, Bye, Hello, Ping, Pong, Subscribe, decode_from_node
from nodeagent.database.records import GroupRecord, ResourceRecord, encode, group_key, resource_key
from nodeagent.database.store import Transaction
from nodeagent.service import news, workstation
from nodeagent.service.news import Gathered, change_lines, page_lines
from nodeagent.service.workstation import Workstation
from tests.builders import cluster
from tests.support.agents import short_folder
from tests.support.offices import Door, Office, Visitor, open_door, open_office

pytestmark = pytest.mark.asyncio
PATIENCE = 30.0  # seconds


@pytest_asyncio.fixture
async def office() -> AsyncIterator[Office]:
    with short_folder() as home:
        async with open_office(home) as found:
            yield found


@pytest_asyncio.fixture
async def door(office: Office) -> AsyncIterator[Door]:
    async with open_door(office) as found:
        yield found


async def fill(office: Office, resources: int, description: str = "") -> None:
    """Put a group with so many resources into the database."""
    await office.commit(Transaction(put={group_key("web"): encode(GroupRecord(id="web", name="Web"))}))
    for start in range(0, resources, 100):
        names = [f"r{number:05}" for number in range(start, min(start + 100, resources))]
        await office.commit(Transaction(put={resource_key(name): described(name, description) for name in names}))


def described(name: str, description: str) -> bytes:
    return encode(ResourceRecord(id=name, name=name, type="Generic Application", group="web", description=description))


async def change(office: Office, name: str, description: str) -> None:
    await office.commit(Transaction(put={resource_key(name): described(name, description)}))


async def caught_up(visitor: Visitor, office: Office) -> None:
    """Read until the mirror is where the office is."""
    while visitor.mirror.snapshot is None or visitor.mirror.snapshot.revision < office.following.view.revision:
        assert await visitor.next() is not None


def same(visitor: Visitor, office: Office) -> bool:
    shown = visitor.mirror.snapshot
    return shown is not None and replace(shown, revision=0) == replace(office.following.snapshot, revision=0)


# --- lines


async def test_no_line_is_longer_than_allowed_unless_one_object_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "LONGEST", 4000)
    snapshot = cluster("ab", {"Web": " ".join(f"r{n}" for n in range(300))})
    entries = [
        LogEntry(
            sequence=n, at=0.0, node="a", severity=Severity.WARNING, code="event_notice", output="x" * (n % 7 * 900)
        )
        for n in range(1, 80)
    ]
    lines = list(page_lines(snapshot, entries))
    pages = [frame for line in lines if isinstance(frame := decode_from_node(line), Page)]
    assert all(len(line) <= 4000 or len(p.objects) + len(p.logged) == 1 for line, p in zip(lines, pages, strict=True))
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert [item for page in pages for item in page.objects] == list(snapshot.everything())
    assert [entry for page in pages for entry in page.logged] == entries

    changed = tuple(snapshot.resources.values())
    removed = tuple(ObjectRef(ObjectKind.GROUP, f"g{n}") for n in range(100))
    whole = Changes(after=3, revision=9, changed=changed, removed=removed, logged=tuple(entries))
    parts = [decode_from_node(line) for line in change_lines(whole)]
    assert all(isinstance(part, Changes) and (part.after, part.revision) == (3, 9) for part in parts)
    for field in ("changed", "removed", "logged"):
        assert tuple(item for part in parts for item in getattr(part, field)) == getattr(whole, field)


async def test_an_empty_batch_still_says_which_revision_was_reached() -> None:
    (line,) = change_lines(Changes(after=3, revision=9))
    assert decode_from_node(line) == Changes(after=3, revision=9)


async def test_what_is_gathered_is_each_object_once_in_its_newest_form() -> None:
    web = cluster("a", {"Web": "App"}).groups["web"]
    gathered = Gathered()
    for name in ("One", "Two", "Three"):
        gathered.add(Changes(after=0, revision=1, changed=(replace(web, name=name),)))
    assert [item.name for item in gathered.take(0, 4).changed] == ["Three"]
    assert not gathered
    reference = ObjectRef(ObjectKind.GROUP, "web")
    gathered.add(Changes(after=0, revision=1, changed=(web,)))
    gathered.add(Changes(after=1, revision=2, removed=(reference,)))
    assert gathered.take(0, 2) == Changes(after=0, revision=2, removed=(reference,))
    gathered.add(Changes(after=0, revision=1, removed=(reference,)))
    gathered.add(Changes(after=1, revision=2, changed=(web,)))
    assert gathered.take(0, 2) == Changes(after=0, revision=2, changed=(web,))


# --- over the socket


async def test_who_subscribes_in_the_middle_of_changes_misses_nothing_and_is_told_nothing_twice(
    office: Office, door: Door
) -> None:
    await fill(office, 2 * PAGE_SIZE)
    rng = random.Random(7)

    async def keep_changing() -> None:
        for turn in range(150):
            await change(office, f"r{rng.randrange(2 * PAGE_SIZE):05}", f"turn {turn}")
            await asyncio.sleep(0)

    changing = asyncio.create_task(keep_changing())
    async with AsyncExitStack() as stack:
        visitors = []
        for _ in range(8):
            visitor = await stack.enter_async_context(await door.enter())
            await visitor.subscribe()
            visitors.append(visitor)
        await changing
        for visitor in visitors:
            await visitor.ask(r.SetPreferredOwners(group="web", nodes=()))  # changes nothing, and ends the news
            assert same(visitor, office)


async def test_one_that_reads_slowly_gets_the_newest_state_later_and_holds_up_nobody(
    office: Office, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workstation, "BEHIND", 100_000)
    await fill(office, 30)
    async with await door.enter() as slow, await door.enter() as quick:
        await slow.subscribe()
        await quick.subscribe()
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for turn in range(40):
            for number in range(30):
                await change(office, f"r{number:05}", f"{turn} " + "x" * 3000)
            await caught_up(quick, office)
        assert same(quick, office)
        waiting = [each for each in door.connections._workstations if each._catching_up is not None]
        assert len(waiting) == 1
        # 3.6 MB were changed; what waits is one form of each object, a buffer and a page.
        held = waiting[0]._writer.transport.get_write_buffer_size()
        assert held < 500_000
        assert len(waiting[0]._missed._objects) <= 30
        slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await caught_up(slow, office)
        assert same(slow, office)


async def test_one_that_does_not_read_at_all_is_sent_away_and_one_that_reads_slowly_is_not(
    office: Office, door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(workstation, "WRITE_PATIENCE", 0.3)
    await fill(office, 1500, "x" * 1000)
    async with await door.enter() as deaf, await door.enter() as slow:
        deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for visitor in (deaf, slow):
            visitor.say(Subscribe(log=0))
        began = time.monotonic()
        with caplog.at_level(logging.WARNING):
            while slow.mirror.snapshot is None:
                assert await slow.next() is not None
                await asyncio.sleep(0.1)  # its pace: a page, of the five that there are, at a time
            async with asyncio.timeout(PATIENCE):
                while len(serving := door.connections._tasks) > 1:
                    await asyncio.wait(serving, return_when=asyncio.FIRST_COMPLETED)
        assert time.monotonic() - began > workstation.WRITE_PATIENCE
        assert len(door.connections._tasks) == 1
        assert [record.message for record in caplog.records if "it is sent away" in record.message]
        await caught_up(slow, office)
        assert same(slow, office)


async def test_after_changes_were_missed_everybody_gets_the_whole_snapshot_again(office: Office, door: Door) -> None:
    await fill(office, 10)
    async with await door.enter() as one, await door.enter() as unsubscribed:
        await one.subscribe()
        await office.following._reload()
        await change(office, "r00003", "after the gap")
        await caught_up(one, office)
        assert same(one, office)
        unsubscribed.say(Ping(number=3))
        assert await unsubscribed.next() == Pong(number=3)


async def test_too_many_workstations_are_told_so(office: Office, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nodeagent.service.connections.MAXIMUM_WORKSTATIONS", 3)
    async with AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(await door.enter())
        async with await door.visit() as fourth:
            bye = await fourth.next()
            assert isinstance(bye, Bye)
            assert bye.problem.code == "too_many_workstations"


async def test_a_list_of_users_that_does_not_answer_holds_up_nobody(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = threading.Event()

    def hangs(_: object) -> None:
        answer.wait(PATIENCE)
        raise OSError

    monkeypatch.setattr("nodeagent.service.connections.LOOKUP_PATIENCE", 0.1)
    async with open_door(office) as door:
        monkeypatch.setattr("nodeagent.service.connections.caller", hangs)
        try:
            async with await door.visit() as visitor:
                visitor.say(Hello())
                bye = await visitor.next()
                assert isinstance(bye, Bye)
                assert bye.problem.code == "users_unknown"
        finally:
            answer.set()


async def test_a_flood_of_frames_leaves_others_their_turn(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[int] = []
    take = Workstation._take

    def noted(self: Workstation, line: bytes, patience: asyncio.Timeout) -> None:
        turns.append(id(self))
        take(self, line, patience)

    async with await door.enter() as flood, await door.enter() as calm:
        monkeypatch.setattr(Workstation, "_take", noted)
        flood.say(*(Ping(number=n) for n in range(100_000)))
        calm.say(Ping(number=1))
        assert await calm.next() == Pong(number=1)
        for _ in range(100_000):
            assert isinstance(await flood.next(), Pong)
    flooding = max(set(turns), key=turns.count)
    assert len(turns) == 100_001
    assert next(place for place, who in enumerate(turns) if who != flooding) < 20_000
