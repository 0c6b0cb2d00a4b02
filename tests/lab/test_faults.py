"""One fault at a time on three real hosts: the service comes back within its budget, and never runs twice."""

from __future__ import annotations

import os
import signal
import time

import pytest

from nodeagent.api.objects import NodeState, Snapshot
from tests.lab import faults
from tests.lab.confined import ended_by
from tests.lab.faults import MONITOR, SERVICE, node_of, other_than, stop
from tests.lab.standard import StandardService

pytestmark = pytest.mark.timeout(240, func_only=True)  # the first run builds the hosts' system

LOST = 5.0  # seconds; a node is lost, in the default profile
BUSY = 3.0  # seconds on top, for machines on which others work too: the campaign measures, this finds what is broken
MOVED = 1.0  # seconds for a planned move, likewise; its budget is 0.1


def test_the_owner_loses_its_power_and_comes_back(whole: StandardService) -> None:
    owner = whole.await_online()
    survivor = other_than(owner)
    former = whole.cluster.look(survivor)
    lost = whole.cluster.lab[owner].power_off()
    heir = whole.await_answers(lost + 0.5, other_than=owner)
    seen = whole.seen(lost - 1)
    assert seen.never_two, seen
    assert seen.downtime < LOST + BUSY
    assert heir != owner

    whole.cluster.lab.boot(owner)
    number = node_of(former, owner)

    def back(now: Snapshot) -> bool | None:
        node = now.nodes[number]
        return (node.state is NodeState.UP and node.incarnation > former.nodes[number].incarnation) or None

    assert whole.cluster.until(back, f"{owner} has joined again", 60, through=survivor)
    assert whole.await_online(owner) == heir, "a group that prefers nobody stays"
    assert whole.seen(lost - 1).never_two


def test_nobody_notices_that_the_cluster_service_of_the_owner_dies(whole: StandardService) -> None:
    owner = whole.await_online()
    process = whole.process(owner)
    began = time.monotonic()
    faults.kill_service(whole, owner)
    whole.cluster.await_all_up()
    assert whole.await_online(owner) == owner
    assert whole.process(owner) == process
    seen = whole.seen(began - 1)
    assert seen.downtime == 0, seen
    assert len(seen.lives) == 1, seen


def test_a_frozen_monitor_is_ended_with_all_that_it_holds(whole: StandardService) -> None:
    owner = whole.await_online()
    host = whole.cluster.lab[owner]
    began = time.monotonic()
    stop(host.main_process(MONITOR))
    whole.await_answers(time.monotonic())
    seen = whole.seen(began - 1)
    assert seen.never_two, seen
    assert 0 < seen.downtime < LOST + BUSY


def test_monitor_and_service_both_frozen_are_outlived_by_nothing(whole: StandardService) -> None:
    owner = whole.await_online()
    host = whole.cluster.lab[owner]
    application = whole.application(owner)
    began = time.monotonic()
    with ended_by(application, LOST):
        os.kill(host.main_process(SERVICE), signal.SIGSTOP)
        stop(host.main_process(MONITOR))
    whole.await_answers(time.monotonic())
    seen = whole.seen(began - 1)
    assert seen.never_two, seen
    assert seen.downtime < LOST + BUSY


def test_a_planned_move_is_short(whole: StandardService) -> None:
    owner = whole.await_online()
    began = time.monotonic()
    faults.move(whole, owner)
    whole.await_answers(began, other_than=owner)
    seen = whole.seen(began - 1)
    assert seen.never_two, seen
    assert len({life.host for life in seen.lives}) > 1, seen
    assert seen.downtime < MOVED  # 0 when it falls between two questions


def test_what_a_monitor_holds_dies_with_it_and_starts_again_clean(whole: StandardService) -> None:
    owner = whole.await_online()
    host = whole.cluster.lab[owner]
    unit = host.unit(MONITOR)
    held = set(unit.pids())
    began = time.monotonic()
    os.kill(host.main_process(MONITOR), signal.SIGKILL)
    whole.await_answers(began + 0.3)
    assert not held & set(unit.pids()), "of the former monitor's processes, daemons included, none is left"
    seen = whole.seen(began - 1)
    assert seen.never_two, seen
    assert whole.await_online() == owner, "it starts again in place"
