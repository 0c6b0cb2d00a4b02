"""Resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusteradmin.automation.collection import ResourceCollection, by_name
from clusteradmin.automation.dependencies import Dependencies, Dependents
from clusteradmin.automation.item import RenamableItem
from clusteradmin.automation.owners import PossibleOwnerNodes
from clusteradmin.client import commands
from nodeagent.api.objects import GroupId, ObjectKind, ResourceId, ResourceState
from nodeagent.api.objects import Resource as ResourceItself
from nodeagent.api.rules.dependencies import dependency_problem

if TYPE_CHECKING:
    from clusteradmin.automation.groups import ResourceGroup
    from clusteradmin.automation.nodes import Node
    from clusteradmin.automation.resourcetypes import ResourceType

DEFAULT_MONITOR = 0
SEPARATE_MONITOR = 1
"""Flags of `create_item` (CLUSTER_RESOURCE_CREATE_FLAGS)."""


class Resource(RenamableItem[ResourceItself]):
    """A resource (ClusResource)."""

    kind = ObjectKind.RESOURCE

    @property
    def state(self) -> ResourceState:
        """Its state."""
        return self._now.state

    @property
    def information(self) -> str:
        """One sentence on its state."""
        return self._now.information

    @property
    def process_id(self) -> int:
        """The application's first process, 0 when none runs."""
        return self._now.process_id

    @property
    def type_name(self) -> str:
        """The name of its type."""
        return self._now.type

    @property
    def type(self) -> ResourceType:
        """Its type."""
        return self._cluster.resource_types.item(self._now.type)

    @property
    def group(self) -> ResourceGroup:
        """The group that it is in."""
        return self._cluster.resource_groups.by_id(self._now.group)

    @property
    def owner_node(self) -> Node | None:
        """The node that owns its group, or None when none does."""
        return self.group.owner_node

    @property
    def core_flag(self) -> bool:
        """Whether the cluster itself needs it: no resource of ours is of that kind."""
        return False

    @property
    def dependencies(self) -> Dependencies:
        """What it depends on."""
        return Dependencies(self._cluster, self._now.id)

    @property
    def dependents(self) -> Dependents:
        """What depends on it."""
        return Dependents(self._cluster, self._now.id)

    @property
    def possible_owner_nodes(self) -> PossibleOwnerNodes:
        """The nodes that may host it."""
        return PossibleOwnerNodes(self._cluster, self._now.id)

    def online(self, timeout: float = 0) -> bool:
        """Bring it online, what it depends on first.

        Args:
            timeout: how long to wait for the state Online, seconds.

        Returns:
            Whether it is still pending at the time limit.

        Raises:
            ClusterError: it was refused; it failed for good; or it has properties that are not saved.
        """
        self._cluster.refuse_unsaved([self._reference])
        return self._cluster.pending(commands.bring_online(self._cluster.client, self._now, wait=timeout))

    def offline(self, timeout: float = 0) -> bool:
        """Take it offline, what depends on it first; return whether it is still pending after *timeout* seconds.

        Raises:
            ClusterError: it was refused.
        """
        return self._cluster.pending(commands.take_offline(self._cluster.client, self._now, wait=timeout))

    def fail(self) -> None:
        """Treat it as failed and let its policy act; it must be online. Raises ClusterError."""
        self._cluster.run(commands.initiate_failure(self._cluster.client, self._now))

    def delete(self) -> None:
        """Delete it; it must be offline, and nothing may depend on it. Raises ClusterError."""
        self._cluster.run(commands.delete(self._cluster.client, self._now))

    def change_resource_group(self, group: ResourceGroup | str) -> None:
        """Move it, with all that is tied to it by dependencies, to another group. Raises ClusterError."""
        target = self._cluster.group(group).reference.id
        self._cluster.run(commands.change_group(self._cluster.client, self._now, target))

    def can_resource_be_dependent(self, other: Resource) -> bool:
        """Tell whether *other* could depend on this one."""
        snapshot = self._cluster.snapshot
        return dependency_problem(other._now, self._now, snapshot) is None and self._now.id not in (
            other._now.dependencies
        )

    def add_resource_node(self, node: Node | str) -> None:
        """Add a possible owner. Raises ClusterError."""
        self.possible_owner_nodes.add_item(node)

    def remove_resource_node(self, node: Node | str) -> None:
        """Remove a possible owner. Raises ClusterError."""
        self.possible_owner_nodes.remove_item(node)


class Resources(ResourceCollection):
    """All resources of the cluster (ClusResources)."""

    def _items(self) -> list[Resource]:
        resources = self._cluster.snapshot.resources.values()
        return [Resource(self._cluster, resource.id) for resource in by_name(resources)]

    def by_id(self, identity: ResourceId) -> Resource:
        """Return the resource with that id."""
        return Resource(self._cluster, identity)

    def create_item(self, name: str, type_name: str, group: ResourceGroup | GroupId, flags: int = 0) -> Resource:
        """Create an offline resource; *flags* 1 runs it in a Resource Monitor of its own. Raises ClusterError."""
        identity = group if isinstance(group, str) else group.reference.id
        if identity not in self._cluster.snapshot.groups:
            identity = self._cluster.group(identity).reference.id
        done = self._cluster.run(
            commands.create_resource(
                self._cluster.client, name, type_name, identity, separate_monitor=bool(flags & SEPARATE_MONITOR)
            )
        )
        return self.by_id(done.id)
