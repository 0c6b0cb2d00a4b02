"""What concerns more than the owner: the database, shutdown, restarts of units, pauses that nobody should notice."""

from __future__ import annotations

import os
import signal
import time

import pytest

from nodeagent.api.objects import NodeState, Snapshot
from tests.lab import faults
from tests.lab.confined import ended_by
from tests.lab.faults import MONITOR, SERVICE, node_of, other_than
from tests.lab.standard import StandardService
from tests.lab.voters import etcd_leader, kill_all_members

pytestmark = pytest.mark.timeout(240, func_only=True)  # the first run builds the hosts' system

LOST = 5.0  # seconds; a node is lost, in the default profile
SELF_STOP = 3.5 + 0.6  # s + k of the default profile, seconds
BUSY = 2.0  # seconds on top, for machines on which others work too


def test_the_loss_of_etcds_leader_is_not_noticed(whole: StandardService) -> None:
    process = whole.process("h1")
    began = time.monotonic()
    leader = etcd_leader(whole)
    pid = leader.main_process("etcd.service")
    with ended_by(pid, 5):
        os.kill(pid, signal.SIGKILL)
    whole.cluster.await_all_up()
    time.sleep(2.0)  # longer than any election takes: nothing may happen meanwhile
    assert whole.process("h1") == process
    seen = whole.seen(began - 1)
    assert seen.downtime == 0, seen


def test_a_moment_without_any_etcd_is_not_noticed(whole: StandardService) -> None:
    process = whole.process("h1")
    began = time.monotonic()
    back = kill_all_members(whole)
    whole.await_answers(back)
    assert whole.process("h1") == process
    seen = whole.seen(began - 1)
    assert (seen.downtime, len(seen.lives)) == (0, 1), seen


def test_a_pause_of_the_owner_that_the_profile_survives_is_not_noticed_by_the_cluster(whole: StandardService) -> None:
    owner = whole.await_online()
    process = whole.process(owner)
    host = whole.cluster.lab[owner]
    began = host.freeze()
    time.sleep(1.5)  # the pause itself
    host.thaw()
    whole.await_answers(time.monotonic())
    assert whole.await_online(owner) == owner
    assert whole.process(owner) == process
    assert whole.seen(began - 1).never_two


def test_without_a_majority_it_stops_in_time_and_starts_in_place_when_that_is_back(whole: StandardService) -> None:
    owner = whole.await_online()
    others = [host for name, host in whole.cluster.lab.hosts.items() if name != owner]
    began = time.monotonic()
    for host in others:
        whole.cluster.lab.switch.cut(host.name)
    time.sleep(SELF_STOP + BUSY)  # by then nothing may run, and nothing tells that nothing does
    quiet = time.monotonic()
    stopped = whole.last_beat(owner, began)
    assert stopped is not None
    assert stopped - began < SELF_STOP, "it stopped in time"
    assert not whole.seen(quiet).lives, "nobody runs it without a majority"
    whole.cluster.lab.switch.heal()
    assert whole.await_answers(time.monotonic()) == owner, "it starts in place"
    assert whole.seen(began - 1).never_two


def test_the_owner_the_leader_and_etcds_leader_die_together(whole: StandardService) -> None:
    name = faults.bring_together(whole)
    host = whole.cluster.lab[name]
    assert whole.await_online() == name
    assert etcd_leader(whole) is host
    lost = host.power_off()
    whole.await_answers(lost + 0.5, other_than=name)
    after = whole.seen(lost - 1)
    assert after.never_two, after
    assert after.downtime < LOST + BUSY


def test_a_restart_of_the_services_unit_is_noticed_by_no_application(whole: StandardService) -> None:
    owner = whole.await_online()
    process, monitor = whole.process(owner), whole.cluster.lab[owner].main_process(MONITOR)
    before = whole.cluster.lab[owner].main_process(SERVICE)
    began = time.monotonic()
    whole.cluster.lab[owner].run("systemctl", "restart", SERVICE)
    assert whole.cluster.lab[owner].main_process(SERVICE) not in (0, before)
    assert whole.cluster.lab[owner].main_process(MONITOR) == monitor
    assert whole.process(owner) == process
    assert whole.seen(began - 1).downtime == 0


def test_a_host_that_shuts_down_gives_its_group_away_first(whole: StandardService) -> None:
    owner = whole.await_online()
    survivor = other_than(owner)
    number = node_of(whole.cluster.look(survivor), owner)
    began = time.monotonic()
    whole.cluster.lab[owner].run("systemctl", "--no-block", "poweroff")
    whole.await_answers(began, other_than=owner)

    def left(seen: Snapshot) -> bool | None:
        return seen.nodes[number].state is NodeState.DOWN or None

    assert whole.cluster.until(left, f"{owner} has left", through=survivor)
    seen = whole.seen(began - 1)
    assert seen.never_two, seen
    assert seen.downtime < 2.0, "it was moved, and not missed"
    whole.cluster.lab[owner].await_off()
