"""The Snapshot that follows from the records of the cluster database."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from nodeagent.api.causes import cause
from nodeagent.api.events import LogEntry, Severity
from nodeagent.api.objects import (
    ClusterObject,
    GroupState,
    NodeState,
    ObjectKind,
    ObjectRef,
    Phase,
    ResourceState,
)
from nodeagent.api.problems import problem
from nodeagent.database.records import (
    ClusterRecord,
    GroupRecord,
    HeartbeatRecord,
    InterfaceReport,
    LeaderRecord,
    Life,
    NodeRecord,
    NodeReport,
    OwnerRecord,
    ResourceRecord,
    StateRecord,
    TypeRecord,
    TypeReport,
    VerdictRecord,
    WishRecord,
    encode,
)
from nodeagent.database.store import Change, Contents, Entry
from nodeagent.database.view import ClusterView, Delta

ALIVE = HeartbeatRecord(incarnation=1, life=Life.ALIVE, attempt="x1", boot="b", since=100.0)
DEAD = HeartbeatRecord(
    incarnation=1, life=Life.DEAD, attempt="x1", boot="b", reason="silence", silence=4.5, since=200.0
)
HELD = OwnerRecord(phase=Phase.CLAIMED, node=1, incarnation=1, epoch=5, since=50.0)
ONLINE = StateRecord(state=ResourceState.ONLINE, node=1, epoch=5, process_id=42, restarts=1, since=60.0)
FAILED = StateRecord(
    state=ResourceState.FAILED,
    node=1,
    epoch=5,
    exhausted=True,
    retry_at=90.0,
    information=problem("exited", status=3),
    cause=cause("cause_wanted_online"),
    since=70.0,
)

RECORDS: dict[str, msgspec.Struct] = {
    "cluster": ClusterRecord(id="c1", name="Office"),
    "leader": LeaderRecord(node=2, incarnation=1, term=1),
    "nodes/1": NodeRecord(id=1, name="alpha"),
    "nodes/2": NodeRecord(id=2, name="beta"),
    "heartbeats/1": ALIVE,
    "heartbeats/2": ALIVE,
    "groups/g": GroupRecord(id="g", name="Notepad"),
    "owners/g": HELD,
    "resources/r": ResourceRecord(id="r", name="Program", type="Generic Application", group="g"),
    "states/r": ONLINE,
}


def report(version: str, *types: TypeReport, address: str = "", up: bool = True) -> NodeReport:
    cards = (InterfaceReport(adapter="eth0", address=address, mask="255.255.255.0", up=up),) if address else ()
    return NodeReport(version=version, protocol=(1, 1), types=types, interfaces=cards)


class Database:
    """A view, and the changes that it is told of."""

    def __init__(self, more: Mapping[str, msgspec.Struct | None] | None = None) -> None:
        records = {key: record for key, record in {**RECORDS, **(more or {})}.items() if record is not None}
        entries = {key: Entry(encode(record), place) for place, (key, record) in enumerate(records.items(), start=1)}
        self.view = ClusterView("memory")
        self.view.load(Contents(len(entries), entries))

    def put(self, records: Mapping[str, msgspec.Struct | None]) -> Delta:
        revision = self.view.revision + 1
        changes = [Change(revision, key, encode(record) if record else None) for key, record in records.items()]
        return self.view.apply(changes)

    def state(self) -> ResourceState:
        return self.view.snapshot.resources["r"].state


def test_a_resource_shows_what_its_owner_reports() -> None:
    view = Database().view
    resource = view.snapshot.resources["r"]
    assert (resource.state, resource.state_node, resource.process_id) == (ResourceState.ONLINE, 1, 42)
    assert view.snapshot.groups["g"].state is GroupState.ONLINE
    assert view.snapshot.groups["g"].owner == 1
    assert view.snapshot.cluster.leader == 2
    assert view.snapshot.cluster.backend == "memory"


def test_objects_have_the_revision_of_their_configuration() -> None:
    database = Database()
    before = database.view.snapshot.resources["r"].revision
    database.put({"states/r": FAILED, "owners/g": msgspec.structs.replace(HELD, epoch=6)})
    assert database.view.snapshot.resources["r"].revision == before == database.view.revision_of("resources/r")
    database.put({"resources/r": ResourceRecord(id="r", name="Other", type="t", group="g")})
    assert database.view.snapshot.resources["r"].revision == database.view.revision
    assert database.view.state("r") == (FAILED, database.view.revision - 1)


@pytest.mark.parametrize("phase", [Phase.CLAIMED, Phase.MOVING, Phase.STUCK])
def test_a_report_counts_while_its_node_holds_the_group(phase: Phase) -> None:
    later = msgspec.structs.replace(HELD, phase=phase, epoch=6)
    assert Database({"owners/g": later}).state() is ResourceState.ONLINE


@pytest.mark.parametrize(
    "owner",
    [
        None,
        OwnerRecord(phase=Phase.FREE, epoch=6),
        OwnerRecord(phase=Phase.ASSIGNED, node=2, incarnation=1, epoch=6),
        OwnerRecord(phase=Phase.CLAIMED, node=2, incarnation=1, epoch=7),
        OwnerRecord(phase=Phase.CLAIMED, node=1, incarnation=1, epoch=4),
    ],
    ids=["never owned", "released", "given to another", "claimed by another", "report from the future"],
)
def test_a_report_that_no_longer_counts_means_offline(owner: OwnerRecord | None) -> None:
    database = Database({"owners/g": owner})
    assert database.state() is ResourceState.OFFLINE
    assert database.view.snapshot.resources["r"].process_id == 0
    assert database.view.snapshot.groups["g"].state is GroupState.OFFLINE


def test_a_failure_stays_visible_after_the_owner_released_the_group() -> None:
    database = Database({"states/r": FAILED, "owners/g": OwnerRecord(phase=Phase.FREE, epoch=6)})
    resource = database.view.snapshot.resources["r"]
    assert resource.state is ResourceState.FAILED
    assert resource.information == "the process ended by itself with exit code 3"
    assert (resource.exhausted, resource.retry_at) == (False, 0.0)  # only a running owner goes on with these
    database.put({"owners/g": OwnerRecord(phase=Phase.CLAIMED, node=2, incarnation=1, epoch=8)})
    assert database.state() is ResourceState.OFFLINE


@pytest.mark.parametrize(
    "heartbeat",
    [
        DEAD,
        msgspec.structs.replace(ALIVE, life=Life.LEFT),
        msgspec.structs.replace(ALIVE, incarnation=2),
    ],
    ids=["dead", "left", "superseded"],
)
def test_what_a_lost_owner_ran_is_unknown_until_the_group_is_given_away(heartbeat: HeartbeatRecord) -> None:
    database = Database()
    delta = database.put({"heartbeats/1": heartbeat})
    assert {str(item.id) for item in delta.changed} == {"1", "g", "r"}
    resource = database.view.snapshot.resources["r"]
    assert resource.state is ResourceState.UNKNOWN
    assert "alpha" in resource.information
    assert database.view.snapshot.groups["g"].state is GroupState.UNKNOWN
    database.put({"owners/g": OwnerRecord(phase=Phase.ASSIGNED, node=2, incarnation=1, epoch=6)})
    assert database.state() is ResourceState.OFFLINE


@pytest.mark.parametrize("report", [FAILED, msgspec.structs.replace(ONLINE, state=ResourceState.OFFLINE)])
def test_what_did_not_run_on_a_lost_owner_is_not_unknown(report: StateRecord) -> None:
    assert Database({"states/r": report, "heartbeats/1": DEAD}).state() is report.state


def test_a_wish_and_a_verdict_belong_to_the_group() -> None:
    database = Database({"wishes/g": WishRecord(node=0, cause=cause("cause_requested", user="eva"))})
    wished = database.view.snapshot.groups["g"]
    assert (wished.wish, wished.gave_up) == (0, False)
    database.put({"verdicts/g": VerdictRecord(epoch=5, cause=cause("cause_no_other_node"))})
    waiting = database.view.snapshot.groups["g"]
    assert waiting.gave_up
    database.put({"owners/g": msgspec.structs.replace(HELD, epoch=6)})
    claimed_again = database.view.snapshot.groups["g"]
    assert not claimed_again.gave_up
    assert database.view.verdict("g") is not None


@pytest.mark.parametrize(
    ("heartbeat", "paused", "state", "information"),
    [
        (ALIVE, False, NodeState.UP, ""),
        (ALIVE, True, NodeState.PAUSED, ""),
        (DEAD, True, NodeState.DOWN, "declared down after 4.5 s of silence"),
        (None, False, NodeState.DOWN, "it has not joined yet"),
        (msgspec.structs.replace(ALIVE, life=Life.LEFT), False, NodeState.DOWN, "its Cluster Service was stopped"),
        (msgspec.structs.replace(DEAD, reason="newer"), False, NodeState.DOWN, "newer (seconds: 4.5)"),
    ],
)
def test_a_node_is_what_its_heartbeat_says(
    heartbeat: HeartbeatRecord | None, paused: bool, state: NodeState, information: str
) -> None:
    record = NodeRecord(id=1, name="alpha", paused=paused)
    node = Database({"nodes/1": record, "heartbeats/1": heartbeat}).view.snapshot.nodes[1]
    assert (node.state, node.information) == (state, information)


def test_a_beat_alone_changes_no_object() -> None:
    database = Database()
    before = database.view.snapshot
    delta = database.put({"heartbeats/1": msgspec.structs.replace(ALIVE, attempt="x2", planned=7)})
    assert delta == Delta(keys=frozenset({"heartbeats/1"}))
    assert database.view.snapshot.nodes is before.nodes
    assert database.view.snapshot.resources is before.resources
    assert database.view.revision == before.revision + 1
    found = database.view.heartbeat(1)
    assert found is not None
    assert found[0].attempt == "x2"


def test_only_tables_that_changed_are_new() -> None:
    database = Database()
    before = database.view.snapshot
    delta = database.put({"states/r": FAILED})
    after = database.view.snapshot
    assert [item.id for item in delta.changed] == ["g", "r"]
    assert before.resources["r"].state is ResourceState.ONLINE
    assert after.nodes is before.nodes
    assert after.types is before.types
    assert after.groups is not before.groups


def test_a_resource_that_changes_its_group_changes_both() -> None:
    database = Database({"groups/h": GroupRecord(id="h", name="Other")})
    moved = ResourceRecord(id="r", name="Program", type="Generic Application", group="h")
    delta = database.put({"resources/r": moved})
    assert [item.id for item in delta.changed] == ["g", "r"]  # h stays Offline: nobody owns it
    assert database.view.snapshot.groups["g"].state is GroupState.OFFLINE


def test_what_is_deleted_is_removed() -> None:
    database = Database()
    delta = database.put({"resources/r": None, "groups/g": None, "nodes/2": None})
    assert delta.removed == (
        ObjectRef(ObjectKind.GROUP, "g"),
        ObjectRef(ObjectKind.NODE, "2"),
        ObjectRef(ObjectKind.RESOURCE, "r"),
    )
    assert delta.changed == ()
    assert (database.view.resource("r"), database.view.revision_of("resources/r")) == (None, 0)


def test_log_entries_come_with_the_batch_oldest_first() -> None:
    database = Database()
    entries = [
        LogEntry(sequence=n, at=1.0, node="alpha", severity=Severity.PROGRESS, code="event_leader") for n in (1, 2)
    ]
    delta = database.put({f"events/{e.sequence:016x}": e for e in reversed(entries)})
    assert delta.logged == tuple(entries) == tuple(database.view.log())
    assert database.view.log(1) == entries[1:]
    assert database.view.log(0) == []
    assert database.put({"events/0000000000000001": None}).logged == ()
    assert database.view.log() == entries[1:]
    assert database.view.log_keys() == ["events/0000000000000002"]


def test_a_long_event_log_takes_little_more_room_than_its_entries_themselves() -> None:
    """Ten thousand of them are kept on every node for its life."""
    database, number = Database(), 1000
    entry = LogEntry(
        sequence=0,
        at=1.0,
        node="alpha",
        severity=Severity.WARNING,
        code="event_restarted",
        parameters={"name": "Program", "node": "alpha", "detail": "killed by signal 9"},
        cause=cause("cause_policy_restart", used=1, threshold=3, period=900),
    )
    size = len(encode(entry))
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for sequence in range(1, number + 1):
            database.put({f"events/{sequence:016x}": replace(entry, sequence=sequence)})
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(database.view.log(number)) == number
    assert grown / number < size + 500  # key, revision, and their places in two tables


# --- what cannot be read --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("resources/r", b"{"),
        ("resources/r", b'{"id":"r","name":"\xff"}'),
        ("resources/r", encode(ResourceRecord(id="other", name="n", type="t", group="g"))),
        ("resources/r", b'{"id":"r","more":' + b"[" * 100_000),
        ("nodes/one", encode(NodeRecord(id=1, name="n"))),
        ("nodes/" + "9" * 5000, b"{}"),
        ("heartbeats/1", b'{"incarnation":1,"life":"half"}'),
        ("cluster", b"[]"),
    ],
    ids=["cut", "no UTF-8", "of another", "deep", "no number", "long number", "unknown word", "list"],
)
def test_a_value_that_cannot_be_read_is_listed_and_skipped(key: str, value: bytes) -> None:
    database = Database()
    revision = database.view.revision + 1
    database.view.apply([Change(revision, key, value)])
    assert list(database.view.unreadable) == [key]
    assert database.view.revision_of(key) == revision  # so that nobody takes it for absent
    database.view.apply([Change(revision + 1, key, None)])
    assert database.view.unreadable == {}


def test_an_unknown_key_means_nothing_but_its_revision() -> None:
    database = Database()
    before = database.view.snapshot
    delta = database.view.apply([Change(99, "newer/thing", b"\xff"), Change(99, "cluster/x", b"\xff")])
    assert delta == Delta(keys=frozenset({"newer/thing", "cluster/x"}))
    assert database.view.unreadable == {}
    assert database.view.revision_of("newer/thing") == 99
    assert msgspec.structs.replace(database.view.snapshot, revision=before.revision) == before


def test_changes_that_the_view_has_seen_are_left_out() -> None:
    database = Database()
    assert database.view.apply([Change(1, "resources/r", None)]) == Delta()
    assert "r" in database.view.snapshot.resources


# --- the same, whichever way ----------------------------------------------------------------------------------------

NODES, GROUPS, RESOURCES = st.integers(1, 2), st.sampled_from("gh"), st.sampled_from("rs")
SMALL = st.integers(0, 3)
VALUES: dict[str, st.SearchStrategy[msgspec.Struct]] = {
    "heartbeats/1": st.builds(
        HeartbeatRecord,
        incarnation=st.integers(1, 2),
        life=st.sampled_from(Life),
        attempt=st.just("a"),
        boot=st.just("b"),
        planned=SMALL,
    ),
    "heartbeats/2": st.just(ALIVE),
    "leader": st.builds(LeaderRecord, node=NODES, incarnation=st.just(1), term=st.just(1)),
    "cluster": st.builds(ClusterRecord, id=st.sampled_from("cd"), name=st.just("C")),
    "types/A": st.builds(TypeRecord, name=st.just("A"), properties=st.just({"Description": "mine"})),
}
for node in (1, 2):
    VALUES[f"nodes/{node}"] = st.builds(
        NodeRecord, id=st.just(node), name=st.sampled_from(["a", "b"]), paused=st.booleans()
    )
    VALUES[f"reports/{node}"] = st.builds(
        report,
        st.sampled_from(["1", "2"]),
        st.builds(TypeReport, name=st.sampled_from("AB"), description=st.sampled_from("xy")),
        address=st.sampled_from(["", "127.0.0.1", "10.0.0.1"]),
        up=st.booleans(),
    )
for name in "gh":
    VALUES[f"groups/{name}"] = st.builds(GroupRecord, id=st.just(name), name=st.just(name))
    VALUES[f"owners/{name}"] = st.builds(
        OwnerRecord,
        phase=st.sampled_from(Phase),
        node=st.none() | NODES,
        incarnation=st.integers(1, 2),
        epoch=SMALL,
    )
    VALUES[f"wishes/{name}"] = st.builds(WishRecord, node=NODES, cause=st.just(cause("cause_requested")))
    VALUES[f"verdicts/{name}"] = st.builds(VerdictRecord, epoch=SMALL, cause=st.just(cause("cause_requested")))
for name in "rs":
    VALUES[f"resources/{name}"] = st.builds(
        ResourceRecord, id=st.just(name), name=st.just(name), type=st.just("A"), group=GROUPS
    )
    VALUES[f"states/{name}"] = st.builds(StateRecord, state=st.sampled_from(ResourceState), node=NODES, epoch=SMALL)

ONE_CHANGE = st.sampled_from(sorted(VALUES)).flatmap(
    lambda key: st.tuples(st.just(key), st.none() | st.just(b"damaged") | VALUES[key].map(encode))
)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.lists(ONE_CHANGE, min_size=1, max_size=4), max_size=12))
def test_following_every_change_gives_what_loading_at_the_end_gives(
    batches: list[list[tuple[str, bytes | None]]],
) -> None:
    entries: dict[str, Entry] = {}
    followed = ClusterView()
    shown: dict[str, ClusterObject] = {}
    for revision, batch in enumerate(batches, start=1):
        changes = [Change(revision, key, value) for key, value in dict(batch).items()]
        before = followed.snapshot
        untouched = msgspec.structs.replace(before)
        delta = followed.apply(changes)
        assert before == untouched  # a snapshot that was handed out never changes
        for change in changes:
            entries.pop(change.key, None)
            if change.value is not None:
                entries[change.key] = Entry(change.value, revision)
        shown = {name: item for name, item in shown.items() if name not in {gone.id for gone in delta.removed}}
        shown |= {str(item.id): item for item in delta.changed}
    loaded = ClusterView()
    loaded.load(Contents(len(batches), entries))
    assert followed.snapshot == loaded.snapshot
    assert [list(followed.snapshot.table(kind)) for kind in ObjectKind] == [
        list(loaded.snapshot.table(kind)) for kind in ObjectKind
    ]
    assert followed.unreadable == loaded.unreadable
    assert {key: followed.revision_of(key) for key in VALUES} == {key: loaded.revision_of(key) for key in VALUES}
    # Who follows the deltas alone sees the same.
    assert shown == {str(item.id): item for item in loaded.snapshot.everything() if item.id}
