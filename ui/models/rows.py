"""What the list of each place shows."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nodeagent.api.objects import Snapshot
from ui.models.columns import Row
from ui.models.picture import Picture
from ui.models.places import Branch, Place

_Rows = Callable[[Place, Picture], Iterable[Row]]


def rows_of(place: Place, picture: Picture) -> list[Row]:
    """Return the rows of *place*, in no particular order but for folders, which come first."""
    return list(_ROWS[place.branch](place, picture))


def _node(place: Place) -> int:
    return int(place.id) if place.id.isdigit() else 0


def _cluster(place: Place, picture: Picture) -> Iterable[Row]:
    del place
    yield from map(Place, (Branch.GROUPS, Branch.RESOURCES, Branch.CONFIGURATION))
    yield from picture.snapshot.nodes.values()


def _configuration(place: Place, picture: Picture) -> Iterable[Row]:
    del place, picture
    return map(Place, (Branch.TYPES, Branch.NETWORKS, Branch.INTERFACES))


def _folders_of_node(place: Place, picture: Picture) -> Iterable[Row]:
    del picture
    for branch in (Branch.ACTIVE_GROUPS, Branch.ACTIVE_RESOURCES, Branch.NODE_INTERFACES):
        yield Place(branch, place.id)


def _all(objects: Callable[[Snapshot], Mapping[Any, Row]]) -> _Rows:
    """Return the rows of a place that shows every object of a kind."""

    def rows(place: Place, picture: Picture) -> Iterable[Row]:
        del place
        return objects(picture.snapshot).values()

    return rows


def _members(place: Place, picture: Picture) -> Iterable[Row]:
    return picture.resources_in.get(place.id, ())


def _interfaces_of_network(place: Place, picture: Picture) -> Iterable[Row]:
    return (interface for interface in picture.snapshot.interfaces.values() if interface.network == place.id)


def _active_groups(place: Place, picture: Picture) -> Iterable[Row]:
    return picture.groups_on.get(_node(place), ())


def _active_resources(place: Place, picture: Picture) -> Iterable[Row]:
    return picture.resources_on(_node(place))


def _interfaces_of_node(place: Place, picture: Picture) -> Iterable[Row]:
    return picture.interfaces_of.get(_node(place), ())


_ROWS: dict[Branch, _Rows] = {
    Branch.CLUSTER: _cluster,
    Branch.GROUPS: _all(lambda cluster: cluster.groups),
    Branch.GROUP: _members,
    Branch.ACTIVE_GROUP: _members,
    Branch.RESOURCES: _all(lambda cluster: cluster.resources),
    Branch.CONFIGURATION: _configuration,
    Branch.TYPES: _all(lambda cluster: cluster.types),
    Branch.NETWORKS: _all(lambda cluster: cluster.networks),
    Branch.NETWORK: _interfaces_of_network,
    Branch.INTERFACES: _all(lambda cluster: cluster.interfaces),
    Branch.NODE: _folders_of_node,
    Branch.ACTIVE_GROUPS: _active_groups,
    Branch.ACTIVE_RESOURCES: _active_resources,
    Branch.NODE_INTERFACES: _interfaces_of_node,
}
