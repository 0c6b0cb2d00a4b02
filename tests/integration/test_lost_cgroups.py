"""What a dead monitor left in a cgroup of which no notes tell is found by the agent's mark, and killed."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodeagent.monitor.reaping import containers_of, kill_lost
from nodeagent.settings import AgentSettings
from nodeagent.system import cgroups
from nodeagent.system.cgroups import CgroupContainers, own_cgroup
from nodeagent.system.launching import Launch
from nodeagent.system.processes import Process

OWN = own_cgroup()

pytestmark = pytest.mark.skipif(OWN is None or not os.access(OWN, os.W_OK), reason="no cgroup of version 2 to write to")


@pytest.fixture
def node(tmp_path: Path) -> AgentSettings:
    return AgentSettings(name="node1", home=tmp_path / "home", run=tmp_path / "run")


@pytest.fixture
def elsewhere(node: AgentSettings) -> Iterator[Path]:
    """The cgroups of a former life, which had another session."""
    assert OWN is not None
    session = OWN / f"{node.mark}-session"
    session.mkdir()
    base = session / node.mark
    base.mkdir()
    yield base
    base.rmdir()
    session.rmdir()


@pytest.fixture
def process(elsewhere: Path) -> Iterator[Process]:
    container = CgroupContainers(elsewhere).open("web")
    started = container.spawn(Launch(("/bin/sleep", "1000")))
    yield started
    started.signal(9)
    select.select([started], [], [], 10)
    started.reap()
    started.close()
    container.remove()


def test_it_is_killed_though_nothing_is_noted_of_it(node: AgentSettings, process: Process) -> None:
    containers = containers_of(node)
    assert containers.leftovers() == []
    assert kill_lost(node)
    assert select.select([process], [], [], 0)[0]
    assert isinstance(containers, CgroupContainers)
    containers.remove()


def test_what_is_another_containers_is_left_alone(
    node: AgentSettings, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroups, "_is_in_our_namespace", lambda _pid: False)
    assert kill_lost(node)
    assert not select.select([process], [], [], 0)[0]


def test_what_cannot_be_killed_proves_nothing(
    node: AgentSettings, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nodeagent.system.cgroups.CgroupContainer.kill", lambda _container, _deadline: False)
    monkeypatch.setattr("nodeagent.system.cgroups.CgroupContainer.begin_kill", lambda _container: None)
    assert not kill_lost(node)
    assert not select.select([process], [], [], 0)[0]
