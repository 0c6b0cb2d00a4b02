"""One object of the cluster: what all kinds have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar, cast

from clusteradmin.automation.properties import Properties, Which
from clusteradmin.client import commands
from nodeagent.api.objects import ClusterObject, ObjectKind, ObjectRef
from nodeagent.api.problems import refuse

if TYPE_CHECKING:
    from clusteradmin.automation.cluster import Cluster

O = TypeVar("O", bound=ClusterObject)  # noqa: E741 - the object itself

_UNKNOWN = {
    ObjectKind.GROUP: "group_unknown",
    ObjectKind.RESOURCE: "resource_unknown",
    ObjectKind.NODE: "node_unknown",
    ObjectKind.RESOURCE_TYPE: "type_unknown",
    ObjectKind.NETWORK: "network_unknown",
}


class Item(Generic[O]):
    """An object, by its id: it stays the same when it is renamed, and is always as the cluster is now."""

    kind: ObjectKind

    def __init__(self, cluster: Cluster, identity: str | int) -> None:
        self._cluster = cluster
        self._reference = ObjectRef(self.kind, str(identity))

    @property
    def _now(self) -> O:
        found = self._cluster.snapshot.get(self._reference)
        if found is None:
            identity = self._reference.id
            kind = self.kind.value.replace("_", " ")
            raise refuse(_UNKNOWN.get(self.kind, "object_unknown"), id=identity, name=identity, kind=kind)
        return cast("O", found)

    @property
    def cluster(self) -> Cluster:
        """The cluster that it belongs to."""
        return self._cluster

    @property
    def reference(self) -> ObjectRef:
        """Its kind and id."""
        return self._reference

    @property
    def name(self) -> str:
        """Its name."""
        return self._now.name

    @property
    def common_properties(self) -> Properties:
        """Properties that all objects of this kind have, to read and set."""
        return self._cluster.properties_of(self._reference, Which.COMMON)

    @property
    def common_ro_properties(self) -> Properties:
        """Properties that all objects of this kind have, to read."""
        return self._cluster.properties_of(self._reference, Which.COMMON_READ_ONLY)

    @property
    def private_properties(self) -> Properties:
        """Properties that the object's type defines; only resources have any."""
        return self._cluster.properties_of(self._reference, Which.PRIVATE)

    @property
    def private_ro_properties(self) -> Properties:
        """Properties that the object's type defines, to read."""
        return self._cluster.properties_of(self._reference, Which.PRIVATE_READ_ONLY)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Item) and (self._cluster, self._reference) == (other._cluster, other._reference)

    def __hash__(self) -> int:
        return hash((id(self._cluster), self._reference))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"


class RenamableItem(Item[O]):
    """An object whose name a person gives."""

    @property
    def name(self) -> str:
        """Its name; assigning renames it."""
        return self._now.name

    @name.setter
    def name(self, name: str) -> None:
        self._cluster.run(commands.rename(self._cluster.client, self._reference, name))
