"""A Resource Monitor that does not answer a new service is killed before another one takes its place."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from nodeagent import settings
from nodeagent.api.objects import ResourceId
from nodeagent.monitor.messages import Closed, Report
from nodeagent.monitor.reaping import reap
from nodeagent.service import monitors as subject
from nodeagent.service.monitors import SHARED, Monitors
from nodeagent.system.clock import SystemClock
from nodeagent.system.processes import identify, is_same
from tests.support.agents import short_folder


class Silent:
    """Nobody who is told anything."""

    def reported(self, report: Report) -> None:
        """Take no notice."""

    def closed(self, name: str, said: Closed) -> None:
        """Take no notice."""

    def monitor_gone(self, held: tuple[ResourceId, ...]) -> None:
        """Take no notice."""

    def monitor_died(self, name: str, held: tuple[ResourceId, ...], *, asked: bool) -> None:
        """Take no notice."""

    def monitor_started(self, name: str, process: int) -> None:
        """Take no notice."""


@pytest.mark.asyncio
async def test_a_frozen_monitor_is_killed_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with short_folder() as folder:
        config = folder / "agent.toml"
        config.write_text(f'name = "NODE1"\nhome = "{folder}/home"\nrun = "{folder}/run"\n', encoding="utf-8")
        agent = settings.load(config)
        try:
            await replaced(agent, config, monkeypatch)
        finally:
            assert reap(agent, monitors=True)


async def replaced(agent: settings.AgentSettings, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agent.run.mkdir()
    former = Monitors(agent, config, SystemClock(), Silent())
    await former.attach_all()
    await former.ensure(SHARED)
    frozen = identify(former.process_of(SHARED))
    assert frozen is not None
    await former.close(quit_monitors=False)
    assert is_same(frozen), "it outlives the service"

    os.kill(frozen.pid, signal.SIGSTOP)
    later = Monitors(agent, config, SystemClock(), Silent())
    with monkeypatch.context() as impatient:
        impatient.setattr(subject, "START_PATIENCE", 0.3)
        assert await later.attach_all() == []
    assert not is_same(frozen)
    await later.ensure(SHARED)
    assert later.process_of(SHARED) not in (0, frozen.pid)
    await later.close(quit_monitors=True)
