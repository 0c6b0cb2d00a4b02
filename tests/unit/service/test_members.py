"""Nodes as members, asked of the handlers: what is committed, and what a node makes of it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from nodeagent.api import requests as r
from nodeagent.api.objects import NodeState, ObjectKind
from nodeagent.database.records import Life, NodeRecord, encode, heartbeat_key
from nodeagent.database.store import Transaction
from nodeagent.service.attendance import Attendance, Standing
from tests.support.requestworld import World, world

__all__ = ["world"]
pytestmark = pytest.mark.asyncio


async def lives(world: World, life: Life) -> None:
    """Let the second node's heartbeat say so."""
    found = world.office.following.view.heartbeat(2)
    assert found is not None
    await world.office.commit(Transaction(put={heartbeat_key(2): encode(replace(found[0], life=life))}))


def attendance(world: World, name: str = "NODE2") -> Attendance:
    return Attendance(world.office.following, name)


async def test_an_evicted_node_is_in_no_list_of_owners_any_more(world: World) -> None:
    web, disk = world.groups["Web"], world.resources["Disk"]
    await world.office.do(r.SetPreferredOwners(group=web, nodes=(2, 1)))
    await world.office.do(r.SetPossibleOwners(resource=disk, nodes=(1, 2)))
    await lives(world, Life.LEFT)
    await world.office.do(r.EvictNode(node=2))
    now = world.office.following.snapshot
    assert sorted(now.nodes) == [1]
    assert now.groups[web].preferred_owners == (1,)
    assert now.resources[disk].possible_owners == (1,)
    assert (await world.office.refusal(r.PauseNode(node=2))).code == "node_unknown"


async def test_who_joins_while_it_is_being_evicted_comes_first(world: World) -> None:
    web = world.groups["Web"]
    await world.office.do(r.SetPreferredOwners(group=web, nodes=(2, 1)))
    await lives(world, Life.LEFT)

    async def joins(transaction: Transaction, *, timeout: float = 2.0) -> int:
        del world.store.commit
        await lives(world, Life.ALIVE)
        return await world.store.commit(transaction, timeout=timeout)

    world.store.commit = joins  # type: ignore[method-assign]  # a heartbeat comes between the look and the commit
    assert (await world.office.refusal(r.EvictNode(node=2))).code == "evict_member"
    assert world.office.following.snapshot.nodes[2].state is NodeState.UP
    assert world.office.following.snapshot.groups[web].preferred_owners == (2, 1)  # it is what it was


async def test_a_tombstone_is_told_from_a_member_and_from_who_was_never_there(world: World) -> None:
    assert attendance(world).standing() is Standing.MEMBER
    assert attendance(world, "NODE9").standing() is Standing.MEMBER  # it may join
    await lives(world, Life.LEFT)
    await world.office.do(r.EvictNode(node=2))
    assert attendance(world).standing() is Standing.EVICTED
    assert attendance(world, "node2").standing() is Standing.EVICTED
    await world.office.do(r.AdmitNode(name="NODE2"))
    assert attendance(world).standing() is Standing.MEMBER
    assert (await world.office.refusal(r.AdmitNode(name="NODE2"))).code == "not_evicted"


async def test_a_stopped_node_is_a_member_until_its_life_has_ended(world: World) -> None:
    await world.office.do(r.StopNode(node=2))
    assert attendance(world).standing() is Standing.MEMBER  # it has to leave first
    for life in (Life.LEFT, Life.DEAD):
        await lives(world, life)
        assert attendance(world).standing() is Standing.STOPPED
    await world.office.do(r.StartNode(node=2))
    assert attendance(world).standing() is Standing.MEMBER


async def test_that_the_agent_is_to_begin_anew_is_taken_note_of_once(world: World) -> None:
    await world.office.do(r.RestartNode(node=2))
    await world.other.following.reached(world.office.following.view.revision)
    here = Attendance(world.other.following, "NODE2")
    await here.take_note_of_restart()
    before = world.store.database.revision
    record = world.other.following.view.node(2)
    assert record is not None
    assert record[0].restart is None
    await here.take_note_of_restart()
    assert world.store.database.revision == before


async def test_a_drain_remembers_what_was_there_and_failback_wishes_it_back(world: World) -> None:
    spare = world.groups["Spare"]
    await world.office.own(spare, 2)
    await world.office.do(r.PauseNode(node=2, drain=True, note="new memory"))
    assert world.office.following.snapshot.nodes[2].drained == (spare,)
    await world.office.own(spare, 1)
    await world.office.do(r.CancelDrain(node=2))
    assert not world.office.following.snapshot.nodes[2].draining
    await world.office.do(r.PauseNode(node=2, drain=True))
    assert world.office.following.snapshot.nodes[2].drained == (spare,)  # those of the first time are not forgotten
    await world.office.do(r.ResumeNode(node=2, failback=True))
    now = world.office.following.snapshot
    assert now.groups[spare].wish == 2
    assert (now.nodes[2].paused, now.nodes[2].drained) == (False, ())


async def test_maintenance_begun_again_keeps_its_beginning_and_ends_later(world: World) -> None:
    begin = r.BeginMaintenance(kind=ObjectKind.CLUSTER, id=world.office.following.snapshot.cluster.id, seconds=60)
    await world.office.do(replace(begin, note="first"))
    first = world.office.following.snapshot.cluster.maintenance
    await world.office.do(replace(begin, seconds=120, note="second"))
    second = world.office.following.snapshot.cluster.maintenance
    assert first is not None
    assert second is not None
    assert second.since == first.since
    assert second.until > first.until + 50
    assert (second.user, second.reason) == ("anna", "second")


async def test_in_maintenance_what_is_down_is_started_by_a_persons_order(world: World) -> None:
    web, app = world.groups["Web"], world.resources["App"]
    await world.office.do(r.BringOnline(kind=ObjectKind.RESOURCE, id=app))
    assert world.office.following.view.order(app) is None
    await world.office.do(r.TakeOffline(kind=ObjectKind.RESOURCE, id=app))
    await world.office.do(r.BeginMaintenance(kind=ObjectKind.GROUP, id=web, seconds=60))
    await world.office.do(r.BringOnline(kind=ObjectKind.RESOURCE, id=app))
    assert world.office.following.view.order(app) is not None


async def test_a_record_of_a_member_keeps_what_the_others_say_of_it(world: World) -> None:
    await world.office.do(r.PauseNode(node=2))
    await world.office.do(r.StopNode(node=2))
    record = world.office.following.view.node(2)
    assert record is not None
    assert isinstance(record[0], NodeRecord)
    assert record[0].paused
