"""The cluster administered from a machine outside it, over SSH: also while the node that serves is lost."""

from __future__ import annotations

import time
from typing import Any, Final

import pytest

from tests.lab.faults import other_than
from tests.lab.following import lose_the_serving_node
from tests.lab.standard import StandardService
from tests.lab.workstation import Workstation

pytestmark = pytest.mark.timeout(240, func_only=True)  # the first run builds the hosts' system

ON: Final = 5.0  # seconds in which a workstation goes on by another node
BUSY: Final = 3.0  # seconds on top, for machines on which others work too


@pytest.fixture
def workstation(whole: StandardService) -> Workstation:
    return Workstation(whole.cluster.lab)


def test_window_and_command_line_go_on_by_another_node_without_a_lost_or_doubled_event(
    whole: StandardService, workstation: Workstation
) -> None:
    for what, went_on in lose_the_serving_node(whole, workstation, "h2").items():
        assert went_on.whole, (what, went_on)
        assert 0 < went_on.after < ON + BUSY, what
        assert went_on.events > 20


def test_an_administrator_reads_and_steers_it_over_ssh(whole: StandardService, workstation: Workstation) -> None:
    workstation.by_way_of("h1")
    nodes: list[dict[str, Any]] = workstation.json("node")
    assert {node["name"]: node["state"] for node in nodes} == {"h1": "Up", "h2": "Up", "h3": "Up"}
    owner = workstation.json("group", "Web")["owner"]
    assert owner == whole.await_online()
    target = other_than(owner)
    assert target in workstation.done("group", "Web", f"--moveto:{target}", "--wait:30")
    assert whole.await_answers(time.monotonic(), other_than=owner) == target
    assert "3 of 3" in workstation.done("cluster", "--quorum")
