"""The mirror: whatever changes come, it holds what a snapshot built fresh would hold."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusteradmin.client import mirror as mirror_module
from clusteradmin.client.mirror import IncompleteSnapshot, Mirror, apply, assemble, has_gap
from nodeagent.api.events import Changes, LogEntry, Severity
from nodeagent.api.objects import Cluster, Group, Node, ObjectKind, ObjectRef, Resource, Snapshot
from tests.builders import changed, cluster, replace
from tests.support.scriptedagent import difference, pages

SNAPSHOT = cluster(nodes="ab", groups={"Web": "IP App"})

names = st.text("abc", min_size=1, max_size=2)
nodes = st.builds(Node, id=st.integers(1, 3), name=names)
groups = st.builds(Group, id=names, name=names)
resources = st.builds(Resource, id=names, name=names, type=st.just("T"), group=names)
clusters = st.builds(Cluster, id=st.just("c"), name=names)


def by_id(items: list) -> dict:  # type: ignore[type-arg]
    return {item.id: item for item in items}


snapshots = st.builds(
    Snapshot,
    cluster=clusters,
    nodes=st.lists(nodes).map(by_id),
    groups=st.lists(groups).map(by_id),
    resources=st.lists(resources).map(by_id),
)


def entry(sequence: int) -> LogEntry:
    return LogEntry(sequence=sequence, at=0.0, node="a", severity=Severity.INFORMATION, code="event_notice")


@given(st.lists(snapshots, min_size=1, max_size=6))
def test_any_sequence_of_changes_leads_to_the_snapshot_built_fresh(states: list[Snapshot]) -> None:
    numbered = [msgspec.structs.replace(state, revision=number) for number, state in enumerate(states)]
    current = numbered[0]
    for before, after in itertools.pairwise(numbered):
        current = apply(current, difference(before, after))
    assert current == assemble(numbered[-1].everything(), numbered[-1].revision)


@given(st.lists(snapshots, min_size=2, max_size=5), st.integers(1, 4), st.data())
def test_changes_between_the_pages_are_not_lost(states: list[Snapshot], size: int, data: st.DataObject) -> None:
    numbered = [msgspec.structs.replace(state, revision=number) for number, state in enumerate(states)]
    mirror = Mirror()
    at_page = data.draw(st.integers(0, 10))
    later = [difference(before, after) for before, after in itertools.pairwise(numbered)]
    for number, page in enumerate(pages(numbered[0], size)):
        if number == at_page:
            for changes in later:
                mirror.take(changes)
            later = []
        mirror.take(page)
    for changes in later:
        mirror.take(changes)
    assert mirror.snapshot == numbered[-1]


def test_tables_that_did_not_change_are_the_same_dicts() -> None:
    after = apply(SNAPSHOT, difference(SNAPSHOT, changed(SNAPSHOT, "node", "a", description="x")))
    assert after.nodes is not SNAPSHOT.nodes
    assert after.resources is SNAPSHOT.resources
    assert SNAPSHOT.nodes[1].description == ""


def test_a_missing_batch_is_a_gap_and_is_not_applied() -> None:
    late = Changes(after=7, revision=8)
    assert has_gap(SNAPSHOT, late)
    with pytest.raises(ValueError, match="do not follow"):
        apply(SNAPSHOT, late)
    mirror = Mirror()
    for page in pages(SNAPSHOT, 100):
        mirror.take(page)
    assert mirror.take(late).gap
    assert mirror.snapshot == SNAPSHOT


def test_changes_that_the_snapshot_already_has_do_not_take_it_back() -> None:
    newer = changed(changed(SNAPSHOT, "node", "a", description="1"), "node", "a", description="2")
    older = difference(SNAPSHOT, changed(SNAPSHOT, "node", "a", description="1"))
    assert apply(newer, older) is newer


def test_the_second_part_of_a_revision_is_applied_too() -> None:
    after = changed(changed(SNAPSHOT, "node", "a", description="x"), "node", "b", description="y")
    whole = difference(SNAPSHOT, after)
    first, second = (msgspec.structs.replace(whole, changed=(item,)) for item in whole.changed)
    assert apply(apply(SNAPSHOT, first), second) == after


def test_log_entries_that_come_again_with_a_new_snapshot_are_not_told_twice() -> None:
    mirror = Mirror()
    first = [mirror.take(page) for page in pages(SNAPSHOT, 100, [entry(1), entry(2)])][-1]
    assert [e.sequence for e in first.logged] == [1, 2]
    mirror.expect_snapshot()
    again = [mirror.take(page) for page in pages(replace(SNAPSHOT), 100, [entry(1), entry(2), entry(3)])][-1]
    assert [e.sequence for e in again.logged] == [3]
    assert again.replaced


def test_an_entry_of_a_node_whose_clock_is_behind_is_told_though_newer_ones_came_before() -> None:
    mirror = Mirror()
    for page in pages(SNAPSHOT, 100, [entry(1), entry(5)]):
        mirror.take(page)
    revision = SNAPSHOT.revision
    told = mirror.take(Changes(after=revision, revision=revision + 1, logged=(entry(7),)))
    late = mirror.take(Changes(after=revision + 1, revision=revision + 2, logged=(entry(3), entry(6))))
    assert [e.sequence for e in (*told.logged, *late.logged)] == [7, 3, 6]
    mirror.expect_snapshot()
    log = [entry(number) for number in range(1, 9)]
    again = [mirror.take(page) for page in pages(replace(SNAPSHOT), 100, log)][-1]
    assert [e.sequence for e in again.logged] == [2, 4, 8], "what came while nobody listened, late or not"


def test_what_was_seen_is_forgotten_from_the_old_end_and_not_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror_module, "MOST_KNOWN", 10)
    mirror = Mirror()
    log = [entry(number) for number in range(100)]
    for page in pages(SNAPSHOT, 7, log):
        mirror.take(page)
    mirror.expect_snapshot()
    again = [mirror.take(page) for page in pages(replace(SNAPSHOT), 7, [*log, entry(100)])][-1]
    assert [e.sequence for e in again.logged] == [100]


def test_a_removed_object_is_gone_whatever_its_kind() -> None:
    gone = Changes(after=1, revision=2, removed=(ObjectRef(ObjectKind.NODE, "2"), ObjectRef(ObjectKind.GROUP, "web")))
    after = apply(SNAPSHOT, gone)
    assert sorted(after.nodes) == [1]
    assert after.groups == {}


def test_a_snapshot_without_a_cluster_is_refused() -> None:
    with pytest.raises(IncompleteSnapshot):
        assemble(SNAPSHOT.nodes.values(), 1)
