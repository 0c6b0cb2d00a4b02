"""Debian's fence_redfish, the real program, against a power switch on loopback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from nodeagent.api.fencing import FenceSetting, options_problem
from nodeagent.api.problems import ClusterError
from nodeagent.system.fenceagents import FOLDERS, FenceAgents
from tests.support.redfish import Redfish, make_certificate, serving

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(
        not any((folder / "fence_redfish").is_file() for folder in FOLDERS), reason="fence_redfish is not installed"
    ),
]
USER, PASSWORD = "operator", "s3cret & more"


class Hosts:
    """Two machines, as far as a power switch knows them."""

    def __init__(self) -> None:
        self.power = {"h1": "on", "h2": "on"}

    def names(self) -> list[str]:
        return list(self.power)

    def do(self, verb: str, name: str) -> str:
        if name not in self.power:
            raise KeyError(name)
        if verb in ("on", "off"):
            self.power[name] = verb
        return self.power[name]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("switch") / "switch.pem")


@pytest.fixture
def hosts() -> Hosts:
    return Hosts()


@pytest.fixture
def switch(hosts: Hosts, certificate: Path) -> Iterator[Redfish]:
    with serving(Redfish(("127.0.0.1", 0), hosts, certificate, USER, PASSWORD)) as redfish:
        yield redfish


def device(switch: Redfish, host: str = "h2", password: str = PASSWORD) -> FenceSetting:
    options = switch.options(host, USER, password)
    return FenceSetting(program="fence_redfish", options=options, timeout=20.0)


async def refusal(agents: FenceAgents, device: FenceSetting) -> ClusterError:
    with pytest.raises(ClusterError) as refused:
        await agents.off(device)
    return refused.value


async def test_it_turns_off_the_node_that_it_is_told_and_no_other(switch: Redfish, hosts: Hosts) -> None:
    await FenceAgents().off(device(switch))
    assert hosts.power == {"h1": "on", "h2": "off"}
    assert [name for name, _ in switch.resets] == ["h2"]


async def test_a_node_that_is_off_already_is_off(switch: Redfish, hosts: Hosts) -> None:
    hosts.power["h2"] = "off"
    await FenceAgents().off(device(switch))
    assert hosts.power["h2"] == "off"


async def test_its_options_are_those_of_its_own_metadata(switch: Redfish) -> None:
    description = await FenceAgents().describe("fence_redfish")
    assert {"off", "on", "status", "monitor"} <= set(description.actions)
    assert options_problem(device(switch), description.options) is None
    by_name = {option.name: option for option in description.options}
    assert by_name["systems_uri"].help == "Redfish Systems resource URI, i.e. /redfish/v1/Systems/System.Embedded.1"
    assert (by_name["ipport"].kind, by_name["ipport"].default) == ("integer", "443")
    assert by_name["password"].replaces == "passwd"


async def test_a_check_turns_nothing_off(switch: Redfish, hosts: Hosts) -> None:
    await FenceAgents().check(device(switch))
    assert hosts.power == {"h1": "on", "h2": "on"}
    assert switch.resets == []


async def test_a_wrong_password_is_a_failure_that_does_not_show_it(switch: Redfish, hosts: Hosts) -> None:
    error = await refusal(FenceAgents(), device(switch, password="not-the-password"))
    assert error.problem.code == "fence_failed"
    assert "not-the-password" not in str(error)
    assert hosts.power["h2"] == "on"


async def test_a_device_that_hangs_is_given_up_at_the_time_limit(switch: Redfish, hosts: Hosts) -> None:
    switch.hangs = True
    agents, began = FenceAgents(), time.monotonic()
    await agents.describe("fence_redfish")
    error = await refusal(agents, replace(device(switch), timeout=2.0))
    assert error.problem.code == "fence_timed_out"
    assert time.monotonic() - began < 15.0
    assert hosts.power["h2"] == "on"


async def test_a_device_that_answers_rubbish_has_turned_nothing_off(switch: Redfish, hosts: Hosts) -> None:
    switch.rubbish = True
    assert (await refusal(FenceAgents(), device(switch))).problem.code == "fence_failed"
    assert hosts.power["h2"] == "on"


async def test_an_order_that_has_no_effect_is_not_taken_for_off(switch: Redfish, hosts: Hosts) -> None:
    switch.stays_on = True
    error = await refusal(FenceAgents(), replace(device(switch), timeout=4.0))
    assert error.problem.code in ("fence_timed_out", "fence_failed")
    assert hosts.power["h2"] == "on"


async def test_an_order_can_be_given_up(switch: Redfish, hosts: Hosts) -> None:
    switch.hangs = True
    agents = FenceAgents()
    await agents.describe("fence_redfish")
    order = asyncio.create_task(agents.off(device(switch)))
    await asyncio.sleep(0.5)  # the program is under way; nothing tells when it has connected
    order.cancel()
    with pytest.raises(asyncio.CancelledError):
        await order
    assert hosts.power["h2"] == "on"
