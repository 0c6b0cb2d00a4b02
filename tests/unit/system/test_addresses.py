"""Links and addresses as netlink tells them: packing, and what follows from a picture of them."""

from __future__ import annotations

import math
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest

from nodeagent.system import addresses, netlink
from nodeagent.system.addresses import HeldAddress, Link, Picture


def link(index: int, name: str) -> Link:
    return Link(index=index, name=name, up=True, loopback=False, arp=True, mac=bytes((2, 0, 0, 0, 0, index)))


def held(index: int, text: str, *, ours: bool = False) -> HeldAddress:
    return HeldAddress(index, IPv4Interface(text), ours)


PICTURE = Picture(
    {1: link(1, "eth0"), 2: link(2, "eth1"), 3: link(3, "eth2")},
    (
        held(1, "10.0.0.1/24"),
        held(1, "10.0.0.50/24", ours=True),
        held(2, "10.0.0.2/16"),
        held(3, "10.0.0.3/16"),
        held(3, "192.0.2.1/32"),
    ),
)


@pytest.fixture(autouse=True)
def marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "keeps_marks", lambda: True)


def test_an_attribute_is_packed_to_whole_words_and_read_back() -> None:
    packed = netlink.attribute(3, b"abcde") + netlink.nested(4, netlink.word(1, 7), netlink.text(2, "set"))
    assert len(packed) % 4 == 0
    found = netlink.attributes(packed)
    assert found[3] == b"abcde"
    assert netlink.attributes(found[4]) == {1: b"\0\0\0\x07", 2: b"set\0"}


@pytest.mark.parametrize("data", [b"", b"\x03", b"\x03\0\x01\0", b"\xff\0\x01\0", b"\x08\0\x01\0ab"])
def test_damaged_attributes_are_passed_over(data: bytes) -> None:
    assert netlink.attributes(data) == {}


@pytest.mark.parametrize(("rest", "seconds"), [(0.001, 1), (1.0, 1), (1.01, 2), (3.5, 4), (math.inf, 0xFFFFFFFE)])
def test_a_lifetime_is_in_whole_seconds_never_shorter_than_asked(rest: float, seconds: int) -> None:
    assert addresses.whole_seconds(rest) == seconds


def test_a_card_is_found_by_the_nodes_own_address_in_the_subnet() -> None:
    assert [card.name for card in PICTURE.carriers(IPv4Network("10.0.0.0/24"))] == ["eth0"]
    assert [card.name for card in PICTURE.carriers(IPv4Network("10.0.0.0/16"))] == ["eth1", "eth2"]
    assert PICTURE.carriers(IPv4Network("172.16.0.0/24")) == []


def test_the_smallest_subnet_around_an_address_counts() -> None:
    assert PICTURE.subnets_with(IPv4Address("10.0.0.77")) == {IPv4Network("10.0.0.0/24")}
    assert PICTURE.subnets_with(IPv4Address("10.0.7.7")) == {IPv4Network("10.0.0.0/16")}
    assert PICTURE.subnets_with(IPv4Address("192.0.2.1")) == set(), "a lone address is no subnet"


def test_what_a_cluster_added_is_not_the_nodes_own() -> None:
    assert IPv4Address("10.0.0.50") not in {one.ip for one in PICTURE.own()}
    assert [one.ours for one in PICTURE.of(IPv4Address("10.0.0.50"))] == [True]
