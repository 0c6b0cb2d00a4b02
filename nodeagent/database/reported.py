"""What the nodes report together: resource types, and the networks on which they meet."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from nodeagent.api.objects import (
    Interface,
    InterfaceState,
    Network,
    NetworkState,
    Node,
    NodeId,
    NodeState,
    ResourceType,
)
from nodeagent.api.properties import Value
from nodeagent.database.records import InterfaceReport, NodeReport, TypeRecord, TypeReport

Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network


def version_order(version: str) -> tuple[tuple[int, ...], bool, str]:
    """Return what versions are compared by: their numbers; of equal ones a pre-release ("1.2rc1") is the lower."""
    match = re.match(r"\d+(\.\d+)*", version)
    numbers = [int(part) for part in match.group().split(".")] if match else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    rest = version[match.end() :] if match else version
    return tuple(numbers), bool(match) and (not rest or rest[0] in "+-."), rest


def make_types(
    reports: Mapping[NodeId, NodeReport], stored: Callable[[str], tuple[TypeRecord, int] | None]
) -> dict[str, ResourceType]:
    """Return every type that is installed on a node, as the node with the highest version describes it.

    Args:
        stored: gives what an administrator set of a type, with its revision.
    """
    newest: dict[str, TypeReport] = {}
    nodes: dict[str, list[NodeId]] = {}
    for node in sorted(reports, key=lambda node: (version_order(reports[node].version), -node)):
        for kind in reports[node].types:
            newest[kind.name] = kind
            if node not in nodes.setdefault(kind.name, []):
                nodes[kind.name].append(node)
    return {name: _type(newest[name], sorted(nodes[name]), stored(name)) for name in sorted(newest)}


def _type(report: TypeReport, nodes: Iterable[NodeId], stored: tuple[TypeRecord, int] | None) -> ResourceType:
    given = stored[0].properties if stored else {}
    properties: dict[str, Value] = {
        "LooksAlivePollInterval": report.looks_alive,
        "IsAlivePollInterval": report.is_alive,
        **given,
    }
    return ResourceType(
        revision=stored[1] if stored else 0,
        name=report.name,
        display_name=str(given.get("DisplayName") or report.name),
        description=str(given.get("Description", report.description)),
        schema=report.schema,
        required_dependencies=report.required_dependencies,
        exclusive=report.exclusive,
        possible_owners=tuple(nodes),
        properties=properties,
    )


@dataclass(frozen=True, slots=True)
class _Card:
    node: Node
    subnet: Subnet
    report: InterfaceReport

    @property
    def state(self) -> InterfaceState:
        if self.node.state is NodeState.DOWN:
            return InterfaceState.UNAVAILABLE
        return InterfaceState.UP if self.report.up else InterfaceState.FAILED


def make_networks(
    nodes: Mapping[NodeId, Node], reports: Mapping[NodeId, NodeReport]
) -> tuple[dict[str, Network], dict[str, Interface]]:
    """Return one network per subnet, and one interface per node and subnet.

    Loopback counts only when nothing else was reported (a cluster on one machine); link-local subnets exist on every
    card and connect nothing, so they never do.
    """
    cards = [card for node in sorted(nodes) if node in reports for card in _cards(nodes[node], reports[node])]
    cards = [card for card in cards if not card.subnet.is_loopback] or cards
    chosen: dict[tuple[Subnet, NodeId], _Card] = {}
    for card in cards:
        place = (card.subnet, card.node.id)
        if place not in chosen or (card.report.up and not chosen[place].report.up):
            chosen[place] = card
    interfaces = [_interface(card) for card in chosen.values()]
    networks = [_network(subnet, interfaces) for subnet in {card.subnet for card in chosen.values()}]
    return (
        {network.id: network for network in sorted(networks, key=lambda network: network.id)},
        {interface.id: interface for interface in sorted(interfaces, key=lambda interface: interface.id)},
    )


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


def _interface(card: _Card) -> Interface:
    return Interface(
        id=f"{card.node.id}:{card.subnet}",
        name=f"{card.node.name} - {card.subnet}",
        node=card.node.id,
        network=str(card.subnet),
        adapter=card.report.adapter,
        address=card.report.address,
        state=card.state,
    )


def _network(subnet: Subnet, interfaces: Iterable[Interface]) -> Network:
    states = {interface.state for interface in interfaces if interface.network == str(subnet)}
    if InterfaceState.UP in states:
        state = NetworkState.UP
    else:
        state = NetworkState.DOWN if InterfaceState.FAILED in states else NetworkState.UNAVAILABLE
    return Network(
        id=str(subnet), name=str(subnet), address=str(subnet.network_address), mask=str(subnet.netmask), state=state
    )
