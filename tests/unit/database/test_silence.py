"""Silent nodes, the brake and fence devices in the snapshot: what is shown, and for how long."""

from __future__ import annotations

from nodeagent.api.fencing import FenceSetting
from nodeagent.api.objects import Node
from nodeagent.database.records import (
    CLUSTER,
    SILENCE,
    ClusterRecord,
    FenceRecord,
    HeartbeatRecord,
    Life,
    NodeRecord,
    SilenceRecord,
    SilentNode,
    encode,
    fence_key,
    heartbeat_key,
    node_key,
)
from nodeagent.database.store import Change, Contents
from nodeagent.database.view import ClusterView


def beat(number: int, life: Life = Life.ALIVE) -> bytes:
    return encode(HeartbeatRecord(incarnation=1, life=life, attempt=str(number), boot="boot", reason="fenced"))


def view() -> ClusterView:
    """Return a view of one node, whose heartbeat has revision 3."""
    made = ClusterView("memory")
    made.load(Contents(0, {}))
    made.apply(
        [
            Change(1, CLUSTER, encode(ClusterRecord(id="c", name="C"))),
            Change(2, node_key(2), encode(NodeRecord(id=2, name="B"))),
            Change(3, heartbeat_key(2), beat(1)),
        ]
    )
    return made


def shown(view: ClusterView) -> Node:
    return view.snapshot.nodes[2]


def silence(heartbeat: int, *, held: bool = False) -> bytes:
    return encode(SilenceRecord(nodes={2: SilentNode(heartbeat=heartbeat, since=7.0)}, held=held, members=2))


def test_a_node_is_shown_as_silent_until_it_is_heard() -> None:
    seen = view()
    delta = seen.apply([Change(4, SILENCE, silence(3))])
    assert shown(seen) in delta.changed
    assert (shown(seen).silent_since, shown(seen).heartbeat) == (7.0, 3)
    assert shown(seen).information == "nothing is heard of it"
    seen.apply([Change(5, heartbeat_key(2), beat(2))])
    assert (shown(seen).silent_since, shown(seen).heartbeat, shown(seen).information) == (0.0, 0, "")


def test_a_silence_that_was_told_of_an_older_heartbeat_says_nothing() -> None:
    seen = view()
    seen.apply([Change(4, heartbeat_key(2), beat(2)), Change(5, SILENCE, silence(3))])
    assert shown(seen).silent_since == 0.0


def test_a_node_that_was_declared_down_is_down_and_no_longer_silent() -> None:
    seen = view()
    seen.apply([Change(4, SILENCE, silence(4)), Change(4, heartbeat_key(2), beat(1, Life.DEAD))])
    assert shown(seen).silent_since == 0.0
    assert "fence device" in shown(seen).information


def test_the_brake_names_for_whom_it_is_held() -> None:
    seen = view()
    seen.apply([Change(4, SILENCE, silence(3, held=True))])
    assert list(seen.snapshot.cluster.brake) == [2]
    seen.apply([Change(5, SILENCE, silence(3))])
    assert list(seen.snapshot.cluster.brake) == []


def test_fence_devices_are_shown_without_their_secrets_and_go_when_they_are_removed() -> None:
    seen = view()
    device = FenceSetting(program="fence_x", options={"ip": "h", "password": "s3cret"})
    seen.apply([Change(4, fence_key(2), encode(FenceRecord(devices=(device,))))])
    assert shown(seen).fence == (device.shown(),)
    assert "s3cret" not in repr(seen.snapshot)
    seen.apply([Change(5, fence_key(2), None)])
    assert shown(seen).fence == ()
