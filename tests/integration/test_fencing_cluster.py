"""Three real agents, the real fence_redfish and a power switch: a frozen node is turned off before silence decides."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from nodeagent.api import requests as r
from nodeagent.api.fencing import FenceSetting
from nodeagent.api.objects import NodeState, ObjectKind, ResourceState
from nodeagent.system.fenceagents import FOLDERS
from tests.support.agents import Agent, running_cluster, short_folder
from tests.support.clusterdesk import APPLICATION, RUNNABLE, Desk
from tests.support.redfish import Redfish, make_certificate, serving

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(
        not any((folder / "fence_redfish").is_file() for folder in FOLDERS), reason="fence_redfish is not installed"
    ),
]
NAMES = ("NODE1", "NODE2", "NODE3")
USER, PASSWORD = "operator", "s3cret"


class Power:
    """Cuts the power of agents: what they are is killed, with everything that they hold."""

    def __init__(self, agents: list[Agent]) -> None:
        self._agents = {agent.name: agent for agent in agents}
        self.cut: list[str] = []

    def names(self) -> list[str]:
        return list(self._agents)

    def do(self, verb: str, name: str) -> str:
        agent = self._agents[name]
        if verb == "off" and name not in self.cut:
            self.cut.append(name)
            agent.kill()
            agent.reap()
        return "off" if name in self.cut else "on"


def test_a_frozen_node_is_turned_off_and_what_it_ran_runs_elsewhere(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path / "switch.pem")
    with short_folder() as home, running_cluster(home, NAMES) as agents:
        power = Power(agents)
        with (
            serving(Redfish(("127.0.0.1", 0), power, certificate, USER, PASSWORD)) as switch,
            agents[0].greet() as talk,
        ):
            desk = Desk(agents, talk)
            for number, name in enumerate(NAMES, 1):
                options = switch.options(name, USER, PASSWORD)
                device = FenceSetting(program="fence_redfish", options=options, timeout=15.0)
                assert talk.do(r.SetFenceDevices(node=number, devices=(device,))).notices == ()
            group = talk.do(r.CreateGroup(name="Web", preferred_owners=(3, 2))).id
            made = talk.do(r.CreateResource(name="App", type=APPLICATION, group=group, parameters=RUNNABLE))
            talk.do(r.BringOnline(kind=ObjectKind.GROUP, id=group, node=3))
            desk.until(made.id, ResourceState.ONLINE)
            with desk.watch() as watching:
                desk.listen(watching, lambda: desk.now.resources[made.id].state_node == 3)
                os.kill(agents[2].pid, signal.SIGSTOP)
                desk.listen(watching, lambda: desk.now.nodes[3].state is NodeState.DOWN)
                desk.listen(
                    watching,
                    lambda: (
                        desk.now.resources[made.id].state_node in (1, 2)
                        and desk.now.resources[made.id].state is ResourceState.ONLINE
                    ),
                )
            assert power.cut == ["NODE3"]
            assert "fence device" in desk.now.nodes[3].information
            agents[2].start()
            with desk.watch() as watching:
                desk.listen(watching, lambda: desk.now.nodes[3].state is NodeState.UP)
            assert desk.now.nodes[3].incarnation == 2
        said = "".join(agent.said for agent in agents)
        assert PASSWORD not in said
