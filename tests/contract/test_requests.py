"""What every request promises, asked of each of them."""

from __future__ import annotations

import asyncio
from typing import Any, get_args

import pytest
from msgspec.structs import replace

from nodeagent.api import requests as r
from nodeagent.api.objects import ResourceState
from nodeagent.api.requests import Done, Right
from nodeagent.database.records import encode, node_key
from nodeagent.database.store import Transaction, Unavailable, Unknown
from nodeagent.service.rights import Caller
from tests.support.offices import ANNA, Office, open_door
from tests.support.requestcases import CASES, GROUP, RESOURCE, create_resource
from tests.support.requestworld import Fickle, World, world

__all__ = ["world"]
pytestmark = pytest.mark.asyncio


CHANGES = [kind for kind in CASES if kind.changes]
# Everything that is worked on by the handlers; reading an output log is the connection's own matter.
HANDLED = [kind for kind in CASES if kind is not r.ReadOutput]


async def prepared(world: World, kind: Any) -> r.Request:
    case = CASES[kind]
    if case.arrange is not None:
        await case.arrange(world)
    if case.prepare is not None:
        await world.office.do(case.prepare(world))
    return case.valid(world)


async def test_every_request_has_a_case() -> None:
    assert set(CASES) == set(get_args(r.Request))


@pytest.mark.parametrize("right", list(Right), ids=lambda right: right.name.lower())
@pytest.mark.parametrize("kind", list(CASES), ids=lambda kind: kind.__name__)
async def test_it_is_refused_to_who_lacks_the_right_and_to_nobody_else(world: World, kind: Any, right: Right) -> None:
    request = await prepared(world, kind)
    before = world.store.database.revision
    caller = Caller("berta", right)
    if right < kind.right:
        with pytest.raises(Exception, match=f"needs the right to {kind.right.name.lower()}"):
            world.office.handlers.check(request, caller)
        if kind in HANDLED:
            refused = await world.office.refusal(request, caller)
            assert refused.code == "access_denied"
        assert world.store.database.revision == before
    else:
        world.office.handlers.check(request, caller)
        if kind in HANDLED:
            assert isinstance(await world.office.ask(request, caller), kind.reply)


@pytest.mark.parametrize("kind", HANDLED, ids=lambda kind: kind.__name__)
async def test_what_it_names_and_there_is_not_is_refused_and_nothing_changes(world: World, kind: Any) -> None:
    for request, code in CASES[kind].unknown(world):
        before = world.store.database.revision
        assert (await world.office.refusal(request)).code == code
        assert world.store.database.revision == before


@pytest.mark.parametrize("kind", list(CASES), ids=lambda kind: kind.__name__)
async def test_over_the_socket_it_is_answered_as_promised_and_the_news_come_before_the_answer(
    world: World, kind: Any
) -> None:
    request = await prepared(world, kind)
    async with open_door(world.office, ANNA) as door, await door.enter() as visitor:
        await visitor.subscribe()
        reply = await visitor.ask(request)
        assert isinstance(reply, kind.reply)
        if isinstance(reply, Done):
            assert visitor.mirror.snapshot is not None
            assert visitor.mirror.snapshot.revision >= reply.revision > 0
            assert visitor.mirror.snapshot == replace(
                world.office.following.snapshot, revision=visitor.mirror.snapshot.revision
            )


@pytest.mark.parametrize("kind", CHANGES, ids=lambda kind: kind.__name__)
async def test_what_it_changes_is_in_the_log_with_user_and_request(world: World, kind: Any) -> None:
    request = await prepared(world, kind)
    before = {entry.sequence for entry in world.office.log}
    done = await world.office.do(request)
    assert world.office.following.view.revision >= done.revision
    entries = [entry for entry in world.office.log if entry.sequence not in before]
    assert entries
    assert len({entry.request for entry in entries}) == 1
    for entry in entries:
        assert entry.request
        assert entry.cause is not None
        assert (entry.cause.user, entry.cause.request) == ("anna", entry.request)
        assert entry.cause.note == getattr(request, "note", "")


@pytest.mark.parametrize("kind", CHANGES, ids=lambda kind: kind.__name__)
async def test_asked_twice_it_changes_nothing_twice(world: World, kind: Any) -> None:
    request = await prepared(world, kind)
    await world.office.do(request)
    before, shown = world.store.database.revision, world.office.following.snapshot
    expected = CASES[kind].again
    if expected == "renews":
        assert (await world.office.do(request)).revision > before
        return
    if expected == "repeats":
        await world.office.do(request)
        assert replace(world.office.following.snapshot, revision=0) == replace(shown, revision=0)
        return
    if expected:
        assert (await world.office.refusal(request)).code == expected
    else:
        done = await world.office.do(request)
        assert done.revision <= before
    assert world.store.database.revision == before


@pytest.mark.parametrize("kind", CHANGES, ids=lambda kind: kind.__name__)
async def test_when_another_change_comes_first_it_is_looked_at_again(world: World, kind: Any) -> None:
    request = await prepared(world, kind)
    before = world.store.database.revision
    world.store.conflicts = 3
    done = await world.office.do(request)
    assert done.revision > before


@pytest.mark.parametrize("kind", CHANGES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(
    ("failing", "code"),
    [(Unavailable("it is away"), "store_unavailable"), (Unknown("no answer"), "result_unknown")],
    ids=["unavailable", "unknown"],
)
async def test_a_database_that_does_not_answer_is_said_and_not_guessed_about(
    world: World, kind: Any, failing: Exception, code: str
) -> None:
    request = await prepared(world, kind)
    before = world.store.database.revision
    world.store.failing = failing
    assert (await world.office.refusal(request)).code == code
    assert world.store.database.revision == before
    world.store.failing = None
    await world.office.do(request)


async def test_a_change_that_was_made_is_not_refused_because_owners_cannot_be_asked(world: World) -> None:
    class FailsAfterwards(Fickle):
        async def commit(self, transaction: Transaction, *, timeout: float = 2.0) -> int:
            if any(key.startswith("asks/") for key in transaction.put):
                raise Unavailable("it is away")
            return await super().commit(transaction, timeout=timeout)

    world.store.__class__ = FailsAfterwards
    done = await world.office.do(create_resource(world))
    assert done.id in world.office.following.snapshot.resources
    assert done.notices == ()


async def test_many_at_once_are_all_carried_out(world: World) -> None:
    requests = [r.CreateGroup(name=f"Group {number}") for number in range(40)]
    done = await asyncio.gather(*(world.office.do(request) for request in requests))
    assert len({each.id for each in done}) == 40
    names = {group.name for group in world.office.following.snapshot.groups.values()}
    assert names >= {request.name for request in requests}


async def test_of_two_nodes_asked_for_the_same_name_at_once_exactly_one_gives_it(world: World) -> None:
    async def create(office: Office) -> str:
        try:
            await office.do(r.CreateGroup(name="Wanted"))
        except Exception as exc:  # noqa: BLE001 - what it is, is looked at below
            return getattr(getattr(exc, "problem", None), "code", repr(exc))
        return "done"

    said = await asyncio.gather(*(create(office) for office in (world.office, world.other) * 5))
    assert sorted(set(said)) == ["done", "name_taken"]
    assert said.count("done") == 1


async def test_two_edges_added_at_once_on_two_nodes_never_close_a_circle(world: World) -> None:
    site, disk = world.resources["Site"], world.resources["Disk"]
    await world.office.report(site, ResourceState.OFFLINE)
    await world.other.following.reached(world.office.following.view.revision)
    asked = [
        (world.office, r.SetDependencies(resource=site, providers=(disk,))),
        (world.other, r.SetDependencies(resource=disk, providers=(site,))),
    ]
    said = await asyncio.gather(*(office.do(request) for office, request in asked), return_exceptions=True)
    assert sum(isinstance(each, Done) for each in said) == 1
    assert "circle" in str(next(each for each in said if not isinstance(each, Done)))


async def test_bringing_online_a_group_overwrites_no_setting_that_another_node_just_stored(world: World) -> None:
    disk = world.resources["Disk"]
    await world.office.do(r.TakeOffline(kind=RESOURCE, id=disk))
    await world.office.do(r.BringOnline(kind=RESOURCE, id=disk))  # a wish of its own, which the group's replaces
    await world.other.following.reached(world.office.following.view.revision)
    changes = r.SetProperties(kind=RESOURCE, id=disk, properties={"RestartThreshold": 9})
    await asyncio.gather(world.other.do(changes), world.office.do(r.BringOnline(kind=GROUP, id=world.groups["Web"])))
    await world.office.following.reached(world.other.following.view.revision)
    assert world.office.following.snapshot.resources[disk].properties == {"RestartThreshold": 9}


async def test_a_tree_larger_than_one_commit_is_deleted_whole(world: World) -> None:
    disk, group = world.resources["Disk"], world.groups["Web"]
    made = [
        (await world.office.do(create_resource(world, name=f"On it {n}", dependencies=(disk,), group=group))).id
        for n in range(70)
    ]
    request = r.Delete(kind=RESOURCE, id=disk, with_dependents=(*made, world.resources["App"]))
    await world.office.do(request)
    assert {x.name for x in world.office.following.snapshot.resources.values()} == {"Site"}


async def test_a_group_with_more_resources_than_one_commit_holds_goes_online_and_offline(world: World) -> None:
    group = (await world.office.do(r.CreateGroup(name="Large"))).id
    await world.office.own(group)
    for n in range(150):
        made = await world.office.do(create_resource(world, name=f"Many {n}", group=group))
        await world.office.do(r.BringOnline(kind=RESOURCE, id=made.id))
    await world.office.do(r.BringOnline(kind=GROUP, id=group))
    await world.office.do(r.TakeOffline(kind=GROUP, id=group))
    members = world.office.following.snapshot.resources_of(group)
    assert {member.persistent_state for member in members} == {"inherit"}


async def test_what_is_already_so_is_answered_at_once_and_not_recorded(world: World) -> None:
    site, web = world.resources["Site"], world.groups["Web"]
    before = world.store.database.revision
    for request in (
        r.BringOnline(kind=RESOURCE, id=site),
        r.TakeOffline(kind=RESOURCE, id=world.resources["Disk"]),
        r.MoveGroup(group=web, node=1),
    ):
        await world.office.do(request)
    assert world.store.database.revision == before


async def test_nobody_who_has_no_right_at_all_gets_past_the_door(world: World) -> None:
    async with open_door(world.office, Caller("mallory", Right.NONE)) as door, await door.visit() as visitor:
        bye = await visitor.next()
        assert getattr(getattr(bye, "problem", None), "code", "") == "no_right"
        assert await visitor.next() is None


async def test_a_paused_node_is_given_no_new_group(world: World) -> None:
    record = world.office.following.view.node(1)
    assert record is not None
    await world.office.commit(Transaction(put={node_key(1): encode(replace(record[0], paused=True))}))
    made = await world.office.do(r.CreateGroup(name="Elsewhere"))
    assert world.office.following.snapshot.groups[made.id].owner == 2


async def test_a_note_that_is_too_long_or_not_readable_is_refused(world: World) -> None:
    web = world.groups["Web"]
    assert (await world.office.refusal(r.MoveGroup(group=web, node=2, note="x" * 1001))).code == "value_too_long"
    assert (await world.office.refusal(r.MoveGroup(group=web, node=2, note="\x00"))).code == "control_characters"
