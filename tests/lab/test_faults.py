"""One fault at a time on three real hosts: the service comes back within its budget, and never runs twice."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from nodeagent.api import requests as r
from nodeagent.api.objects import NodeState, Snapshot
from tests.lab.standard import StandardService
from tests.lab.witness import PROGRAM

pytestmark = pytest.mark.timeout(240)

LOST = 5.0  # seconds; a node is lost, in the default profile
BUSY = 3.0  # seconds on top, for machines on which others work too: the campaign measures, this finds what is broken
MOVED = 1.0  # seconds for a planned move, likewise; its budget is 0.1


def node_of(seen: Snapshot, name: str) -> int:
    return next(number for number, node in seen.nodes.items() if node.name == name)


def is_witness(pid: int) -> bool:
    return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(PROGRAM.encode())


@contextmanager
def ended_by(pid: int, seconds: float) -> Iterator[None]:
    """Fail unless the process ends within so many seconds of the beginning."""
    until = time.monotonic() + seconds
    notice = os.pidfd_open(pid)
    try:
        yield
        poll = select.poll()
        poll.register(notice, select.POLLIN)
        assert poll.poll(max(0.0, until - time.monotonic()) * 1000), f"process {pid} still runs after {seconds} s"
    finally:
        os.close(notice)


def stop(pid: int, *, wait: bool = True) -> None:
    """Stop a process as a debugger does, and wait until somebody has ended it for that."""
    with ended_by(pid, LOST + BUSY) if wait else nullcontext():
        os.kill(pid, signal.SIGSTOP)


def other_than(host: str) -> str:
    return next(name for name in ("h1", "h2", "h3") if name != host)


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
    host = whole.cluster.lab[owner]
    process = whole.process(owner)
    began = time.monotonic()
    os.kill(host.main_process("clusteragent.service"), signal.SIGKILL)
    whole.cluster.until(lambda _: True, "the service is back", through=owner)
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
    stop(host.main_process("clusteragent-monitor@shared.service"))
    whole.await_answers(time.monotonic())
    seen = whole.seen(began - 1)
    assert seen.never_two, seen
    assert 0 < seen.downtime < LOST + BUSY


def test_monitor_and_service_both_frozen_are_outlived_by_nothing(whole: StandardService) -> None:
    owner = whole.await_online()
    host = whole.cluster.lab[owner]
    application = [pid for pid in host.unit("clusteragent-monitor@shared.service").pids() if is_witness(pid)]
    assert len(application) == 1
    began = time.monotonic()
    with ended_by(application[0], LOST):
        stop(host.main_process("clusteragent.service"), wait=False)
        stop(host.main_process("clusteragent-monitor@shared.service"))
    whole.await_answers(time.monotonic())
    seen = whole.seen(began - 1)
    assert seen.never_two, seen
    assert seen.downtime < LOST + BUSY


def test_a_planned_move_is_short(whole: StandardService) -> None:
    owner = whole.await_online()
    target = other_than(owner)
    seen_before = whole.cluster.look(owner)
    began = time.monotonic()
    whole.cluster.do(r.MoveGroup(group=whole.group, node=node_of(seen_before, target)), owner)
    whole.await_answers(began, other_than=owner)
    seen = whole.seen(began - 1)
    assert seen.never_two, seen
    assert 0 < seen.downtime < MOVED


def test_what_a_monitor_holds_dies_with_it_and_starts_again_clean(whole: StandardService) -> None:
    owner = whole.await_online()
    host = whole.cluster.lab[owner]
    unit = host.unit("clusteragent-monitor@shared.service")
    held = set(unit.pids())
    began = time.monotonic()
    os.kill(host.main_process("clusteragent-monitor@shared.service"), signal.SIGKILL)
    whole.await_answers(began + 0.3)
    assert not held & set(unit.pids()), "of the former monitor's processes, daemons included, none is left"
    seen = whole.seen(began - 1)
    assert seen.never_two, seen
    assert whole.await_online() == owner, "it starts again in place"
