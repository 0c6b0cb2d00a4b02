"""The store is kept small, its members are told when they are missing, and nothing stops it for longer than it may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from nodeagent.api.quorum import Voter as Shown
from nodeagent.database.memory import MemoryDatabase, MemoryStore
from nodeagent.database.records import CLUSTER, ClusterRecord, encode
from nodeagent.database.store import Contents, StoreHealth, Transaction, Voter
from nodeagent.planner.timing import PROFILES, Profile
from nodeagent.service.eventlog import EventLog
from nodeagent.service.following import Following
from nodeagent.service.leadership import Leadership
from nodeagent.service.storecare import KEPT, REWRITTEN, SPARSE, StoreCare
from nodeagent.system.clock import SystemClock

pytestmark = pytest.mark.asyncio
MIB = 1024**2


class SeveralMembers(MemoryStore):
    """A store with members: what is done to them is written down."""

    def __init__(self) -> None:
        super().__init__(MemoryDatabase())
        self.voters = [Voter(n, f"m{n}", "", answers=True, leader=n == 1, size=MIB, used=MIB // 2) for n in (1, 2, 3)]
        self.alarms: tuple[str, ...] = ()
        self.done: list[str] = []

    async def health(self) -> StoreHealth | None:
        return StoreHealth(tuple(self.voters), 2048 * MIB, self.alarms)

    async def compact(self, before: int) -> None:
        self.done.append(f"compact {before}")

    async def defragment(self, voter: Voter) -> None:
        self.done.append(f"defragment {voter.name}")
        place = self.voters.index(voter)
        self.voters[place] = replace(voter, size=voter.used)

    async def clear_alarms(self) -> None:
        self.done.append("clear")
        self.alarms = ()

    def change(self, number: int, **values: object) -> None:
        self.voters[number - 1] = replace(self.voters[number - 1], **values)  # type: ignore[arg-type] # of a Voter


class NoLeadership(Leadership):
    """Looking itself asks nobody."""

    def __init__(self) -> None:
        """Have no parts."""


@pytest_asyncio.fixture
async def store() -> AsyncIterator[SeveralMembers]:
    made = SeveralMembers()
    yield made
    await made.close()


def care_of(store: MemoryStore, profile: Profile = PROFILES["default"], node: int = 1) -> StoreCare:
    events = EventLog(SystemClock(), f"NODE{node}")
    events.node = node
    return StoreCare(Following(store, "etcd"), NoLeadership(), events, lambda: profile)


async def told(store: SeveralMembers) -> list[str]:
    """Return the codes of all events."""
    following = Following(store, "etcd")
    await following.load()
    return [entry.code for entry in following.view.log()]


async def look(*cares: StoreCare) -> None:
    """Let each look once; what the database holds by then is seen."""
    for care in cares:
        await care._following.load()
        await care.look()


async def test_the_newest_revisions_are_kept_and_older_ones_forgotten(store: SeveralMembers) -> None:
    following = Following(store, "etcd")
    care = StoreCare(following, NoLeadership(), EventLog(SystemClock(), "NODE1"), lambda: PROFILES["default"])
    following.view.load(Contents(KEPT + 500, {}))
    await care.look()
    assert store.done == ["compact 500"]
    await look(care)
    assert store.done == ["compact 500"]  # not at every look


async def test_a_missing_member_is_told_once_and_so_is_its_return(store: SeveralMembers) -> None:
    care = care_of(store)
    await look(care)
    store.change(2, answers=False)
    await look(care)
    store.change(2, answers=True)
    await look(care)
    assert await told(store) == [], "an answer may be lost"
    store.change(2, answers=False)
    await look(care, care, care)
    assert await told(store) == ["event_voter_lost"]
    store.change(2, answers=True)
    await look(care)
    assert await told(store) == ["event_voter_lost", "event_voter_back"]


async def test_the_next_leader_goes_on_from_what_was_told(store: SeveralMembers) -> None:
    store.change(2, answers=False)
    former = care_of(store)
    await look(former, former)
    await look(care_of(store, node=2))
    assert await told(store) == ["event_voter_lost"]
    store.change(2, answers=True)
    await look(care_of(store, node=3))
    assert await told(store) == ["event_voter_lost", "event_voter_back"]


async def shown(store: SeveralMembers) -> tuple[Shown, ...]:
    """Return the voters as every node's workstations are shown them."""
    following = Following(store, "etcd")
    await following.load()
    return following.snapshot.cluster.voters


async def test_who_votes_and_who_is_missing_is_shown_and_written_down_only_when_it_changes(
    store: SeveralMembers,
) -> None:
    await store.commit(Transaction(put={CLUSTER: encode(ClusterRecord(id="1", name="SHOP"))}))
    care = care_of(store)
    await look(care)
    assert await shown(store) == tuple(Shown(name=name) for name in ("m1", "m2", "m3"))
    before = store.database.revision
    await look(care)
    assert store.database.revision == before
    store.change(3, answers=False)
    await look(care, care)
    assert [voter.name for voter in await shown(store) if not voter.answering] == ["m3"]
    del store.voters[2]
    await look(care)
    assert [voter.name for voter in await shown(store)] == ["m1", "m2"]
    assert await told(store) == ["event_voter_lost"], "a member that was removed has not come back"


async def test_a_database_that_comes_near_its_quota_is_told_once(store: SeveralMembers) -> None:
    care = care_of(store)
    store.change(1, size=1400 * MIB, used=1300 * MIB)
    await look(care)
    await look(care)
    assert await told(store) == ["event_database_space"]


async def test_a_full_database_is_tidied_up_and_what_to_do_is_told(store: SeveralMembers) -> None:
    store.alarms = ("NOSPACE",)
    store.change(3, answers=False)
    await look(care_of(store))
    assert store.done == ["compact 0", "defragment m1", "defragment m2", "clear"]
    assert await told(store) == ["event_database_full"]


async def test_unused_space_is_given_back_by_one_member_at_a_time_and_by_the_leading_one_last(
    store: SeveralMembers,
) -> None:
    for number in (1, 2, 3):
        store.change(number, size=4 * SPARSE, used=MIB)
    care = care_of(store)
    for _ in range(4):
        await look(care)
    assert store.done[1:] == ["defragment m2", "defragment m3", "defragment m1"]
    assert await told(store) == ["event_database_defragmented"] * 3


async def test_no_member_pauses_while_another_is_missing(store: SeveralMembers) -> None:
    store.change(2, size=4 * SPARSE, used=MIB)
    store.change(3, answers=False)
    await look(care_of(store))
    assert not any("defragment" in what for what in store.done)


@pytest.mark.parametrize(("name", "done"), [("fast", False), ("default", False), ("virtual machines", True)])
async def test_no_member_pauses_for_longer_than_heartbeats_can_wait(
    store: SeveralMembers, name: str, done: bool
) -> None:
    store.change(2, size=20 * SPARSE, used=2 * REWRITTEN)
    care = care_of(store, PROFILES[name])
    await look(care)
    await look(care)
    assert ("defragment m2" in store.done) is done
    assert await told(store) == ["event_database_defragmented" if done else "event_database_sparse"]


async def test_a_store_without_members_is_left_alone() -> None:
    store = MemoryStore(MemoryDatabase())
    await store.commit(Transaction(put={"cluster": b"{}"}))
    await look(care_of(store))
    assert list((await store.read("")).entries) == ["cluster"]
    await store.close()
