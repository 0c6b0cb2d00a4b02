"""What a resource depends on, and what depends on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusteradmin.automation.collection import ResourceCollection, by_name
from clusteradmin.client import commands
from nodeagent.api.objects import ResourceId
from nodeagent.api.problems import refuse

if TYPE_CHECKING:
    from clusteradmin.automation.cluster import Cluster
    from clusteradmin.automation.resources import Resource


class _Related(ResourceCollection):
    def __init__(self, cluster: Cluster, resource: ResourceId) -> None:
        super().__init__(cluster)
        self._resource = resource

    def _link(self, dependent: ResourceId, provider: ResourceId) -> None:
        """Let *dependent* depend on *provider*; takes effect at once."""
        snapshot = self._cluster.snapshot
        before = snapshot.resource(dependent)
        if provider in before.dependencies:
            name = snapshot.resource(provider).name
            raise refuse("already_dependent", "dependencies", name=before.name, provider=name)
        wanted = (*before.dependencies, provider)
        self._cluster.run(commands.set_dependencies(self._cluster.client, dependent, wanted))

    def _unlink(self, dependent: ResourceId, provider: ResourceId) -> None:
        snapshot = self._cluster.snapshot
        before = snapshot.resource(dependent)
        if provider not in before.dependencies:
            name = snapshot.resource(provider).name
            raise refuse("not_dependent", "dependencies", name=before.name, provider=name)
        wanted = tuple(one for one in before.dependencies if one != provider)
        self._cluster.run(commands.set_dependencies(self._cluster.client, dependent, wanted))

    def _identity(self, other: Resource | str | int) -> ResourceId:
        found = self._cluster.resources.item(other) if isinstance(other, str | int) else other
        return found.reference.id

    def add_item(self, other: Resource | str) -> None:
        """Relate *other*, at once. Raises ClusterError."""
        raise NotImplementedError  # dependencies and dependents are added differently

    def create_item(self, name: str, type_name: str, flags: int = 0) -> Resource:
        """Create a resource in the same group and relate it in this way. Raises ClusterError."""
        group = self._cluster.snapshot.resource(self._resource).group
        created = self._cluster.resources.create_item(name, type_name, group, flags)
        self.add_item(created)
        return created


class Dependencies(_Related):
    """What a resource depends on (ClusResDependencies)."""

    def _items(self) -> list[Resource]:
        snapshot, resources = self._cluster.snapshot, self._cluster.resources
        return [resources.by_id(p) for p in snapshot.resource(self._resource).dependencies if p in snapshot.resources]

    def add_item(self, other: Resource | str) -> None:
        """Let the resource depend on *other*, at once. Raises ClusterError."""
        self._link(self._resource, self._identity(other))

    def remove_item(self, key: Resource | str | int) -> None:
        """End a dependency, at once. Raises ClusterError."""
        provider = self.item(key) if isinstance(key, int) else key
        self._unlink(self._resource, self._identity(provider))


class Dependents(_Related):
    """What depends on a resource (ClusResDependents)."""

    def _items(self) -> list[Resource]:
        resources = self._cluster.resources
        found = self._cluster.snapshot.dependents_of(self._resource)
        return [resources.by_id(resource.id) for resource in by_name(found)]

    def add_item(self, other: Resource | str) -> None:
        """Let *other* depend on the resource, at once. Raises ClusterError."""
        self._link(self._identity(other), self._resource)

    def remove_item(self, key: Resource | str | int) -> None:
        """End a dependency, at once. Raises ClusterError."""
        dependent = self.item(key) if isinstance(key, int) else key
        self._unlink(self._identity(dependent), self._resource)
