"""What the nodes report together of their resource types."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from nodeagent.api.objects import NodeId, ResourceType
from nodeagent.api.properties import Value
from nodeagent.database.records import NodeReport, TypeRecord, TypeReport


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
