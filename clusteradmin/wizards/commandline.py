"""The same as a command: what a wizard or a property sheet sends, as lines for the command line."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from nodeagent.api.objects import NodeId, ObjectKind, ResourceId, Snapshot
from nodeagent.api.properties import Value
from nodeagent.api.requests import (
    CreateGroup,
    CreateResource,
    Rename,
    Request,
    SetDependencies,
    SetPossibleOwners,
    SetPreferredOwners,
    SetProperties,
)

Words = tuple[str, ...]
_COLUMNS = 72  # what a panel of a dialog shows without wrapping

_OBJECTS = {
    ObjectKind.CLUSTER: "cluster",
    ObjectKind.NODE: "node",
    ObjectKind.GROUP: "group",
    ObjectKind.RESOURCE: "resource",
    ObjectKind.RESOURCE_TYPE: "restype",
    ObjectKind.NETWORK: "network",
    ObjectKind.INTERFACE: "netinterface",
}


def commands(request: Request, cluster: Snapshot) -> tuple[Words, ...]:
    """Return the commands that do the same as *request*, word by word, without the program's name."""
    match request:
        case CreateGroup():
            return _create_group(request, cluster)
        case CreateResource():
            return _create_resource(request, cluster)
        case SetProperties():
            return _set_properties(request, cluster)
        case SetPreferredOwners(group=group, nodes=nodes):
            return (("group", cluster.group(group).name, f"--setowners:{_nodes(nodes, cluster)}"),)
        case SetPossibleOwners(resource=resource, nodes=nodes):
            return (("resource", cluster.resource(resource).name, f"--setowners:{_nodes(nodes, cluster)}"),)
        case SetDependencies(resource=resource, providers=providers):
            return _set_dependencies(resource, providers, cluster)
        case Rename(kind=kind, id=identity, name=name):
            return ((_OBJECTS[kind], *_name(kind, identity, cluster), f"--rename:{name}"),)
    return ()


def text(lines: Iterable[Words], target: str) -> str:
    """Return the commands for the cluster at *target* as they are typed in a shell.

    A long one goes on, indented, after a backslash. Without a target they are for the Cluster Service of this machine.
    """
    program = ("clusteradmin", "--cluster", target) if target not in ("", ".") else ("clusteradmin",)
    return "\n".join(_wrapped((*program, *words)) for words in lines)


def _wrapped(words: Words) -> str:
    rows = [""]
    for word in map(shlex.quote, words):
        if rows[-1] and len(rows[-1]) + len(word) > _COLUMNS:
            rows.append(f"    {word}")
        else:
            rows[-1] = f"{rows[-1]} {word}".strip() if len(rows) == 1 else f"{rows[-1]} {word}"
    return " \\\n".join(rows)


def written(value: Value | None) -> str:
    """Return a value as the command line reads it; nothing stands for the default."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    return ";".join(value) if isinstance(value, tuple) else str(value)


def _create_group(request: CreateGroup, cluster: Snapshot) -> tuple[Words, ...]:
    lines: list[Words] = [("group", request.name, "--create")]
    if request.preferred_owners:
        lines.append(("group", request.name, f"--setowners:{_nodes(request.preferred_owners, cluster)}"))
    lines += _values("group", request.name, "--prop", {**_description(request.description), **request.properties})
    return tuple(lines)


def _create_resource(request: CreateResource, cluster: Snapshot) -> tuple[Words, ...]:
    name = request.name
    create = ("resource", name, "--create", f"--group:{_group(request.group, cluster)}", f"--type:{request.type}")
    lines: list[Words] = [(*create, "--separate") if request.separate_monitor else create]
    if request.possible_owners is not None:
        lines.append(("resource", name, f"--setowners:{_nodes(request.possible_owners, cluster)}"))
    lines += [("resource", name, f"--adddep:{_resource(one, cluster)}") for one in request.dependencies]
    lines += _values("resource", name, "--priv", request.parameters)
    lines += _values("resource", name, "--prop", {**_description(request.description), **request.properties})
    return tuple(lines)


def _set_properties(request: SetProperties, cluster: Snapshot) -> tuple[Words, ...]:
    words = (_OBJECTS[request.kind], *_name(request.kind, request.id, cluster))
    both = (("--prop", request.properties), ("--priv", request.parameters))
    return tuple((*words, option, *_pairs(values)) for option, values in both if values)


def _set_dependencies(resource: ResourceId, providers: tuple[ResourceId, ...], cluster: Snapshot) -> tuple[Words, ...]:
    before = cluster.resource(resource)
    words = ("resource", before.name)
    removed = [one for one in before.dependencies if one not in providers]
    added = [one for one in providers if one not in before.dependencies]
    return (
        *((*words, f"--removedep:{_resource(one, cluster)}") for one in removed),
        *((*words, f"--adddep:{_resource(one, cluster)}") for one in added),
    )


def _values(kind: str, name: str, option: str, values: Mapping[str, Value | None]) -> list[Words]:
    return [(kind, name, option, *_pairs(values))] if values else []


def _pairs(values: Mapping[str, Value | None]) -> Words:
    return tuple(f"{name}={written(value)}" for name, value in values.items())


def _description(text: str) -> dict[str, Value]:
    return {"Description": text} if text else {}


def _nodes(nodes: tuple[NodeId, ...] | None, cluster: Snapshot) -> str:
    return "*" if nodes is None else ",".join(cluster.node_name(node) for node in nodes)


def _group(group: str, cluster: Snapshot) -> str:
    return cluster.groups[group].name if group in cluster.groups else group


def _resource(resource: ResourceId, cluster: Snapshot) -> str:
    return cluster.resources[resource].name if resource in cluster.resources else resource


def _name(kind: ObjectKind, identity: str, cluster: Snapshot) -> Words:
    if kind is ObjectKind.CLUSTER:
        return ()  # there is one only
    found = next((one for one in cluster.table(kind).values() if str(one.id) == identity), None)
    return (found.name if found else identity,)
