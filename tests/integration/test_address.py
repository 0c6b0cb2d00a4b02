"""An IP Address in the hands of a real Resource Monitor: taken, announced, permitted, cut; also of a frozen one."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address

import pytest

from nodeagent.api.objects import ResourceState
from nodeagent.api.problems import problem
from nodeagent.api.properties import Value
from nodeagent.api.texts import render
from nodeagent.monitor.messages import Definition, Permit, Renew, Renewed, Stop
from nodeagent.monitor.reaping import reap
from nodeagent.planner.policies import Policy
from nodeagent.system import addresses
from nodeagent.system.addresses import LinkNews
from nodeagent.system.arp import ArpLine
from nodeagent.system.clock import SystemClock
from tests.support.monitors import Line, RunningMonitor, running_monitor
from tests.support.namespaces import Namespace, needs_namespaces, two_hosts
from tests.support.probing import probing

pytestmark = needs_namespaces

ADDRESS = "10.99.0.50"
ONCE = Policy(threshold=0)
LATE = 0.03  # seconds after T at which the address may still answer: resolution of the time-out, see safety.md


@pytest.fixture
def hosts() -> Iterator[tuple[Namespace, Namespace]]:
    with two_hosts() as both:
        yield both


@pytest.fixture
def here(hosts: tuple[Namespace, Namespace]) -> Namespace:
    return hosts[0]


@pytest.fixture
def there(hosts: tuple[Namespace, Namespace]) -> Namespace:
    return hosts[1]


@pytest.fixture
def monitor(here: Namespace) -> Iterator[RunningMonitor]:
    with here.inside(), running_monitor() as running:
        yield running


def address(text: str = ADDRESS, policy: Policy | None = None) -> Definition:
    parameters: dict[str, Value] = {"Address": text}
    return Definition(id="ip", name="ip", type="IP Address", parameters=parameters, policy=policy or Policy(alone=True))


def addresses_of(host: Namespace) -> list[str]:
    (link,) = json.loads(host.ip("-j", "address", "show", "dev", "eth0"))
    return [entry["local"] for entry in link["addr_info"] if entry["family"] == "inet"]


def mac_of(host: Namespace) -> str:
    (link,) = json.loads(host.ip("-j", "link", "show", "dev", "eth0"))
    return str(link["address"])


def rules(host: Namespace) -> str:
    return host.run("nft", "list", "ruleset")


@contextmanager
def announcements(host: Namespace) -> Iterator[Callable[[str], bool]]:
    """Listen there for ARP frames that claim an address."""
    with host.inside():
        line = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0806))
    line.settimeout(10.0)

    def heard(wanted: str) -> bool:
        claim = IPv4Address(wanted).packed
        while (frame := line.recv(2048))[14:18] != claim or frame[24:28] != claim:
            pass
        return True

    try:
        yield heard
    finally:
        line.close()


def online(monitor: RunningMonitor, *, seconds: float | None = None) -> Line:
    line = monitor.attach(seconds=seconds)
    line.start(address())
    line.online("ip")
    return line


def permit(line: Line, seconds: float) -> float:
    """Give a permission and return T."""
    until = SystemClock().steady() + seconds
    line.say(Permit(incarnation=1, until=until))
    return until


def test_it_answers_while_online_and_is_gone_when_offline(
    monitor: RunningMonitor, here: Namespace, there: Namespace
) -> None:
    line = online(monitor)
    with probing(ADDRESS, there, here) as prober:
        prober.ask_until(SystemClock().steady() + 0.3)
        assert prober.answered.keys() == {"arp", "icmp", "tcp"}
    assert addresses_of(here) == ["10.99.0.1", ADDRESS]
    line.say(Stop(id="ip"))
    line.state(ResourceState.OFFLINE, "ip")
    assert addresses_of(here) == ["10.99.0.1"]
    assert rules(here) == ""


def test_with_the_monitor_frozen_it_answers_nobody_after_the_deadline(
    monitor: RunningMonitor, here: Namespace, there: Namespace
) -> None:
    line = online(monitor, seconds=10.0)
    with probing(ADDRESS, there, here) as prober:
        until = permit(line, 1.5)
        prober.ask_until(until - 0.5)
        os.kill(monitor.process.pid, signal.SIGSTOP)
        prober.ask_until(until + 0.1)
        assert ADDRESS in addresses_of(here), "its lifetime has half a second to go"
        os.kill(monitor.process.pid, signal.SIGCONT)
        prober.ask_until(until + 0.6)
        assert prober.answered.keys() == {"arp", "icmp", "tcp"}
        for kind, sent in prober.answered.items():
            assert until - 0.45 < sent < until + LATE, f"{kind}: {sent - until:+.3f} s"
    line.state(ResourceState.OFFLINE, "ip")
    assert addresses_of(here) == ["10.99.0.1"]


def test_after_the_deadline_it_comes_back_with_a_later_permission_and_is_announced(
    monitor: RunningMonitor, here: Namespace, there: Namespace
) -> None:
    line = online(monitor)
    permit(line, 0.1)
    assert line.state(ResourceState.OFFLINE, "ip").deadline
    assert addresses_of(here) == ["10.99.0.1"]
    with announcements(there) as heard:
        permit(line, 10.0)
        line.online("ip")
        assert heard(ADDRESS)
    assert ADDRESS in addresses_of(here)


def test_a_foreign_answer_is_refused_and_its_card_named(
    monitor: RunningMonitor, here: Namespace, there: Namespace
) -> None:
    there.ip("address", "add", f"{ADDRESS}/24", "dev", "eth0")
    line = monitor.attach()
    line.start(address(policy=ONCE))
    failed = line.state(ResourceState.FAILED, "ip").information
    assert failed is not None
    assert render(failed.code, failed.parameters) == (
        f"The address {ADDRESS} is in use by the network card {mac_of(there)}; find out whose it is."
    )
    assert addresses_of(here) == ["10.99.0.1"]


def test_a_machine_that_takes_it_as_well_is_a_failure_and_its_card_named(
    monitor: RunningMonitor, here: Namespace, there: Namespace
) -> None:
    line = monitor.attach()
    line.start(address(policy=ONCE))
    line.online("ip")
    there.ip("address", "add", f"{ADDRESS}/24", "dev", "eth0")
    with there.inside():
        link = next(link for link in addresses.picture().links.values() if link.name == "eth0")
        ArpLine().announce(IPv4Address(ADDRESS), link)
    failed = line.state(ResourceState.FAILED, "ip").information
    assert failed == problem("address_in_use", address=ADDRESS, mac=mac_of(there))
    assert addresses_of(here) == ["10.99.0.1"]


def test_a_card_that_loses_its_link_is_a_failure_at_once(
    monitor: RunningMonitor, here: Namespace, there: Namespace
) -> None:
    line = monitor.attach()
    line.start(address(policy=ONCE))
    line.online("ip")
    began = SystemClock().steady()
    there.ip("link", "set", "eth0", "down")
    failed = line.state(ResourceState.FAILED, "ip").information
    assert failed is not None
    assert render(failed.code, failed.parameters) == "The network card eth0 has no link; look at its cable."
    assert SystemClock().steady() - began < 4.0, "the poll would come after 5 s"
    assert addresses_of(here) == ["10.99.0.1"]


def test_whatever_becomes_of_its_card_it_is_announced_again(
    monitor: RunningMonitor, here: Namespace, there: Namespace
) -> None:
    online(monitor)
    with announcements(there) as heard:
        here.ip("link", "set", "eth0", "mtu", "1400")
        assert heard(ADDRESS)


def test_once_the_link_is_back_a_failed_one_can_be_brought_online(
    monitor: RunningMonitor, here: Namespace, there: Namespace
) -> None:
    there.ip("link", "set", "eth0", "down")
    line = monitor.attach()
    line.start(address(policy=ONCE))
    line.state(ResourceState.FAILED, "ip")
    there.ip("link", "set", "eth0", "up")
    with announcements(there) as heard:
        line.start(address(policy=ONCE))
        line.online("ip")
        assert heard(ADDRESS)


def test_an_address_that_somebody_removes_is_added_again(monitor: RunningMonitor, here: Namespace) -> None:
    online(monitor)
    with here.inside():
        news = LinkNews()
    try:
        here.ip("address", "del", f"{ADDRESS}/24", "dev", "eth0")
        while ADDRESS not in addresses_of(here):
            assert select.select([news], [], [], 10.0)[0], "it does not come back"
            news.take()
    finally:
        news.close()


def test_rules_that_somebody_flushes_are_back_with_the_next_permission(
    monitor: RunningMonitor, here: Namespace
) -> None:
    line = online(monitor, seconds=10.0)
    for way in (
        ("flush", "ruleset"),
        ("flush", "table", "ip", "clusteradmin"),
        ("delete", "table", "arp", "clusteradmin"),
    ):
        here.run("nft", *way)
        line.permit(seconds=10.0)
        told = rules(here)
        assert told.count("drop") == 4
        assert told.count(f"elements = {{ {ADDRESS} }}") == 2
        assert told.count(f"elements = {{ {ADDRESS} timeout") == 2


def test_a_monitor_that_begins_anew_keeps_it(monitor: RunningMonitor, here: Namespace, there: Namespace) -> None:
    line = online(monitor)
    with probing(ADDRESS, there, here) as prober:
        line.say(Renew())
        assert line.next(Renewed).why is None
        line.permit(seconds=10.0)
        prober.ask_until(SystemClock().steady() + 0.3)
        assert prober.answered.keys() == {"arp", "icmp", "tcp"}
    permit(line, 0.1)
    assert line.state(ResourceState.OFFLINE, "ip").deadline
    assert addresses_of(here) == ["10.99.0.1"]


def test_what_a_killed_monitor_left_is_gone_before_the_next_one_listens(
    monitor: RunningMonitor, here: Namespace
) -> None:
    online(monitor)
    monitor.process.kill()
    monitor.process.wait()
    assert ADDRESS in addresses_of(here)
    with here.inside():
        monitor.restart()
    assert addresses_of(here) == ["10.99.0.1"]
    assert rules(here) == ""


def test_reaping_a_node_removes_its_addresses(monitor: RunningMonitor, here: Namespace) -> None:
    online(monitor)
    with here.inside():
        assert reap(monitor.settings, monitors=True)
    monitor.process.wait()
    assert addresses_of(here) == ["10.99.0.1"]
    assert rules(here) == ""


def test_another_address_in_the_settings_leaves_the_former_one_nowhere(
    monitor: RunningMonitor, here: Namespace
) -> None:
    line = online(monitor)
    line.say(Stop(id="ip"))
    line.state(ResourceState.OFFLINE, "ip")
    line.start(address("10.99.0.51"))
    line.online("ip")
    monitor.process.kill()
    monitor.process.wait()
    with here.inside():
        monitor.restart()
    assert addresses_of(here) == ["10.99.0.1"]
