"""The networks on which the nodes meet, and their cards on them: what the nodes report, and what was set of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from nodeagent.api.objects import Interface, InterfaceState, Network, NetworkState, Node, NodeId, NodeState
from nodeagent.api.properties import Value
from nodeagent.api.rules.networks import ALL, NONE
from nodeagent.database.records import InterfaceReport, NodeReport


class NetworkRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an administrator set of a network; *id* is its subnet, an empty *name* means that."""

    id: str
    name: str = ""
    description: str = ""
    properties: dict[str, Value] = {}


class InterfaceRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an administrator set of a network interface; *id* is <node>:<subnet>."""

    id: str
    description: str = ""
    properties: dict[str, Value] = {}


def network_key(network: str) -> str:
    """Key of a NetworkRecord."""
    return f"networks/{network}"


def interface_key(interface: str) -> str:
    """Key of an InterfaceRecord."""
    return f"interfaces/{interface}"


Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network
StoredNetwork = Callable[[str], tuple[NetworkRecord, int] | None]
StoredInterface = Callable[[str], tuple[InterfaceRecord, int] | None]


@dataclass(frozen=True, slots=True)
class _Card:
    node: Node
    subnet: Subnet
    report: InterfaceReport

    @property
    def state(self) -> InterfaceState:
        """What one report tells: that the node is up, and whether the card has a link.

        Unreachable is never found: who reaches whom on which network, no node reports.
        """
        if self.node.state is NodeState.DOWN:
            return InterfaceState.UNAVAILABLE
        return InterfaceState.UP if self.report.up else InterfaceState.FAILED


def make_networks(
    nodes: Mapping[NodeId, Node],
    reports: Mapping[NodeId, NodeReport],
    stored_network: StoredNetwork,
    stored_interface: StoredInterface,
) -> tuple[dict[str, Network], dict[str, Interface]]:
    """Return one network per subnet, and one interface per node and subnet.

    Loopback counts only when nothing else was reported (a cluster on one machine); link-local subnets exist on every
    card and connect nothing, so they never do.

    Args:
        stored_network, stored_interface: give what an administrator set, with its revision.
    """
    cards = [card for node in sorted(nodes) if node in reports for card in _cards(nodes[node], reports[node])]
    cards = [card for card in cards if not card.subnet.is_loopback] or cards
    chosen: dict[tuple[Subnet, NodeId], _Card] = {}
    for card in cards:
        place = (card.subnet, card.node.id)
        if place not in chosen or (card.report.up and not chosen[place].report.up):
            chosen[place] = card
    networks: dict[str, Network] = {}
    interfaces: list[Interface] = []
    for subnet in sorted({card.subnet for card in chosen.values()}, key=str):
        mine = [card for card in chosen.values() if card.subnet == subnet]
        network = _network(subnet, mine, stored_network(str(subnet)))
        networks[network.id] = network
        interfaces += [_interface(card, network, stored_interface(f"{card.node.id}:{subnet}")) for card in mine]
    return networks, {interface.id: interface for interface in sorted(interfaces, key=lambda interface: interface.id)}


def _cards(node: Node, report: NodeReport) -> Iterable[_Card]:
    for card in report.interfaces:
        subnet = subnet_of(card.address, card.mask)
        if subnet is not None and not subnet.is_link_local:
            yield _Card(node, subnet, card)


def subnet_of(address: str, mask: str) -> Subnet | None:
    """Return the subnet of an address; None when it is none. *mask* is a netmask of either family or a length."""
    try:
        if ":" in mask:  # the standard library reads IPv6 lengths only
            mask = str(int(ipaddress.IPv6Address(mask)).bit_count())
        return ipaddress.ip_interface(f"{address.partition('%')[0]}/{mask}").network
    except ValueError:
        return None


def _network(subnet: Subnet, cards: Iterable[_Card], stored: tuple[NetworkRecord, int] | None) -> Network:
    record, revision = stored or (NetworkRecord(id=str(subnet)), 0)
    role = record.properties.get("Role", ALL)
    return Network(
        revision=revision,
        id=str(subnet),
        name=record.name or str(subnet),
        description=record.description,
        address=str(subnet.network_address),
        mask=str(subnet.netmask),
        role=role if isinstance(role, int) else ALL,
        state=_state({card.state for card in cards}, role),
        properties=record.properties,
    )


def _state(cards: set[InterfaceState], role: object) -> NetworkState:
    """Return the state as far as reports tell it: a card that fails is its own fault and parts nobody else."""
    if role == NONE or not cards - {InterfaceState.UNAVAILABLE}:
        return NetworkState.UNAVAILABLE
    return NetworkState.UP if InterfaceState.UP in cards else NetworkState.DOWN


def _interface(card: _Card, network: Network, stored: tuple[InterfaceRecord, int] | None) -> Interface:
    record, revision = stored or (InterfaceRecord(id=f"{card.node.id}:{card.subnet}"), 0)
    return Interface(
        revision=revision,
        id=record.id,
        name=f"{card.node.name} - {network.name}",
        node=card.node.id,
        network=network.id,
        adapter=card.report.adapter,
        address=card.report.address,
        description=record.description,
        state=InterfaceState.UNAVAILABLE if network.role == NONE else card.state,
    )
