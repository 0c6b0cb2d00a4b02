"""A node's fence devices as administrators set them: what the nodes' programs say, and that no secret gets out."""

from __future__ import annotations

import logging

import msgspec
import pytest

from nodeagent.api import requests as r
from nodeagent.api.fencing import FenceDevice, FenceSetting
from nodeagent.api.texts import sentence
from tests.support import fenceprogram
from tests.support.offices import ANNA, open_door
from tests.support.requestcases import second_node_left
from tests.support.requestworld import World, world

__all__ = ["world"]
pytestmark = pytest.mark.asyncio
SECRET = "s3cret"


def device(**options: str) -> FenceSetting:
    return FenceSetting(program=fenceprogram.NAME, options={"plug": "2", "password": SECRET, **options})


def stored(world: World) -> tuple[FenceSetting, ...]:
    found = world.office.following.view.fence(2)
    return found[0].devices if found else ()


async def test_a_device_is_stored_and_shown_without_its_secrets(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fenceprogram.install(world.office.settings.home.parent)
    async with open_door(world.office, ANNA) as door, await door.enter() as visitor:
        await visitor.subscribe()
        done = await visitor.ask(r.SetFenceDevices(node=2, devices=(device(),)))
        assert isinstance(done, r.Done)
        assert done.notices == ()
        assert visitor.mirror.snapshot is not None
        shown = visitor.mirror.snapshot.nodes[2].fence
    assert shown == (FenceDevice(program=fenceprogram.NAME, options={"plug": "2"}, secrets=("password",)),)
    assert stored(world) == (device(),)
    entries = world.office.log
    assert "event_fence_changed" in [entry.code for entry in entries]
    for text in (msgspec.json.encode(entries).decode(), caplog.text):
        assert SECRET not in text
    everything = world.store.database.entries
    assert [key for key, entry in everything.items() if SECRET.encode() in entry.value] == ["fences/2"]


async def test_a_secret_that_is_kept_need_not_be_known_to_who_changes_the_rest(world: World) -> None:
    fenceprogram.install(world.office.settings.home.parent)
    await world.office.do(r.SetFenceDevices(node=2, devices=(device(),)))
    changed = FenceSetting(program=fenceprogram.NAME, options={"plug": "3"}, kept=("password",), timeout=9.0)
    await world.office.do(r.SetFenceDevices(node=2, devices=(changed,)))
    assert [(d.options, d.kept, d.timeout) for d in stored(world)] == [({"plug": "3", "password": SECRET}, (), 9.0)]
    unknown = FenceSetting(program=fenceprogram.NAME, options={"plug": "3"}, kept=("password",))
    refused = await world.office.refusal(r.SetFenceDevices(node=1, devices=(unknown,)))
    assert refused.code == "fence_secret_unknown"


async def test_a_program_that_no_node_has_is_refused(world: World) -> None:
    refused = await world.office.refusal(r.SetFenceDevices(node=2, devices=(device(),)))
    assert refused.code == "fence_program_nowhere"
    assert stored(world) == ()


@pytest.mark.parametrize(
    ("options", "code"),
    [({"plug": "2", "colour": "red"}, "fence_option_unknown"), ({}, "fence_option_required")],
    ids=["unknown", "missing"],
)
async def test_options_are_checked_by_the_programs_of_the_nodes(
    world: World, options: dict[str, str], code: str
) -> None:
    fenceprogram.install(world.office.settings.home.parent)
    wrong = FenceSetting(program=fenceprogram.NAME, options=options)
    assert (await world.office.refusal(r.SetFenceDevices(node=2, devices=(wrong,)))).code == code
    assert (await world.office.refusal(r.SetFenceDevices(node=1, devices=(wrong,)))).code == code  # another one asked


async def test_one_outlet_is_not_given_to_two_nodes(world: World) -> None:
    fenceprogram.install(world.office.settings.home.parent)
    await world.office.do(r.SetFenceDevices(node=2, devices=(device(),)))
    refused = await world.office.refusal(r.SetFenceDevices(node=1, devices=(device(),)))
    assert sentence(refused) == "This is a fence device of NODE2 as well; each node needs its own outlet or system."


async def test_of_an_evicted_node_no_secret_is_kept(world: World) -> None:
    fenceprogram.install(world.office.settings.home.parent)
    await world.office.do(r.SetFenceDevices(node=2, devices=(device(),)))
    await second_node_left(world)
    await world.office.do(r.EvictNode(node=2))
    assert [key for key, entry in world.store.database.entries.items() if SECRET.encode() in entry.value] == []


async def test_the_nodes_that_are_up_look_whether_a_device_works(world: World) -> None:
    fenceprogram.install(world.office.settings.home.parent)
    await world.office.do(r.SetFenceDevices(node=1, devices=(device(),)))
    reply = await world.office.ask(r.CheckFenceDevices(node=1))
    assert reply == r.Validated(answers=(r.NodeAnswer(node=2),))
    await world.office.do(r.SetFenceDevices(node=1, devices=(device(plug="fails"),)))
    reply = await world.office.ask(r.CheckFenceDevices(node=1))
    assert isinstance(reply, r.Validated)
    (answer,) = reply.answers
    assert [bad.code for bad in answer.problems] == ["fence_unhealthy"]
    assert SECRET not in sentence(answer.problems[0])


async def test_a_program_of_this_node_tells_its_options(world: World) -> None:
    fenceprogram.install(world.office.settings.home.parent)
    reply = await world.office.ask(r.DescribeFenceProgram(program=fenceprogram.NAME))
    assert isinstance(reply, r.FenceDescribed)
    assert [option.name for option in reply.options] == ["action", "plug", "port", "password", "kind"]
