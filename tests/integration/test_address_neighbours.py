"""Who else has a cluster address: asked before it is taken, heard while it is here, against real frames on a wire."""

from __future__ import annotations

import select
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

import pytest

from nodeagent.api.problems import problem
from nodeagent.resourcetypes.address import IPAddress
from nodeagent.resourcetypes.addressgrip import AddressGrip
from nodeagent.resourcetypes.base import ResourceError
from nodeagent.system import addresses
from nodeagent.system.addresses import Link
from nodeagent.system.arp import ArpLine, Claim, Kind
from nodeagent.system.clock import SystemClock
from nodeagent.system.neighbours import AFTER, BEFORE, DOUBT
from tests.support.namespaces import Namespace, needs_namespaces, two_hosts

pytestmark = needs_namespaces

ADDRESS = IPv4Address("10.99.0.50")
OTHER = IPv4Address("10.99.0.51")
SUBNET = "10.99.0.50/24"


@dataclass
class Neighbour:
    """Who is at the end of the wire that is not *other*: hears what is said, and says what the test wants."""

    line: ArpLine
    link: Link
    other: Namespace

    def next(self, kind: Kind) -> Claim:
        """Wait for the next frame of a kind."""
        while True:
            for claim in self.line.heard(ADDRESS):
                if claim.kind is kind:
                    return claim
            assert select.select([self.line], [], [], 10.0)[0], f"no {kind} came"

    def claim(self, address: IPv4Address = ADDRESS) -> None:
        self.line.announce(address, self.link)

    def answer(self) -> None:
        """Say that this one has it, as a machine does that is asked."""
        nobody = IPv4Address("0.0.0.0")
        self.line._send(self.link, 2, ADDRESS.packed, b"\0" * 6, nobody)


@pytest.fixture
def there() -> Iterator[Neighbour]:
    """Stand at one end of a wire, and return who is at the other one."""
    with two_hosts() as (here, other):
        with other.inside():
            neighbour = Neighbour(ArpLine(), eth0(), here)
            neighbour.line.listen(ADDRESS, neighbour.link, lambda: None)
        with here.inside():
            yield neighbour
        neighbour.line.close()


@pytest.fixture
def grip(there: Neighbour) -> Iterator[AddressGrip]:
    kind = IPAddress()
    made = kind.grip(kind.read({"Address": str(ADDRESS)}), SystemClock().steady)
    yield made
    made.cut()
    made.close()


def eth0() -> Link:
    return next(link for link in addresses.picture().links.values() if link.name == "eth0")


def wait(grip: AddressGrip) -> None:
    assert select.select([grip], [], [], 10.0)[0], "nothing wakes it"


def online(grip: AddressGrip) -> None:
    while not grip.take():
        wait(grip)
    grip.permit(SystemClock().steady() + 60.0)


def failure_of(grip: AddressGrip) -> ResourceError:
    """Look at it until it fails."""
    while True:
        wait(grip)
        try:
            grip.look()
        except ResourceError as exc:
            return exc


def let_pass(grip: AddressGrip, seconds: float) -> None:
    """Look at it whenever something happens, for so long."""
    until = SystemClock().steady() + seconds
    while (rest := until - SystemClock().steady()) > 0:
        if select.select([grip], [], [], rest)[0]:
            grip.look()


def in_use(there: Neighbour) -> object:
    return problem("address_in_use", address=str(ADDRESS), mac=there.link.mac.hex(":"))


def test_it_is_asked_for_before_and_after_it_is_taken(there: Neighbour, grip: AddressGrip) -> None:
    began = SystemClock().steady()
    online(grip)
    assert SystemClock().steady() - began >= 0.02
    let_pass(grip, AFTER[-1])
    kinds = [claim.kind for claim in there.line.heard(ADDRESS)]
    assert kinds == [*[Kind.PROBE] * len(BEFORE), Kind.CLAIM, Kind.CLAIM, *[Kind.PROBE] * len(AFTER)]


def test_an_answer_before_it_is_taken_refuses_it(there: Neighbour, grip: AddressGrip) -> None:
    assert not grip.take()
    there.next(Kind.PROBE)
    there.answer()
    with pytest.raises(ResourceError) as caught:
        online(grip)
    assert caught.value.problem == in_use(there)
    assert addresses.picture().of(ADDRESS) == []


def test_an_answer_that_comes_late_is_a_failure(there: Neighbour, grip: AddressGrip) -> None:
    online(grip)
    there.next(Kind.CLAIM)
    there.answer()
    assert failure_of(grip).problem == in_use(there)


def test_a_machine_that_takes_it_later_is_found_by_its_claim_and_its_answer(
    there: Neighbour, grip: AddressGrip
) -> None:
    online(grip)
    let_pass(grip, AFTER[-1])
    there.line.heard(ADDRESS)
    there.claim()
    wait(grip)
    grip.look()
    there.next(Kind.PROBE)
    there.answer()
    assert failure_of(grip).problem == in_use(there)


def test_a_last_claim_of_a_former_owner_is_answered_and_no_failure(there: Neighbour, grip: AddressGrip) -> None:
    online(grip)
    let_pass(grip, AFTER[-1])
    there.line.heard(ADDRESS)
    there.claim()
    there.claim()
    let_pass(grip, DOUBT[-1] + 0.02)
    kinds = [claim.kind for claim in there.line.heard(ADDRESS)]
    assert kinds == [Kind.CLAIM, Kind.CLAIM, *[Kind.PROBE] * len(DOUBT)], "once for both"


def test_a_last_claim_of_a_former_owner_makes_the_asking_longer(there: Neighbour, grip: AddressGrip) -> None:
    assert not grip.take()
    there.next(Kind.PROBE)
    there.claim()
    online(grip)
    let_pass(grip, 0.0)
    kinds = [claim.kind for claim in there.line.heard(ADDRESS)]
    assert kinds.count(Kind.PROBE) > len(BEFORE) - 1
    assert len(addresses.picture().of(ADDRESS)) == 1


def test_two_machines_that_ask_for_it_at_once_both_leave_it(there: Neighbour, grip: AddressGrip) -> None:
    assert not grip.take()
    there.line.probe(ADDRESS, there.link)
    with pytest.raises(ResourceError) as caught:
        online(grip)
    assert caught.value.problem == in_use(there)


def test_somebody_who_asks_for_it_later_is_no_failure(there: Neighbour, grip: AddressGrip) -> None:
    online(grip)
    there.line.probe(ADDRESS, there.link)
    let_pass(grip, 0.05)
    there.next(Kind.ANSWER)


def test_what_was_given_back_is_neither_announced_nor_asked_for(there: Neighbour, grip: AddressGrip) -> None:
    online(grip)
    grip.cut()
    there.line.heard(ADDRESS)
    there.claim()
    assert not select.select([there.line], [], [], AFTER[-1])[0]


def test_past_its_deadline_nothing_is_said_about_it(there: Neighbour) -> None:
    now = [10.0]
    kind = IPAddress()
    grip = kind.grip(kind.read({"Address": str(ADDRESS)}), lambda: now[0])
    try:
        while not grip.take():
            wait(grip)
        grip.permit(11.0)
        now[0] = 11.0
        there.next(Kind.CLAIM)
        there.claim()
        wait(grip)
        grip.look()
        assert not select.select([there.line], [], [], AFTER[-1])[0]
    finally:
        grip.cut()
        grip.close()


def test_a_card_that_gets_another_mac_address_is_announced_with_that(there: Neighbour, grip: AddressGrip) -> None:
    online(grip)
    let_pass(grip, AFTER[-1])
    there.line.heard(ADDRESS)
    there.other.ip("link", "set", "eth0", "address", "02:00:00:00:00:77")
    wait(grip)
    grip.look()
    assert there.next(Kind.CLAIM).mac.hex(":") == "02:00:00:00:00:77"


def test_many_claims_are_answered_once_a_second(there: Neighbour, grip: AddressGrip) -> None:
    online(grip)
    let_pass(grip, AFTER[-1])
    there.line.heard(ADDRESS)
    for _ in range(100):
        there.claim()
    let_pass(grip, DOUBT[-1] + 0.1)
    kinds = [claim.kind for claim in there.line.heard(ADDRESS)]
    assert kinds == [Kind.CLAIM, Kind.CLAIM, *[Kind.PROBE] * len(DOUBT)]


def test_what_is_said_about_one_address_is_not_lost_while_another_is_looked_at(there: Neighbour) -> None:
    woken: list[str] = []
    line = ArpLine()
    for address in (ADDRESS, OTHER):
        line.listen(address, eth0(), lambda name=str(address): woken.append(name))  # type: ignore[misc]  # its default
    there.claim(OTHER)
    assert select.select([line], [], [], 10.0)[0]
    assert line.heard(ADDRESS) == []
    assert set(woken) == {str(OTHER)}
    assert {claim.kind for claim in line.heard(OTHER)} == {Kind.CLAIM}
    line.deafen(OTHER)
    there.claim(OTHER)
    assert not select.select([line], [], [], 0.05)[0], "the kernel keeps it"
    line.close()
