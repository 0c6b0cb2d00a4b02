"""When a verb has led where it should, and when it is known that it never will."""

import pytest

from clusteradmin.client.outcomes import gone_offline, gone_online, group_offline, group_online, moved
from nodeagent.api.objects import NodeState, Phase, ResourceState, Snapshot, Wanted
from nodeagent.api.problems import ClusterError
from tests.builders import changed, cluster

OFFLINE = cluster(nodes="ab", groups={"Web": "IP App"}, state=ResourceState.OFFLINE)
ONLINE = cluster(nodes="ab", groups={"Web": "IP App"})


def failed(snapshot: Snapshot, **more: object) -> Snapshot:
    return changed(
        snapshot, "resource", "App", state=ResourceState.FAILED, exhausted=True, since=5.0, information="no", **more
    )


def test_a_resource_is_online_when_it_says_so() -> None:
    test = gone_online(OFFLINE.resources["app"])
    assert test(OFFLINE) is None
    assert test(changed(OFFLINE, "resource", "App", state=ResourceState.ONLINE_PENDING)) is None
    assert test(changed(OFFLINE, "resource", "App", state=ResourceState.ONLINE)) is True


def test_a_resource_that_failed_for_good_is_not_waited_for() -> None:
    alone = cluster(
        nodes={"a": NodeState.UP, "b": NodeState.DOWN}, groups={"Web": "IP App"}, state=ResourceState.OFFLINE
    )
    with pytest.raises(ClusterError, match="App failed: no") as caught:
        gone_online(alone.resources["app"])(failed(alone))
    assert caught.value.problem.number == 5038


def test_a_failure_that_another_node_can_heal_is_waited_out() -> None:
    assert gone_online(OFFLINE.resources["app"])(failed(OFFLINE)) is None
    with pytest.raises(ClusterError):
        gone_online(OFFLINE.resources["app"])(failed(OFFLINE, properties={"RestartAction": 1}))


def test_the_failure_from_before_the_request_is_no_answer() -> None:
    before = failed(cluster(nodes="a", groups={"Web": "IP App"}))
    assert gone_online(before.resources["app"])(before) is None


def test_a_failure_that_is_tried_again_is_waited_out() -> None:
    alone = cluster(nodes="a", groups={"Web": "IP App"}, state=ResourceState.OFFLINE)
    assert gone_online(alone.resources["app"])(failed(alone, retry_at=9.0)) is None


def test_going_offline_ends_offline_or_failed() -> None:
    test = gone_offline(ONLINE.resources["app"])
    assert test(ONLINE) is None
    assert test(changed(ONLINE, "resource", "App", state=ResourceState.OFFLINE)) is True
    assert test(failed(ONLINE)) is True


def test_a_group_is_online_where_it_was_wanted() -> None:
    test = group_online(OFFLINE.groups["web"], 2, OFFLINE)
    assert test(OFFLINE) is None
    assert test(ONLINE) is None
    assert test(changed(ONLINE, "group", "Web", owner=2)) is True


def test_a_group_is_offline_when_all_its_resources_are() -> None:
    half = changed(ONLINE, "resource", "App", state=ResourceState.OFFLINE)
    assert group_offline(ONLINE.groups["web"])(half) is None
    assert group_offline(ONLINE.groups["web"])(OFFLINE) is True


def test_a_group_has_moved_when_it_was_claimed_and_is_as_wanted() -> None:
    test = moved(ONLINE.groups["web"], None)
    assert test(ONLINE) is None
    assigned = changed(ONLINE, "group", "Web", owner=2, phase=Phase.ASSIGNED)
    assert test(assigned) is None
    starting = changed(assigned, "group", "Web", phase=Phase.CLAIMED, persistent_state=Wanted.ONLINE)
    assert test(changed(starting, "resource", "App", state=ResourceState.ONLINE_PENDING)) is None
    assert test(starting) is True


def test_a_move_to_where_it_is_has_arrived_at_once() -> None:
    assert moved(ONLINE.groups["web"], 1)(ONLINE) is True


def test_waiting_for_a_group_that_was_deleted_says_so() -> None:
    with pytest.raises(ClusterError, match="There is no group web"):
        group_offline(ONLINE.groups["web"])(cluster())
