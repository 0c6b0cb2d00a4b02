"""Addresses that a dead monitor has left and of which no notes tell: found on a real kernel, and removed."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface

import pytest

from nodeagent.monitor.messages import Renew, Renewed
from nodeagent.monitor.reaping import cut_orphans
from nodeagent.system import addresses, addressholders
from nodeagent.system.addresses import LinkNews
from nodeagent.system.packetguard import GuardUnavailable, PacketGuard
from tests.integration.test_address import ADDRESS, addresses_of, online, rules
from tests.support.monitors import RunningMonitor, kill, running_monitor
from tests.support.namespaces import Namespace, needs_namespaces, two_hosts

pytestmark = needs_namespaces

OTHER = "10.99.0.51"


@pytest.fixture
def here() -> Iterator[Namespace]:
    with two_hosts() as (host, _), host.inside():
        yield host


@pytest.fixture
def monitor(here: Namespace) -> Iterator[RunningMonitor]:
    del here
    with running_monitor() as running:
        yield running


def lose_notes(monitor: RunningMonitor) -> None:
    for path in monitor.settings.monitors.glob("*.json"):
        path.unlink()


def put(text: str) -> None:
    link = next(link for link in addresses.picture().links.values() if link.name == "eth0")
    addresses.put(link.index, IPv4Interface(f"{text}/24"), 60)


def test_an_address_whose_monitor_is_dead_and_without_notes_is_removed(
    monitor: RunningMonitor, here: Namespace
) -> None:
    online(monitor)
    monitor.process.kill()
    monitor.process.wait()
    lose_notes(monitor)
    assert ADDRESS in addresses_of(here)
    assert cut_orphans()
    assert addresses_of(here) == ["10.99.0.1"]
    assert rules(here) == ""


def test_that_of_a_living_monitor_stays_whoever_looks_also_when_it_stands_still(
    monitor: RunningMonitor, here: Namespace
) -> None:
    online(monitor)
    lose_notes(monitor)
    kill(monitor.process.pid, signal.SIGSTOP)
    before = rules(here)
    news = LinkNews()
    try:
        assert cut_orphans()
        assert not select.select([news], [], [], 0)[0], "it was touched"
    finally:
        news.close()
        kill(monitor.process.pid, signal.SIGCONT)
    assert addresses_of(here) == ["10.99.0.1", ADDRESS]
    assert rules(here) == before


def test_a_monitor_that_begins_anew_is_seen_to_hold_it(monitor: RunningMonitor, here: Namespace) -> None:
    line = online(monitor)
    over, seen = threading.Event(), list[set[IPv4Address]]()

    def look() -> None:
        while not over.wait(0.001):
            seen.append(addressholders.held())

    looking = threading.Thread(target=look)
    looking.start()
    try:
        line.say(Renew())
        assert line.next(Renewed).why is None
    finally:
        over.set()
        looking.join()
    assert seen
    assert {IPv4Address(ADDRESS)} == set.union(*seen) == set.intersection(*seen)
    assert cut_orphans()
    assert addresses_of(here) == ["10.99.0.1", ADDRESS]


def test_what_the_guard_still_has_of_an_address_that_has_gone_is_forgotten(here: Namespace) -> None:
    with PacketGuard() as guard:
        guard.cover(IPv4Address(OTHER))
    assert cut_orphans()
    assert rules(here) == ""


def test_without_nftables_it_is_removed_too(here: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    put(OTHER)
    monkeypatch.setattr("nodeagent.resourcetypes.addressgrip.PacketGuard", _no_guard)
    assert cut_orphans()
    assert addresses_of(here) == ["10.99.0.1"]


def test_one_that_cannot_be_removed_is_named_and_stays_silent(
    here: Namespace, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    put(OTHER)
    with PacketGuard() as guard:
        guard.cover(IPv4Address(OTHER))
    monkeypatch.setattr("nodeagent.resourcetypes.addressgrip.addresses.remove", lambda _held: None)
    assert not cut_orphans()
    assert f"The address {OTHER} could not be removed." in capfd.readouterr().err
    monkeypatch.undo()
    assert addresses_of(here) == ["10.99.0.1", OTHER]


def test_on_a_kernel_that_keeps_no_marks_only_what_the_guard_knows_is_taken_for_ours(
    here: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(OTHER)  # it ends, as the lease of a DHCP server does
    put(ADDRESS)
    with PacketGuard() as guard:
        guard.cover(IPv4Address(ADDRESS))
    monkeypatch.setattr("nodeagent.system.addresses.keeps_marks", lambda: False)
    assert cut_orphans()
    assert addresses_of(here) == ["10.99.0.1", OTHER]


def test_a_forked_child_of_the_holder_holds_nothing(here: Namespace) -> None:
    del here
    sign = addressholders.show(IPv4Address(ADDRESS), here=False)
    assert sign is not None
    ours, theirs = socket.socketpair()
    with ours, theirs:
        pid = os.fork()
        if pid == 0:
            ours.close()
            theirs.send(b"born")
            theirs.recv(1)
            os._exit(0)
        theirs.close()
        assert ours.recv(4) == b"born"
        seen = [addressholders.held()]
        sign.close()
        seen.append(addressholders.held())
    os.waitpid(pid, 0)
    assert seen == [{IPv4Address(ADDRESS)}, set()]


def _no_guard() -> PacketGuard:
    raise GuardUnavailable("none here")
