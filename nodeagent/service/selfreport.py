"""What this node finds of itself: network cards, resource types, version, the machine's facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from nodeagent.api.objects import Endpoint
from nodeagent.api.wire import PROTOCOL, SOFTWARE
from nodeagent.database.records import SCHEMA, InterfaceReport, NodeReport, TypeReport
from nodeagent.resourcetypes.base import ResourceType
from nodeagent.settings import AgentSettings
from nodeagent.system import addresses, packetguard
from nodeagent.system.interfaces import interfaces
from nodeagent.system.sampling import node_facts
from nodeagent.system.sshserver import ssh_endpoints


def node_report(settings: AgentSettings, types: Mapping[str, ResourceType[Any]], *, cgroups: bool) -> NodeReport:
    """Return what this node says of itself."""
    facts = node_facts()
    cards = own_interfaces()
    return NodeReport(
        version=SOFTWARE,
        protocol=PROTOCOL,
        schema=SCHEMA,
        types=tuple(_type(kind) for _, kind in sorted(types.items())),
        endpoints=own_endpoints(settings, cards),
        interfaces=cards,
        facts={
            "os": f"{facts.os_name} {facts.os_version}".strip(),
            "kernel": facts.kernel,
            "architecture": facts.architecture,
            "cpus": str(facts.cpu_count),
            "memory": str(facts.memory_bytes),
            "processes held by": "cgroups" if cgroups else "sessions",
            "addresses guarded by": _guard(),
        },
    )


def own_interfaces() -> tuple[InterfaceReport, ...]:
    """Return the node's cards with their IPv4 addresses, without those of clusters: they are here today only."""
    try:
        clusters = {str(held.ip) for held in addresses.picture().held if held.ours}
    except OSError:  # no netlink here: then none was taken either
        clusters = set()
    return tuple(
        InterfaceReport(adapter=card.name, address=a.address, mask=str(a.prefix_length), up=card.up)
        for card in interfaces()
        if not card.loopback
        for a in card.ipv4
        if a.address not in clusters
    )


def own_endpoints(settings: AgentSettings, cards: Sequence[InterfaceReport]) -> tuple[Endpoint, ...]:
    """Return where workstations can connect to this node over SSH."""
    if settings.endpoints is not None:
        return settings.endpoints
    return ssh_endpoints(card.address for card in cards if not ip_address(card.address).is_link_local)


def _guard() -> str:
    """Say what keeps a cluster address from answering on this node when everything of ours hangs."""
    if not addresses.privileged():
        return "nothing: the agent may not take addresses"
    refused = packetguard.unavailable()
    return f"their lifetime only, up to 3.5 s late (nftables: {refused})" if refused else "nftables"


def _type(kind: ResourceType[Any]) -> TypeReport:
    return TypeReport(
        name=kind.name,
        description=kind.description,
        schema=kind.schema(),
        required_dependencies=kind.required_dependencies,
        exclusive=kind.exclusive,
        looks_alive=int(kind.looks_alive_interval * 1000),
        is_alive=int(kind.is_alive_interval * 1000),
    )
