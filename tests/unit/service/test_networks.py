"""Networks of the cluster: found, named, given a role, and reported again when a card changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from msgspec.structs import replace

from nodeagent.api import requests as r
from nodeagent.api.events import Severity
from nodeagent.api.objects import Endpoint, Interface, InterfaceState, Network, NetworkState, ObjectKind, ObjectRef
from nodeagent.api.properties import Value
from nodeagent.api.texts import render, sentence
from nodeagent.database.records import InterfaceReport, encode, report_key
from nodeagent.database.store import Transaction
from nodeagent.service.ownnetworks import OwnNetworks
from tests.support.agents import short_folder
from tests.support.offices import Office, open_office

pytestmark = pytest.mark.asyncio

PUBLIC = "10.0.0.0/24"
PRIVATE = "10.9.0.0/24"
CARDS = (
    InterfaceReport(adapter="eth0", address="10.0.0.1", mask="24"),
    InterfaceReport(adapter="eth1", address="10.9.0.1", mask="24"),
)


@pytest_asyncio.fixture
async def office() -> AsyncIterator[Office]:
    with short_folder() as home:
        async with open_office(home) as made:
            await cards(made, *CARDS)
            yield made


async def cards(office: Office, *found: InterfaceReport) -> None:
    """Let the node report these cards."""
    record = office.following.view.report(office.membership.node)
    assert record is not None
    value = encode(replace(record[0], interfaces=found))
    await office.commit(Transaction(put={report_key(office.membership.node): value}))


def network(office: Office, name: str) -> Network:
    found = office.following.snapshot.find(ObjectKind.NETWORK, name)
    assert isinstance(found, Network)
    return found


def interface(office: Office, subnet: str) -> Interface:
    return office.following.snapshot.interfaces[f"{office.membership.node}:{subnet}"]


async def rename(office: Office, name: str, new: str) -> None:
    await office.do(r.Rename(kind=ObjectKind.NETWORK, id=network(office, name).id, name=new))


def set_role(subnet: str, role: Value | None) -> r.SetProperties:
    return r.SetProperties(kind=ObjectKind.NETWORK, id=subnet, properties={"Role": role})


async def address(office: Office, text: str, **parameters: Value) -> str:
    """Create a group with an IP Address; returns the resource's id."""
    group = await office.do(r.CreateGroup(name=f"Group of {text}"))
    made = r.CreateResource(
        name=f"IP {text}", type="IP Address", group=group.id, parameters={"Address": text, **parameters}
    )
    return (await office.do(made)).id


async def test_a_network_keeps_its_name_and_description_while_nobody_is_on_it(office: Office) -> None:
    await rename(office, PUBLIC, "Public")
    await office.do(r.SetProperties(kind=ObjectKind.NETWORK, id=PUBLIC, properties={"Description": "to the world"}))
    await cards(office)
    assert office.following.snapshot.networks == {}
    await cards(office, *CARDS)
    found = network(office, "Public")
    assert (found.id, found.description, found.role) == (PUBLIC, "to the world", 3)
    assert interface(office, PUBLIC).name == "NODE1 - Public"


async def test_a_name_that_another_network_has_is_refused(office: Office) -> None:
    await rename(office, PUBLIC, "Public")
    refused = await office.refusal(r.Rename(kind=ObjectKind.NETWORK, id=PRIVATE, name="public"))
    assert refused.code == "name_taken"


async def test_an_address_follows_the_new_name_of_its_network(office: Office) -> None:
    await rename(office, PUBLIC, "Public")
    resource = await address(office, "10.0.0.50", Network="Public")
    await rename(office, "Public", "Outside")
    assert office.following.snapshot.resources[resource].parameters["Network"] == "Outside"


async def test_a_network_that_does_not_exist_is_refused(office: Office) -> None:
    group = await office.do(r.CreateGroup(name="Web"))
    made = r.CreateResource(
        name="IP", type="IP Address", group=group.id, parameters={"Address": "10.0.0.50", "Network": "Nowhere"}
    )
    assert (await office.refusal(made)).code == "network_unknown"
    resource = await address(office, "10.0.0.50")
    set_it = r.SetProperties(kind=ObjectKind.RESOURCE, id=resource, parameters={"Network": "Nowhere"})
    assert (await office.refusal(set_it)).code == "network_unknown"


async def test_an_address_belongs_to_one_resource(office: Office) -> None:
    await address(office, "10.0.0.50")
    group = await office.do(r.CreateGroup(name="Web"))
    again = r.CreateResource(name="IP", type="IP Address", group=group.id, parameters={"address": "10.0.0.50"})
    assert sentence(await office.refusal(again)) == "IP 10.0.0.50 has this address; give each resource its own."
    other = await address(office, "10.0.0.51")
    change = r.SetProperties(kind=ObjectKind.RESOURCE, id=other, parameters={"Address": "10.0.0.50"})
    assert (await office.refusal(change)).code == "address_taken"
    same = r.SetProperties(kind=ObjectKind.RESOURCE, id=other, parameters={"Address": "10.0.0.51", "SubnetMask": "24"})
    await office.do(same)


async def test_a_network_that_carries_an_address_stays_open_to_clients(office: Office) -> None:
    await address(office, "10.0.0.50")
    for role in (0, 1):
        refused = await office.refusal(set_role(PUBLIC, role))
        assert sentence(refused) == f"The network {PUBLIC} carries IP 10.0.0.50, so it has to stay open to clients."
    await office.do(set_role(PUBLIC, 2))
    await office.do(set_role(PUBLIC, None))
    assert network(office, PUBLIC).role == 3


async def test_one_network_carries_the_traffic_of_the_cluster(office: Office) -> None:
    await office.do(set_role(PUBLIC, 2))
    assert (await office.refusal(set_role(PRIVATE, 2))).code == "last_internal_network"
    await office.do(set_role(PRIVATE, 1))
    assert (await office.refusal(set_role(PRIVATE, 0))).code == "last_internal_network"


async def test_an_internal_network_takes_no_address_of_clients(office: Office) -> None:
    await office.do(set_role(PRIVATE, 1))
    group = await office.do(r.CreateGroup(name="Web"))
    made = r.CreateResource(
        name="IP", type="IP Address", group=group.id, parameters={"Address": "10.9.0.50", "Network": PRIVATE}
    )
    assert (await office.refusal(made)).code == "network_not_for_clients"


async def test_a_network_without_a_role_is_unavailable_and_so_are_its_cards(office: Office) -> None:
    await office.do(set_role(PRIVATE, 0))
    assert network(office, PRIVATE).state is NetworkState.UNAVAILABLE
    assert interface(office, PRIVATE).state is InterfaceState.UNAVAILABLE
    assert network(office, PUBLIC).state is NetworkState.UP


async def test_a_role_that_is_none_is_refused_with_those_there_are(office: Office) -> None:
    refused = await office.refusal(set_role(PUBLIC, 9))
    assert sentence(refused).startswith("Role must be one of: 0 (none), 1 (internal cluster communications only)")


async def test_the_description_of_a_card_is_kept(office: Office) -> None:
    identity = interface(office, PUBLIC).id
    await office.do(r.SetProperties(kind=ObjectKind.INTERFACE, id=identity, properties={"Description": "left"}))
    assert interface(office, PUBLIC).description == "left"


async def test_cards_that_change_are_reported_once(office: Office) -> None:
    found = (replace(CARDS[0], up=False), CARDS[1])
    own = OwnNetworks(office.following, office.membership, office.events, lambda: found)
    assert await own.report()
    assert network(office, PUBLIC).state is NetworkState.DOWN
    assert interface(office, PUBLIC).state is InterfaceState.FAILED
    before = office.following.view.revision
    assert await own.report()
    assert office.following.view.revision == before


async def test_a_link_that_is_lost_and_one_that_is_back_is_told_once(office: Office) -> None:
    found: tuple[InterfaceReport, ...] = CARDS
    own = OwnNetworks(office.following, office.membership, office.events, lambda: found)

    async def told() -> list[str]:
        known = len(office.log)
        assert await own.report()
        assert await own.report()
        return [render(entry.code, entry.parameters) for entry in office.log[known:]]

    await rename(office, PUBLIC, "Public")
    assert await told() == []
    found = (replace(CARDS[0], up=False), CARDS[1])
    assert await told() == ["NODE1 - Public: the network card eth0 has no link; look at its cable and its switch"]
    assert (office.log[-1].severity, office.log[-1].number) == (Severity.ERROR, 1127)
    assert office.log[-1].object == ObjectRef(ObjectKind.INTERFACE, interface(office, PUBLIC).id)
    found = (*found, InterfaceReport(adapter="eth9", address="10.0.0.99", mask="24"))
    assert await told() == ["NODE1 - Public: the network card eth9 is up"]
    found = (CARDS[0], CARDS[1])  # another card of the same network: the node is on it as before
    assert await told() == []
    found = (CARDS[1],)  # its address goes with the link where systemd-networkd looks after it
    assert await told() == ["NODE1 - Public: the network card eth0 has no address on the network Public any more"]
    found = CARDS
    assert await told() == ["NODE1 - Public: the network card eth0 is up"]


async def test_where_sshd_answers_is_reported_anew_with_the_cards(office: Office) -> None:
    def sshd(cards: tuple[InterfaceReport, ...]) -> tuple[Endpoint, ...]:
        return tuple(Endpoint(host=card.address, port=2222) for card in cards)

    own = OwnNetworks(office.following, office.membership, office.events, lambda: CARDS, sshd)
    assert await own.report()
    found = office.following.snapshot.nodes[office.membership.node].endpoints
    assert found == tuple(Endpoint(host=card.address, port=2222) for card in CARDS)
    before = office.following.view.revision
    assert await own.report()
    assert office.following.view.revision == before


async def test_validate_is_asked_with_the_subnet_of_the_network(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rename(office, PUBLIC, "Public")
    asked: list[object] = []

    async def validate(kind: str, parameters: dict[str, Value]) -> list[object]:
        asked.append((kind, parameters))
        return []

    monkeypatch.setattr(office.questions, "validate", validate)
    async with asyncio.timeout(20):
        await office.ask(
            r.ValidateParameters(type="IP Address", parameters={"Address": "10.0.0.5", "Network": "Public"})
        )
    assert asked == [("IP Address", {"Address": "10.0.0.5", "Network": PUBLIC})]
