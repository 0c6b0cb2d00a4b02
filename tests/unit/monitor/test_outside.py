"""What lies outside a resource's processes: permitted with each permission, noticed, cut before all else is proven."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from nodeagent.api.objects import ResourceState
from nodeagent.api.problems import Problem, problem
from nodeagent.monitor.held import Held
from nodeagent.monitor.messages import Definition, Start
from nodeagent.monitor.notes import Notes, OutsideNote
from nodeagent.monitor.outside import cut_leftovers
from nodeagent.monitor.reaping import cut_all, cut_orphans
from nodeagent.planner.policies import Policy
from nodeagent.resourcetypes.base import ApplicationType, ResourceError, Running, failure, setting
from nodeagent.system.launching import Launch
from tests.support.surroundings import FakeSurroundings
from tests.unit.monitor.test_held import FakeContainer

NEVER = Policy(threshold=0)


@dataclass(frozen=True, slots=True)
class Settings:
    """One setting, so that a wrong one can be noticed."""

    where: str = setting("Where it is")


class Hand:
    """A grip that keeps a record, and does what the test says."""

    def __init__(self, record: list[str]) -> None:
        self.record = record
        self.weakness: Problem | None = None
        self.refuses: Exception | None = None
        self.fails: Exception | None = None
        self.cut_fails: Exception | None = None
        self.ends_all = True
        self._reading, self._writing = os.pipe()

    def permit(self, until: float) -> None:
        if self.refuses:
            raise self.refuses
        self.record.append(f"until {until}")

    def cut(self) -> bool:
        self.record.append("cut")
        if self.cut_fails:
            raise self.cut_fails
        return self.ends_all

    def fileno(self) -> int:
        return self._reading

    def happen(self) -> None:
        os.write(self._writing, b"!")

    def look(self) -> None:
        os.read(self._reading, 1)
        if self.fails:
            raise self.fails

    def close(self) -> None:
        os.close(self._reading)
        os.close(self._writing)


class Gripped(ApplicationType[Settings]):
    """A type with a grip, and a program that is never started: the test says when it runs."""

    name: ClassVar[str] = "Gripped"
    settings = Settings

    def __init__(self) -> None:
        self.record: list[str] = []
        self.hands: list[Hand] = []

    def terminate(self, mine: Settings) -> None:
        Path(mine.where).touch()

    def prepare(self, mine: Settings) -> Running:
        return Running(Launch([mine.where]))

    def grip(self, mine: Settings, now: Callable[[], float]) -> Hand:
        self.record.append(f"grip {mine.where}")
        self.hands.append(Hand(self.record))
        return self.hands[-1]


class Lone(FakeContainer):
    """Records when it is killed."""

    def __init__(self, record: list[str]) -> None:
        super().__init__()
        self._record = record

    def begin_kill(self) -> None:
        self._record.append("kill")
        super().begin_kill()


@pytest.fixture
def kind() -> Gripped:
    return Gripped()


@pytest.fixture
def around(kind: Gripped) -> FakeSurroundings:
    return FakeSurroundings(Lone(kind.record))


@pytest.fixture
def held(around: FakeSurroundings, kind: Gripped) -> Iterator[Held]:
    """Return one that is online."""
    resource = Definition(id="x", name="x", type="Gripped", parameters={"Where": "here"}, policy=NEVER)
    made = Held(around, kind, Start(resource=resource, group="g", epoch=1, incarnation=1))
    around.deadline.replace(1, around.time + 3.5)
    made._read_settings()
    made.state = ResourceState.ONLINE_PENDING
    made._went_online()
    yield made
    made.kill(around.time + 1)


def test_going_online_permits_and_each_permission_does(held: Held, kind: Gripped) -> None:
    assert kind.record == ["grip here", "until 1003.5"]
    held.permitted(1004.0)
    assert kind.record[2:] == ["until 1004.0"]


@pytest.mark.usefixtures("held")
def test_what_needs_no_permission_is_permitted_for_ever(around: FakeSurroundings) -> None:
    class Shared(Gripped):
        exclusive: ClassVar[bool] = False

    kind = Shared()
    resource = Definition(id="y", name="y", type="Shared", parameters={"Where": "here"}, policy=NEVER)
    made = Held(around, kind, Start(resource=resource, group="g", epoch=1, incarnation=1))
    made._read_settings()
    made._went_online()
    assert kind.record == ["grip here", f"until {math.inf}"]
    made.kill(around.time + 1)


def test_at_the_deadline_the_processes_are_killed_and_then_it_is_cut(held: Held, kind: Gripped) -> None:
    del kind.record[:]
    held.strike()
    held.self_stop()
    assert kind.record[:2] == ["kill", "cut"]
    held.permitted(2000.0)
    assert "until 2000.0" not in kind.record, "it is not online"


def test_what_it_notices_is_a_failure(held: Held, kind: Gripped, around: FakeSurroundings) -> None:
    kind.hands[0].fails = failure("link_down", interface="eth0")
    kind.hands[0].happen()
    around.events()
    assert around.last.information == problem("link_down", interface="eth0")
    assert held.state is ResourceState.FAILED
    assert "cut" in kind.record


@pytest.mark.parametrize("error", [failure("link_down", interface="eth0"), OSError("no"), ZeroDivisionError()])
def test_a_permission_that_cannot_be_taken_is_a_failure(held: Held, kind: Gripped, error: Exception) -> None:
    kind.hands[0].refuses = error
    held.permitted(1004.0)
    assert held.state is ResourceState.FAILED
    expected = "link_down" if isinstance(error, ResourceError) else "call_failed"
    assert held.information is not None
    assert held.information.code == expected


@pytest.mark.parametrize("error", [None, OSError("no"), ZeroDivisionError()], ids=["not all", "refused", "broken"])
def test_terminate_follows_what_does_not_end_all(
    around: FakeSurroundings, kind: Gripped, tmp_path: Path, error: Exception | None
) -> None:
    mark = tmp_path / "terminated"
    resource = Definition(id="z", name="z", type="Gripped", parameters={"Where": str(mark)}, policy=NEVER)
    made = Held(around, kind, Start(resource=resource, group="g", epoch=1, incarnation=1))
    made._read_settings()
    made.state = ResourceState.ONLINE_PENDING
    made._went_online()
    kind.hands[0].ends_all, kind.hands[0].cut_fails = False, error
    made.self_stop()
    while made.state is not ResourceState.OFFLINE:
        around.events()
    assert mark.exists()
    with contextlib.suppress(ChildProcessError):  # who reaps orphans in a monitor may have to reap it
        os.waitpid(-1, 0)


def test_no_terminate_follows_what_ends_all(held: Held, kind: Gripped) -> None:
    held.self_stop()
    assert held.state is ResourceState.OFFLINE, "at once: no child was needed"
    assert "cut" in kind.record


def test_on_its_way_offline_nothing_more_is_noticed(held: Held, kind: Gripped, around: FakeSurroundings) -> None:
    held._outside.release()
    assert around.watched == 0
    held.permitted(1004.0)
    assert kind.record[-1] == "until 1004.0", "it may go on until it is offline"


def test_its_weakness_is_told_with_its_state(around: FakeSurroundings) -> None:
    class Weak(Gripped):
        def grip(self, mine: Settings, now: Callable[[], float]) -> Hand:
            hand = super().grip(mine, now)
            hand.weakness = problem("address_unguarded", address="10.0.0.5", detail="no")
            return hand

    resource = Definition(id="x", name="x", type="Weak", parameters={"Where": "here"}, policy=NEVER)
    made = Held(around, Weak(), Start(resource=resource, group="g", epoch=1, incarnation=1))
    made._read_settings()
    made._went_online()
    assert around.last.information == problem("address_unguarded", address="10.0.0.5", detail="no")
    made.kill(around.time + 1)


def test_the_notes_say_what_it_was_online_with(held: Held) -> None:
    assert held.note == OutsideNote(type="Gripped", parameters={"Where": "here"})
    other = Definition(id="x", name="x", type="Gripped", parameters={"Where": "there"}, policy=NEVER)
    held.arm(Start(resource=other, group="g", epoch=2, incarnation=1))
    assert held.note == OutsideNote(type="Gripped", parameters={"Where": "here"}), "that is where it still is"


def test_what_a_dead_monitor_left_is_cut(kind: Gripped) -> None:
    noted = Notes(outside={"x": OutsideNote(type="Gripped", parameters={"Where": "here"})})
    assert cut_all([noted], {"Gripped": kind})
    assert kind.record == ["grip here", "cut"]
    assert not cut_all([noted], {}), "without the type nothing is sure"


def test_settings_that_cannot_be_read_were_never_online(kind: Gripped) -> None:
    assert cut_leftovers(kind, {}, lambda: 0.0)
    assert kind.record == []


@pytest.mark.parametrize("error", [OSError("no"), failure("not_alive")], ids=["fault", "refusal"])
def test_a_cut_of_leftovers_that_fails_proves_nothing(
    kind: Gripped, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refused(self: Hand) -> bool:
        raise error

    monkeypatch.setattr(Hand, "cut", refused)
    assert not cut_leftovers(kind, {"Where": "here"}, lambda: 0.0)


@pytest.mark.parametrize(
    ("error", "told"),
    [(OSError("no"), "OSError('no')"), (failure("address_stays", address="10.0.0.5"), "10.0.0.5 could not be removed")],
    ids=["fault", "refusal"],
)
def test_what_nobody_holds_and_cannot_be_ended_is_told_and_proves_nothing(
    kind: Gripped, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, told: str
) -> None:
    assert cut_orphans({"Gripped": kind}), "most types leave nothing that they would find"

    def refused(self: Gripped) -> None:
        raise error

    monkeypatch.setattr(Gripped, "cut_orphans", refused)
    assert not cut_orphans({"Gripped": kind})
    assert told in capsys.readouterr().err
