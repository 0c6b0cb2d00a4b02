"""What only the etcd store can meet: members that die or freeze, lost quorum, other limits, a restored database."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from nodeagent.database.etcd import EtcdStore
from nodeagent.database.etcdgateway import Certificates
from nodeagent.database.limits import MAXIMUM_TRANSACTION
from nodeagent.database.store import (
    ABSENT,
    MAXIMUM_VALUE,
    Baseline,
    Change,
    ClusterStore,
    Compacted,
    Conflict,
    Restored,
    StoreError,
    Transaction,
    Unavailable,
    Unknown,
)
from tests.contract.stores import PATIENCE, following, joined, put, watching
from tests.support.agents import short_folder
from tests.support.etcd import Etcd, make_certificates, running_etcd

pytestmark = pytest.mark.asyncio
NOTICED = 6.0  # seconds within which a client of three members has found one that answers; an election takes about one


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as made:
        yield made


@pytest.fixture
def one(folder: Path) -> Iterator[Etcd]:
    with running_etcd(folder) as etcd:
        yield etcd


@pytest.fixture
def three(folder: Path) -> Iterator[Etcd]:
    with running_etcd(folder, 3) as etcd:
        yield etcd


@pytest_asyncio.fixture
async def stores() -> AsyncIterator[list[ClusterStore]]:
    """Take stores that are closed at the end."""
    opened: list[ClusterStore] = []
    yield opened
    for store in opened:
        await store.close()


async def committed(store: ClusterStore, transaction: Transaction, within: float = PATIENCE) -> int:
    """Commit, again and again until it is known to be done; puts that are done twice do no harm here."""
    async with asyncio.timeout(within):
        while True:
            try:
                return await store.commit(transaction, timeout=0.5)
            except (Unavailable, Unknown):
                await asyncio.sleep(0.05)  # nothing tells when a store is back


async def resumed(store: ClusterStore, after: int, number: int) -> list[Change]:
    """Return the next *number* changes, resuming whenever the watch breaks."""
    found: list[Change] = []
    async with asyncio.timeout(PATIENCE):
        while len(found) < number:
            try:
                async with watching(store, after=found[-1].revision if found else after) as watch:
                    while len(found) < number:
                        found += await anext(watch)
            except Unavailable:
                await asyncio.sleep(0.05)  # nothing tells when a store is back
    return found


# --- members that fail ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["killed", "frozen"])
@pytest.mark.parametrize("role", ["leader", "follower"])
async def test_the_loss_of_one_member_costs_no_change_and_doubles_none(
    three: Etcd, stores: list[ClusterStore], fault: str, role: str
) -> None:
    leader = three.leader()
    lost = leader if role == "leader" else (leader + 1) % 3
    store, other = three.store(first=lost), three.store(first=(lost + 1) % 3)
    stores += [store, other]
    start = await store.commit(put(a=b"0"))
    watched = asyncio.create_task(resumed(store, start, 3))
    await committed(other, put(a=b"1"))
    (three.kill if fault == "killed" else three.freeze)(lost)
    began = time.monotonic()
    await committed(store, put(a=b"2"), NOTICED)
    await committed(other, put(b=b"3"), NOTICED)
    assert time.monotonic() - began < 2 * NOTICED
    changes = await watched
    assert [change.revision for change in changes] == sorted({change.revision for change in changes})
    assert [change.value for change in changes][:2] == [b"1", b"2"]
    if fault == "frozen":
        three.thaw(lost)


async def test_a_frozen_members_watch_is_left_though_the_connection_stands(
    three: Etcd, stores: list[ClusterStore]
) -> None:
    lost = (three.leader() + 1) % 3
    store = three.store(first=lost)
    stores.append(store)
    start = await store.commit(put(a=b""))
    async with watching(store, after=start) as watch:
        waiting = asyncio.create_task(anext(watch, None))
        assert await committed(store, put(a=b"1")) == start + 1
        await waiting
        silent = asyncio.create_task(anext(watch, None))
        await asyncio.sleep(0)
        three.freeze(lost)
        with pytest.raises(Unavailable):
            async with asyncio.timeout(NOTICED):
                await silent
    assert await committed(store, put(a=b"2"), NOTICED) == start + 2
    assert joined([tuple(await resumed(store, start + 1, 1))]) == [Change(start + 2, "a", b"2")]
    three.thaw(lost)


async def test_a_watch_at_a_member_that_is_cut_off_is_left_though_it_answers(
    three: Etcd, stores: list[ClusterStore]
) -> None:
    """The two others are frozen for its watch to fall behind, and thawed: it hears of the commit late, or never."""
    store = three.store(first=0)
    stores.append(store)
    start = await store.commit(put(a=b""))
    watched = asyncio.create_task(resumed(store, start, 1))
    three.freeze(1)
    three.freeze(2)
    with pytest.raises((Unknown, Unavailable)):
        await store.commit(put(a=b"1"), timeout=1.0)
    three.thaw(1)
    three.thaw(2)
    await committed(store, put(a=b"1"))
    assert (await watched)[0].value == b"1"


async def test_without_quorum_nothing_is_promised_and_afterwards_everything_is_there(
    three: Etcd, stores: list[ClusterStore]
) -> None:
    store = three.store()
    stores.append(store)
    start = await store.commit(put(a=b"1"))
    for number in (1, 2):
        three.kill(number)
    with pytest.raises(Unavailable):
        await store.read("", timeout=1.0)
    outcomes = set()
    for _ in range(3):
        try:
            await store.commit(Transaction(expect={"a": start}, put={"a": b"2"}), timeout=0.5)
        except StoreError as exc:
            outcomes.add(type(exc))
    assert outcomes <= {Unknown, Unavailable}
    assert outcomes
    health = await store.health()
    assert health is not None
    assert (health.answering, health.needed, health.spare) == (1, 2, -1)
    for number in (1, 2):
        three.begin(number)
    for number in (1, 2):
        three.await_answer(number)
    entry = (await store.read("", timeout=PATIENCE)).entries["a"]
    assert entry.value in (b"1", b"2")  # what was not answered may have been done
    with pytest.raises(Conflict):
        await store.commit(Transaction(expect={"a": entry.revision - 1 or ABSENT}, put={"a": b"3"}))
    assert await committed(store, Transaction(expect={"a": entry.revision}, put={"a": b"3"})) > start


async def test_a_commit_to_a_member_that_does_not_answer_is_unknown_and_to_nobody_unavailable(
    one: Etcd, stores: list[ClusterStore]
) -> None:
    store = one.store()
    stores.append(store)
    revision = await store.commit(put(a=b"1"))
    one.freeze(0)
    with pytest.raises(Unknown):
        await store.commit(put(a=b"2"), timeout=0.3)
    one.thaw(0)
    contents = await store.read("", timeout=PATIENCE)
    assert contents.revision in (revision, revision + 1)
    one.kill(0)
    with pytest.raises((Unknown, Unavailable)):  # the kept connection may still be thought good
        await store.commit(put(a=b"3"))
    with pytest.raises(Unavailable):
        await store.commit(put(a=b"3"))
    with pytest.raises(Unavailable):
        await store.read("")


# --- who may come in ------------------------------------------------------------------------------------------------


async def test_strangers_and_false_members_are_refused_by_their_certificates(
    one: Etcd, folder: Path, stores: list[ClusterStore]
) -> None:
    own, foreign = one.certificates, make_certificates(folder / "foreign")
    stranger = EtcdStore(one.endpoints, Certificates(own.ca, foreign.certificate, foreign.key))
    trusting_others = EtcdStore(one.endpoints, Certificates(foreign.ca, own.certificate, own.key))
    without_files = EtcdStore(one.endpoints, Certificates(folder / "none", own.certificate, own.key))
    stores += [stranger, trusting_others, without_files]
    for store in stores:
        with pytest.raises(Unavailable):
            await store.read("")
        with pytest.raises((Unavailable, Unknown)):  # TLS 1.3 refuses a client after it has begun to speak
            await store.commit(put(a=b""))
    honest = one.store()
    stores.append(honest)
    assert (await honest.read("")).entries == {}


# --- much and large -------------------------------------------------------------------------------------------------


async def test_ten_thousand_keys_are_read_at_one_revision_while_they_change(
    one: Etcd, stores: list[ClusterStore]
) -> None:
    store, other = one.store(), one.store()
    stores += [store, other]
    number = 10_000
    for begin in range(0, number, 100):
        await store.commit(Transaction(put={f"k{key:05}": b"0" * 200 for key in range(begin, begin + 100)}))

    async def change() -> None:
        value = b"%f" % time.monotonic()
        await other.commit(Transaction(put={"k00000": value, f"k{number - 1:05}": value}))

    async def change_on() -> None:
        while True:  # the first and the last key always in one commit: every read must show them alike
            await change()

    await change()
    changing = asyncio.create_task(change_on())
    try:
        for _ in range(5):
            contents = await store.read("", timeout=PATIENCE)
            assert len(contents.entries) == number
            first, last = contents.entries["k00000"], contents.entries[f"k{number - 1:05}"]
            assert first == last
            assert first.revision <= contents.revision
    finally:
        changing.cancel()
        await asyncio.gather(changing, return_exceptions=True)


async def test_many_values_at_the_limit_are_read_and_watched(one: Etcd, stores: list[ClusterStore]) -> None:
    store = one.store()
    stores.append(store)
    start = (await store.read("")).revision
    for number in range(12):
        await store.commit(Transaction(put={f"large{number:02}": bytes([number]) * MAXIMUM_VALUE}), timeout=PATIENCE)
    half = MAXIMUM_TRANSACTION // 2 - 20
    await store.commit(Transaction(put={"x": b"\xff" * half, "y": b"\xff" * half}), timeout=PATIENCE)
    contents = await store.read("", timeout=PATIENCE)
    assert [len(entry.value) for entry in contents.entries.values()] == [MAXIMUM_VALUE] * 12 + [half] * 2
    async with watching(store, after=start) as watch:
        batches = await following(watch, 14)
    assert [change.value for change in joined(batches)] == [entry.value for entry in contents.entries.values()]
    assert len({change.revision for change in batches[-1]}) in (1, 13)


# --- compaction -----------------------------------------------------------------------------------------------------


async def test_a_deletion_at_the_very_edge_of_what_was_compacted_is_not_lost(
    one: Etcd, stores: list[ClusterStore]
) -> None:
    store = one.store()
    stores.append(store)
    await store.commit(put(a=b"1"))
    deleted = await store.commit(Transaction(delete=("a",)))
    last = await store.commit(put(b=b"1"))
    await store.compact(last)
    async with watching(store, after=deleted) as watch:
        assert joined(await following(watch, 1)) == [Change(last, "b", b"1")]
    async with watching(store, after=deleted - 1) as watch:
        with pytest.raises(Compacted):
            await following(watch, 1)


async def test_a_watch_that_broke_before_a_compaction_says_so_when_it_resumes(
    three: Etcd, stores: list[ClusterStore]
) -> None:
    store, other = three.store(first=0), three.store(first=1)
    stores += [store, other]
    start = await store.commit(put(a=b""))
    async with watching(store, after=start) as watch:
        waiting = asyncio.create_task(anext(watch, None))
        await committed(other, put(a=b"1"))
        assert await waiting == (Change(start + 1, "a", b"1"),)
        waiting = asyncio.create_task(anext(watch, None))
        await asyncio.sleep(0)
        three.kill(0)
        with pytest.raises(Unavailable):
            await waiting
    revision = start
    for number in range(5):
        revision = await committed(other, put(a=b"%d" % number))
    await other.compact(revision)
    with pytest.raises(Compacted):
        await resumed(store, start + 1, 1)
    contents = await store.read("", timeout=PATIENCE)
    assert contents.entries["a"].value == b"4"


# --- its members, its size ------------------------------------------------------------------------------------------


async def test_the_members_their_leader_and_what_may_be_lost_are_told(three: Etcd, stores: list[ClusterStore]) -> None:
    leader = three.leader()
    store = three.store()
    stores.append(store)
    health = await store.health()
    assert health is not None
    assert [voter.name for voter in health.voters] == ["m1", "m2", "m3"]
    assert [voter.leader for voter in health.voters] == [number == leader for number in range(3)]
    assert (health.needed, health.answering, health.spare, health.missing, health.alarms) == (2, 3, 1, (), ())
    assert health.quota == 2 * 1024**3  # etcd's own default
    assert 0 < health.used <= health.size
    three.kill((leader + 1) % 3)
    health = await store.health()
    assert health is not None
    assert (health.spare, [voter.name for voter in health.missing]) == (0, [three.members[(leader + 1) % 3].name])


async def test_a_full_database_is_told_and_goes_on_once_it_was_tidied_up(
    folder: Path, stores: list[ClusterStore]
) -> None:
    with running_etcd(folder, 1, f"--quota-backend-bytes={16 * 1024**2}") as etcd:
        store = etcd.store()
        stores.append(store)
        revision, full = 0, None
        for _ in range(100):
            try:
                revision = await store.commit(put(a=bytes(MAXIMUM_VALUE)), timeout=PATIENCE)
            except StoreError as exc:
                full = exc
                break
        # The very commit that fills it is applied and answered by an error: nobody may take that for a no.
        assert isinstance(full, Unknown)
        assert (await store.read("a", timeout=PATIENCE)).entries["a"].revision in (revision, revision + 1)
        health = await store.health()
        assert health is not None
        assert health.alarms == ("NOSPACE",)
        await store.compact((await store.read("a")).revision)
        await store.defragment(health.voters[0])
        await store.clear_alarms()
        assert await store.commit(put(a=b"small")) > revision
        after = await store.health()
        assert after is not None
        assert after.alarms == ()
        assert after.size < health.size / 4


# --- another or an older database -----------------------------------------------------------------------------------


async def test_a_database_that_went_back_is_refused_until_somebody_decides(
    one: Etcd, stores: list[ClusterStore]
) -> None:
    found: list[Restored] = []
    store = one.store()
    stores.append(store)
    store.on_restored = found.append
    for number in range(3):
        await store.commit(put(a=b"%d" % number))
    one.kill(0)
    data = one.members[0].folder / "data"
    shutil.copytree(data, data.with_name("backup"))
    one.start(0)
    for number in range(20):
        await committed(store, put(a=b"%d" % number))
    baseline = store.baseline()
    assert baseline is not None
    one.kill(0)
    shutil.rmtree(data)
    data.with_name("backup").rename(data)
    one.start(0)
    with pytest.raises(Unavailable):  # the kept connection was of the former process
        await store.read("", timeout=PATIENCE)
    with pytest.raises(Restored, match="went back"):
        await store.read("", timeout=PATIENCE)
    assert len(found) == 1
    for refused in (store.commit(put(a=b"")), store.compact(1), store.read("")):
        with pytest.raises(Restored):
            await refused
    with pytest.raises(Restored):
        async with watching(store, after=1) as watch:
            await anext(watch)
    later = EtcdStore(one.endpoints, one.certificates, baseline=baseline)
    stores.append(later)
    with pytest.raises(Restored):
        await later.read("")
    fresh = one.store()
    stores.append(fresh)
    assert (await fresh.read("")).entries["a"].value == b"2"


async def test_another_database_in_its_place_is_refused(one: Etcd, stores: list[ClusterStore]) -> None:
    store = EtcdStore(one.endpoints, one.certificates, baseline=Baseline(12345, 1))
    stores.append(store)
    with pytest.raises(Restored, match="another one"):
        await store.read("")


async def test_a_commit_that_finds_the_database_restored_is_unknown(one: Etcd, stores: list[ClusterStore]) -> None:
    store = EtcdStore(one.endpoints, one.certificates, baseline=Baseline(12345, 1))
    stores.append(store)
    with pytest.raises(Unknown):
        await store.commit(put(a=b""))
    with pytest.raises(Restored):
        await store.commit(put(a=b""))
