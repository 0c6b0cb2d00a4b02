"""Entries of the event log: numbered so that they sort as they happened, whatever the clock does."""

from __future__ import annotations

from nodeagent.api.causes import Cause
from nodeagent.api.events import Severity
from nodeagent.api.objects import Group, ObjectKind, ObjectRef
from nodeagent.database.memory import MemoryDatabase
from nodeagent.database.records import decode, event_key
from nodeagent.database.store import Transaction
from nodeagent.service.eventlog import EventLog, put

LAST = 2**63  # what every reader of JSON and every database can hold


class HandClock:
    """A clock that stands still until it is set."""

    def __init__(self, wall: float = 1_800_000_000.0) -> None:
        self.now = wall

    def wall(self) -> float:
        return self.now

    def steady(self) -> float:
        return self.now


def log(clock: HandClock, node: int = 1) -> EventLog:
    events = EventLog(clock, f"NODE{node}")
    events.node = node
    return events


def sequences(events: EventLog, count: int) -> list[int]:
    return [events.entry(Severity.INFORMATION, "event_notice").sequence for _ in range(count)]


def test_entries_of_one_moment_are_numbered_in_their_order() -> None:
    found = sequences(log(HandClock()), 50_000)  # more than the counter holds
    assert found == sorted(set(found))
    assert found[-1] < LAST


def test_a_clock_that_is_set_back_does_not_put_new_entries_before_old_ones() -> None:
    clock = HandClock()
    events = log(clock)
    before = sequences(events, 3)
    clock.now -= 3600
    assert min(sequences(events, 3)) > max(before)
    clock.now += 7200
    assert min(sequences(events, 3)) > max(before)


def test_two_nodes_never_make_the_same_number() -> None:
    clock = HandClock()
    numbers = [number for node in range(1, 65) for number in sequences(log(clock, node), 100)]
    assert len(set(numbers)) == len(numbers)


def test_keys_sort_as_numbers_do() -> None:
    clock = HandClock(1.0)
    events = log(clock)
    found = []
    for moment in (1.0, 2.0, 1e6, 1e9, 2e9):
        clock.now = moment
        found += sequences(events, 2)
    assert sorted(map(event_key, found)) == [event_key(number) for number in sorted(found)]


def test_an_entry_names_what_it_is_about_why_and_when() -> None:
    clock = HandClock()
    why = Cause(rule="cause_requested", user="anna", request="r1", note="patch day")
    entry = log(clock).entry(
        Severity.ERROR, "event_failed", Group(id="web", name="Web"), cause=why, epoch=3, detail="x"
    )
    assert (entry.object, entry.object_name) == (ObjectRef(ObjectKind.GROUP, "web"), "Web")
    assert entry.parameters == {"name": "Web", "detail": "x"}
    assert (entry.number, entry.request, entry.cause, entry.epoch) == (1069, "r1", why, 3)
    assert (entry.at, entry.node) == (clock.now, "NODE1")


def test_what_is_put_can_be_read_again() -> None:
    entry = log(HandClock()).entry(Severity.WARNING, "event_notice", name="Web", detail="é🎉\n")
    database = MemoryDatabase()
    database.apply(Transaction(put=put(entry)))
    assert decode(database.entries[event_key(entry.sequence)].value, type(entry)) == entry
