"""An object's properties as lists and scripts show them: with their schema, and what is set besides defaults."""

from __future__ import annotations

from dataclasses import dataclass

from clusteradmin.wizards.edits import Key, Part, held, schema_of
from nodeagent.api.objects import (
    Cluster,
    ClusterObject,
    Group,
    Interface,
    Network,
    Node,
    Resource,
    ResourceType,
    Snapshot,
)
from nodeagent.api.properties import PropertySpec, Value, by_name, parse


@dataclass(frozen=True, slots=True)
class PropertyValue:
    """One property of one object; *value* is the one that counts, *is_set* whether it differs from the default."""

    spec: PropertySpec
    value: Value | None
    is_set: bool


def values_of(part: Part, item: ClusterObject, cluster: Snapshot) -> list[PropertyValue]:
    """Return the common (PROPERTY) or private (PARAMETER) properties of *item*, in the schema's order."""
    now = held(item, cluster)
    found: list[PropertyValue] = []
    for spec in schema_of(part, item, cluster):
        value = now.get(Key(part, spec.name))
        if value is None:
            found.append(PropertyValue(spec, spec.default, is_set=False))
        else:
            found.append(PropertyValue(spec, _property(value), is_set=True))
    return found


def _property(value: object) -> Value:
    assert isinstance(value, bool | int | float | str | tuple)
    return value


def read_only(item: ClusterObject, cluster: Snapshot) -> dict[str, Value]:
    """Return what can be read of *item* but not set, by the original's names (ClusterXxx.CommonROProperties)."""
    match item:
        case Cluster():
            return {"Name": item.name, "ID": item.id, "Backend": item.backend}
        case Node():
            return {"NodeName": item.name, "NodeID": item.id, "Version": item.version, **item.facts}
        case Group():
            return {"Name": item.name, "ID": item.id, "PersistentState": item.persistent_state.value}
        case Resource():
            kind = cluster.types.get(item.type)
            return {
                "Name": item.name,
                "ID": item.id,
                "Type": item.type,
                "PersistentState": item.persistent_state.value,
                "ProcessId": item.process_id,
                "MonitorProcessId": item.monitor_process_id,
                "RequiredDependencies": kind.required_dependencies if kind else (),
            }
        case ResourceType():
            return {"Name": item.name, "RequiredDependencies": item.required_dependencies, "Exclusive": item.exclusive}
        case Network():
            return {"Name": item.name, "ID": item.id, "Address": item.address, "AddressMask": item.mask}
        case Interface():
            network = cluster.networks.get(item.network)
            return {
                "Name": item.name,
                "ID": item.id,
                "Node": cluster.node_name(item.node),
                "Network": network.name if network else item.network,
                "Adapter": item.adapter,
                "Address": item.address,
            }


def typed(part: Part, item: ClusterObject, cluster: Snapshot, texts: dict[str, str]) -> dict[str, Value | None]:
    """Read what was typed, by the schema; an empty text is "back to the default".

    A name that the schema does not have stays as it is, for the rules to refuse.
    """
    schema = schema_of(part, item, cluster)
    values: dict[str, Value | None] = {}
    for name, text in texts.items():
        spec = by_name(schema, name)
        values[spec.name if spec else name] = None if text == "" else parse(spec, text) if spec else text
    return values
