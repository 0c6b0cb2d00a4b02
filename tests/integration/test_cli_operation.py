"""The command line operates two real agents: what an administrator does on a day of maintenance."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.agents import Agent, running_cluster, short_folder
from tests.support.commandline import CommandLine
from tests.support.onlooker import Onlooker

pytestmark = pytest.mark.timeout(400)

SECONDS = 120.0


class Shell(CommandLine):
    """Runs the command line against one agent's socket, as another home than the tester's."""

    def __init__(self, agent: Agent, home: Path) -> None:
        self.agent = agent
        self._environment = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")}

    def words(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "ui", "--cluster", f"unix:{self.agent.socket}", *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.words(*arguments),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def interrupted(self, *arguments: str, after: str) -> tuple[int, str]:
        """Run until *after* was printed, press Ctrl-C, and return exit code and what it said on standard error."""
        with subprocess.Popen(
            self.words(*arguments),
            env={**self._environment, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if after in line:
                    break
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=SECONDS)
        return process.returncode, said


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Shell, Shell]]:
    with short_folder() as home, running_cluster(home) as (one, two):
        yield Shell(one, home), Shell(two, home)


@pytest.fixture
def shell(pair: tuple[Shell, Shell]) -> Shell:
    return pair[0]


def test_a_day_of_maintenance(shell: Shell) -> None:
    web = Onlooker(shell.agent).application("Web", 2)
    shell.done("node", "NODE2", "--pause", "--drain", "--wait:60", "--note", "new memory")
    assert shell.json("group", "Web")["owner"] == "NODE1"
    assert shell.json("node", "NODE2")["drained_groups"] == ["Web"]
    shell.done("node", "NODE2", "--stop", "--wait:60")
    assert "stopped by" in shell.done("node", "NODE2")
    assert shell.json("node", "NODE2")["stopped"] is True
    shell.done("node", "NODE2", "--start", "--wait:60")
    shell.done("node", "NODE2", "--resume:failback", "--wait:60")
    assert shell.json("group", "Web")["owner"] == "NODE2"
    assert shell.json("resource", "Web")["process_id"] != web.process_id


def test_without_a_name_the_node_of_the_socket_is_meant_and_can_be_started_there(pair: tuple[Shell, Shell]) -> None:
    one, two = pair
    two.done("node", "--leave")
    Onlooker(one.agent).until(lambda s: s.nodes[2].state.name == "DOWN")
    Onlooker(two.agent).until(lambda s: s.nodes[2].state.name == "DOWN")
    Onlooker(two.agent).until(lambda s: "stands by" in two.agent.said and s.revision)
    two.done("node", "--join", "--wait:60")
    assert one.json("node", "NODE2")["state"] == "Up"


def test_maintenance_is_shown_with_its_end_and_its_reason(shell: Shell) -> None:
    shell.done("cluster", "--maintenance:30m", "--note", "switches are replaced")
    assert "switches are replaced" in shell.done("cluster")
    found = shell.json("cluster", "--status")
    assert "switches are replaced" in str(found["maintenance"])
    shell.done("cluster", "--endmaintenance")
    assert "not in maintenance" in shell.refused("cluster", "--endmaintenance")
    shell.done("node", "NODE2", "--maintenance:1h")
    assert "in maintenance until" in shell.done("node", "NODE2")
    assert shell.json("node", "NODE2")["maintenance"]["reason"] is None
    shell.done("node", "NODE2", "--endmaintenance")


def test_quorum_is_told_in_sentences(shell: Shell) -> None:
    said = shell.done("cluster", "--quorum")
    assert "one file on one machine" in said
    assert shell.json("cluster", "--quorum")["voters"] == []


def test_all_agents_begin_anew_one_after_the_other_and_no_application_is_touched(shell: Shell) -> None:
    applications = [Onlooker(shell.agent).application(f"Anew {node}", node) for node in (1, 2)]
    before = {node.name: node.service_since for node in Onlooker(shell.agent).now.nodes.values()}
    assert shell.run("cluster", "--restartagents").returncode == 2  # nobody is there to say that it is meant
    said = shell.done("cluster", "--restartagents", "--yes")
    assert [line for line in said.splitlines() if "is back" in line] == ["NODE2 is back.", "NODE1 is back."]
    now = Onlooker(shell.agent).until(lambda s: all(s.resources[a.id].process_id for a in applications))
    assert all(node.service_since > before[node.name] for node in now.nodes.values())
    assert [now.resources[a.id].process_id for a in applications] == [a.process_id for a in applications]


def test_who_stops_waiting_for_a_drain_leaves_it_going_and_can_call_it_off(shell: Shell) -> None:
    web = Onlooker(shell.agent).application("Slow", 2, CommandLine="/bin/sh -c 'trap \"\" TERM; sleep 1000'")
    code, said = shell.interrupted("node", "NODE2", "--pause", "--drain", "--wait", after="left to move away")
    assert code == 130
    assert "--canceldrain" in said
    assert shell.json("node", "NODE2")["draining"] is True
    shell.done("node", "NODE2", "--canceldrain")
    assert shell.json("node", "NODE2")["draining"] is False
    shell.done("node", "NODE2", "--resume")
    Onlooker(shell.agent).until(lambda s: s.groups[web.group].phase == "claimed" and s.nodes[2].state.name == "UP")


def test_only_a_node_that_is_down_is_evicted_and_only_when_it_is_meant(shell: Shell) -> None:
    assert shell.run("node", "NODE2", "--evict").returncode == 2
    assert "still a member" in shell.refused("node", "NODE2", "--evict", "--yes")
    assert "No node named NODE9 was evicted" in shell.refused("cluster", "--admit:NODE9")
