"""A service that begins anew: what happens to its monitors meanwhile, and when it is told to end meanwhile."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nodeagent.api.problems import Problem, problem
from nodeagent.monitor.messages import ToMonitor
from nodeagent.service import renewing
from nodeagent.service import service as service_module
from nodeagent.service.attendance import Standing
from nodeagent.service.service import ClusterService
from nodeagent.settings import AgentSettings

pytestmark = pytest.mark.asyncio


class Fleet:
    """Monitors that begin anew as soon as they are told to."""

    def __init__(self, *names: str) -> None:
        self.living = {name: asyncio.get_running_loop().create_future() for name in names}

    def names(self) -> list[str]:
        return list(self.living)

    def renewed(self, name: str) -> asyncio.Future[Problem | None]:
        return self.living[name]

    def order_all(self, order: ToMonitor) -> list[str]:
        del order
        for answer in self.living.values():
            answer.set_result(None)
        return list(self.living)


async def test_a_monitor_that_ends_while_what_is_installed_is_tried_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fleet: Any = Fleet("shared", "alone")
    monkeypatch.setattr(renewing, "_trial", lambda: fleet.living.pop("alone").cancel() and None)
    assert await renewing.renew(fleet) == {}


async def test_without_any_monitor_there_is_none_to_begin_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewing, "_trial", lambda: None)
    nobody: Any = Fleet()
    assert await renewing.renew(nobody) == {}


INSTALLED = """
import sys
assert sys.argv[1:] == ["monitor", "--trial"], sys.argv
sys.exit({!r})
"""


@pytest.mark.parametrize("says", [0, "it cannot be loaded"])
async def test_what_is_tried_is_the_program_that_runs_and_nothing_else_that_python_would_find(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, says: int | str
) -> None:
    program = tmp_path / "clusteragent"
    program.write_text(INSTALLED.format(says), encoding="utf-8")
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-I", str(program), "run", "--config", "agent.toml"])
    fleet: Any = Fleet("shared")
    refused = await renewing.renew(fleet)
    assert refused == ({} if says == 0 else {"shared": problem("renewal_failed", detail=says)})
    for answer in fleet.living.values():
        answer.cancel()


async def test_the_program_tries_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-m", "nodeagent", "run"])
    assert await renewing.renew(Fleet("shared")) == {}  # type: ignore[arg-type]  # as much of it as is needed


async def test_a_service_that_is_told_to_end_while_it_begins_anew_leaves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    service = ClusterService(AgentSettings(name="N", cluster="C", home=tmp_path, run=tmp_path), tmp_path)
    done: list[str] = []

    async def renew(_monitors: object) -> dict[str, Problem]:
        service._end()
        return {}

    async def nothing() -> None:
        return

    async def leave() -> None:
        done.append("left")

    async def start(_report: object) -> bool:
        return True

    monkeypatch.setattr(service_module, "renew", renew)
    called = asyncio.Event()
    called.set()
    parts: Any = SimpleNamespace(
        start=start,
        begin=lambda _name, work: work.close(),
        standing=Standing.MEMBER,
        stopping=asyncio.Event(),
        attendance=SimpleNamespace(restart=True, called=called, take_note_of_restart=nothing),
        reporting=SimpleNamespace(say=lambda *_a, **_k: None, flush=nothing),
        membership=None,
        events=None,
        following=None,
        leave=leave,
    )
    monkeypatch.setattr(service, "_parts", parts)
    connections: Any = SimpleNamespace(open=nothing, answer_first=nothing)
    nobody: Any = None
    async with asyncio.timeout(20):
        await service._serve(parts, connections, nobody)
    assert done == ["left"]
    assert not service.restart
