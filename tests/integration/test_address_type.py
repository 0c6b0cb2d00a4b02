"""The resource type IP Address by itself: where an address goes, what is refused, and the monitor's grip on it."""

from __future__ import annotations

import math
import os
import select
from collections.abc import Iterator
from ipaddress import IPv4Address

import pytest

from nodeagent.api.properties import Value
from nodeagent.api.texts import render, sentence
from nodeagent.resourcetypes import addressgrip as subject
from nodeagent.resourcetypes.address import IPAddress
from nodeagent.resourcetypes.addressplace import Settings
from nodeagent.resourcetypes.base import ResourceError
from nodeagent.system import addresses
from nodeagent.system.addresses import HeldAddress, LinkNews
from nodeagent.system.clock import SystemClock
from nodeagent.system.packetguard import GuardUnavailable
from tests.support.grips import take
from tests.support.namespaces import Namespace, needs_namespaces, two_hosts

pytestmark = needs_namespaces

ADDRESS = IPv4Address("10.99.0.50")
BACKSTOP = 3.5  # seconds after T by which the kernel has removed an address whose lifetime has ended


@pytest.fixture(autouse=True)
def here() -> Iterator[Namespace]:
    with two_hosts() as (one, _), one.inside():
        yield one


def settings(text: str = str(ADDRESS), **more: Value) -> Settings:
    return IPAddress.read({"Address": text, **more})


def online(mine: Settings) -> None:
    take(IPAddress(), mine)


def refusal(mine: Settings) -> str:
    """Return the sentence with which it is refused, which is that of validating too."""
    with pytest.raises(ResourceError) as caught:
        online(mine)
    assert IPAddress().validate(mine) == [caught.value.problem]
    return sentence(caught.value.problem)


def held() -> list[HeldAddress]:
    return addresses.picture().of(ADDRESS)


def test_it_goes_to_the_card_whose_subnet_holds_it_with_that_subnets_mask() -> None:
    online(settings())
    (found,) = held()
    assert str(found.interface) == "10.99.0.50/24"
    assert IPAddress().validate(settings()) == []


def test_a_mask_of_its_own_is_taken() -> None:
    online(settings(SubnetMask="255.255.0.0"))
    assert str(held()[0].interface) == "10.99.0.50/16"
    online(settings(SubnetMask="32"))
    assert [str(one.interface) for one in held()] == ["10.99.0.50/32"]


def test_where_no_card_is_on_its_network_it_says_so() -> None:
    assert refusal(settings("192.0.2.7")) == (
        "No network card has an address in one subnet with 192.0.2.7; set Network."
    )
    assert refusal(settings(Network="10.98.0.0/24", OverrideAddressMatch=True)) == (
        "No network card of this node is on the network 10.98.0.0/24."
    )


def test_an_address_outside_its_network_has_to_be_meant() -> None:
    mine = settings("10.98.0.7", Network="10.99.0.0/24")
    assert refusal(mine).startswith("The address 10.98.0.7 is not in the network 10.99.0.0/24;")
    online(settings("10.98.0.7", Network="10.99.0.0/24", OverrideAddressMatch=True))
    assert len(addresses.picture().of(IPv4Address("10.98.0.7"))) == 1


@pytest.mark.parametrize("text", ["10.99.0.0", "10.99.0.255"])
def test_an_address_that_is_no_hosts_is_refused(text: str) -> None:
    assert refusal(settings(text)).startswith(f"The address {text} is that of a whole network or group of hosts;")


def test_two_cards_on_its_network_are_named(here: Namespace) -> None:
    for name, number in (("left", 7), ("right", 8)):
        here.ip("link", "add", name, "type", "veth", "peer", "name", f"{name}-peer")
        here.ip("address", "add", f"10.97.0.{number}/24", "dev", name)
        here.ip("link", "set", name, "up")
        here.ip("link", "set", f"{name}-peer", "up")
    assert refusal(settings("10.97.0.50")) == "Several network cards are on the network 10.97.0.0/24: left, right."
    here.ip("link", "set", "right-peer", "down")
    online(settings("10.97.0.50"))


def test_the_nodes_own_address_is_not_taken_from_it(here: Namespace) -> None:
    assert refusal(settings("10.99.0.1")) == "The address 10.99.0.1 is the node's own, on eth0; choose another one."
    IPAddress().terminate(settings("10.99.0.1"))
    assert len(addresses.picture().of(IPv4Address("10.99.0.1"))) == 1


def test_a_network_that_the_service_does_not_know_is_named() -> None:
    assert refusal(settings(Network="Nowhere")) == "There is no network Nowhere in this cluster."


def test_an_ordinary_user_is_told_what_it_takes() -> None:
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setresuid(65534, 65534, 65534)
        try:
            refused = refusal(settings())
            os._exit(0 if refused.startswith("Taking addresses needs CAP_NET_ADMIN") else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_permission_that_has_ended_adds_nothing() -> None:
    clock = SystemClock()
    online(settings())
    grip = IPAddress().grip(settings(), clock.steady)
    try:
        grip.permit(clock.steady() + 5.0)
        grip.cut()
        assert held() == []
        grip.permit(clock.steady())
        assert held() == []
    finally:
        grip.close()


def test_a_clock_that_passes_the_deadline_while_it_is_permitted_cuts_it() -> None:
    online(settings())
    times = iter([10.0, 10.0, 10.1, 11.0])
    grip = IPAddress().grip(settings(), lambda: next(times, 11.0))
    try:
        grip.permit(11.0)
        assert held() == []
    finally:
        grip.close()


class Nothing:
    """Where nftables is not."""

    def __init__(self) -> None:
        raise GuardUnavailable("Operation not supported")


@pytest.fixture
def unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "PacketGuard", Nothing)


@pytest.mark.usefixtures("unguarded")
def test_without_nftables_it_works_and_says_what_is_weaker() -> None:
    online(settings())
    grip = IPAddress().grip(settings(), SystemClock().steady)
    try:
        grip.permit(math.inf)
        assert grip.weakness is not None
        assert render(grip.weakness.code, grip.weakness.parameters) == (
            "without nftables (Operation not supported) the address 10.99.0.50 may answer up to 3.5 s longer when this "
            "node hangs"
        )
        grip.cut()
        assert held() == []
    finally:
        grip.close()


@pytest.mark.usefixtures("unguarded")
def test_without_nftables_the_lifetime_removes_it_from_a_node_that_hangs() -> None:
    clock = SystemClock()
    online(settings())
    grip = IPAddress().grip(settings(), clock.steady)
    news = LinkNews()
    try:
        until = clock.steady() + 0.5
        grip.permit(until)
        while held():
            assert select.select([news], [], [], 10.0)[0]
            news.take()
        assert until < clock.steady() < until + BACKSTOP + 0.5, "the half second is for this test"
    finally:
        news.close()
        grip.close()
