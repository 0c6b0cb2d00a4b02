"""Groups and their resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusteradmin.automation.collection import Collection, ResourceCollection, by_name
from clusteradmin.automation.item import RenamableItem
from clusteradmin.automation.owners import PreferredOwnerNodes
from clusteradmin.automation.resources import Resource
from clusteradmin.client import commands, nodecommands
from nodeagent.api.objects import Group, GroupId, GroupState, ObjectKind, ref

if TYPE_CHECKING:
    from clusteradmin.automation.cluster import Cluster
    from clusteradmin.automation.nodes import Node


class ResourceGroup(RenamableItem[Group]):
    """A group (ClusResGroup)."""

    kind = ObjectKind.GROUP

    @property
    def state(self) -> GroupState:
        """Its state, computed from those of its resources."""
        return self._now.state

    @property
    def owner_node(self) -> Node | None:
        """The node that owns it, or None when none does."""
        owner = self._now.owner
        return None if owner is None else self._cluster.nodes.by_id(owner)

    @property
    def resources(self) -> GroupResources:
        """The resources in it."""
        return GroupResources(self._cluster, self._now.id)

    @property
    def preferred_owner_nodes(self) -> PreferredOwnerNodes:
        """The nodes that it prefers, in order."""
        kept = self._cluster.kept(self._reference)
        if not isinstance(kept, PreferredOwnerNodes):
            kept = PreferredOwnerNodes(self._cluster, self._now.id)
            self._cluster.keep(self._reference, kept)
        return kept

    def online(self, timeout: float = 0, node: Node | str | None = None) -> bool:
        """Bring it online, on *node* when given.

        Args:
            timeout: how long to wait for the state Online, seconds.

        Returns:
            Whether it is still pending at the time limit.

        Raises:
            ClusterError: it was refused; unsaved_changes; or a resource failed for good.
        """
        self._refuse_unsaved()
        target = None if node is None else self._cluster.node(node).node_id
        return self._cluster.pending(commands.bring_online(self._cluster.client, self._now, node=target, wait=timeout))

    def offline(self, timeout: float = 0) -> bool:
        """Take it offline; return whether it is still pending after *timeout* seconds. Raises ClusterError."""
        return self._cluster.pending(commands.take_offline(self._cluster.client, self._now, wait=timeout))

    def move(self, timeout: float = 0, node: Node | str | None = None) -> bool:
        """Move it to *node*, or to the best possible one; return whether it is still pending after *timeout* seconds.

        Raises:
            ClusterError: it was refused.
        """
        self._refuse_unsaved()
        target = None if node is None else self._cluster.node(node).node_id
        return self._cluster.pending(commands.move_group(self._cluster.client, self._now, target, wait=timeout))

    def begin_maintenance(self, seconds: float, reason: str = "") -> None:
        """For so long nothing of it is restarted or taken over by itself. Raises ClusterError."""
        self._cluster.run(nodecommands.begin_maintenance(self._cluster.client, self._now, seconds, note=reason))

    def end_maintenance(self) -> None:
        """End maintenance now; what failed meanwhile is acted upon. Raises ClusterError."""
        self._cluster.run(nodecommands.end_maintenance(self._cluster.client, self._now))

    def delete(self) -> None:
        """Delete it; it must be empty. Raises ClusterError."""
        self._cluster.run(commands.delete(self._cluster.client, self._now))

    def _refuse_unsaved(self) -> None:
        members = self._cluster.snapshot.resources_of(self._now.id)
        self._cluster.refuse_unsaved([self._reference, *map(ref, members)])


class ResourceGroups(Collection[ResourceGroup]):
    """Groups (ClusResGroups)."""

    kind = "group"
    unknown = "group_unknown"

    def __init__(self, cluster: Cluster, owner: int | None = None) -> None:
        """Take all groups, or those that the node *owner* owns."""
        super().__init__(cluster)
        self._owner = owner

    def _items(self) -> list[ResourceGroup]:
        groups = self._cluster.snapshot.groups.values()
        chosen = (group for group in groups if self._owner is None or group.owner == self._owner)
        return [ResourceGroup(self._cluster, group.id) for group in by_name(chosen)]

    def by_id(self, identity: GroupId) -> ResourceGroup:
        """Return the group with that id."""
        return ResourceGroup(self._cluster, identity)

    def create_item(self, name: str) -> ResourceGroup:
        """Create an empty, offline group. Raises ClusterError."""
        done = self._cluster.run(commands.create_group(self._cluster.client, name))
        return self.by_id(done.id)

    def delete_item(self, key: str | int) -> None:
        """Delete the group of that name or number. Raises ClusterError."""
        self.item(key).delete()


class GroupResources(ResourceCollection):
    """The resources of a group (ClusResGroupResources)."""

    def __init__(self, cluster: Cluster, group: GroupId) -> None:
        super().__init__(cluster)
        self._group = group

    def _items(self) -> list[Resource]:
        snapshot = self._cluster.snapshot
        return [Resource(self._cluster, resource.id) for resource in snapshot.resources_of(self._group)]

    def create_item(self, name: str, type_name: str, flags: int = 0) -> Resource:
        """Create an offline resource in the group; *flags* 1 runs it in a Resource Monitor of its own.

        Raises:
            ClusterError: it was refused.
        """
        return self._cluster.resources.create_item(name, type_name, self._group, flags)
