"""One service per home: the lock that stays when the run directory is wiped."""

from __future__ import annotations

import os
import shutil
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodeagent.service.service import AlreadyRunning, _lock
from nodeagent.settings import AgentSettings
from nodeagent.system import namedlock
from nodeagent.system.namedlock import HeldError, take


@pytest.fixture
def name() -> str:
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
def held(name: str) -> Iterator[socket.socket]:
    lock = take(name)
    assert lock is not None
    with lock:
        yield lock


def test_it_is_held_by_one_and_goes_with_its_holder(name: str, held: socket.socket) -> None:
    for _ in range(40):  # more than are let wait
        with pytest.raises(HeldError):
            take(name)
    held.close()
    again = take(name)
    assert again is not None
    again.close()


def test_a_stranger_who_sits_on_the_name_is_not_minded(
    name: str, held: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert held.fileno() > 0
    monkeypatch.setattr(namedlock, "_holder", lambda _place: os.geteuid() + 1)
    assert take(name) is None


def test_a_second_service_does_not_start_though_the_run_directory_was_wiped(tmp_path: Path) -> None:
    node = AgentSettings(name="node1", home=tmp_path / "home", run=tmp_path / "run")
    with _lock(node):
        shutil.rmtree(node.run)
        with pytest.raises(AlreadyRunning), _lock(node):
            pass
    with _lock(node):
        pass


def test_nor_from_another_run_directory(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with (
        _lock(AgentSettings(name="node1", home=home, run=tmp_path / "one")),
        pytest.raises(AlreadyRunning),
        _lock(AgentSettings(name="node1", home=home, run=tmp_path / "other")),
    ):
        pass
