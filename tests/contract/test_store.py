"""What every store promises, asked of each of them."""

from __future__ import annotations

import asyncio

import pytest

from nodeagent.database.limits import MAXIMUM_TRANSACTION
from nodeagent.database.store import (
    ABSENT,
    MAXIMUM_OPERATIONS,
    MAXIMUM_VALUE,
    Change,
    ClusterStore,
    Compacted,
    Conflict,
    Refused,
    Transaction,
    Unavailable,
)
from tests.contract.stores import PATIENCE, Database, Open, following, joined, put, watching
from tests.support.committer import COUNTER, count

pytestmark = pytest.mark.asyncio
SHARED_BY_PROCESSES = ["sqlite", "etcd"]


# --- reading and committing -----------------------------------------------------------------------------------------


async def test_what_was_committed_is_read_by_every_client(open_store: Open) -> None:
    writer, reader = open_store(), open_store()
    revision = await writer.commit(put(a=b"1", b=b"2"))
    contents = await reader.read("")
    assert contents.revision == revision
    assert {key: (entry.value, entry.revision) for key, entry in contents.entries.items()} == {
        "a": (b"1", revision),
        "b": (b"2", revision),
    }


async def test_the_revision_grows_by_one_with_each_commit(open_store: Open) -> None:
    first, second = open_store(), open_store()
    before = (await first.read("")).revision
    assert [await client.commit(put(a=b"", b=b"")) for client in (first, second, first)] == [
        before + 1,
        before + 2,
        before + 3,
    ]


async def test_a_prefix_is_taken_literally(store: ClusterStore) -> None:
    keys = ["a", "a%", "a/", "a/1", "a/2", "a0", "a_b", "b", "A/1", "a\U0010ffff", "a\U0010ffff1", "a\ud7ff", "a\ue000"]
    await store.commit(Transaction(put=dict.fromkeys(keys, b"")))
    for prefix in ["", "a", "a/", "a%", "a_", "a\U0010ffff", "a\ud7ff", "c", "\U0010ffff"]:
        assert list((await store.read(prefix)).entries) == sorted(key for key in keys if key.startswith(prefix))


async def test_any_bytes_and_any_text_come_back_as_they_were(store: ClusterStore) -> None:
    values = {
        "empty": b"",
        "all": bytes(range(256)),
        "zero": b"\0",
        "groups/Größe/名前/🦆": b"unicode",
        "e\u0301": b"decomposed",
        "\u00e9": b"composed",
        "with\nnewline and\0zero": b"x",
        "'; DROP TABLE current; --": b"quoted",
    }
    revision = await store.commit(Transaction(put=values))
    assert {key: entry.value for key, entry in (await store.read("")).entries.items()} == values
    async with watching(store, after=revision - 1) as watch:
        changes = joined(await following(watch, len(values)))
    assert {change.key: change.value for change in changes} == values


@pytest.mark.parametrize("difference", ["absent", "present", "older", "newer"])
async def test_one_expectation_that_does_not_hold_prevents_everything(store: ClusterStore, difference: str) -> None:
    older = await store.commit(put(a=b"1", b=b"1"))
    present = await store.commit(put(a=b"2"))
    key, expected = {
        "absent": ("c", older),
        "present": ("a", ABSENT),
        "older": ("a", older),
        "newer": ("a", present + 1),
    }[difference]
    with pytest.raises(Conflict) as conflict:
        await store.commit(Transaction(expect={"b": older, key: expected}, put={"x": b""}, delete=("b",)))
    assert conflict.value.keys == (key,)
    contents = await store.read("")
    assert (contents.revision, sorted(contents.entries)) == (present, ["a", "b"])


async def test_expectations_that_hold_let_it_pass(store: ClusterStore) -> None:
    first = await store.commit(Transaction(expect={"a": ABSENT, "b": ABSENT}, put={"a": b"1"}))
    second = await store.commit(Transaction(expect={"a": first, "b": ABSENT}, put={"b": b"1"}, delete=("a",)))
    assert await store.commit(Transaction(expect={"a": ABSENT, "b": second}, put={"a": b"2"})) == second + 1


async def test_a_deleted_key_is_absent_and_may_come_back(store: ClusterStore) -> None:
    await store.commit(put(a=b"1", b=b"1"))
    deleted = await store.commit(Transaction(delete=("a", "a", "never there")))
    contents = await store.read("")
    assert (contents.revision, list(contents.entries)) == (deleted, ["b"])
    again = await store.commit(Transaction(expect={"a": ABSENT}, put={"a": b"2"}))
    assert (await store.read("a")).entries["a"].revision == again == deleted + 1


async def test_a_commit_that_changes_nothing_has_no_revision_of_its_own(store: ClusterStore) -> None:
    revision = await store.commit(put(a=b"1"))
    async with watching(store, after=revision) as watch:
        for nothing in (
            Transaction(),
            Transaction(delete=("never there",)),
            Transaction(expect={"a": revision, "b": ABSENT}),
        ):
            assert await store.commit(nothing) == revision
        with pytest.raises(Conflict):
            await store.commit(Transaction(expect={"a": revision + 1}))
        assert await store.commit(put(a=b"1")) == revision + 1  # the same value is a change: a heartbeat counts on it
        assert joined(await following(watch, 1)) == [Change(revision + 1, "a", b"1")]


# --- limits ---------------------------------------------------------------------------------------------------------

MANY = [f"k{number}" for number in range(MAXIMUM_OPERATIONS + 1)]


@pytest.mark.parametrize(
    "transaction",
    [
        Transaction(put={"a": bytes(MAXIMUM_VALUE + 1)}),
        Transaction(put=dict.fromkeys(MANY, b"")),
        Transaction(delete=tuple(MANY)),
        Transaction(put=dict.fromkeys(MANY[:-1], b""), delete=(MANY[-1],)),
        Transaction(expect=dict.fromkeys(MANY, ABSENT), put={"a": b""}),
        Transaction(put=dict.fromkeys("abc", bytes(MAXIMUM_TRANSACTION // 3 + 1))),
        Transaction(put={"a": b""}, delete=("a",)),
        Transaction(put={"": b""}),
        Transaction(put={"\ud800": b""}),
    ],
    ids=["value", "puts", "deletes", "puts and deletes", "expectations", "whole", "both", "no key", "no text"],
)
async def test_what_is_above_the_limits_is_refused_and_changes_nothing(
    store: ClusterStore, transaction: Transaction
) -> None:
    before = (await store.read("")).revision
    with pytest.raises(Refused):
        await store.commit(transaction)
    assert (await store.read("")).revision == before


async def test_what_is_at_the_limits_is_stored(store: ClusterStore) -> None:
    keys = MANY[:-1]
    await store.commit(Transaction(expect=dict.fromkeys(keys, ABSENT), put=dict.fromkeys(keys, b"")))
    await store.commit(Transaction(delete=tuple(keys)))
    await store.commit(put(a=b"\xff" * MAXIMUM_VALUE))
    contents = await store.read("")
    assert [len(entry.value) for entry in contents.entries.values()] == [MAXIMUM_VALUE]


# --- watching -------------------------------------------------------------------------------------------------------


async def test_a_watch_tells_what_came_before_it_and_what_comes_after(open_store: Open) -> None:
    writer, watcher = open_store(), open_store()
    start = await writer.commit(put(old=b""))
    await writer.commit(put(a=b"1"))
    async with watching(watcher, after=start) as watch:
        assert joined(await following(watch, 1)) == [Change(start + 1, "a", b"1")]
        await writer.commit(Transaction(put={"b": b"2"}, delete=("a",)))
        assert joined(await following(watch, 2)) == [Change(start + 2, "a", None), Change(start + 2, "b", b"2")]


async def test_changes_of_one_commit_come_in_one_batch(open_store: Open) -> None:
    writer, watcher = open_store(), open_store()
    start = (await writer.read("")).revision
    keys = MANY[:-1]
    async with watching(watcher, after=start) as watch:
        for _ in range(20):
            await writer.commit(Transaction(put=dict.fromkeys(keys, b"")))
        batches = await following(watch, 20 * len(keys))
    assert [change.revision for change in joined(batches)] == [start + n for n in range(1, 21) for _ in keys]
    assert all(len(batch) % len(keys) == 0 for batch in batches)


async def test_a_watch_tells_only_of_its_prefix(store: ClusterStore) -> None:
    start = (await store.read("")).revision
    async with watching(store, "a/", after=start) as watch:
        for key in ("a", "a/1", "a0", "b", "a/2"):
            await store.commit(Transaction(put={key: b""}))
        assert joined(await following(watch, 2)) == [Change(start + 2, "a/1", b""), Change(start + 5, "a/2", b"")]


async def test_a_watch_resumed_anywhere_misses_and_repeats_nothing(open_store: Open) -> None:
    store = open_store()
    start = (await store.read("")).revision
    everything = [Change(await store.commit(put(a=b"%d" % n)), "a", b"%d" % n) for n in range(10)]
    for place in range(9):
        async with watching(open_store(), after=start + place) as watch:
            assert joined(await following(watch, 10 - place)) == everything[place:]


async def test_every_watch_sees_every_change_once_in_the_same_order(open_store: Open) -> None:
    clients = [open_store() for _ in range(3)]
    start = (await clients[0].read("")).revision

    async def write(client: ClusterStore, name: str) -> list[int]:
        return [await client.commit(Transaction(put={name: b"%d" % n}), timeout=PATIENCE) for n in range(20)]

    async def read(client: ClusterStore) -> list[Change]:
        async with watching(client, after=start) as watch:
            return joined(await following(watch, 60))

    async with asyncio.TaskGroup() as group:
        seen = [group.create_task(read(client)) for client in (*clients, open_store())]
        written = [group.create_task(write(client, name)) for client, name in zip(clients, "abc", strict=True)]
    first = seen[0].result()
    assert all(task.result() == first for task in seen)
    assert [change.revision for change in first] == list(range(start + 1, start + 61))
    for task, name in zip(written, "abc", strict=True):
        own = [change for change in first if change.key == name]
        assert [change.revision for change in own] == task.result()
        assert [change.value for change in own] == [b"%d" % n for n in range(20)]


async def test_a_watch_wakes_for_its_own_client_and_for_others(open_store: Open) -> None:
    clients = [open_store(), open_store()]
    start = (await clients[0].read("")).revision
    async with watching(clients[0], after=start) as watch:
        for number, client in enumerate(clients * 2, start=1):
            waiting = asyncio.create_task(following(watch, 1))
            await asyncio.sleep(0)
            await client.commit(put(a=b""))
            assert joined(await waiting) == [Change(start + number, "a", b"")]


async def test_a_watch_that_is_cancelled_can_be_followed_by_another(store: ClusterStore) -> None:
    start = await store.commit(put(a=b""))
    async with watching(store, after=start) as watch:
        waiting = asyncio.create_task(following(watch, 1))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await store.commit(put(a=b"1"))
    async with watching(store, after=start) as watch:
        assert joined(await following(watch, 1)) == [Change(start + 1, "a", b"1")]


# --- compaction -----------------------------------------------------------------------------------------------------


async def test_compaction_forgets_changes_and_keeps_values(store: ClusterStore) -> None:
    revisions = [await store.commit(put(a=b"%d" % n, **{f"k{n}": b""})) for n in range(10)]
    contents = await store.read("")
    await store.compact(revisions[5])
    assert await store.read("") == contents
    async with watching(store, after=revisions[0]) as watch:
        with pytest.raises(Compacted):
            await following(watch, 1)
    async with watching(store, "a", after=revisions[4]) as watch:
        assert [change.revision for change in joined(await following(watch, 5))] == revisions[5:]
    await store.compact(revisions[2])  # what is forgotten stays forgotten
    async with watching(store, after=revisions[1]) as watch:
        with pytest.raises(Compacted):
            await following(watch, 1)
    assert await store.commit(put(a=b"")) == revisions[-1] + 1


async def test_a_watch_that_has_seen_everything_survives_compaction(open_store: Open) -> None:
    store, other = open_store(), open_store()
    start = await store.commit(put(a=b""))
    async with watching(store, "rare", after=start) as watch, watching(store, "", after=start) as all_of_it:
        waiting = asyncio.create_task(following(watch, 1))
        seen = asyncio.create_task(following(all_of_it, 5))
        last = start
        for _ in range(5):
            last = await other.commit(put(a=b""))
        await seen  # woken after the other one, so that has seen them too
        await other.compact(last)
        await other.commit(put(rare=b""))
        assert joined(await waiting) == [Change(last + 1, "rare", b"")]


# --- several writers ------------------------------------------------------------------------------------------------


async def test_of_two_compare_sets_on_one_revision_one_wins(open_store: Open) -> None:
    clients = [open_store() for _ in range(4)]
    revision = await clients[0].commit(put(a=b""))
    attempts = (
        client.commit(Transaction(expect={"a": revision}, put={"a": b"%d" % number}), timeout=PATIENCE)
        for number, client in enumerate(clients)
    )
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "Conflict", "Conflict", "int"]
    winner = next(number for number, outcome in enumerate(outcomes) if isinstance(outcome, int))
    assert (await clients[0].read("a")).entries["a"].value == b"%d" % winner


async def test_counting_clients_lose_no_step(open_store: Open) -> None:
    clients = [open_store() for _ in range(3)]
    await asyncio.gather(*(count(client, 20) for client in clients))
    assert (await clients[0].read(COUNTER)).entries[COUNTER].value == b"60"


@pytest.mark.parametrize("kind", SHARED_BY_PROCESSES, indirect=True)
async def test_counting_processes_lose_no_step(open_store: Open, database: Database) -> None:
    store = open_store()
    start = (await store.read("")).revision
    processes = [await database.started("count", 60) for _ in range(2)]
    async with watching(store, after=start) as watch:
        changes = joined(await following(watch, 120))
    assert [await process.wait() for process in processes] == [0, 0]
    assert [change.value for change in changes] == [b"%d" % number for number in range(1, 121)]
    assert [change.revision for change in changes] == list(range(start + 1, start + 121))


@pytest.mark.parametrize("kind", SHARED_BY_PROCESSES, indirect=True)
@pytest.mark.parametrize("size", [0, 300_000])
async def test_a_killed_writer_leaves_whole_commits_and_no_lock(
    open_store: Open, database: Database, size: int
) -> None:
    confirmed = 0
    for _ in range(3):
        process = await database.started("pairs", size)
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            for _ in range(5):
                confirmed = int(await process.stdout.readline())
        process.kill()
        for line in (await process.stdout.read()).splitlines(keepends=True):
            confirmed = int(line) if line.endswith(b"\n") else confirmed
        await process.wait()
        store = open_store()
        entries = (await store.read("")).entries
        assert entries["left"] == entries["right"]
        assert int(entries["left"].value) in (confirmed, confirmed + 1)  # the last may not have been said any more
        await store.commit(put(after=b"it goes on"))


# --- the end --------------------------------------------------------------------------------------------------------


async def test_closing_ends_the_watches(open_store: Open) -> None:
    store, other = open_store(), open_store()
    start = await store.commit(put(a=b""))
    async with watching(store, after=start) as waiting, watching(store, after=start) as fresh:
        ended = asyncio.create_task(anext(waiting, None))
        await asyncio.sleep(0)
        await store.close()
        async with asyncio.timeout(PATIENCE):
            assert await ended is None
            assert await anext(fresh, None) is None
    assert await other.commit(put(a=b"1")) == start + 1  # the other clients go on


async def test_a_closed_store_says_that_it_cannot_be_asked(store: ClusterStore) -> None:
    await store.commit(put(a=b""))
    await store.close()
    await store.close()
    with pytest.raises(Unavailable):
        await store.read("")
    with pytest.raises(Unavailable):
        await store.commit(put(a=b""))
    with pytest.raises(Unavailable):
        await store.compact(1)
