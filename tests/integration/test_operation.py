"""Two real agents: stop and start, drain and resume, evict and admit, maintenance, an agent that begins anew."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from nodeagent.api import requests as r
from nodeagent.api.objects import NodeState, ObjectKind, ResourceState
from tests.support.agents import Agent, running_cluster, short_folder
from tests.support.onlooker import Onlooker, is_in, runs

NODE, GROUP, CLUSTER = ObjectKind.NODE, ObjectKind.GROUP, ObjectKind.CLUSTER


@dataclass
class Pair:
    """Two nodes, and who looks on through each."""

    one: Agent
    two: Agent
    at_one: Onlooker
    at_two: Onlooker


@pytest.fixture
def pair() -> Iterator[Pair]:
    with short_folder() as home, running_cluster(home) as (one, two):
        yield Pair(one, two, Onlooker(one), Onlooker(two))


def test_a_stopped_node_gives_its_groups_away_stays_out_and_is_started_from_another_one(pair: Pair) -> None:
    pair.at_one.application("Web", 2)
    pair.one.ask(r.StopNode(node=2, note="new memory"))
    now = pair.at_one.until(lambda s: is_in(s, "NODE2", NodeState.DOWN) and runs(s, "Web", 1))
    assert now.nodes[2].stopped
    assert "stopped by" in now.nodes[2].information
    seen = pair.at_two.until(lambda s: is_in(s, "NODE2", NodeState.DOWN))  # it stands by, and shows the same
    assert seen.nodes[2].stopped
    pair.two.restart()  # as after a reboot
    assert not is_in(pair.at_two.now, "NODE2", NodeState.UP)
    pair.one.ask(r.StartNode(node=2))
    pair.at_one.until(lambda s: is_in(s, "NODE2", NodeState.UP))
    with pair.one.greet() as talk:
        talk.do(r.MoveGroup(group=pair.at_one.group("Web").id, node=2))
    pair.at_two.until(lambda s: runs(s, "Web", 2))


def test_a_stopped_node_can_be_asked_itself_to_start(pair: Pair) -> None:
    with pair.two.greet() as talk:
        talk.do(r.StopNode(node=2))
        talk.rest()  # it says goodbye when its life as a member has ended
    pair.at_two.until(lambda s: is_in(s, "NODE2", NodeState.DOWN) and s.nodes[2].stopped)
    with pair.two.greet() as talk:
        assert talk.refusal(r.StopNode(node=2)).code == "already"
        talk.do(r.StartNode(node=2))
    pair.at_two.until(lambda s: is_in(s, "NODE2", NodeState.UP) and s.nodes[2].incarnation == 2)


def test_a_drained_node_gives_its_groups_away_and_gets_them_back(pair: Pair) -> None:
    pair.at_one.application("Web", 2)
    pair.at_one.application("Mail", 2)
    pair.at_one.application("Kept", 1)
    pair.one.ask(r.PauseNode(node=2, drain=True))
    now = pair.at_one.until(lambda s: runs(s, "Web", 1) and runs(s, "Mail", 1))
    assert is_in(now, "NODE2", NodeState.PAUSED)
    assert len(now.nodes[2].drained) == 2
    pair.one.ask(r.ResumeNode(node=2, failback=True))
    now = pair.at_one.until(lambda s: runs(s, "Web", 2) and runs(s, "Mail", 2))
    assert runs(now, "Kept", 1)
    assert is_in(now, "NODE2", NodeState.UP)
    assert now.nodes[2].drained == ()


def test_an_evicted_node_says_so_stays_out_and_joins_as_a_new_member_when_admitted(pair: Pair) -> None:
    with pair.one.greet() as talk:
        assert talk.refusal(r.EvictNode(node=2)).code == "evict_member"
    pair.one.ask(r.StopNode(node=2))
    pair.at_one.until(lambda s: is_in(s, "NODE2", NodeState.DOWN))
    pair.one.ask(r.EvictNode(node=2))
    assert 2 not in pair.at_one.now.nodes
    pair.at_two.until_refused("node_evicted")
    pair.two.restart()
    pair.at_two.until_refused("node_evicted")
    pair.one.ask(r.AdmitNode(name="NODE2"))
    now = pair.at_one.until(lambda s: is_in(s, "NODE2", NodeState.UP))
    assert sorted(now.nodes) == [1, 3]
    pair.at_two.until(lambda s: is_in(s, "NODE2", NodeState.UP))


def test_a_node_whose_disk_was_replaced_is_the_same_member_in_its_next_life(pair: Pair) -> None:
    web = pair.at_one.application("Web", 2)
    with pair.one.greet() as talk:
        talk.do(r.SetPreferredOwners(group=web.group, nodes=(2,)))
        talk.do(r.SetProperties(kind=GROUP, id=web.group, properties={"AutoFailbackType": 1}))
    pair.two.kill()
    pair.two.reap()  # its power went, too
    for path in set(pair.two.home.iterdir()) - {pair.two.config, pair.two.log}:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    pair.at_one.until(lambda s: runs(s, "Web", 1))
    pair.two.start()
    now = pair.at_one.until(lambda s: runs(s, "Web", 2))
    assert sorted(now.nodes) == [1, 2]
    assert now.nodes[2].incarnation == 2
    assert "Generic Application" in pair.at_two.now.types


def test_an_agent_begins_anew_under_its_application(pair: Pair) -> None:
    before = pair.at_one.application("Web", 2)
    service, monitor, since = pair.two.pid, before.monitor_process_id, pair.at_one.node("NODE2").service_since
    pair.one.ask(r.RestartNode(node=2))
    now = pair.at_one.until(lambda s: s.nodes[2].service_since > since and is_in(s, "NODE2", NodeState.UP))
    pair.at_two.until(lambda s: runs(s, "Web", 2))
    after = now.resources[before.id]
    assert (after.process_id, after.monitor_process_id) == (before.process_id, monitor)
    assert now.nodes[2].incarnation == 1
    assert (pair.two.pid, pair.two.running) == (service, True)
    os.kill(before.process_id, signal.SIGKILL)
    pair.at_two.until(lambda s: runs(s, "Web", 2) and s.resources[before.id].process_id != before.process_id)
    said = [entry for entry in pair.at_two.log if entry.code == "event_node_restarted"]
    assert "what they hold runs on" in str(said[0].parameters)


@pytest.mark.parametrize("what", ["cluster", "node", "group"])
def test_in_maintenance_nothing_is_restarted_and_when_it_is_over_what_failed_is(pair: Pair, what: str) -> None:
    web = pair.at_one.application("Web", 2)
    kind, identity = {
        "cluster": (CLUSTER, pair.at_one.now.cluster.id),
        "node": (NODE, "2"),
        "group": (GROUP, web.group),
    }[what]
    pair.one.ask(r.BeginMaintenance(kind=kind, id=identity, seconds=1000, note="a new disk"))
    pair.at_two.until(lambda s: s.revision)
    os.kill(web.process_id, signal.SIGKILL)
    now = pair.at_one.until(lambda s: "maintenance" in s.resources[web.id].information)
    assert now.resources[web.id].state is ResourceState.ONLINE
    assert now.groups[web.group].owner == 2
    pair.one.ask(r.EndMaintenance(kind=kind, id=identity))
    after = pair.at_one.until(lambda s: runs(s, "Web", 2) and s.resources[web.id].process_id not in (0, web.process_id))
    assert not after.resources[web.id].information.endswith("maintenance")
    pair.at_one.until(lambda _: "event_failed_meanwhile" in pair.at_one.codes())


def test_maintenance_ends_by_itself_and_says_so(pair: Pair) -> None:
    web = pair.at_one.application("Web", 2)
    pair.one.ask(r.BeginMaintenance(kind=GROUP, id=web.group, seconds=4, note="a new disk"))
    assert pair.at_one.group("Web").maintenance is not None
    os.kill(web.process_id, signal.SIGKILL)
    pair.at_one.until(lambda s: s.groups[web.group].maintenance is None)
    pair.at_one.until(lambda s: runs(s, "Web", 2) and s.resources[web.id].process_id not in (0, web.process_id))
    assert pair.at_one.codes().count("event_maintenance_over") == 1


def test_a_node_that_dies_in_maintenance_keeps_its_groups_until_it_is_over(pair: Pair) -> None:
    web = pair.at_one.application("Web", 2)
    pair.one.ask(r.BeginMaintenance(kind=NODE, id="2", seconds=1000))
    pair.two.kill()
    pair.two.reap()
    now = pair.at_one.until(lambda s: is_in(s, "NODE2", NodeState.DOWN))
    assert now.groups[web.group].owner == 2
    pair.one.ask(r.EndMaintenance(kind=NODE, id="2"))
    pair.at_one.until(lambda s: runs(s, "Web", 1))
    pair.two.start()
