"""Agents over a real etcd: a lost node, a database that is away for a moment or for longer, two without a witness."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from clusteradmin.automation import Cluster, Resource
from clusteradmin.settings import ClientHome
from nodeagent.api.requests import QuorumRead, ReadQuorum
from nodeagent.api.rules.quorum import failover
from tests.support.agents import Agent, running_cluster, short_folder
from tests.support.applications import another_process, bring_up, online_on, owner_of, take_down, until
from tests.support.etcd import Etcd, running_etcd
from tests.support.witness import BEAT_SECONDS, Life, Witness

pytestmark = pytest.mark.timeout(300)

NODES = ("NODE1", "NODE2", "NODE3")
SELF_STOP = 3.5  # seconds, of the default profile
TAKEOVER = 4.5  # seconds, of the same
SECONDS = 60.0


@dataclass
class World:
    etcd: Etcd
    agents: list[Agent]
    cluster: Cluster
    witness: Witness
    application: Resource

    def lives_until(self, number: int) -> list[Life]:
        """Return the application's lives once there are *number* of them."""
        end = time.monotonic() + SECONDS
        while len(found := self.witness.lives()) < number and time.monotonic() < end:
            time.sleep(BEAT_SECONDS)  # a file tells nobody
        assert len(found) == number, found
        return found


@contextmanager
def world(folder: Path, members: int, names: Sequence[str] = NODES) -> Iterator[World]:
    """Agents, and an application online on the last one: the workstation stays at the first."""
    witness = Witness(folder / "lives")
    with short_folder() as home, running_etcd(home / "etcd", members) as etcd:
        more = [etcd.settings(first=number % members) for number in range(len(names))]
        with running_cluster(home, names, database="etcd", more=more) as agents:
            target = f"unix:{agents[0].socket}"
            with Cluster(home=ClientHome(folder / "config")).open(target) as cluster:
                application = bring_up(cluster, "Application", witness, folder, names[-1])
                yield World(etcd, agents, cluster, witness, application)
                take_down(application)
    for agent in agents:
        assert "Traceback" not in agent.said, agent.said
    witness.prove_never_two()


def test_a_database_from_a_backup_stops_everything_until_it_was_accepted(tmp_path: Path) -> None:
    with world(tmp_path, 1) as here:
        here.etcd.kill(0)
        data = here.etcd.members[0].folder / "data"
        backup = data.with_name("backup")
        shutil.copytree(data, backup)
        here.etcd.start(0)
        first = here.application.process_id
        time.sleep(SELF_STOP)  # heartbeats have to be written that the backup does not know
        assert here.application.process_id == first
        here.etcd.kill(0)
        shutil.rmtree(data)
        backup.rename(data)
        here.etcd.start(0)
        for agent in here.agents:
            agent.await_alarm()
            assert "is not the one that" in agent.status().stdout
            assert agent.status().returncode == 1
        lives = here.witness.lives()
        time.sleep(SELF_STOP)  # whatever is to stay stopped has had the time to start
        assert here.witness.lives() == lives
        for agent in here.agents:
            assert agent.accept_database().returncode == 1  # it still runs
            agent.kill()
            assert agent.accept_database().returncode == 0
        for agent in here.agents:
            agent.start()
            assert agent.status().returncode == 0
        here.cluster.open(f"unix:{here.agents[0].socket}")
        here.lives_until(len(lives) + 1)
        until(here.application, online_on(*NODES))


def test_a_lost_nodes_application_goes_on_at_another_node(tmp_path: Path) -> None:
    with world(tmp_path, 1) as here:
        first = here.application.process_id
        here.agents[2].kill()
        here.agents[2].reap()
        owner = until(here.application, online_on("NODE1", "NODE2"))
        assert here.application.process_id != first
        here.agents[2].start()
        assert until(here.application, online_on("NODE3")) != owner  # it prefers that node


def test_an_etcd_that_is_away_for_less_than_the_self_stop_time_is_noticed_by_nobody(tmp_path: Path) -> None:
    with world(tmp_path, 1) as here:
        first = here.application.process_id
        here.etcd.kill(0)
        time.sleep(SELF_STOP / 3)  # how long it is away is what is tested
        here.etcd.start(0)
        committed = here.application.group
        committed.common_properties["Description"] = "written after it was back"
        committed.common_properties.save_changes()
        assert here.application.process_id == first
        assert len(here.witness.lives()) == 1


def test_an_etcd_that_is_away_for_longer_stops_the_application_which_then_starts_again_in_place(tmp_path: Path) -> None:
    with world(tmp_path, 3) as here:
        first = here.application.process_id
        here.application.group.common_properties["Description"] = "kept"
        here.application.group.common_properties.save_changes()
        gone = time.monotonic()
        for number in (0, 1):
            here.etcd.kill(number)
        time.sleep(3 * SELF_STOP)  # how long the quorum is lost is what is tested
        stopped = here.witness.lives()
        assert len(stopped) == 1
        assert stopped[0].last < gone + SELF_STOP + 1
        here.etcd.start(0, 1)
        second = until(here.application, another_process(first))
        assert until(here.application, online_on(*NODES)) == "NODE3"
        assert second
        here.lives_until(2)
        assert here.application.group.common_properties["Description"] == "kept"


def test_a_frozen_etcd_member_is_noticed_by_no_application(tmp_path: Path) -> None:
    with world(tmp_path, 3) as here:
        first = here.application.process_id
        here.etcd.freeze(2)  # the one that the owner's agent asks first
        time.sleep(2 * SELF_STOP)  # a permission that was not renewed would have run out
        assert here.application.process_id == first
        assert len(here.witness.lives()) == 1
        here.etcd.thaw(2)


def test_the_leading_etcd_member_is_lost_together_with_the_owner(tmp_path: Path) -> None:
    with world(tmp_path, 3) as here:
        here.agents[2].kill()
        here.agents[2].reap()
        here.etcd.kill(here.etcd.leader())
        until(here.application, online_on("NODE1", "NODE2"))
        here.agents[2].start()
        until(here.application, online_on("NODE3"))


def test_two_nodes_without_a_third_voter_take_nothing_over_from_each_other_and_say_so(tmp_path: Path) -> None:
    with world(tmp_path, 2, NODES[:2]) as here:
        told = here.agents[0].ask(ReadQuorum())
        assert isinstance(told, QuorumRead)
        assert told.failover.code == "failover_no_witness"
        unguarded: set[str] = set()
        end = time.monotonic() + SECONDS
        while unguarded != {"NODE2"}:  # it says so when it has counted the voters; the first one never was guarded
            assert time.monotonic() < end, unguarded
            time.sleep(BEAT_SECONDS)  # nothing of the snapshot changes with it
            unguarded = {entry.object_name for entry in here.cluster.client.log if entry.code == "event_unguarded"}
        until(here.application, lambda _, now: len(now.cluster.voters) == 2 or None)  # the leading node has looked
        assert failover(here.cluster.snapshot).code == "failover_no_witness"
        here.agents[1].kill()
        here.agents[1].reap()
        until(here.application, lambda _, now: any(node.silent_since for node in now.nodes.values()) or None)
        time.sleep(3 * TAKEOVER)  # that nothing happens shows only when the time for it has passed
        assert owner_of(here.application) == "NODE2"
        assert len(here.witness.lives()) == 1
        here.agents[1].start()
        here.lives_until(2)
        assert until(here.application, online_on(*NODES)) == "NODE2"
