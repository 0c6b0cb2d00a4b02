"""Applications in a real cluster, made and looked at by the automation objects."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from clusteradmin.automation import Cluster, LogEntry, Resource, ResourceState
from nodeagent.api.objects import Resource as ResourceItself
from nodeagent.api.objects import Snapshot
from tests.support.witness import Witness

T = TypeVar("T")

SECONDS = 60.0
"""How long anything may take on a busy machine; nothing is measured here."""

Look = Callable[[ResourceItself, Snapshot], T | None]


def bring_up(cluster: Cluster, name: str, witness: Witness, directory: Path, node: str) -> Resource:
    """Create a group and an application of that name, online on *node*, which is its most preferred owner.

    The group goes back there when the node comes up again. Returns when the application runs.
    """
    group = cluster.resource_groups.create_item(name)
    group.common_properties["AutoFailbackType"] = 1
    group.common_properties.save_changes()
    following = [one.name for one in cluster.nodes if one.name > node]
    for preferred in (node, *following):
        group.preferred_owner_nodes.add_item(preferred)
    group.preferred_owner_nodes.save_changes()
    resource = group.resources.create_item(name, "Generic Application")
    resource.private_properties["CommandLine"] = witness.command_line
    resource.private_properties["CurrentDirectory"] = str(directory)
    resource.private_properties.save_changes()
    assert group.online(SECONDS, node) is False
    assert owner_of(resource) == node
    assert witness.await_life(resource.process_id).directory == directory
    return resource


def take_down(resource: Resource) -> None:
    """Take the application offline and delete it with its group."""
    group = resource.group
    assert group.offline(SECONDS) is False
    resource.delete()
    group.delete()


def owner_of(resource: Resource) -> str:
    owner = resource.owner_node
    assert owner is not None
    return owner.name


def until(resource: Resource, test: Look[T]) -> T:
    """Wait until *test* of the resource as it is then gives something, and return that."""
    identity = resource.reference.id
    found = resource.cluster.client.until(lambda snapshot: test(snapshot.resource(identity), snapshot), SECONDS)
    return resource.cluster.run(found)


def another_process(than: int) -> Look[int]:
    """Return a test for "online, as another process", which gives its number."""

    def test(now: ResourceItself, snapshot: Snapshot) -> int | None:
        del snapshot
        return now.process_id if now.state is ResourceState.ONLINE and now.process_id not in (0, than) else None

    return test


def online_on(*names: str) -> Look[str]:
    """Return a test for "online on one of these nodes", which gives the node."""

    def test(now: ResourceItself, snapshot: Snapshot) -> str | None:
        group = snapshot.groups[now.group]
        owner = snapshot.node_name(group.owner)
        reported = now.state is ResourceState.ONLINE and now.state_epoch == group.epoch
        return owner if reported and owner in names else None

    return test


def await_event(events: Iterator[LogEntry], code: str) -> LogEntry:
    """Return the next event with that code."""
    found = next((entry for entry in events if entry.code == code), None)
    assert found is not None, f"there was no {code}"
    return found
