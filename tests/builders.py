"""Snapshots in one line: ``cluster(nodes="ab", groups={"Web": "IP App"})``."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from nodeagent.api.objects import (
    Cluster,
    Group,
    Interface,
    InterfaceState,
    Network,
    NetworkState,
    Node,
    NodeId,
    NodeState,
    Phase,
    Resource,
    ResourceState,
    ResourceType,
    Snapshot,
    Wanted,
)
from nodeagent.api.properties import Kind, PropertySpec
from nodeagent.api.states import group_state

GENERIC_APPLICATION = (
    PropertySpec(name="CommandLine", kind=Kind.COMMAND, label="Command line", required=True),
    PropertySpec(name="CurrentDirectory", kind=Kind.DIRECTORY, label="Current directory", default=""),
    PropertySpec(name="InteractWithDesktop", kind=Kind.BOOLEAN, label="Interact with the desktop", default=False),
)

Members = str | Sequence[str] | Mapping[str, ResourceState]


def cluster(
    nodes: str | Sequence[str] | Mapping[str, NodeState] = "ab",
    groups: Mapping[str, Members] | None = None,
    *,
    owners: Mapping[str, str | None] | None = None,
    state: ResourceState = ResourceState.ONLINE,
    name: str = "TEST",
    revision: int = 1,
) -> Snapshot:
    """Make a cluster.

    Args:
        nodes: names, or each letter a name; with their states in a mapping. They get the ids 1, 2, …
        groups: by name, each with its resources: names between blanks, a list of names, or name to state.
        owners: by a group's name; the first node owns what is not mentioned.
        state: of resources that come without one.
    """
    given = nodes if isinstance(nodes, Mapping) else dict.fromkeys(nodes, NodeState.UP)
    made = {number: _node(number, *entry) for number, entry in enumerate(given.items(), 1)}
    ids = {node.name: node.id for node in made.values()}
    all_groups: dict[str, Group] = {}
    resources: dict[str, Resource] = {}
    for group_name, members in (groups or {}).items():
        wanted = (owners or {}).get(group_name, next(iter(ids), None))
        owner = ids[wanted] if wanted is not None else None
        group, own = group_of(group_name, members, owner=owner, state=state)
        all_groups[group.id] = group
        resources.update({r.id: r for r in own})
    return Snapshot(
        cluster=Cluster(id="cluster", name=name, leader=1),
        revision=revision,
        nodes=made,
        groups=all_groups,
        resources=resources,
        types={"Generic Application": generic_application(ids.values())},
    )


def generic_application(nodes: Any) -> ResourceType:
    return ResourceType(
        name="Generic Application",
        display_name="Generic Application",
        schema=GENERIC_APPLICATION,
        possible_owners=tuple(nodes),
    )


def group_of(
    name: str, members: Members, *, owner: NodeId | None = 1, state: ResourceState = ResourceState.ONLINE
) -> tuple[Group, list[Resource]]:
    """Make a group and its resources; ids are the names in lower case with hyphens."""
    names = members.split() if isinstance(members, str) else list(members)
    states = members if isinstance(members, Mapping) else dict.fromkeys(names, state)
    group_id = identifier(name)
    own = [
        Resource(
            id=identifier(resource),
            name=resource,
            type="Generic Application",
            group=group_id,
            state=states[resource],
            state_node=owner,
            parameters={"CommandLine": "sleep 1000"},
        )
        for resource in names
    ]
    running = any(s is not ResourceState.OFFLINE for s in states.values())
    group = Group(
        id=group_id,
        name=name,
        owner=owner,
        phase=Phase.FREE if owner is None else Phase.CLAIMED,
        persistent_state=Wanted.ONLINE if running else Wanted.OFFLINE,
        state=group_state(r.state for r in own),
        epoch=1,
        owner_incarnation=0 if owner is None else 1,
    )
    return group, own


def _node(number: int, name: str, state: NodeState) -> Node:
    return Node(id=number, name=name, state=state, paused=state is NodeState.PAUSED, incarnation=1)


def identifier(name: str) -> str:
    """Return the id that these builders give to an object of that name."""
    return name.casefold().replace(" ", "-")


def with_network(snapshot: Snapshot, name: str = "Public") -> Snapshot:
    """Return *snapshot* with a network, and an interface of each node on it."""
    network = Network(id=identifier(name), name=name, address="10.0.0.0", mask="255.255.255.0", state=NetworkState.UP)
    cards = {
        f"{network.id}-{node.id}": Interface(
            id=f"{network.id}-{node.id}",
            name=f"{node.name}-{name}",
            node=node.id,
            network=network.id,
            adapter="eth0",
            address=f"10.0.0.{node.id}",
            state=InterfaceState.UP,
        )
        for node in snapshot.nodes.values()
    }
    return replace(
        snapshot,
        networks={**snapshot.networks, network.id: network},
        interfaces={**snapshot.interfaces, **cards},
    )


def replace(snapshot: Snapshot, **changes: Any) -> Snapshot:
    """Return *snapshot* with other tables and the next revision."""
    return msgspec.structs.replace(snapshot, **{"revision": snapshot.revision + 1, **changes})


def changed(snapshot: Snapshot, kind: str, name: str, /, **changes: Any) -> Snapshot:
    """Return *snapshot* with attributes of one object changed: ``changed(s, "resource", "App", state=FAILED)``.

    A group's state follows its resources', as the agents see to it.
    """
    table = {"node": "nodes", "group": "groups", "resource": "resources", "network": "networks"}[kind]
    objects = getattr(snapshot, table)
    found = next(item for item in objects.values() if item.name == name)
    after = replace(snapshot, **{table: {**objects, found.id: msgspec.structs.replace(found, **changes)}})
    if kind != "resource":
        return after
    group = after.groups[found.group]
    state = group_state(r.state for r in after.resources.values() if r.group == group.id)
    return msgspec.structs.replace(
        after, groups={**after.groups, group.id: msgspec.structs.replace(group, state=state)}
    )
