"""The service looks at T + k of the newest permission whether something of a dead monitor still runs (rule P7)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodeagent.monitor import permissions
from nodeagent.monitor.messages import Permit
from nodeagent.service import resetting
from nodeagent.service.resetting import Resetting
from nodeagent.settings import AgentSettings
from nodeagent.system.clock import SystemClock

pytestmark = pytest.mark.asyncio

CLOCK = SystemClock()


@pytest.fixture
def node(tmp_path: Path) -> AgentSettings:
    return AgentSettings(name="node1", home=tmp_path, run=tmp_path, reset="sysrq")


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[float]:
    """The moments at which the machine would have been reset."""
    found: asyncio.Queue[float] = asyncio.Queue()

    def would_reset(_settings: AgentSettings, left: list[str]) -> bool:
        assert left == ["app"]
        found.put_nowait(CLOCK.steady())
        return True

    monkeypatch.setattr(resetting, "left_running", lambda _settings: ["app"])
    monkeypatch.setattr(resetting, "reset", would_reset)
    return found


@pytest.fixture
def service(node: AgentSettings) -> Iterator[Resetting]:
    made = Resetting(node, CLOCK)
    yield made
    made.close()


async def test_it_resets_at_the_end_of_the_newest_permission(service: Resetting, looks: asyncio.Queue[float]) -> None:
    began = CLOCK.steady()
    service.permitted(Permit(incarnation=1, until=began + 0.01, bound=0.05))
    service.permitted(Permit(incarnation=1, until=began + 0.2, bound=0.05))
    async with asyncio.timeout(10.0):
        assert await looks.get() >= began + 0.25


async def test_a_shorter_one_is_never_made_longer(
    node: AgentSettings, service: Resetting, looks: asyncio.Queue[float]
) -> None:
    began = CLOCK.steady()
    service.permitted(Permit(incarnation=1, until=began + 50.0, bound=0.05))
    service.permitted(Permit(incarnation=1, until=began + 0.1, bound=0.05, shorten=True))
    service.permitted(Permit(incarnation=1, until=began + 60.0, bound=0.05, shorten=True))
    noted = permissions.read(node.run)
    assert noted is not None
    assert noted.until == began + 0.1
    async with asyncio.timeout(10.0):
        await looks.get()


async def test_a_service_that_is_started_again_goes_on_with_what_was_permitted(
    node: AgentSettings, service: Resetting, looks: asyncio.Queue[float]
) -> None:
    service.permitted(Permit(incarnation=1, until=CLOCK.steady() + 0.1, bound=0.05))
    service.close()
    successor = Resetting(node, CLOCK)
    successor.begin()
    async with asyncio.timeout(10.0):
        await looks.get()
    successor.close()


async def test_without_an_end_nothing_is_looked_at(service: Resetting, looks: asyncio.Queue[float]) -> None:
    service.permitted(Permit(incarnation=1, until=CLOCK.steady(), bound=0.05))
    service.permitted(Permit(incarnation=1, until=None))
    assert service._timer is None
    assert looks.empty()


async def test_where_no_reset_is_allowed_nothing_is_noted(tmp_path: Path) -> None:
    service = Resetting(AgentSettings(name="node1", home=tmp_path, run=tmp_path), CLOCK)
    service.permitted(Permit(incarnation=1, until=CLOCK.steady(), bound=0.05))
    service.begin()
    assert service._timer is None
    assert permissions.read(tmp_path) is None
