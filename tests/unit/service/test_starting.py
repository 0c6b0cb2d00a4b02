"""How Resource Monitors are started: what systemd is asked for, and what becomes of a refusal."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nodeagent.service import starting
from nodeagent.service.starting import MonitorFailed, Spawned, Units, spawn_detached


def systemctl(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program of that name in front of all others; returns the file that it writes its arguments to."""
    said = folder / "said"
    program = folder / "systemctl"
    program.write_text(f'#!/bin/sh\necho "$@" >>{said}\n{script}\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return said


@pytest.mark.asyncio
async def test_systemd_is_asked_to_start_the_unit_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = systemctl(tmp_path, "exit 0", monkeypatch)
    assert await Units().start("shared") is None
    assert said.read_text(encoding="utf-8") == "start --no-block clusteragent-monitor@shared.service\n"


@pytest.mark.asyncio
async def test_one_that_does_not_answer_is_killed_by_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = systemctl(tmp_path, "exit 0", monkeypatch)
    await Units().give_up("0123abcd")
    assert said.read_text(encoding="utf-8") == "kill --signal=SIGKILL clusteragent-monitor@0123abcd.service\n"


@pytest.mark.asyncio
async def test_what_systemd_refuses_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    systemctl(tmp_path, "echo 'Unit not found.' >&2; exit 5", monkeypatch)
    with pytest.raises(MonitorFailed, match="Unit not found"):
        await Units().start("shared")


@pytest.mark.asyncio
async def test_a_systemd_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    systemctl(tmp_path, "exec sleep 60", monkeypatch)
    monkeypatch.setattr(starting, "SYSTEMCTL_PATIENCE", 0.2)
    with pytest.raises(MonitorFailed, match="timed out"):
        await Units().start("shared")


@pytest.mark.asyncio
async def test_without_systemd_it_is_said_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MonitorFailed, match="systemctl"):
        await Units().start("shared")


@pytest.mark.asyncio
async def test_without_room_for_its_log_a_monitor_is_said_not_to_start(tmp_path: Path) -> None:
    """The service itself goes on: it has others to look after, and tries again."""
    (tmp_path / "log").write_text("in the way", encoding="utf-8")
    with pytest.raises(MonitorFailed, match="cannot be started"):
        await Spawned(tmp_path / "agent.toml", tmp_path / "log", spawn_detached).start("shared")
