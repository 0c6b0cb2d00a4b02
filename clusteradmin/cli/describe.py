"""Objects as the command line shows them: rows of a table, and JSON with snake_case keys and names for ids."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import Any

from nodeagent.api.commonproperties import NETWORK
from nodeagent.api.events import LogEntry
from nodeagent.api.freezing import Maintenance
from nodeagent.api.objects import (
    Cluster,
    ClusterObject,
    Group,
    Interface,
    Network,
    Node,
    NodeId,
    Phase,
    Resource,
    ResourceType,
    Snapshot,
)
from nodeagent.api.rules.maintenance import group_maintenance
from nodeagent.api.states import state_words
from nodeagent.api.texts import because, render

Document = dict[str, Any]


def columns_of(item: type[ClusterObject]) -> Sequence[str]:
    """Return the heads of the columns in which objects of that class are shown."""
    return _COLUMNS[item]


_COLUMNS: dict[type[ClusterObject], Sequence[str]] = {
    Cluster: ("Cluster", "Planning Node", "Database", "Description"),
    Node: ("Node", "Node ID", "Status", "Information"),
    Group: ("Group", "Node", "Status", "Information"),
    Resource: ("Resource", "Group", "Node", "Status", "Information"),
    ResourceType: ("Display Name", "Resource Type", "Possible Owners"),
    Network: ("Network", "Status", "Role", "Address", "Mask"),
    Interface: ("Node", "Network", "Status", "Address", "Adapter"),
}


def row(item: ClusterObject, cluster: Snapshot) -> Sequence[str]:
    """Return the cells of *item*."""
    match item:
        case Cluster():
            return item.name, cluster.node_name(item.leader or None), item.backend, item.description
        case Node():
            return item.name, str(item.id), state_words(item.state), _node_information(item)
        case Group():
            return item.name, cluster.node_name(item.owner), state_words(item.state), _group_information(item, cluster)
        case Resource():
            group = cluster.groups.get(item.group)
            where = cluster.node_name(group.owner) if group else ""
            return item.name, group.name if group else "", where, state_words(item.state), item.information
        case ResourceType():
            return item.display_name or item.name, item.name, _names(item.possible_owners, cluster)
        case Network():
            return item.name, state_words(item.state), _role(item), item.address, item.mask
        case Interface():
            network = _network(item, cluster)
            return cluster.node_name(item.node), network, state_words(item.state), item.address, item.adapter


def _names(nodes: Iterable[NodeId], cluster: Snapshot) -> str:
    return ", ".join(cluster.node_name(node) for node in nodes)


def _role(item: Network) -> str:
    (spec,) = (spec for spec in NETWORK if spec.name == "Role")
    return next((choice.label for choice in spec.choices if choice.value == item.role), str(item.role))


def _network(item: Interface, cluster: Snapshot) -> str:
    return cluster.networks[item.network].name if item.network in cluster.networks else item.network


def _group_information(group: Group, cluster: Snapshot) -> str:
    if group.phase is Phase.MOVING:
        return f"moves to {cluster.node_name(group.target)}" if group.target else "is being moved"
    if group.phase is Phase.STUCK:
        return f"could not be stopped on {cluster.node_name(group.owner)}"
    if group.gave_up:
        return "stays: the failover threshold is exceeded"
    return maintenance_text(group_maintenance(group, cluster))


def _node_information(node: Node) -> str:
    return "; ".join(part for part in (node.information, maintenance_text(node.maintenance)) if part)


def maintenance_text(found: Maintenance | None) -> str:
    """Say until when something is in maintenance, and why; nothing when it is not."""
    if found is None:
        return ""
    until = datetime.datetime.fromtimestamp(found.until, datetime.UTC).astimezone()
    code = "in_maintenance_why" if found.reason else "in_maintenance"
    return render(code, {"until": f"{until:%Y-%m-%d %H:%M:%S}", "reason": found.reason})


def _maintenance(found: Maintenance | None) -> Document | None:
    if found is None:
        return None
    return {
        "since": moment(found.since),
        "until": moment(found.until),
        "user": found.user or None,
        "reason": found.reason or None,
    }


def document(item: ClusterObject, cluster: Snapshot) -> Document:
    """Return what is known of *item*, for JSON."""
    common: Document = {"name": item.name, "id": item.id, "description": item.description}
    own: Document
    match item:
        case Cluster():
            own = {
                "backend": item.backend,
                "planning_node": cluster.node_name(item.leader or None),
                "schema": item.schema,
                "maintenance": _maintenance(item.maintenance),
            }
        case Node():
            own = _node(item, cluster)
        case Group():
            own = _group(item, cluster)
        case Resource():
            own = _resource(item, cluster)
        case ResourceType():
            own = {
                "display_name": item.display_name,
                "required_dependencies": item.required_dependencies,
                "exclusive": item.exclusive,
                "possible_owners": _list(item.possible_owners, cluster),
            }
        case Network():
            own = {"address": item.address, "mask": item.mask, "role": item.role, "state": state_words(item.state)}
        case Interface():
            own = {
                "node": cluster.node_name(item.node),
                "network": _network(item, cluster),
                "address": item.address,
                "adapter": item.adapter,
                "state": state_words(item.state),
            }
    return {**common, **own, "properties": item.properties, "revision": item.revision}


def _node(item: Node, cluster: Snapshot) -> Document:
    return {
        "state": state_words(item.state),
        "paused": item.paused,
        "draining": item.draining,
        "drained_groups": [cluster.groups[group].name for group in item.drained if group in cluster.groups],
        "stopped": item.stopped,
        "maintenance": _maintenance(item.maintenance),
        "information": item.information,
        "version": item.version,
        "incarnation": item.incarnation,
        "since": moment(item.since),
        "groups": sorted(group.name for group in cluster.groups.values() if group.owner == item.id),
        "endpoints": [f"{endpoint.host}:{endpoint.port}" for endpoint in item.endpoints],
        "facts": item.facts,
    }


def _group(item: Group, cluster: Snapshot) -> Document:
    return {
        "owner": cluster.node_name(item.owner) or None,
        "state": state_words(item.state),
        "persistent_state": item.persistent_state.value,
        "preferred_owners": _list(item.preferred_owners, cluster),
        "resources": [resource.name for resource in cluster.resources_of(item.id)],
        "phase": item.phase.value,
        "target": cluster.node_name(item.target) or None,
        "epoch": item.epoch,
        "failovers": [moment(at) for at in item.failovers],
        "gave_up": item.gave_up,
        "maintenance": _maintenance(item.maintenance),
        "since": moment(item.since),
        "cause": because(item.cause) if item.cause else None,
    }


def _resource(item: Resource, cluster: Snapshot) -> Document:
    group = cluster.groups.get(item.group)
    return {
        "type": item.type,
        "group": group.name if group else None,
        "owner": (cluster.node_name(group.owner) or None) if group else None,
        "state": state_words(item.state),
        "persistent_state": item.persistent_state.value,
        "information": item.information,
        "process_id": item.process_id or None,
        "monitor_process_id": item.monitor_process_id or None,
        "restarts": item.restarts,
        "since": moment(item.since),
        "retry_at": moment(item.retry_at),
        "possible_owners": None if item.possible_owners is None else _list(item.possible_owners, cluster),
        "dependencies": [cluster.resources[p].name for p in item.dependencies if p in cluster.resources],
        "separate_monitor": item.separate_monitor,
        "parameters": item.parameters,
        "cause": because(item.cause) if item.cause else None,
    }


def _list(nodes: Iterable[NodeId], cluster: Snapshot) -> list[str]:
    return [cluster.node_name(node) for node in nodes]


def moment(at: float) -> str | None:
    """Return wall-clock seconds as ISO 8601 in UTC; None for "never"."""
    if not at:
        return None
    return datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat(timespec="milliseconds")


def local_moment(at: float) -> str:
    """Return wall-clock seconds as people here read them."""
    found = datetime.datetime.fromtimestamp(at, datetime.UTC).astimezone()
    return f"{found:%Y-%m-%d %H:%M:%S}.{found.microsecond // 1000:03}"


def event_document(entry: LogEntry) -> Document:
    """Return an entry of the event log, for JSON."""
    return {
        "sequence": entry.sequence,
        "time": moment(entry.at),
        "node": entry.node,
        "severity": entry.severity.value,
        "code": entry.code,
        "number": entry.number or None,
        "kind": entry.object.kind.value if entry.object else None,
        "object": entry.object_name or None,
        "text": render(entry.code, entry.parameters),
        "cause": because(entry.cause) if entry.cause else None,
        "user": entry.cause.user or None if entry.cause else None,
        "output": entry.output or None,
    }


def event_line(entry: LogEntry) -> str:
    """Return an entry of the event log as one line, in local time."""
    text = render(entry.code, entry.parameters)
    why = f" ({because(entry.cause)})" if entry.cause else ""
    return f"{local_moment(entry.at)}  {entry.severity.value:<11}  {entry.node:<12}  {text}{why}"
