"""What an administrator does with hosts while applications run, by the command line over SSH."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from nodeagent.api.objects import Snapshot
from tests.lab import faults
from tests.lab.faults import SERVICE, other_than
from tests.lab.host import Host
from tests.lab.standard import GROUP, StandardService
from tests.lab.workstation import Workstation

pytestmark = pytest.mark.timeout(240, func_only=True)  # the first run builds the hosts' system

HOME: Final = "/var/lib/clusteragent"
MOVED: Final = 1.0  # seconds without an answer of each planned move on a busy machine; its budget is 0.1


@pytest.fixture
def workstation(whole: StandardService) -> Workstation:
    found = Workstation(whole.cluster.lab)
    found.by_way_of("h1")
    return found


def test_all_agents_begin_anew_and_no_application_is_restarted(
    whole: StandardService, workstation: Workstation
) -> None:
    hosts = whole.cluster.lab.hosts
    for name in hosts:  # an application on every host
        workstation.done("group", f"On {name}", "--create")
        create = ["resource", f"Sleeper of {name}", "--create", f"--group:On {name}", "--type:Generic Application"]
        workstation.done(*create, "--priv", "CommandLine=sleep 100000", "CurrentDirectory=/")
        workstation.done("group", f"On {name}", f"--online:{name}", "--wait:30")
    try:
        before = whole.cluster.look()
        assert {before.node_name(group.owner) for group in before.groups.values()} == set(hosts)
        services = [host.main_process(SERVICE) for host in hosts.values()]
        began = time.monotonic()
        workstation.done("cluster", "--restartagents", "--yes")
        whole.cluster.await_all_up()
        after = whole.cluster.look()
        assert processes(after) == processes(before)
        assert [node.incarnation for node in after.nodes.values()] == [n.incarnation for n in before.nodes.values()]
        assert [host.main_process(SERVICE) for host in hosts.values()] == services, "they became the new program"
        seen = whole.seen(began - 1)
        assert (seen.downtime, len(seen.lives)) == (0, 1), seen
        told = workstation.json("events", "--last:200")
        assert len({entry["node"] for entry in told if entry["code"] == "event_node_restarted"}) == len(hosts)
    finally:
        for name in hosts:
            workstation.run("group", f"On {name}", "--offline:30")
            workstation.run("resource", f"Sleeper of {name}", "--delete", "--yes")
            workstation.run("group", f"On {name}", "--delete", "--yes")


def processes(seen: Snapshot) -> dict[str, int]:
    return {resource.name: resource.process_id for resource in seen.resources.values()}


def test_a_host_is_drained_taken_out_put_back_evicted_and_let_in_again(
    whole: StandardService, workstation: Workstation
) -> None:
    owner = whole.await_online()
    workstation.by_way_of(other_than(owner))
    began = time.monotonic()
    workstation.done("node", owner, "--pause", "--drain", "--wait:60", "--note:new memory")
    heir = whole.await_online(other_than(owner))
    assert heir != owner
    assert workstation.json("node", owner)["drained_groups"] == [GROUP]
    workstation.done("node", owner, "--resume:failback", "--wait:60")
    assert whole.await_online(other_than(owner)) == owner

    workstation.done("node", owner, "--stop:60")
    assert whole.await_online(other_than(owner)) != owner
    assert workstation.json("node", owner)["stopped"] is True
    workstation.done("node", owner, "--start:60")
    assert workstation.json("node", owner)["state"] == "Up"

    number = workstation.json("node", owner)["id"]
    workstation.done("node", owner, "--stop:60")
    workstation.done("node", owner, "--evict", "--yes")
    assert owner not in [node["name"] for node in workstation.json("node")]
    workstation.done("cluster", f"--admit:{owner}")
    whole.cluster.await_all_up()
    assert workstation.json("node", owner)["id"] > number, "it is a new member"
    seen = whole.seen(began - 1)
    assert seen.never_two, seen
    assert seen.downtime < MOVED


def test_a_host_that_reboots_gives_its_group_away_and_joins_again(
    whole: StandardService, workstation: Workstation
) -> None:
    owner = whole.await_online()
    host = whole.cluster.lab[owner]
    began = time.monotonic()
    host.run("systemctl", "--no-block", "reboot")
    heir = whole.await_answers(began, other_than=owner)
    host.await_off()  # a host of the lab boots when it is switched on
    whole.cluster.lab.boot(owner)
    whole.cluster.await_all_up()
    assert whole.await_online() == heir
    workstation.by_way_of(owner)
    assert workstation.json("node", owner)["state"] == "Up"
    seen = whole.seen(began - 1)
    assert seen.never_two, seen
    assert seen.downtime < MOVED + 1


def test_a_full_disk_under_an_agent_stops_nothing(whole: StandardService, workstation: Workstation) -> None:
    owner = whole.await_online()
    host = whole.cluster.lab[owner]
    workstation.by_way_of(owner)
    began = time.monotonic()
    with full_home(host):
        process = whole.process(owner)
        faults.kill_service(whole, owner)  # it comes back though it can keep nothing
        whole.cluster.await_all_up()
        assert whole.process(owner) == process
        assert whole.seen(began - 1).downtime == 0
        target = other_than(owner)
        workstation.done("group", GROUP, f"--moveto:{target}", "--wait:30")
        workstation.done("group", GROUP, f"--moveto:{owner}", "--wait:30")
        assert whole.await_answers(time.monotonic(), other_than=target) == owner
    whole.cluster.await_all_up()
    assert whole.await_online() == owner
    seen = whole.seen(began - 1)
    assert seen.never_two, seen
    assert seen.downtime < MOVED


@contextmanager
def full_home(host: Host) -> Iterator[None]:
    """Put the agent's directory on a disk of its own that has no room left."""
    host.run(
        "sh", "-c", f"cp -a {HOME} /run/home && mount -t tmpfs -o size=4m tmpfs {HOME} && cp -a /run/home/. {HOME}"
    )
    host.run("sh", "-c", f"cat /dev/zero >{HOME}/filler || true")
    assert host.run("df", "--output=avail", HOME).stdout.split()[-1] == "0"
    try:
        yield
    finally:
        host.run("umount", "--lazy", HOME)
        host.run("rm", "-rf", "/run/home")
        host.run("systemctl", "restart", SERVICE)
