"""Fence programs as they may be: slow, endless, leaving children behind, describing themselves badly."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from nodeagent.api.fencing import MASK, FenceSetting
from nodeagent.api.problems import ClusterError
from nodeagent.system.fenceagents import FenceAgents, read_description
from tests.support import fenceprogram

pytestmark = pytest.mark.asyncio


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return fenceprogram.install(tmp_path)


def device(plug: str, timeout: float = 20.0) -> FenceSetting:
    return FenceSetting(program=fenceprogram.NAME, options={"plug": plug, "password": "s3cret"}, timeout=timeout)


async def refusal(agents: FenceAgents, device: FenceSetting) -> ClusterError:
    with pytest.raises(ClusterError) as refused:
        await agents.off(device)
    return refused.value


async def gone(pid: int) -> bool:
    """Wait until the process has ended; a killed one takes a moment."""
    until = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]:
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.02)  # it is not our child, so nothing tells
    return True


async def test_options_are_given_on_standard_input_and_off_is_asked_for_until_it_is_so(program: Path) -> None:
    await FenceAgents((program.parent,)).off(device("7"))
    told = program.with_name("fence_sample.told").read_text().splitlines()
    assert told[:3] == ["plug=7", "password=s3cret", "action=off"]
    assert told.count("action=status") == 2


async def test_a_machine_that_stays_on_is_not_off(program: Path) -> None:
    assert (await refusal(FenceAgents((program.parent,)), device("stays", 2.0))).problem.code == "fence_timed_out"


async def test_what_a_program_says_is_told_without_its_secrets(program: Path) -> None:
    error = await refusal(FenceAgents((program.parent,)), device("fails"))
    assert str(error) == f"fence_sample failed with exit code 1: Failed: {MASK} is wrong"


async def test_a_program_that_hangs_is_killed_with_what_it_has_started(program: Path) -> None:
    assert (await refusal(FenceAgents((program.parent,)), device("hangs", 1.0))).problem.code == "fence_timed_out"
    assert await gone(int(program.with_name("fence_sample.child").read_text()))


async def test_a_program_that_writes_for_ever_fills_no_memory(program: Path) -> None:
    assert (await refusal(FenceAgents((program.parent,)), device("floods", 1.5))).problem.code == "fence_timed_out"


async def test_what_a_program_leaves_running_is_ended_with_the_order(program: Path) -> None:
    assert (await refusal(FenceAgents((program.parent,)), device("leaves", 1.0))).problem.code == "fence_timed_out"
    assert await gone(int(program.with_name("fence_sample.child").read_text()))


async def test_an_order_that_is_given_up_leaves_nothing_running(program: Path) -> None:
    agents = FenceAgents((program.parent,))
    order = asyncio.create_task(agents.off(device("hangs")))
    child = program.with_name("fence_sample.child")
    async with asyncio.timeout(20):
        while not (child.exists() and child.read_text().strip()):  # noqa: ASYNC110 - another program writes the file
            await asyncio.sleep(0.02)  # another program writes the file; nothing tells
    order.cancel()
    with pytest.raises(asyncio.CancelledError):
        await order
    assert await gone(int(child.read_text()))


async def test_a_program_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    agents = FenceAgents((tmp_path,))
    assert (await refusal(agents, device("7"))).problem.code == "fence_program_missing"
    with pytest.raises(ClusterError, match="fence_sample is not there"):
        agents.find("fence_sample")
    with pytest.raises(ClusterError):
        agents.find(f"../{tmp_path.name}")


async def test_a_new_version_of_a_program_is_asked_again(program: Path) -> None:
    agents = FenceAgents((program.parent,))
    before = await agents.describe(fenceprogram.NAME)
    assert await agents.describe(fenceprogram.NAME) is before
    program.with_name("fence_sample.xml").write_text(fenceprogram.METADATA.replace('"password"', '"token"'))
    os.utime(program, (1.0, 1.0))
    after = await agents.describe(fenceprogram.NAME)
    assert {"password", "token"} & {option.name for option in after.options} == {"token"}


async def test_a_description_is_read_with_its_choices_and_defaults() -> None:
    found = read_description("fence_sample", fenceprogram.METADATA.encode())
    by_name = {option.name: option for option in found.options}
    assert found.actions == ("on", "off", "status", "monitor")
    assert (by_name["plug"].required, by_name["plug"].replaces) == (True, "port")
    assert by_name["plug"].help == "Outlet of the machine"
    assert by_name["port"].deprecated
    assert (by_name["kind"].kind, by_name["kind"].choices, by_name["kind"].default) == ("select", ("a", "b"), "a")


BOMB = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<resource-agent><actions><action name="off"/></actions><longdesc>&b;</longdesc></resource-agent>"""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no XML at all",
        "<resource-agent><actions>",
        "<other><actions><action name='off'/></actions></other>",
        "<resource-agent><actions><action name='on'/></actions></resource-agent>",
        BOMB,
        "<resource-agent>" + "<parameter name='x'/>" * 6000 + "</resource-agent>",
    ],
    ids=["nothing", "text", "half", "another root", "no off", "entities", "too much"],
)
async def test_a_description_that_is_rubbish_is_refused(tmp_path: Path, text: str) -> None:
    fenceprogram.install(tmp_path, metadata=text)
    agents = FenceAgents((tmp_path,))
    with pytest.raises(ClusterError) as refused:
        await agents.describe(fenceprogram.NAME)
    assert refused.value.problem.code == "fence_program_rubbish"
    assert (await refusal(agents, device("7"))).problem.code == "fence_program_rubbish"
