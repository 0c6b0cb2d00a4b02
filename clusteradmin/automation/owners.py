"""Who may own what: possible owners of resources, preferred owners of groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusteradmin.automation.collection import NodeCollection
from clusteradmin.client import commands
from nodeagent.api.objects import GroupId, NodeId, ResourceId
from nodeagent.api.problems import refuse

if TYPE_CHECKING:
    from clusteradmin.automation.cluster import Cluster
    from clusteradmin.automation.nodes import Node


class PossibleOwnerNodes(NodeCollection):
    """The nodes that may host a resource (ClusResPossibleOwnerNodes); changes take effect at once."""

    def __init__(self, cluster: Cluster, resource: ResourceId) -> None:
        super().__init__(cluster)
        self._resource = resource

    def _ids(self) -> list[NodeId]:
        snapshot = self._cluster.snapshot
        owners = snapshot.resource(self._resource).possible_owners
        return sorted(snapshot.nodes) if owners is None else list(owners)

    def _items(self) -> list[Node]:
        return self._existing(self._ids())

    @property
    def modified(self) -> bool:
        """Never: nothing is kept back here."""
        return False

    def add_item(self, node: Node | str) -> None:
        """Let *node* host the resource. Raises ClusterError."""
        added = self._cluster.node(node).node_id
        self._set([*self._ids(), added])

    def remove_item(self, node: Node | str | int) -> None:
        """Let *node* (also by its number in this list) host the resource no more. Raises ClusterError."""
        gone = self.item(node) if isinstance(node, int) else self._cluster.node(node)
        if gone.node_id not in self._ids():
            name = self._cluster.snapshot.resource(self._resource).name
            raise refuse("not_possible_owner", "possible_owners", node=gone.name, name=name)
        self._set([one for one in self._ids() if one != gone.node_id])

    def _set(self, nodes: list[NodeId]) -> None:
        wanted = tuple(dict.fromkeys(nodes))
        self._cluster.run(commands.set_possible_owners(self._cluster.client, self._resource, wanted))


class PreferredOwnerNodes(NodeCollection):
    """The nodes that a group prefers, in order (ClusResGroupPreferredOwnerNodes); written by `save_changes`."""

    def __init__(self, cluster: Cluster, group: GroupId) -> None:
        super().__init__(cluster)
        self._group = group
        self._changed: list[NodeId] | None = None

    def _ids(self) -> list[NodeId]:
        if self._changed is not None:
            return self._changed
        return list(self._cluster.snapshot.group(self._group).preferred_owners)

    def _items(self) -> list[Node]:
        return self._existing(self._ids())

    def add_item(self, node: Node | str) -> None:
        """Put *node* at the end. Raises ClusterError."""
        self.insert_item(node, self.count + 1)

    def insert_item(self, node: Node | str, position: int) -> None:
        """Put *node* at *position*, from 1. Raises ClusterError."""
        added, ids = self._cluster.node(node), self._ids()
        if added.node_id in ids:
            raise refuse("node_twice", "preferred_owners", node=added.name)
        at = max(0, position - 1)
        self._changed = [*ids[:at], added.node_id, *ids[at:]]

    def remove_item(self, key: Node | str | int) -> None:
        """Take a node out, by object, name or number in this list. Raises ClusterError."""
        gone = self.item(key) if isinstance(key, str | int) else key
        self._changed = [node for node in self._ids() if node != gone.node_id]

    @property
    def modified(self) -> bool:
        """Whether something was changed that is not saved."""
        return self._changed is not None

    @property
    def modified_names(self) -> tuple[str, ...]:
        """What was changed and is not saved."""
        return ("the preferred owners",) if self.modified else ()

    def refresh(self) -> None:
        """Drop what was changed and is not saved."""
        self._changed = None

    def save_changes(self) -> None:
        """Write the list. Raises ClusterError; what was changed is kept then."""
        if self._changed is not None:
            self._cluster.run(commands.set_preferred_owners(self._cluster.client, self._group, self._changed))
            self._changed = None
