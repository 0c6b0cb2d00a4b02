"""What a dead monitor left and cannot be killed resets the machine at T + k, where the settings allow it (rule P7)."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from nodeagent import __main__ as program
from nodeagent.monitor import notes, permissions, reaping, resetting
from nodeagent.monitor.notes import Notes
from nodeagent.monitor.resetting import left_running, reset_if_overdue
from nodeagent.settings import AgentSettings

HELD = ["app", "other", "shared"]


class Clock:
    """Stands still, until somebody sleeps by it."""

    def __init__(self) -> None:
        self.time = 100.0

    def steady(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class Containers:
    """Those of which *running* hold something."""

    def __init__(self, running: set[str]) -> None:
        self.running = running

    def leftovers(self) -> list[str]:
        return HELD

    def open(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(is_empty=lambda: name not in self.running)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("nodeagent.monitor.resetting.time.sleep", made.sleep)
    return made


@pytest.fixture
def node(tmp_path: Path) -> AgentSettings:
    trigger = tmp_path / "sysrq-trigger"
    trigger.touch()
    made = AgentSettings(name="node1", home=tmp_path, run=tmp_path, reset="sysrq", sysrq_trigger=trigger)
    made.monitors.mkdir()
    notes.write(notes.path_of(made.monitors, "shared"), Notes(held=HELD, promised=["app", "other"]))
    return made


@pytest.fixture
def containers(monkeypatch: pytest.MonkeyPatch) -> Containers:
    made = Containers({"app", "shared"})
    monkeypatch.setattr(resetting, "containers_of", lambda _settings: made)
    return made


def was_reset(node: AgentSettings) -> bool:
    return node.sysrq_trigger.read_bytes() == b"b"


def test_at_t_and_k_and_not_before_it_is_reset(node: AgentSettings, clock: Clock, containers: Containers) -> None:
    permissions.write(node.run, clock.time + 2.0, 0.6)
    assert left_running(node) == ["app"], "what promises no bound resets nothing"
    assert reset_if_overdue(node, clock)
    assert was_reset(node)
    assert clock.time == pytest.approx(102.6)
    assert containers.running


def test_what_ends_in_time_resets_nothing(
    node: AgentSettings, clock: Clock, containers: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    permissions.write(node.run, clock.time + 2.0, 0.6)
    monkeypatch.setattr("nodeagent.monitor.resetting.time.sleep", lambda _seconds: containers.running.clear())
    assert not reset_if_overdue(node, clock)
    assert not was_reset(node)


@pytest.mark.parametrize("until", [200.0, None], ids=["renewed by a service that lives", "without an end"])
def test_a_permission_that_goes_on_resets_nothing(
    node: AgentSettings, clock: Clock, containers: Containers, until: float | None
) -> None:
    permissions.write(node.run, until, 0.6)
    assert not reset_if_overdue(node, clock)
    assert not was_reset(node)
    assert containers.running


def test_without_a_note_of_this_life_of_the_machine_nothing_is_reset(
    node: AgentSettings, clock: Clock, containers: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not reset_if_overdue(node, clock)
    permissions.write(node.run, 1.0, 0.6)
    monkeypatch.setattr(permissions, "boot_identity", lambda: "another")
    assert not reset_if_overdue(node, clock)
    assert not was_reset(node)
    assert containers.running


def test_what_a_living_monitor_holds_is_that_ones_to_see_to(node: AgentSettings, containers: Containers) -> None:
    process, started = notes.own_identity()
    notes.write(notes.path_of(node.monitors, "alone"), Notes(process=process, started=started, held=["app"]))
    assert left_running(node) == []
    assert containers.running


def test_reap_resets_the_machine_where_it_cannot_end_something(
    node: AgentSettings, containers: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    permissions.write(node.run, 1.0, 0.6)
    monkeypatch.setattr("nodeagent.settings.load", lambda _path: node)
    monkeypatch.setattr(reaping, "containers_of", lambda _settings: containers)
    monkeypatch.setattr(reaping, "kill_resources", lambda _containers, _names: False)
    assert program.main(["reap", "--name", "shared"]) == 1
    assert was_reset(node)


def test_where_it_is_not_allowed_nothing_is_reset(node: AgentSettings, clock: Clock, containers: Containers) -> None:
    permissions.write(node.run, 1.0, 0.6)
    never = AgentSettings(name="node1", home=node.home, run=node.run, sysrq_trigger=node.sysrq_trigger)
    assert not reset_if_overdue(never, clock)
    assert not was_reset(node)
    assert containers.running
