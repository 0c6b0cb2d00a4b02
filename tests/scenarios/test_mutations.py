"""A rule of the planner that is switched off is missed by the story that tells it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

from nodeagent.monitor import failures
from nodeagent.planner import placement, plan
from nodeagent.planner.workload import Workload
from nodeagent.service import reconciler
from nodeagent.service.timeofday import hours
from tests.scenarios.running import played
from tests.scenarios.scenario import FOLDERS, read
from tests.scenarios.telling import differences
from tests.simulation.world import BrokenPromise


def _without_skipped_hours(wall: float, zone: str) -> tuple[int, tuple[int, ...]]:
    hour, _ = hours(wall, zone)
    return hour, ()


MUTATIONS: dict[str, tuple[str, Callable[[], Any]]] = {
    "a failure starts at the top of the list": (
        "placing-01-walk-on-from-owner",
        lambda: mock.patch.object(plan, "next_owner", placement.best_owner),
    ),
    "a move walks on from the owner": (
        "placing-04-move-starts-at-the-top",
        lambda: mock.patch.object(plan, "best_owner", placement.next_owner),
    ),
    "groups of a lost node are not spread": (
        "placing-03-spread",
        lambda: mock.patch.object(plan, "spread", placement.next_owner),
    ),
    "anti-affinity is forgotten": (
        "placing-08-anti-affinity",
        lambda: mock.patch.object(Workload, "clash", return_value=None),
    ),
    "a paused node is no last resort": (
        "placing-11-last-resort",
        lambda: mock.patch.object(plan, "last_resort", return_value=None),
    ),
    "nobody counts failovers": (
        "failures-06-group-gives-up",
        lambda: mock.patch.object(plan, "failovers_left", return_value=1),
    ),
    "nobody counts restarts": (
        "failures-01-fourth-escalates",
        lambda: mock.patch.object(failures, "may_restart", return_value=True),
    ),
    "failback has no window": (
        "failback-04-waits-for-its-window",
        lambda: mock.patch.object(plan, "failback_allowed", return_value=True),
    ),
    "an hour that was skipped never comes": (
        "failback-08-hour-that-is-skipped",
        lambda: mock.patch.object(reconciler, "hours", _without_skipped_hours),
    ),
    "a person's move is undone by failback": (
        "failback-11-a-person-moved-it",
        lambda: mock.patch.object(plan, "_came_up_since", return_value=True),
    ),
    "a dead target is waited for": (
        "moving-06-target-dies",
        lambda: mock.patch.object(plan, "_retarget", return_value=None),
    ),
}


@pytest.mark.parametrize("rule", MUTATIONS)
def test_a_rule_that_is_switched_off_is_missed(rule: str) -> None:
    name, switched_off = MUTATIONS[rule]
    scenario = read(FOLDERS / name)
    with switched_off():
        try:
            log = played(scenario)
        except BrokenPromise:
            return
    assert list(differences(scenario.expected, log)), f"nobody misses that {rule}"
