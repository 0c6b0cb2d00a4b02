"""What this node finds of itself: network cards, resource types, version, the machine's facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nodeagent.api.wire import PROTOCOL, SOFTWARE
from nodeagent.database.records import InterfaceReport, NodeReport, TypeReport
from nodeagent.resourcetypes.base import ResourceType
from nodeagent.settings import AgentSettings
from nodeagent.system.interfaces import interfaces
from nodeagent.system.sampling import node_facts


def node_report(settings: AgentSettings, types: Mapping[str, ResourceType[Any]], *, cgroups: bool) -> NodeReport:
    """Return what this node says of itself."""
    facts = node_facts()
    return NodeReport(
        version=SOFTWARE,
        protocol=PROTOCOL,
        types=tuple(_type(kind) for _, kind in sorted(types.items())),
        endpoints=settings.endpoints,
        interfaces=tuple(
            InterfaceReport(adapter=card.name, address=a.address, mask=str(a.prefix_length), up=card.up)
            for card in interfaces()
            if not card.loopback
            for a in card.ipv4
        ),
        facts={
            "os": f"{facts.os_name} {facts.os_version}".strip(),
            "kernel": facts.kernel,
            "architecture": facts.architecture,
            "cpus": str(facts.cpu_count),
            "memory": str(facts.memory_bytes),
            "processes held by": "cgroups" if cgroups else "sessions",
        },
    )


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
