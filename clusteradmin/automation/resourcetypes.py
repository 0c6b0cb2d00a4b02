"""Resource types. They come with the nodes, so they are neither created nor deleted here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusteradmin.automation.collection import Collection, NodeCollection, ResourceCollection, by_name
from clusteradmin.automation.item import Item
from clusteradmin.automation.resources import Resource
from nodeagent.api.objects import ObjectKind
from nodeagent.api.objects import ResourceType as TypeItself
from nodeagent.api.properties import PropertySpec

if TYPE_CHECKING:
    from clusteradmin.automation.cluster import Cluster
    from clusteradmin.automation.groups import ResourceGroup
    from clusteradmin.automation.nodes import Node


class ResourceType(Item[TypeItself]):
    """A resource type (ClusResType)."""

    kind = ObjectKind.RESOURCE_TYPE

    @property
    def resources(self) -> TypeResources:
        """The resources of this type."""
        return TypeResources(self._cluster, self._now.name)

    @property
    def possible_owner_nodes(self) -> TypeOwnerNodes:
        """The nodes on which it is installed."""
        return TypeOwnerNodes(self._cluster, self._now.name)

    @property
    def schema(self) -> tuple[PropertySpec, ...]:
        """The private properties that its resources have."""
        return self._now.schema


class ResourceTypes(Collection[ResourceType]):
    """Resource types (ClusResTypes)."""

    kind = "resource type"
    unknown = "type_unknown"

    def _items(self) -> list[ResourceType]:
        types = self._cluster.snapshot.types.values()
        return [ResourceType(self._cluster, kind.name) for kind in by_name(types)]


class TypeResources(ResourceCollection):
    """The resources of a type (ClusResTypeResources)."""

    def __init__(self, cluster: Cluster, type_name: str) -> None:
        super().__init__(cluster)
        self._type = type_name

    def _items(self) -> list[Resource]:
        return [resource for resource in self._cluster.resources if resource.type_name == self._type]

    def create_item(self, name: str, group: ResourceGroup | str, flags: int = 0) -> Resource:
        """Create an offline resource of this type in *group*. Raises ClusterError."""
        return self._cluster.resources.create_item(name, self._type, self._cluster.group(group), flags)


class TypeOwnerNodes(NodeCollection):
    """The nodes on which a type is installed (ClusResTypePossibleOwnerNodes)."""

    def __init__(self, cluster: Cluster, type_name: str) -> None:
        super().__init__(cluster)
        self._type = type_name

    def _items(self) -> list[Node]:
        kind = self._cluster.snapshot.types.get(self._type)
        return self._existing(kind.possible_owners if kind else ())
