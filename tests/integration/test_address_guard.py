"""The packet guard, ARP and addresses by netlink, against a real kernel in namespaces of their own."""

from __future__ import annotations

import math
import select
import socket
from collections.abc import Collection, Iterator
from ipaddress import IPv4Address, IPv4Interface

import pytest

from nodeagent.system import addresses, packetguard
from nodeagent.system.addresses import Happening, LinkNews
from nodeagent.system.arp import ArpLine
from nodeagent.system.clock import SystemClock
from nodeagent.system.neighbours import Neighbours
from nodeagent.system.packetguard import PacketGuard
from tests.support.namespaces import Namespace, namespace, needs_namespaces, two_hosts
from tests.support.probing import probing

pytestmark = needs_namespaces

ADDRESS = IPv4Address("10.99.0.50")
OTHER = IPv4Address("10.99.0.51")
INTERFACE = IPv4Interface("10.99.0.50/24")


@pytest.fixture
def hosts() -> Iterator[tuple[Namespace, Namespace]]:
    with two_hosts() as both, both[0].inside():
        yield both


@pytest.fixture
def alone() -> Iterator[Namespace]:
    with namespace() as made, made.inside():
        yield made


def eth0() -> addresses.Link:
    return next(link for link in addresses.picture().links.values() if link.name == "eth0")


def rules(host: Namespace) -> str:
    return host.run("nft", "list", "ruleset")


def test_a_covered_address_answers_only_while_it_is_permitted(hosts: tuple[Namespace, Namespace]) -> None:
    here, there = hosts
    clock = SystemClock()
    addresses.put(eth0().index, INTERFACE, 60)
    with PacketGuard() as guard:
        guard.cover(ADDRESS)
        with probing(str(ADDRESS), there, here) as prober:
            prober.ask_until(clock.steady() + 0.2)
            assert prober.answered == {}, "nobody has permitted it"
        with probing(str(ADDRESS), there, here) as prober:
            guard.permit(ADDRESS, lambda: 5.0)
            until = clock.steady() + 0.4
            guard.permit(ADDRESS, lambda: 0.4)  # the shorter one counts
            prober.ask_until(until + 0.3)
            assert prober.answered.keys() == {"arp", "icmp", "tcp"}
            assert all(until - 0.35 < sent < until + 0.03 for sent in prober.answered.values()), prober.answered
        guard.uncover(ADDRESS)
        with probing(str(ADDRESS), there, here) as prober:
            prober.ask_until(clock.steady() + 0.2)
            assert prober.answered.keys() == {"arp", "icmp", "tcp"}, "it is nobody's any more"
    assert rules(here) == ""


def test_what_is_forbidden_is_silent_at_once(hosts: tuple[Namespace, Namespace]) -> None:
    here, there = hosts
    addresses.put(eth0().index, INTERFACE, 60)
    with PacketGuard() as guard, probing(str(ADDRESS), there, here) as prober:
        guard.cover(ADDRESS)
        guard.permit(ADDRESS, lambda: math.inf)
        prober.ask_until(SystemClock().steady() + 0.2)
        guard.forbid(ADDRESS)
        forbidden = SystemClock().steady()
        prober.ask_until(forbidden + 0.2)
        assert all(sent <= forbidden for sent in prober.answered.values())
        guard.uncover(ADDRESS)


def test_the_node_itself_does_not_reach_it_either(hosts: tuple[Namespace, Namespace]) -> None:
    addresses.put(eth0().index, INTERFACE, 60)
    with PacketGuard() as guard, socket.create_server(("0.0.0.0", 0)) as server:
        guard.cover(ADDRESS)
        port = server.getsockname()[1]
        with pytest.raises(TimeoutError), socket.create_connection((str(ADDRESS), port), timeout=0.2):
            pass
        guard.permit(ADDRESS, lambda: 5.0)
        socket.create_connection((str(ADDRESS), port), timeout=5.0).close()
        guard.uncover(ADDRESS)


def test_two_guards_do_not_undo_each_other(alone: Namespace) -> None:
    with PacketGuard() as one, PacketGuard() as two:
        one.cover(ADDRESS)
        two.cover(OTHER)
        for _ in range(3):
            one.permit(ADDRESS, lambda: 60.0)
            two.permit(OTHER, lambda: 60.0)
        told = rules(alone)
        assert told.count("drop") == 4
        assert told.count(f"{ADDRESS} timeout") == told.count(f"{OTHER} timeout") == 2
        one.uncover(ADDRESS)
        assert two.covered() == [OTHER]
        two.uncover(OTHER)
    assert rules(alone) == ""


def test_what_was_never_covered_can_be_forgotten(alone: Namespace) -> None:
    with PacketGuard() as guard:
        assert guard.covered() == []
        guard.forbid(ADDRESS)
        guard.uncover(ADDRESS)
    assert rules(alone) == ""


def test_the_check_leaves_nothing_behind(alone: Namespace) -> None:
    assert packetguard.unavailable() == ""
    assert rules(alone) == ""


def test_rules_of_others_stay(alone: Namespace) -> None:
    alone.run("nft", "add", "table", "inet", "office")
    with PacketGuard() as guard:
        guard.cover(ADDRESS)
        guard.permit(ADDRESS, lambda: 60.0)
        guard.uncover(ADDRESS)
    assert "table inet office" in rules(alone)


def test_an_address_is_added_with_a_mark_and_a_lifetime_and_removed_twice(hosts: tuple[Namespace, Namespace]) -> None:
    addresses.put(eth0().index, INTERFACE, 60)
    addresses.put(eth0().index, INTERFACE, 120)
    (held,) = addresses.picture().of(ADDRESS)
    assert (held.interface, held.ours) == (INTERFACE, True)
    assert [str(one.ip) for one in addresses.picture().own() if one.index == held.index] == ["10.99.0.1"]
    addresses.remove(held)
    addresses.remove(held)
    assert addresses.picture().of(ADDRESS) == []


def test_a_link_knows_whether_it_has_a_carrier_and_tells_when_that_changes(hosts: tuple[Namespace, Namespace]) -> None:
    there = hosts[1]
    index = eth0().index
    news = LinkNews()
    try:
        there.ip("link", "set", "eth0", "down")
        while eth0().up:
            assert select.select([news], [], [], 10.0)[0]
            assert index in {one.index for one in news.take()}
    finally:
        news.close()
    assert addresses.link(4711) is None


def test_a_longer_lifetime_wakes_nobody_who_does_not_ask_for_it(hosts: tuple[Namespace, Namespace]) -> None:
    index = eth0().index
    quiet, all_of_it = LinkNews(), LinkNews(additions=True)
    try:
        addresses.put(index, INTERFACE, 60)
        addresses.put(index, INTERFACE, 120)
        assert all_of_it.take() == [Happening(index, ADDRESS, ours=True)] * 2
        assert quiet.take() == []
        (held,) = addresses.picture().of(ADDRESS)
        addresses.remove(held)
        assert quiet.take() == all_of_it.take() == [Happening(index, ADDRESS, ours=True)]
    finally:
        quiet.close()
        all_of_it.close()


def asked(address: str, own: Collection[bytes] = ()) -> str | None:
    """Ask who has it, as before it is taken; return who answered."""
    neighbours = Neighbours(ArpLine(), IPv4Address(address), eth0(), lambda: own)
    with select.epoll() as poll:
        neighbours.watch_with(poll)
        neighbours.ask()
        found = None
        while found is None and neighbours.asking:
            assert poll.poll(10.0), "nothing wakes it"
            found = neighbours.hear()
        neighbours.close()
    return found


def test_a_probe_finds_who_uses_an_address_and_nobody_where_nobody_does(hosts: tuple[Namespace, Namespace]) -> None:
    with hosts[1].inside():
        mac = eth0().mac.hex(":")
    assert asked("10.99.0.2") == mac
    assert asked("10.99.0.3") is None
    assert asked("10.99.0.2", {bytes.fromhex(mac.replace(":", ""))}) is None


def test_an_announcement_moves_the_address_in_a_neighbours_memory(hosts: tuple[Namespace, Namespace]) -> None:
    there = hosts[1]
    there.ip("neighbour", "replace", str(ADDRESS), "lladdr", "02:00:00:00:00:99", "dev", "eth0", "nud", "stale")
    ArpLine().announce(ADDRESS, eth0())
    until = SystemClock().steady() + 10.0
    while eth0().mac.hex(":") not in there.ip("neighbour", "show", str(ADDRESS)):
        assert SystemClock().steady() < until
