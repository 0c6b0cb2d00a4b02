"""Which rows show something of another object that has changed: its owner, its group, its members, its network."""

from collections.abc import Callable, Mapping
from typing import Any

from nodeagent.api.objects import Cluster, Group, GroupId, Interface, Network, Node, NodeId, Resource
from ui.models.columns import Row
from ui.models.picture import Picture
from ui.models.places import Place


def touched_rows(before: Picture, after: Picture) -> Callable[[Row], bool]:
    """Return a test for the rows to be drawn anew although their own object is the same."""
    old, new = before.snapshot, after.snapshot
    types = old.types is not new.types
    networks = old.networks is not new.networks
    nodes: set[NodeId | None] = set(_differing(old.nodes, new.nodes, _of_node))
    groups: set[GroupId] = set(_differing(old.groups, new.groups, _of_group))
    if nodes:
        groups |= {group.id for group in new.groups.values() if group.owner in nodes}
    members = _changed_members(before, after)

    def touched(row: Row) -> bool:
        if isinstance(row, Resource):
            return types or row.group in groups
        if isinstance(row, Group):
            return row.id in groups or row.id in members
        if isinstance(row, Interface):
            return networks or row.node in nodes
        return types and not isinstance(row, Cluster | Place | Network | Node)

    return touched


def _of_node(node: Node) -> tuple[Any, ...]:
    return (node.name, node.state, node.since)


def _of_group(group: Group) -> tuple[Any, ...]:
    return (group.name, group.owner)


def _differing(old: Mapping[Any, Any], new: Mapping[Any, Any], shown: Callable[[Any], tuple[Any, ...]]) -> list[Any]:
    """Return the keys of what differs in what others show of it."""
    if old is new:
        return []
    found = [key for key in old if key not in new]
    for key, item in new.items():
        was = old.get(key)
        if was is not item and (was is None or shown(was) != shown(item)):
            found.append(key)
    return found


def _changed_members(before: Picture, after: Picture) -> set[GroupId]:
    """Return the groups of which a resource came, went or changed: their Information speaks of them."""
    old, new = before.snapshot.resources, after.snapshot.resources
    if old is new:
        return set()
    found = {item.group for key, item in new.items() if old.get(key) is not item}
    found |= {item.group for key, item in old.items() if new.get(key) is not item}
    return found
