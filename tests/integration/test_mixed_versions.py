"""Two versions of the agent in one cluster: this one, and a next one that is made of it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nodeagent.api import requests as r
from nodeagent.api.objects import NodeState, ObjectKind
from nodeagent.api.wire import Refused
from nodeagent.database.sqlite import SqliteStore
from tests.support.agents import Agent, running_agent, short_folder
from tests.support.nextversion import SOFTWARE, copy_tree, make_next, run_from
from tests.support.onlooker import Onlooker, is_in, runs

pytestmark = pytest.mark.timeout(400)


@dataclass
class Mixed:
    """A cluster whose first node runs this version and whose second runs the next one."""

    old: Agent
    new: Agent
    next: Path
    home: Path

    @property
    def at_old(self) -> Onlooker:
        return Onlooker(self.old)

    @property
    def at_new(self) -> Onlooker:
        return Onlooker(self.new)

    def set_motto(self, group: str, motto: str, agent: Agent) -> dict[str, Any]:
        """Make the request that only the next version knows; returns the answer as it came."""
        request = {"request": "set_motto", "group": group, "motto": motto}
        with agent.greet() as talk:
            talk.raw(json.dumps({"frame": "call", "id": 7, "request": request}).encode() + b"\n")
            answer, _ = talk.until_answered(7)
        return {"refused": answer.problem.code} if isinstance(answer, Refused) else {"reply": answer.reply}

    def stored(self, key: str) -> dict[str, Any]:
        """Return what the database holds under *key*."""

        async def read() -> bytes:
            store = SqliteStore(self.home / "cluster.db")
            try:
                return (await store.read(key)).entries[key].value
            finally:
                await store.close()

        found: dict[str, Any] = json.loads(asyncio.run(read()))
        return found


@pytest.fixture
def mixed() -> Iterator[Mixed]:
    with short_folder() as home:
        following = copy_tree(home / "next")
        make_next(following)
        database = f"sqlite:{home}/cluster.db"
        with (
            running_agent(home / "NODE1", "NODE1", database=database) as old,
            running_agent(home / "NODE2", "NODE2", database=database, start=False) as new,
        ):
            run_from(new, following)
            new.start()
            yield Mixed(old, new, following, home)


def test_groups_fail_over_from_either_version_to_the_other(mixed: Mixed) -> None:
    web = mixed.at_old.application("Web", 2)
    assert {node.name: node.version for node in mixed.at_old.now.nodes.values()} == {
        "NODE1": "0.1.0",
        "NODE2": SOFTWARE,
    }
    mixed.new.kill()
    mixed.new.reap()
    mixed.at_old.until(lambda s: runs(s, "Web", 1))
    mixed.new.start()
    mixed.at_new.until(lambda s: is_in(s, "NODE2", NodeState.UP))
    mixed.old.kill()  # the leader
    mixed.old.reap()
    now = mixed.at_new.until(lambda s: runs(s, "Web", 2))
    assert now.resources[web.id].process_id != web.process_id
    mixed.old.start()


def test_what_the_next_version_adds_survives_what_this_one_writes(mixed: Mixed) -> None:
    web = mixed.at_old.application("Web", 2)
    assert mixed.set_motto(web.group, "per aspera", mixed.old) == {"refused": "request_unknown"}
    assert "reply" in mixed.set_motto(web.group, "per aspera", mixed.new)
    with mixed.old.greet() as talk:  # this version writes the record anew
        talk.do(r.SetPreferredOwners(group=web.group, nodes=(2, 1)))
        talk.do(r.BringOnline(kind=ObjectKind.GROUP, id=web.group))
        talk.do(r.MoveGroup(group=web.group, node=1))
    mixed.at_old.until(lambda s: runs(s, "Web", 1))
    record = mixed.stored(f"groups/{web.group}")
    assert record["motto"] == "per aspera"
    assert record["preferred_owners"] == [2, 1]
    assert mixed.at_old.now.cluster.leader == 1
    assert mixed.stored(f"mottoes/{web.group}")["motto"] == "per aspera"


def test_workstations_of_either_version_work_with_agents_of_either(mixed: Mixed) -> None:
    mixed.at_old.application("Web", 2)
    with mixed.new.connect() as talk:
        assert talk.hello().protocol == 1
    for place in (None, mixed.next):
        for agent in (mixed.old, mixed.new):
            environment = {**os.environ, "HOME": str(mixed.home)}
            if place is not None:
                environment["PYTHONPATH"] = str(place)
            words = [sys.executable, "-m", "ui", "--cluster", f"unix:{agent.socket}"]
            for arguments in (["node", "--json"], ["group", "Web", "--prop", "FailoverThreshold=7"]):
                done = subprocess.run(
                    [*words, *arguments],
                    cwd=place,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    timeout=120,
                    check=False,
                )
                assert done.returncode == 0, done.stderr


def test_the_schema_is_raised_when_all_know_it_and_then_the_older_one_cannot_join(mixed: Mixed) -> None:
    assert mixed.at_old.now.cluster.schema == 1
    mixed.old.terminate()
    assert mixed.at_new.until(lambda s: is_in(s, "NODE1", NodeState.DOWN)).cluster.schema == 1  # it may come back
    run_from(mixed.old, mixed.next)
    mixed.old.start()
    mixed.at_new.until(lambda s: s.cluster.schema == 2)
    mixed.old.terminate()
    mixed.old.place, mixed.old.environment = None, {}
    mixed.old.begin()
    sentence = "The cluster database has schema 2, this agent knows 1; update this node's software."
    mixed.at_new.until(lambda _: sentence in mixed.old.said)
    assert not is_in(mixed.at_new.now, "NODE1", NodeState.UP)


def test_an_agent_is_updated_under_its_application_by_a_restart(mixed: Mixed) -> None:
    with short_folder() as place:
        copy_tree(place / "now")
        mixed.new.terminate()
        run_from(mixed.new, place / "now")
        mixed.new.start()
        web = mixed.at_old.application("Web", 2)
        assert mixed.at_old.node("NODE2").version == "0.1.0"
        make_next(place / "now")
        mixed.old.ask(r.RestartNode(node=2))
        mixed.at_new.until(lambda s: s.nodes[2].version == SOFTWARE and runs(s, "Web", 2))
        now = mixed.at_new.until(lambda s: s.resources[web.id].process_id == web.process_id)
        assert now.resources[web.id].monitor_process_id == web.monitor_process_id
        assert "reply" in mixed.set_motto(web.group, "ad astra", mixed.new)
        mixed.new.terminate()
        run_from(mixed.new, mixed.next)
        mixed.new.start()
