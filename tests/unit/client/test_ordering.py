"""What goes along with a verb, and in which order."""

from clusteradmin.client.ordering import move_plan, running, start_order, started_with, stopped_with
from nodeagent.api.objects import Resource, ResourceState, Snapshot
from tests.builders import changed, cluster

ONLINE, OFFLINE, UNKNOWN = ResourceState.ONLINE, ResourceState.OFFLINE, ResourceState.UNKNOWN


def names(ranks: tuple[tuple[Resource, ...], ...]) -> list[list[str]]:
    return [[resource.name for resource in rank] for rank in ranks]


def linked(**states: ResourceState) -> Snapshot:
    """App needs Disk and IP."""
    made = cluster(nodes="ab", groups={"Web": "App Disk IP"})
    made = changed(made, "resource", "App", dependencies=("disk", "ip"))
    for name, state in states.items():
        made = changed(made, "resource", name, state=state)
    return made


def test_what_is_needed_starts_first_and_what_goes_together_stands_by_name() -> None:
    assert names(start_order(linked().resources.values())) == [["Disk", "IP"], ["App"]]


def test_a_circle_does_not_hang() -> None:
    circle = changed(linked(), "resource", "IP", dependencies=("app",))
    assert names(start_order(circle.resources.values())) == [["Disk"], ["App", "IP"]]


def test_a_move_stops_also_what_may_run() -> None:
    snapshot = linked(IP=UNKNOWN, Disk=OFFLINE)
    plan = move_plan(snapshot.groups["web"], snapshot)
    assert names(plan.stops) == [["App"], ["IP"]]
    assert names(plan.starts) == [["Disk", "IP"], ["App"]]


def test_with_a_resource_go_what_it_needs_and_what_needs_it() -> None:
    snapshot = linked(App=OFFLINE, Disk=OFFLINE)
    assert [one.name for one in started_with(snapshot.resources["app"], snapshot)] == ["Disk"]
    assert stopped_with(snapshot.resources["ip"], snapshot) == []
    assert [one.name for one in stopped_with(linked().resources["ip"], linked())] == ["App"]
    assert [one.name for one in running(snapshot.resources.values())] == ["IP"]
