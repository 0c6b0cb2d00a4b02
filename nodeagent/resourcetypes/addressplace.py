"""Where an IP Address belongs on this node: its settings, and the one card that is on its network."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Interface, IPv4Network, NetmaskValueError

from nodeagent.api.properties import Kind
from nodeagent.resourcetypes.base import ResourceError, failure, setting
from nodeagent.system.addresses import Link, Picture


@dataclass(frozen=True, slots=True)
class Settings:
    """Private properties, the original's."""

    address: str = setting("IPv4 address that clients use", kind=Kind.IPV4)
    subnet_mask: str = setting(
        "Subnet mask, or prefix length; empty means that of the network", kind=Kind.MASK, default=""
    )
    network: str = setting(
        "Network of the cluster that carries it; empty means the one in whose subnet it lies",
        kind=Kind.NETWORK,
        default="",
    )
    override_address_match: bool = setting(
        "Allow an address outside the network's subnet", label="Override address match", default=False
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address belongs: the link, the address with its prefix length, and its scope there."""

    link: Link
    interface: IPv4Interface
    scope: int


def place_of(mine: Settings, now: Picture) -> Place:
    """Find the one card for the address.

    Raises:
        ResourceError: there is none, or more than one.
    """
    try:
        address = IPv4Address(mine.address)
    except AddressValueError:
        raise failure("no_network_for_address", address=mine.address) from None
    subnet = _subnet(mine, address, now)
    if address not in subnet and not mine.override_address_match:
        raise failure("address_outside_network", address=mine.address, network=str(subnet))
    ends = (subnet.network_address, subnet.broadcast_address) if subnet.prefixlen < 31 else ()
    if address in ends or address.is_multicast or address.is_unspecified:
        raise failure("address_unusable", address=mine.address)
    links = now.carriers(subnet)
    if len(links) > 1:
        links = [link for link in links if link.up] or links
    if not links:
        raise failure("no_interface_on_network", network=str(subnet))
    if len(links) > 1:
        names = tuple(link.name for link in links)
        raise failure("several_interfaces_on_network", network=str(subnet), interfaces=names)
    try:
        interface = IPv4Interface(f"{address}/{mine.subnet_mask or subnet.prefixlen}")
    except (AddressValueError, NetmaskValueError) as exc:
        raise failure("start_failed", detail=str(exc)) from exc
    return Place(links[0], interface, now.scope(links[0], subnet))


def _subnet(mine: Settings, address: IPv4Address, now: Picture) -> IPv4Network:
    """Return the subnet of the network that is named; the service has put the subnet in the place of its name."""
    if mine.network:
        try:
            return IPv4Network(mine.network)
        except ValueError:
            raise failure("network_unknown", name=mine.network) from None
    around = now.subnets_with(address)
    if len(around) != 1:
        raise failure("no_network_for_address", address=mine.address)
    return around.pop()


def refuse_foreign(place: Place, now: Picture) -> None:
    """Refuse an address that the node has on its own account: it would be taken from it later."""
    for held in now.of(place.interface.ip):
        if not held.ours:
            name = now.links[held.index].name if held.index in now.links else str(held.index)
            raise failure("address_is_the_nodes", address=str(held.ip), interface=name)


def refused(address: str, exc: OSError) -> ResourceError:
    """Return the failure that the kernel's refusal is."""
    if exc.errno in (errno.EPERM, errno.EACCES):
        return failure("address_needs_privilege")
    return failure("address_refused", address=address, detail=os.strerror(exc.errno or 0))
