"""``group NAME --why``: the decision's own record, and every node as it is now."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from clusteradmin.cli.main import main
from nodeagent.api.causes import Refusal, cause
from nodeagent.api.objects import NodeState
from nodeagent.api.problems import problem
from nodeagent.planner.explaining import explain
from tests.builders import changed, cluster
from tests.support.scriptedagent import scripted_agent

DOWN = Refusal(node=1, name="NODE1", reason=problem("node_down", "node", node="NODE1", state="Down"))
MOVED = replace(cause("cause_owner_lost", node="NODE3", why="it is next"), refused=(DOWN,))
NOW = changed(
    changed(
        cluster(nodes=["NODE1", "NODE2", "NODE3"], groups={"Web": "App"}, owners={"Web": "NODE2"}),
        "node",
        "NODE3",
        state=NodeState.PAUSED,
        paused=True,
    ),
    "group",
    "Web",
    cause=MOVED,
    since=1_000_000.0,
)


@pytest.fixture(autouse=True)
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CLUSTERADMIN_HOME", str(tmp_path / "home"))
    with scripted_agent(tmp_path, NOW) as running:
        monkeypatch.setenv("CLUSTERAGENT_SOCKET", str(running.path))
        yield


def test_it_says_why_it_is_here_and_what_of_every_other_node(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["group", "Web", "--why"]) == 0
    said = capsys.readouterr().out
    assert "Web is on NODE2." in said
    assert "NODE3 is down; chosen because it is next." in said
    assert "could take it" in said
    assert "NODE1 is not up (Down)." in said
    assert "NODE3 is paused; resume it first." in said


def test_a_program_gets_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["group", "Web", "--why", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["owner"] == "NODE2"
    assert [(node["name"], node["here"], node["problem"]) for node in told["nodes"]] == [
        ("NODE1", False, None),
        ("NODE2", True, None),
        ("NODE3", False, "NODE3 is paused; resume it first."),
    ]


def test_a_group_that_is_kept_apart_is_told_from_whom() -> None:
    now = cluster("ab", {"Web": "App", "Two": "T"}, owners={"Web": "a", "Two": "b"})
    for name in ("Web", "Two"):
        now = changed(now, "group", name, properties={"AntiAffinityClassNames": ("db",)})
    there = explain(now.groups["web"], now).nodes[1]
    assert there.problem is not None
    assert there.problem.code == "anti_affinity"
