"""What each class of request is tried with, and what it does when it is asked twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from nodeagent.api import requests as r
from nodeagent.api.fencing import FenceSetting
from nodeagent.api.objects import ObjectKind
from nodeagent.database.records import (
    SILENCE,
    FenceRecord,
    Life,
    SilenceRecord,
    SilentNode,
    encode,
    fence_key,
    heartbeat_key,
)
from nodeagent.database.store import Transaction
from nodeagent.system.clock import SystemClock
from tests.support import fenceprogram
from tests.support.requestworld import APPLICATION, RUNNABLE, World


@dataclass(frozen=True)
class Case:
    """How a request class is tried.

    Attributes:
        valid: a request that is carried out in `World`.
        unknown: requests that name what there is not, each with the code of its refusal.
        again: code of the refusal when it is asked once more; "" when that is done and changes nothing, "repeats"
            when it is a wish that may be uttered again, "renews" when it counts from then on.
        prepare: what has to be done before; *arrange* the same, where it takes more than requests.
    """

    valid: Callable[[World], r.Request]
    unknown: Callable[[World], Sequence[tuple[r.Request, str]]]
    again: str
    prepare: Callable[[World], r.Request] | None = None
    arrange: Callable[[World], Awaitable[None]] | None = None


RESOURCE, GROUP, NODE = ObjectKind.RESOURCE, ObjectKind.GROUP, ObjectKind.NODE
NOBODY = "0" * 32


def create_resource(world: World, **changes: Any) -> r.CreateResource:
    plain = r.CreateResource(name="New", type=APPLICATION, group=world.groups["Web"], parameters=dict(RUNNABLE))
    return replace(plain, **changes)


async def second_node_left(world: World) -> None:
    found = world.office.following.view.heartbeat(2)
    assert found is not None
    left = replace(found[0], life=Life.LEFT)
    await world.office.commit(Transaction(put={heartbeat_key(2): encode(left)}))


async def second_node_evicted(world: World) -> None:
    await second_node_left(world)
    await world.office.do(r.EvictNode(node=2))


async def second_node_drained(world: World) -> None:
    await world.office.own(world.groups["Spare"], 2)
    await world.office.do(r.PauseNode(node=2, drain=True))


async def second_node_silent(world: World) -> None:
    """Let nothing be heard of the second node; who plans has said so and holds the brake."""
    office = world.office
    beat = office.following.view.revision_of(heartbeat_key(2))
    office.leadership._seen[2] = beat, SystemClock().steady() - 60
    silence = SilenceRecord(nodes={2: SilentNode(heartbeat=beat, since=1.0)}, held=True, members=2)
    await office.commit(Transaction(put={SILENCE: encode(silence)}))


async def second_node_fenced(world: World) -> None:
    """Give the second node a fence device, and this machine its program."""
    fenceprogram.install(world.office.settings.home.parent)
    device = FenceSetting(program=fenceprogram.NAME, options={"plug": "2", "password": "secret"})
    await world.office.commit(Transaction(put={fence_key(2): encode(FenceRecord(devices=(device,)))}))


def declare_off(world: World, **changes: Any) -> r.DeclareOff:
    beat = world.office.following.view.revision_of(heartbeat_key(2))
    return replace(r.DeclareOff(node=2, name="node2", heartbeat=beat, note="I pulled the plug"), **changes)


CASES: dict[Any, Case] = {
    r.CreateGroup: Case(
        lambda _: r.CreateGroup(name="New", preferred_owners=(2, 1)),
        lambda _: [(r.CreateGroup(name="New", preferred_owners=(99,)), "node_unknown")],
        "name_taken",
    ),
    r.CreateResource: Case(
        create_resource,
        lambda w: [
            (create_resource(w, group=NOBODY), "group_unknown"),
            (create_resource(w, type="Sundial"), "type_unknown"),
            (create_resource(w, dependencies=(NOBODY,)), "resource_unknown"),
            (create_resource(w, possible_owners=(99,)), "node_unknown"),
        ],
        "name_taken",
    ),
    r.Delete: Case(
        lambda w: r.Delete(kind=RESOURCE, id=w.resources["Disk"], with_dependents=(w.resources["App"],)),
        lambda _: [
            (r.Delete(kind=RESOURCE, id=NOBODY), "object_unknown"),
            (r.Delete(kind=GROUP, id=NOBODY), "object_unknown"),
            (r.Delete(kind=NODE, id="99"), "object_unknown"),
        ],
        "object_unknown",
    ),
    r.Rename: Case(
        lambda w: r.Rename(kind=RESOURCE, id=w.resources["Disk"], name="Platte"),
        lambda _: [(r.Rename(kind=kind, id=NOBODY, name="X"), "object_unknown") for kind in (RESOURCE, GROUP, NODE)],
        "",
    ),
    r.SetProperties: Case(
        lambda w: r.SetProperties(kind=RESOURCE, id=w.resources["Disk"], properties={"RestartThreshold": 7}),
        lambda w: (
            [(r.SetProperties(kind=kind, id=NOBODY, properties={}), "object_unknown") for kind in ObjectKind]
            + [(r.SetProperties(kind=GROUP, id=w.groups["Web"], properties={"Colour": 1}), "property_unknown")]
        ),
        "",
    ),
    r.SetPreferredOwners: Case(
        lambda w: r.SetPreferredOwners(group=w.groups["Web"], nodes=(2, 1)),
        lambda w: [
            (r.SetPreferredOwners(group=NOBODY, nodes=(1,)), "group_unknown"),
            (r.SetPreferredOwners(group=w.groups["Web"], nodes=(99,)), "node_unknown"),
        ],
        "",
    ),
    r.SetPossibleOwners: Case(
        lambda w: r.SetPossibleOwners(resource=w.resources["Disk"], nodes=(1,)),
        lambda w: [
            (r.SetPossibleOwners(resource=NOBODY, nodes=None), "resource_unknown"),
            (r.SetPossibleOwners(resource=w.resources["Disk"], nodes=(99,)), "node_unknown"),
        ],
        "",
    ),
    r.SetDependencies: Case(
        lambda w: r.SetDependencies(resource=w.resources["App"], providers=()),
        lambda w: [
            (r.SetDependencies(resource=NOBODY, providers=()), "resource_unknown"),
            (r.SetDependencies(resource=w.resources["App"], providers=(NOBODY,)), "resource_unknown"),
        ],
        "",
    ),
    r.ChangeGroup: Case(
        lambda w: r.ChangeGroup(resource=w.resources["Disk"], group=w.groups["Spare"]),
        lambda w: [
            (r.ChangeGroup(resource=NOBODY, group=w.groups["Spare"]), "resource_unknown"),
            (r.ChangeGroup(resource=w.resources["Disk"], group=NOBODY), "group_unknown"),
        ],
        "already_in_group",
    ),
    r.BringOnline: Case(
        lambda w: r.BringOnline(kind=GROUP, id=w.groups["Web"], note="for the night"),
        lambda w: [
            (r.BringOnline(kind=GROUP, id=NOBODY), "object_unknown"),
            (r.BringOnline(kind=RESOURCE, id=NOBODY), "object_unknown"),
            (r.BringOnline(kind=NODE, id="1"), "verb_does_not_apply"),
            (r.BringOnline(kind=GROUP, id=w.groups["Web"], node=99), "node_unknown"),
        ],
        "repeats",
    ),
    r.TakeOffline: Case(
        lambda w: r.TakeOffline(kind=RESOURCE, id=w.resources["Site"]),
        lambda _: [
            (r.TakeOffline(kind=GROUP, id=NOBODY), "object_unknown"),
            (r.TakeOffline(kind=RESOURCE, id=NOBODY), "object_unknown"),
            (r.TakeOffline(kind=NODE, id="1"), "verb_does_not_apply"),
        ],
        "repeats",
    ),
    r.InitiateFailure: Case(
        lambda w: r.InitiateFailure(resource=w.resources["Site"]),
        lambda _: [(r.InitiateFailure(resource=NOBODY), "resource_unknown")],
        "repeats",
    ),
    r.MoveGroup: Case(
        lambda w: r.MoveGroup(group=w.groups["Web"], node=2),
        lambda w: [
            (r.MoveGroup(group=NOBODY), "group_unknown"),
            (r.MoveGroup(group=w.groups["Web"], node=99), "node_unknown"),
        ],
        "repeats",
    ),
    r.PauseNode: Case(lambda _: r.PauseNode(node=2), lambda _: [(r.PauseNode(node=99), "node_unknown")], "already"),
    r.ResumeNode: Case(
        lambda _: r.ResumeNode(node=2),
        lambda _: [(r.ResumeNode(node=99), "node_unknown")],
        "not_paused",
        lambda _: r.PauseNode(node=2),
    ),
    r.CancelDrain: Case(
        lambda _: r.CancelDrain(node=2, note="not now"),
        lambda _: [(r.CancelDrain(node=99), "node_unknown")],
        "not_draining",
        arrange=second_node_drained,
    ),
    r.StopNode: Case(
        lambda _: r.StopNode(node=2, note="new memory"),
        lambda _: [(r.StopNode(node=99), "node_unknown")],
        "already",
    ),
    r.StartNode: Case(
        lambda _: r.StartNode(node=2),
        lambda _: [(r.StartNode(node=99), "node_unknown")],
        "already",
        lambda _: r.StopNode(node=2),
    ),
    r.RestartNode: Case(
        lambda _: r.RestartNode(node=2),
        lambda _: [(r.RestartNode(node=99), "node_unknown")],
        "renews",
    ),
    r.EvictNode: Case(
        lambda _: r.EvictNode(node=2, note="sold"),
        lambda _: [(r.EvictNode(node=99), "node_unknown")],
        "node_unknown",
        arrange=second_node_left,
    ),
    r.AdmitNode: Case(
        lambda _: r.AdmitNode(name="node2"),
        lambda _: [(r.AdmitNode(name="Nobody"), "not_evicted")],
        "not_evicted",
        arrange=second_node_evicted,
    ),
    r.BeginMaintenance: Case(
        lambda w: r.BeginMaintenance(kind=GROUP, id=w.groups["Web"], seconds=60, note="a new network card"),
        lambda w: [
            (r.BeginMaintenance(kind=GROUP, id=NOBODY, seconds=60), "object_unknown"),
            (r.BeginMaintenance(kind=NODE, id="99", seconds=60), "object_unknown"),
            (r.BeginMaintenance(kind=RESOURCE, id=w.resources["App"], seconds=60), "verb_does_not_apply"),
        ],
        "renews",
    ),
    r.EndMaintenance: Case(
        lambda _: r.EndMaintenance(kind=NODE, id="1"),
        lambda _: [(r.EndMaintenance(kind=NODE, id="99"), "object_unknown")],
        "not_in_maintenance",
        lambda _: r.BeginMaintenance(kind=NODE, id="1", seconds=60),
    ),
    r.DeclareOff: Case(
        declare_off,
        lambda w: [
            (declare_off(w, node=99), "node_unknown"),
            (declare_off(w, name="NODE1"), "name_not_confirmed"),
            (declare_off(w), "node_is_heard"),
        ],
        "node_down_already",
        arrange=second_node_silent,
    ),
    r.TakeOverNow: Case(
        lambda _: r.TakeOverNow(nodes=(2,)),
        lambda _: [(r.TakeOverNow(nodes=(2,)), "brake_open")],
        "",
        arrange=second_node_silent,
    ),
    r.SetFenceDevices: Case(
        lambda _: r.SetFenceDevices(node=2),
        lambda _: [
            (r.SetFenceDevices(node=99), "node_unknown"),
            (r.SetFenceDevices(node=2, devices=(FenceSetting(program="/bin/true"),)), "fence_program_name"),
        ],
        "",
        arrange=second_node_fenced,
    ),
    r.DescribeFenceProgram: Case(
        lambda _: r.DescribeFenceProgram(program=fenceprogram.NAME),
        lambda _: [(r.DescribeFenceProgram(program="fence_not_there"), "fence_program_missing")],
        "",
        arrange=second_node_fenced,
    ),
    r.CheckFenceDevices: Case(
        lambda _: r.CheckFenceDevices(node=2),
        lambda _: [(r.CheckFenceDevices(node=99), "node_unknown"), (r.CheckFenceDevices(node=2), "fence_none")],
        "",
        arrange=second_node_fenced,
    ),
    r.ReadQuorum: Case(lambda _: r.ReadQuorum(), lambda _: [], ""),
    r.ValidateParameters: Case(
        lambda _: r.ValidateParameters(type=APPLICATION, parameters=dict(RUNNABLE)),
        lambda _: [
            (r.ValidateParameters(type="Sundial"), "type_unknown"),
            (
                r.ValidateParameters(type=APPLICATION, parameters=dict(RUNNABLE), possible_owners=(99,)),
                "node_unknown",
            ),
        ],
        "",
    ),
    r.ReadOutput: Case(
        lambda w: r.ReadOutput(resource=w.resources["Site"]),
        lambda _: [(r.ReadOutput(resource=NOBODY), "resource_unknown")],
        "",
    ),
}
