"""Notes survive the monitor, and a damaged file is no reason not to start."""

from __future__ import annotations

from pathlib import Path

from nodeagent.monitor import notes
from nodeagent.monitor.deadline import Deadline
from nodeagent.monitor.notes import Notes


def test_what_is_noted_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "shared.json"
    notes.write(path, Notes(process=7, started=8, held=["a"], closed={"g": 3}))
    again = notes.read(path)
    assert (again.process, again.started, again.held, again.closed) == (7, 8, ["a"], {"g": 3})
    assert list(tmp_path.iterdir()) == [path]


def test_missing_or_damaged_notes_are_empty(tmp_path: Path) -> None:
    path = tmp_path / "shared.json"
    assert notes.read(path).held == []
    path.write_text("{half")
    assert notes.read(path).closed == {}


def test_the_latest_permission_replaces_the_earlier_one_even_by_a_shorter_one() -> None:
    deadline = Deadline()
    assert not deadline.allows(0, 0.0)
    deadline.replace(1, 10.0)
    deadline.replace(1, 5.0)
    assert deadline.allows(1, 4.9)
    assert not deadline.allows(1, 5.0)
    assert not deadline.allows(2, 1.0)
    deadline.replace(1, None)
    assert deadline.allows(1, 1e12)
    deadline.withdraw()
    assert not deadline.allows(1, 0.0)
    assert not deadline.allows(0, 0.0)
