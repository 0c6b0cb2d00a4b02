"""What an administrator does with hosts while applications run, by the command line over SSH."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from nodeagent.api import requests as r
from nodeagent.api.objects import Snapshot
from tests.lab import faults
from tests.lab.confined import ended_by
from tests.lab.faults import MONITOR, SERVICE, node_of, other_than
from tests.lab.host import Host
from tests.lab.standard import GROUP, StandardService
from tests.lab.workstation import Workstation

pytestmark = pytest.mark.timeout(240, func_only=True)  # the first run builds the hosts' system

HOME: Final = "/var/lib/clusteragent"
MOVED: Final = 1.0  # seconds without an answer of each planned move on a busy machine; its budget is 0.1
LOST: Final = 5.0  # seconds; a node is lost, in the default profile
BUSY: Final = 3.0  # seconds on top, for machines on which others work too
BEGINS: Final = 40.0  # seconds until a monitor has begun anew: a trial comes first
ATTEMPTS: Final = 3  # to stop it between its exec and the moment at which it keeps the deadline again


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
        monitors = {name: host.main_process(MONITOR) for name, host in hosts.items()}
        programs = {name: program(monitor) for name, monitor in monitors.items()}
        kills = {name: watchdog_kills(host) for name, host in hosts.items()}
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
        assert {name: host.main_process(MONITOR) for name, host in hosts.items()} == monitors
        assert not [name for name, monitor in monitors.items() if program(monitor) == programs[name]], "they did too"
        assert {name: watchdog_kills(host) for name, host in hosts.items()} == kills
    finally:
        for name in hosts:
            workstation.run("group", f"On {name}", "--offline:30")
            workstation.run("resource", f"Sleeper of {name}", "--delete", "--yes")
            workstation.run("group", f"On {name}", "--delete", "--yes")


def program(pid: int) -> bytes:
    """Return what each exec makes anew, even of the same file: where the kernel has put what it tells the program."""
    return Path(f"/proc/{pid}/auxv").read_bytes()


def watchdog_kills(host: Host) -> int:
    """Return how often the host's systemd has killed a monitor that gave no sign of life; it watches all of them."""
    watched = host.run("systemctl", "show", "-p", "WatchdogUSec", "--value", MONITOR).stdout.strip()
    assert watched not in ("0", "infinity")
    told = host.run("journalctl", "-q", "--no-pager", "-o", "cat", "-u", MONITOR).stdout
    return told.count("Watchdog timeout")


def test_a_monitor_that_hangs_as_it_begins_anew_is_killed_by_the_watchdog_of_its_unit(whole: StandardService) -> None:
    """Its service, the second enforcer, hangs as well, and its kernel timer is not there yet (safety rule P8)."""
    owner = whole.await_online()
    host = whole.cluster.lab[owner]
    service, kills = host.main_process(SERVICE), watchdog_kills(host)
    application, began = whole.application(owner), time.monotonic()
    monitor = stopped_as_it_begins_anew(whole, owner)
    with ended_by(service, LOST), ended_by(application, LOST), ended_by(monitor, LOST):
        os.kill(service, signal.SIGSTOP)  # its unit's watchdog ends it, too
    assert watchdog_kills(host) == kills + 1
    whole.await_answers(time.monotonic())
    seen = whole.seen(began - 1)
    assert seen.never_two, seen
    assert seen.downtime < LOST + BUSY


def stopped_as_it_begins_anew(whole: StandardService, owner: str) -> int:
    """Have the agent of the owner begin anew, stop its monitor right after the exec, and return its number."""
    monitor = whole.cluster.lab[owner].main_process(MONITOR)
    for _ in range(ATTEMPTS):
        former, until = program(monitor), time.monotonic() + BEGINS
        whole.cluster.do(r.RestartNode(node=node_of(whole.cluster.look(owner), owner)), owner)
        while program(monitor) == former:
            assert time.monotonic() < until, "it does not begin anew"
            time.sleep(0.001)  # the exec of another's child tells nobody
        os.kill(monitor, signal.SIGSTOP)
        if not Path(f"/proc/{monitor}/timers").read_text(encoding="ascii"):
            return monitor
        os.kill(monitor, signal.SIGCONT)  # a busy machine: it keeps the deadline already
        whole.cluster.await_all_up()
    pytest.fail("it was ready each time before it could be stopped")


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
