"""Collections: what they have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from nodeagent.api.objects import ClusterObject, NodeId
from nodeagent.api.problems import refuse
from nodeagent.api.spelling import comparable

if TYPE_CHECKING:
    from clusteradmin.automation.cluster import Cluster
    from clusteradmin.automation.nodes import Node
    from clusteradmin.automation.resources import Resource  # noqa: F401 - a base class below names it in a string


class Named(Protocol):
    """Whatever has a name."""

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)
O = TypeVar("O", bound=ClusterObject)  # noqa: E741 - the object itself


def by_name(objects: Iterable[O]) -> list[O]:
    """Return *objects* in the order in which most collections number them."""
    return sorted(objects, key=lambda one: one.name.casefold())


class Collection(Generic[T]):
    """Objects by name or number, always as the cluster is now: nothing has to be refreshed.

    Numbers count from 1, as in the original, also in square brackets.
    """

    kind = "object"
    unknown = "object_unknown"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def _items(self) -> list[T]:
        raise NotImplementedError  # each collection says what is in it

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._items())

    def item(self, key: str | int) -> T:
        """Return the object of that name (case does not matter) or number, from 1.

        Raises:
            ClusterError: there is none.
        """
        items = self._items()
        if isinstance(key, int):
            if 1 <= key <= len(items):
                return items[key - 1]
        else:
            wanted = comparable(key)
            for item in items:
                if comparable(item.name) == wanted:
                    return item
        raise refuse(self.unknown, id=str(key), name=str(key), kind=self.kind)

    def refresh(self) -> None:
        """Do nothing: the collection is up to date. Here for scripts that come from the original."""

    def __getitem__(self, key: str | int) -> T:
        return self.item(key)

    def __iter__(self) -> Iterator[T]:
        return iter(self._items())

    def __len__(self) -> int:
        return self.count

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return name in self._items()
        wanted = comparable(name)
        return any(comparable(item.name) == wanted for item in self._items())

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {', '.join(item.name for item in self._items())}>"


class ResourceCollection(Collection["Resource"]):
    """Some of the cluster's resources."""

    kind = "resource"
    unknown = "resource_unknown"

    def delete_item(self, key: str | int) -> None:
        """Delete the resource itself, by its name or number here. Raises ClusterError."""
        self.item(key).delete()


class NodeCollection(Collection["Node"]):
    """Some of the cluster's nodes."""

    kind = "node"
    unknown = "node_unknown"

    def _existing(self, nodes: Iterable[NodeId]) -> list[Node]:
        snapshot = self._cluster.snapshot
        return [self._cluster.nodes.by_id(node) for node in nodes if node in snapshot.nodes]
