"""What follows an address is made ready while that is asked for, and what came of it serves one start."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from nodeagent.api.properties import Value
from nodeagent.monitor.entrypoints import EntryPoints
from nodeagent.monitor.held import Held
from nodeagent.monitor.messages import Definition, Start
from nodeagent.monitor.readiness import FRESH, Readiness
from nodeagent.resourcetypes.application import GenericApplication
from nodeagent.resourcetypes.base import ResourceType, Running
from nodeagent.system.launching import Placement
from tests.support.surroundings import FakeSurroundings
from tests.unit.monitor.test_held import FakeContainer
from tests.unit.monitor.test_outside import Settings
from tests.unit.monitor.test_taking import Taken


class Place(FakeContainer):
    """An empty one, and whether it was taken away again."""

    placement = Placement(cgroup=Path("/nowhere"))  # `prepare` never enters it

    def __init__(self) -> None:
        super().__init__()
        self.removed = 0

    def remove(self) -> None:
        self.removed += 1


class World:
    """A monitor's part in it; *held* are the resources that it holds."""

    def __init__(self) -> None:
        self.place = Place()
        self.around = FakeSurroundings(self.place)
        self.held: set[str] = set()
        kinds: tuple[ResourceType[Any], ...] = (Taken(), Disk(), GenericApplication())
        types: dict[str, ResourceType[Any]] = {kind.name: kind for kind in kinds}
        self.children = 0
        self.readiness = Readiness(self.around, types, self.held.__contains__)

    def begin(self, *following: Definition, provider: str = "Taken") -> None:
        first = Definition(id="first", name="first", type=provider)
        self.children += len(following) if provider == "Taken" else 0
        self.readiness.begin(Start(resource=first, group="g", epoch=1, incarnation=1, follows=following))

    def take(self, definition: Definition) -> Running | None:
        """Ask for it as a start does that needs nothing which is still on its way."""
        entries = EntryPoints(self.around, GenericApplication(), self.place)
        found = self.readiness.take(definition, entries)
        assert not entries.busy
        return found

    def come_to_rest(self) -> None:
        while self.around.watched:
            self.around.events()


class Disk(ResourceType[Settings]):
    """Brought online by a child: it may bring what the next one looks for."""

    name: ClassVar[str] = "Disk"
    settings = Settings


def application(command: str = "sleep 100") -> Definition:
    parameters: dict[str, Value] = {"CommandLine": command, "CurrentDirectory": "/"}
    return Definition(id="app", name="app", type="Generic Application", parameters=parameters)


@pytest.fixture
def world() -> Iterator[World]:
    found = World()
    yield found
    found.readiness.close()
    assert found.around.watched == 0
    for _ in range(found.children):  # a monitor reaps them as orphans
        with contextlib.suppress(ChildProcessError):  # it had ended by itself
            os.waitpid(-1, 0)


def test_what_follows_is_found_out_ahead_and_serves_one_start(world: World) -> None:
    world.begin(application())
    world.come_to_rest()
    running = world.take(application())
    assert running is not None
    assert running.launch.argv == ["sleep", "100"]
    assert world.take(application()) is None


@pytest.mark.parametrize("provider", ["Disk", "no such type"])
def test_nothing_is_looked_for_that_the_provider_may_bring(world: World, provider: str) -> None:
    world.begin(application(), provider=provider)
    assert world.around.watched == 0


def test_other_settings_are_looked_at_anew(world: World) -> None:
    world.begin(application())
    world.come_to_rest()
    assert world.take(application("sleep 200")) is None


def test_what_cannot_be_started_is_told_by_the_start_itself(world: World) -> None:
    world.begin(application("no-such-program"))
    world.come_to_rest()
    assert world.take(application("no-such-program")) is None


def test_after_a_moment_it_is_forgotten_and_its_container_removed_unless_it_is_held(world: World) -> None:
    for held, removed in ((set[str](), 1), ({"app"}, 1)):
        world.held |= held
        world.begin(application())
        world.come_to_rest()
        world.around.pass_time(FRESH)
        assert world.place.removed == removed
        assert world.take(application()) is None


@pytest.mark.parametrize("ready", [True, False])
def test_a_start_uses_it_or_goes_on_with_what_is_on_its_way(
    world: World, monkeypatch: pytest.MonkeyPatch, *, ready: bool
) -> None:
    world.begin(application())
    if ready:
        world.come_to_rest()
    world.around.readiness = world.readiness
    launched: list[Running] = []
    held = Held(world.around, GenericApplication(), Start(resource=application(), group="g", epoch=1, incarnation=1))
    monkeypatch.setattr(held._program, "launch", lambda found, _armed: launched.append(found))
    monkeypatch.setattr(EntryPoints, "_begin", lambda *_: pytest.fail("it is asked once more"))
    held.start()
    assert len(launched) == ready
    world.come_to_rest()
    assert [one.launch.argv for one in launched] == [["sleep", "100"]]
    held.kill(world.around.time + 1)
