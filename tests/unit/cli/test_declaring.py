"""Command lines that declare nodes down and look after fence devices: what is asked, and what is never shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from clusteradmin.cli import terminal
from clusteradmin.cli.main import main
from nodeagent.api.fencing import FenceDevice, FenceOption, FenceSetting
from nodeagent.api.problems import problem
from nodeagent.api.requests import (
    CheckFenceDevices,
    DeclareOff,
    DescribeFenceProgram,
    Done,
    FenceDescribed,
    NodeAnswer,
    Reply,
    Request,
    SetFenceDevices,
    TakeOverNow,
    Validated,
)
from tests.builders import changed, cluster
from tests.support.scriptedagent import ScriptedAgent, scripted_agent

NODES = cluster(nodes=["NODE1", "NODE2"], groups={"Web": "IP App"})
DEVICE = FenceDevice(program="fence_x", options={"ip": "10.0.9.2"}, secrets=("password",), timeout=9.0)
SILENT = changed(NODES, "node", "NODE2", silent_since=5.0, heartbeat=77, fence=(DEVICE,))
Captured = pytest.CaptureFixture[str]


def answer(agent: ScriptedAgent, request: Request) -> Reply:
    match request:
        case DescribeFenceProgram():
            options = (FenceOption(name="ip", help="Address", required=True), FenceOption(name="old", deprecated=True))
            return FenceDescribed(options=options, actions=("off",))
        case CheckFenceDevices():
            bad = problem("fence_unhealthy", detail="fence_x gave no answer within 9 s.")
            return Validated(answers=(NodeAnswer(node=1, problems=(bad,)),))
        case _:
            return Done(revision=agent.snapshot.revision)


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedAgent]:
    monkeypatch.setenv("CLUSTERADMIN_HOME", str(tmp_path / "home"))
    with scripted_agent(tmp_path, SILENT, answer=answer) as running:
        monkeypatch.setenv("CLUSTERAGENT_SOCKET", str(running.path))
        yield running


def typed(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[tuple[str, bool]]:
    """Let somebody sit at the terminal and type *answers*; returns the questions, and whether there was no echo."""
    asked: list[tuple[str, bool]] = []
    left = list(answers)

    async def ask(prompt: str, *, secret: bool = False) -> str:
        asked.append((prompt, secret))
        return left.pop(0)

    monkeypatch.setattr(terminal, "present", lambda: True)
    monkeypatch.setattr(terminal, "ask", ask)
    return asked


def test_a_node_is_declared_off_with_what_was_typed_and_for_the_silence_that_was_shown(
    agent: ScriptedAgent, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = typed(monkeypatch, "node2")
    assert main(["node", "NODE2", "--declareoff", "--note:pulled the plug"]) == 0
    assert agent.requests == [DeclareOff(node=2, name="node2", heartbeat=77, note="pulled the plug")]
    assert [prompt for prompt, _ in asked] == ["Type the node's name to declare that it is off (NODE2): "]
    said = capsys.readouterr().err
    assert "It owns " in said
    assert "its applications run twice" in said


def test_without_a_terminal_yes_is_needed(agent: ScriptedAgent, capsys: Captured) -> None:
    assert main(["node", "NODE2", "--declareoff"]) == 2
    assert "Add --yes if that is certain." in capsys.readouterr().err
    assert agent.requests == []
    assert main(["node", "NODE2", "--declareoff", "--yes"]) == 0
    assert agent.requests == [DeclareOff(node=2, name="NODE2", heartbeat=77)]


def test_a_node_that_is_heard_is_refused_before_anything_is_asked(agent: ScriptedAgent, capsys: Captured) -> None:
    assert main(["node", "NODE1", "--declareoff", "--yes"]) == 1
    assert "NODE1 is heard" in capsys.readouterr().err
    assert agent.requests == []


def test_the_brake_is_shown_and_opened_for_those_that_are_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("CLUSTERADMIN_HOME", str(tmp_path / "home"))
    braked = replace(SILENT, cluster=replace(SILENT.cluster, brake=(2,)))
    with scripted_agent(tmp_path, braked, answer=answer) as agent:
        monkeypatch.setenv("CLUSTERAGENT_SOCKET", str(agent.path))
        assert main(["cluster"]) == 0
        assert "held for NODE2; see --takeover" in capsys.readouterr().out
        assert main(["cluster", "--takeover"]) == 2
        assert agent.requests == []
        assert main(["cluster", "--takeover", "--yes"]) == 0
        assert agent.requests == [TakeOverNow(nodes=(2,))]


def test_a_brake_that_is_open_cannot_be_opened(agent: ScriptedAgent, capsys: Captured) -> None:
    assert main(["cluster", "--takeover", "--yes"]) == 1
    assert "The brake is not held" in capsys.readouterr().err


def test_a_device_is_added_behind_those_that_are_there_and_its_secret_is_asked_for_without_an_echo(
    agent: ScriptedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = typed(monkeypatch, "s3cret")
    words = ["node", "NODE2", "--timelimit:12", "--addfence", "fence_y", "plug=4", "password"]
    assert main(words) == 0
    kept = FenceSetting(program="fence_x", options={"ip": "10.0.9.2"}, kept=("password",), timeout=9.0)
    added = FenceSetting(program="fence_y", options={"plug": "4", "password": "s3cret"}, timeout=12.0)
    assert agent.requests == [SetFenceDevices(node=2, devices=(kept, added))]
    assert asked == [("password: ", True)]


def test_a_device_is_changed_without_entering_its_secret_again(agent: ScriptedAgent) -> None:
    assert main(["node", "NODE2", "--setfence", "fence_x", "ip=10.0.9.3", "password"]) == 0
    changed_device = FenceSetting(program="fence_x", options={"ip": "10.0.9.3"}, kept=("password",))
    assert agent.requests == [SetFenceDevices(node=2, devices=(changed_device,))]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--setfence"], "name the program first"),
        (["--setfence", "ip=10.0.9.3"], "name the program first"),
        (["--setfence", "fence_y", "password"], "password has no value"),
    ],
)
def test_a_device_that_is_not_told_whole_is_refused(
    agent: ScriptedAgent, capsys: Captured, words: list[str], said: str
) -> None:
    assert main(["node", "NODE2", *words]) == 2
    assert said in capsys.readouterr().err
    assert agent.requests == []


def test_devices_are_listed_without_their_secrets(agent: ScriptedAgent, capsys: Captured) -> None:
    assert main(["node", "NODE2", "--listfence"]) == 0
    assert "ip=10.0.9.2 password=********" in capsys.readouterr().out
    assert main(["node", "NODE2", "--listfence", "--json"]) == 0
    shown: Any = json.loads(capsys.readouterr().out)
    options = {"ip": "10.0.9.2", "password": "********"}
    assert shown == [{"program": "fence_x", "options": options, "time_limit": 9.0}]


def test_a_device_that_does_not_work_is_an_exit_code(agent: ScriptedAgent, capsys: Captured) -> None:
    assert main(["node", "NODE2", "--checkfence"]) == 1
    found = capsys.readouterr()
    assert "fence_x gave no answer within 9 s." in found.out + found.err


def test_the_options_of_a_program_are_listed(agent: ScriptedAgent, capsys: Captured) -> None:
    assert main(["node", "NODE2", "--fencehelp:fence_x"]) == 0
    out = capsys.readouterr().out
    assert "Address" in out
    assert "old" not in out
