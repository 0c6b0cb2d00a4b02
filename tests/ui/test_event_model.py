"""The event log's model: newest first, causes unfold, filters and bounds."""

import time
from collections.abc import Iterator

import msgspec
import pytest
from PySide6.QtTest import QAbstractItemModelTester

from nodeagent.api.events import LogEntry, Severity
from tests.webfarm import WebFarm
from ui.models import eventlog
from ui.models.eventlog import EventModel
from ui.models.roles import Role, Tone
from ui.words import clock_with_milliseconds, local_time


@pytest.fixture
def model(qapp: object) -> Iterator[EventModel]:
    made = EventModel()
    tester = QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal)
    yield made
    tester.deleteLater()
    made.deleteLater()


def entry(sequence: int, severity: Severity = Severity.INFORMATION, name: str = "App", node: str = "a") -> LogEntry:
    return LogEntry(
        sequence=sequence,
        at=1000.0 + sequence,
        node=node,
        severity=severity,
        code="event_online",
        parameters={"name": name, "node": node},
        object_name=name,
    )


def shown(model: EventModel) -> list[int]:
    return [e.sequence for e in model.entries_shown()]


def test_the_newest_entry_stands_first_however_they_come(model: EventModel) -> None:
    model.add([entry(2), entry(1)])
    assert model.add([entry(4), entry(3)]) == 2
    assert shown(model) == [4, 3, 2, 1]
    model.add([entry(0)])
    assert shown(model) == [4, 3, 2, 1, 0]


def test_an_entry_of_today_shows_its_time_and_an_older_one_its_day(model: EventModel) -> None:
    then, now = local_time(entry(1).at), time.time()
    model.add([entry(1)])
    assert model.index(0, 0).data() == f"{then:%d %b %H:%M}", "also while it is the newest"
    model.add([msgspec.structs.replace(entry(2), at=now)])
    assert model.index(0, 0).data() == clock_with_milliseconds(now)


def test_an_entry_that_comes_twice_is_shown_once(model: EventModel) -> None:
    model.add([entry(1)])
    assert model.add([entry(1)]) == 0
    assert shown(model) == [1]
    assert model.counts[Severity.INFORMATION] == 1


def test_an_entry_unfolds_to_its_cause_its_refusals_and_its_output(model: EventModel) -> None:
    model.add(WebFarm(now=1000.0).log())
    before = model.rowCount()
    model.unfold(0, True)
    labels = [model.index(row, eventlog.OBJECT).data() for row in range(1, 1 + model.rowCount() - before)]
    assert labels == ["Cause", "Refused", "Last output", "Recorded"]
    refused = str(model.index(2, eventlog.TEXT).data())
    assert refused.startswith("boreas is not a possible owner of Shop Worker · ceres is paused")
    assert model.index(3, eventlog.TEXT).data(Role.CELL).mono
    assert model.head_of(3) == 0
    model.unfold(2, False)
    assert model.rowCount() == before


def test_an_unfolded_entry_stays_so_under_newer_ones(model: EventModel) -> None:
    model.add([entry(1)])
    model.unfold(0, True)
    model.add([entry(2)])
    assert [model.entry_at(row).sequence for row in range(3)] == [2, 1, 1]  # type: ignore[union-attr]
    assert model.is_unfolded(1)


@pytest.mark.parametrize(
    ("text", "sequences"),
    [("mail", [2]), ("node:b", [3]), ("object:app", [3, 1]), ("online mail", [2]), ("", [3, 2, 1])],
)
def test_a_filter_takes_words_and_columns(model: EventModel, text: str, sequences: list[int]) -> None:
    model.add([entry(1), entry(2, name="Mail"), entry(3, node="b")])
    model.set_filter(text)
    assert shown(model) == sequences


def test_severities_are_filtered_and_counted(model: EventModel) -> None:
    model.add([entry(1, Severity.ERROR), entry(2), entry(3, Severity.WARNING)])
    model.set_severities([Severity.ERROR, Severity.WARNING])
    assert shown(model) == [3, 1]
    assert model.counts[Severity.ERROR] == 1
    assert model.add([entry(4)]) == 0


def test_errors_are_red_until_the_connection_is_lost(model: EventModel) -> None:
    model.add([entry(1, Severity.ERROR)])
    assert model.index(0, eventlog.TEXT).data(Role.CELL).tone is Tone.FAILED
    model.show_objects(None, live=False)
    assert model.index(0, eventlog.TEXT).data(Role.CELL).tone is Tone.STALE


def test_the_oldest_entries_are_dropped_in_blocks(model: EventModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventlog, "MOST_ENTRIES", 20)
    monkeypatch.setattr(eventlog, "DROPPED_AT_ONCE", 5)
    for sequence in range(21):
        model.add([entry(sequence)])
    assert shown(model) == list(range(20, 5, -1))
    assert model.counts[Severity.INFORMATION] == 15
