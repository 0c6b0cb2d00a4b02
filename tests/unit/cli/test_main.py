"""Whole command lines against a peer at a socket: what is asked, what is printed, which exit code comes back."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from clusteradmin.cli.main import main
from clusteradmin.settings import ClientHome, SavedConnection
from nodeagent.api.events import LogEntry, Severity
from nodeagent.api.objects import ObjectKind, Phase, ResourceState
from nodeagent.api.problems import problem
from nodeagent.api.quorum import Voter
from nodeagent.api.requests import (
    BringOnline,
    CreateResource,
    Delete,
    Done,
    MoveGroup,
    PauseNode,
    Rename,
    Right,
    SetDependencies,
    SetPossibleOwners,
    SetProperties,
    TakeOffline,
)
from tests.builders import changed, cluster, with_network
from tests.support.obedient import obey, postpone
from tests.support.scriptedagent import ScriptedAgent, scripted_agent

OFFLINE = cluster(nodes=["NODE1", "NODE2"], groups={"Web": "IP App"}, state=ResourceState.OFFLINE)

Run = Callable[..., int]


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedAgent]:
    monkeypatch.setenv("CLUSTERADMIN_HOME", str(tmp_path / "home"))
    with scripted_agent(tmp_path, with_network(OFFLINE), answer=obey) as running:
        monkeypatch.setenv("CLUSTERAGENT_SOCKET", str(running.path))
        yield running


Captured = pytest.CaptureFixture[str]


def printed(capsys: Captured, *words: str, code: int = 0) -> str:
    assert main(list(words)) == code, capsys.readouterr().err
    return capsys.readouterr().out


def complained(capsys: Captured, *words: str, code: int) -> str:
    assert main(list(words)) == code
    return capsys.readouterr().err


def document(capsys: Captured, *words: str) -> object:
    return json.loads(printed(capsys, *words, "--json"))


def test_a_kind_of_object_alone_lists_all_of_them(agent: ScriptedAgent, capsys: Captured) -> None:
    lines = printed(capsys, "resource").splitlines()
    assert lines[0].split() == ["Resource", "Group", "Node", "Status", "Information"]
    assert [line.split() for line in lines[2:]] == [
        ["App", "Web", "NODE1", "Offline"],
        ["IP", "Web", "NODE1", "Offline"],
    ]
    assert "NODE2  2        Up" in printed(capsys, "node")
    assert "Web" in printed(capsys, "group", "--status", "--node:NODE1")
    assert "Web" not in printed(capsys, "group", "--status", "--node:NODE2")


def test_json_is_one_object_for_a_name_and_a_list_without(agent: ScriptedAgent, capsys: Captured) -> None:
    one = document(capsys, "resource", "app")
    assert isinstance(one, dict)
    assert {key: one[key] for key in ("name", "type", "group", "owner", "state", "process_id")} == {
        "name": "App",
        "type": "Generic Application",
        "group": "Web",
        "owner": "NODE1",
        "state": "Offline",
        "process_id": None,
    }
    several = document(capsys, "resource")
    assert isinstance(several, list)
    assert [item["name"] for item in several] == ["App", "IP"]
    for kind in ("node", "group", "restype", "network", "netinterface"):
        assert isinstance(document(capsys, kind), list)
    assert isinstance(document(capsys, "cluster"), dict)


def test_a_resource_is_created_and_set_and_brought_online_in_one_line(agent: ScriptedAgent, capsys: Captured) -> None:
    words = ["resource", "Notepad", "--create", "--group:Web", "--type:Generic Application", "--separate"]
    out = printed(capsys, *words, "--priv", "CommandLine=sleep 5", "InteractWithDesktop=1", "/on:10")
    assert out.splitlines()[-1].split() == ["Notepad", "Web", "NODE1", "Online"]
    assert agent.requests == [
        CreateResource(name="Notepad", type="Generic Application", group="web", separate_monitor=True),
        SetProperties(
            kind=ObjectKind.RESOURCE,
            id="notepad",
            parameters={"CommandLine": "sleep 5", "InteractWithDesktop": True},
        ),
        BringOnline(kind=ObjectKind.RESOURCE, id="notepad"),
    ]


def test_an_empty_value_restores_the_default(agent: ScriptedAgent, capsys: Captured) -> None:
    printed(capsys, "resource", "App", "--prop", "restartthreshold=5", "Description=")
    assert agent.requests == [
        SetProperties(kind=ObjectKind.RESOURCE, id="app", properties={"RestartThreshold": 5, "Description": None})
    ]


def test_properties_are_listed_with_values_and_defaults(agent: ScriptedAgent, capsys: Captured) -> None:
    listed = document(capsys, "resource", "App", "--prop")
    assert isinstance(listed, dict)
    assert listed["RestartThreshold"] == 3
    assert document(capsys, "resource", "App", "--priv", "CommandLine") == {"CommandLine": "sleep 1000"}
    assert "CommandLine" in printed(capsys, "resource", "App", "--priv")
    assert "property" in complained(capsys, "resource", "App", "--prop", "NoSuch", code=1)


def test_what_is_stored_for_the_next_online_is_said(agent: ScriptedAgent, capsys: Captured) -> None:
    printed(capsys, "resource", "App", "--online")
    assert main(["resource", "App", "--priv", "CommandLine=other"]) == 0
    assert "takes effect when App next goes online" in capsys.readouterr().err


def test_owners_and_dependencies_are_named(agent: ScriptedAgent, capsys: Captured) -> None:
    printed(capsys, "resource", "App", "--adddep:IP", "--removeowner:NODE2")
    assert agent.requests == [
        SetDependencies(resource="app", providers=("ip",)),
        SetPossibleOwners(resource="app", nodes=(1,)),
    ]
    assert document(capsys, "resource", "App", "--listdep") == ["IP"]
    assert document(capsys, "resource", "App", "--listowners") == ["NODE1"]
    printed(capsys, "resource", "App", "--setowners:*", "--removedep:IP")
    assert document(capsys, "resource", "App", "--listdep") == []
    assert "Error ID: 5002" in complained(capsys, "resource", "App", "--removedep:IP", code=1)
    assert "Error ID: 5003" in complained(capsys, "resource", "App", "--adddep:IP", "--adddep:IP", code=1)
    printed(capsys, "group", "Web", "--setowners:NODE2,NODE1")
    assert document(capsys, "group", "Web", "--listowners") == ["NODE2", "NODE1"]


def test_a_group_is_moved_to_a_node_and_back_to_any(agent: ScriptedAgent, capsys: Captured) -> None:
    assert "NODE2" in printed(capsys, "group", "Web", "--moveto:node2", "--note:maintenance")
    assert agent.requests == [MoveGroup(group="web", node=2, note="maintenance")]
    assert "NODE1" in printed(capsys, "group", "Web", "/move")


def test_a_new_name_is_used_by_the_rest_of_the_line(agent: ScriptedAgent, capsys: Captured) -> None:
    out = printed(capsys, "resource", "App", "--rename:Editor", "--online")
    assert out.splitlines()[-1].split()[:4] == ["Editor", "Web", "NODE1", "Online"]


def test_this_machines_node_needs_no_name(agent: ScriptedAgent, capsys: Captured) -> None:
    assert "Paused" in printed(capsys, "node", "--pause")
    assert agent.requests == [PauseNode(node=1)]
    assert "Up" in printed(capsys, "node", "NODE1", "--resume", "--wait:5")


def test_deleting_says_nothing_and_takes_dependents_only_when_that_is_meant(
    agent: ScriptedAgent, capsys: Captured
) -> None:
    printed(capsys, "resource", "App", "--adddep:IP")
    agent.requests.clear()
    assert "App" in complained(capsys, "resource", "IP", "--delete", code=2)
    assert agent.requests == []
    assert printed(capsys, "resource", "IP", "--delete", "--yes") == ""
    assert agent.requests == [Delete(kind=ObjectKind.RESOURCE, id="ip", with_dependents=("app",))]


def test_whatif_asks_for_nothing_and_says_what_would_come(agent: ScriptedAgent, capsys: Captured) -> None:
    out = printed(capsys, "group", "Web", "--moveto", "--whatif")
    assert "NODE2 is the best possible node" in out
    assert "Web moves from NODE1 to NODE2." in out
    assert "goes online" in printed(capsys, "resource", "App", "--online", "--whatif")
    assert "already offline" in complained(capsys, "resource", "App", "--offline", "--whatif", code=1)
    assert "Error ID: 5084" in complained(capsys, "resource", "App", "--fail", "--whatif", code=1)
    assert "is created" in printed(capsys, "group", "New", "--create", "--online", "--whatif")
    assert agent.requests == []


def test_whatif_knows_what_the_user_may_do(agent: ScriptedAgent, capsys: Captured) -> None:
    agent.right = Right.READ
    assert "Error ID: 5 " in complained(capsys, "node", "NODE1", "--pause", "--whatif", code=1)


def test_a_refusal_is_one_sentence_and_exit_code_one(agent: ScriptedAgent, capsys: Captured) -> None:
    agent.answer = lambda agent, request: problem("wrong_state", name="App", state="Offline Pending")
    text = complained(capsys, "resource", "App", "--online", code=1)
    assert text == "App is Offline Pending; wait until that has ended. Error ID: 5023 (0000139f).\n"
    assert "Error ID: 5007" in complained(capsys, "resource", "Nobody", "--online", code=1)
    assert "Error ID: 5013" in complained(capsys, "group", "Nobody", code=1)
    assert "Error ID: 5042" in complained(capsys, "node", "Nobody", code=1)


def test_what_is_still_pending_at_the_time_limit_is_exit_code_three(agent: ScriptedAgent, capsys: Captured) -> None:
    agent.answer = postpone
    text = complained(capsys, "resource", "App", "--online:0.05", code=3)
    assert text == "App is still Offline. Error ID: 997 (000003e5).\n"
    assert "still" in complained(capsys, "group", "Web", "--moveto:NODE2", "--wait:0.05", code=3)


def test_a_move_that_the_planner_drops_is_not_waited_for(agent: ScriptedAgent, capsys: Captured) -> None:
    agent.push(changed(agent.snapshot, "group", "Web", phase=Phase.CLAIMED))
    agent.answer = lambda agent, request: Done(revision=agent.snapshot.revision)
    assert "was not moved" in complained(capsys, "group", "Web", "--moveto:NODE2", "--wait:20", code=1)


def test_waiting_ends_with_the_state(agent: ScriptedAgent, capsys: Captured) -> None:
    printed(capsys, "group", "Web", "--online", "--wait")
    printed(capsys, "group", "Web", "--offline:5")
    assert [type(request) for request in agent.requests] == [BringOnline, TakeOffline]


def test_a_line_that_cannot_be_read_is_exit_code_two(agent: ScriptedAgent, capsys: Captured) -> None:
    assert "has no option" in complained(capsys, "group", "Web", "--explode", code=2)
    assert "A name is missing" in complained(capsys, "group", "--online", code=2)
    assert "needs group and type" in complained(capsys, "resource", "R", "--create", code=2)
    assert "number of seconds" in complained(capsys, "group", "Web", "--online", "--wait:soon", code=2)
    assert agent.requests == []


def test_no_connection_is_exit_code_four(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setenv("CLUSTERADMIN_HOME", str(tmp_path))
    text = complained(capsys, f"--cluster=unix:{tmp_path}/nobody.sock", "group", code=4)
    assert text.startswith("There is no connection to the cluster: No Cluster Service listens at")
    assert text.count("\n") == 1


def test_a_saved_connection_is_opened_by_its_name(
    agent: ScriptedAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.delenv("CLUSTERAGENT_SOCKET")
    ClientHome(tmp_path / "home").save(SavedConnection(name="mine", target=f"unix:{agent.path}"))
    assert "Web" in printed(capsys, "--cluster", "mine", "group")
    listed = document(capsys, "cluster", "--list")
    assert isinstance(listed, dict) or listed[0]["cluster"] == "TEST"  # type: ignore[index]


def test_the_cluster_itself(agent: ScriptedAgent, capsys: Captured) -> None:
    found = document(capsys, "cluster")
    assert isinstance(found, dict)
    assert (found["name"], found["connected_to"], found["user"], found["nodes"]) == ("TEST", "NODE1", "tester", 2)
    assert "workstation" in printed(capsys, "cluster", "--version")
    printed(capsys, "cluster", "--prop", "Profile=fast")
    assert agent.requests == [SetProperties(kind=ObjectKind.CLUSTER, id="cluster", properties={"Profile": "fast"})]
    assert "renamed" in printed(capsys, "cluster", "--rename:renamed")


def test_types_networks_and_interfaces(agent: ScriptedAgent, capsys: Captured) -> None:
    assert "CommandLine" in printed(capsys, "restype", "Generic Application", "--priv")
    assert document(capsys, "restype", "Generic Application", "--listowners") == ["NODE1", "NODE2"]
    assert "10.0.0.2" in printed(capsys, "netint", "--node:NODE2")
    assert "10.0.0.1" not in printed(capsys, "netint", "--node:NODE2")
    assert "10.0.0.1" in printed(capsys, "network", "Public", "--listinterfaces")
    assert "all communications" in printed(capsys, "network", "Public")
    assert "Error ID: 5045" in complained(capsys, "network", "Nowhere", code=1)


def test_a_network_is_renamed_and_gets_a_role_and_a_card_a_description(agent: ScriptedAgent, capsys: Captured) -> None:
    (network,) = (n for n in with_network(OFFLINE).networks.values() if n.name == "Public")
    printed(capsys, "network", "Public", "--setrole:client")
    printed(capsys, "network", "Public", "--setrole:9")
    printed(capsys, "netint", "--node:NODE2", "--network:Public", "--prop", "Description=left")
    printed(capsys, "network", "Public", "--rename:Outside")
    assert agent.requests == [
        SetProperties(kind=ObjectKind.NETWORK, id=network.id, properties={"Role": 2}),
        SetProperties(kind=ObjectKind.NETWORK, id=network.id, properties={"Role": 9}),
        SetProperties(kind=ObjectKind.INTERFACE, id=f"{network.id}-2", properties={"Description": "left"}),
        Rename(kind=ObjectKind.NETWORK, id=network.id, name="Outside"),
    ]


def entry(sequence: int, text: str) -> LogEntry:
    return LogEntry(
        sequence=sequence,
        at=1_700_000_000.25,
        node="NODE1",
        severity=Severity.WARNING,
        code="event_notice",
        parameters={"detail": text},
    )


def test_the_event_log_is_printed_for_people_and_programs(agent: ScriptedAgent, capsys: Captured) -> None:
    agent.log += [entry(1, "first"), entry(2, "second")]
    out = printed(capsys, "events")
    assert [line.rsplit(None, 1)[1] for line in out.splitlines()] == ["first", "second"]
    assert printed(capsys, "events", "--last:1").count("\n") == 1
    listed = document(capsys, "events", "--last:1")
    assert isinstance(listed, list)
    assert listed[0]["text"] == "second"
    assert listed[0]["time"] == "2023-11-14T22:13:20.250+00:00"


def test_the_end_of_an_applications_output(agent: ScriptedAgent, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    agent.output = b"what it \xff wrote\n"
    assert main(["log", "App"]) == 0
    assert capfdbinary.readouterr().out == b"what it \xff wrote\n"


def test_help_needs_no_cluster(capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLUSTERAGENT_SOCKET", str(tmp_path / "none"))
    assert "Exit codes" in printed(capsys, "--help")
    assert "Exit codes" in printed(capsys, "/?")
    for kind in ("cluster", "node", "group", "resource", "restype", "network", "netint", "events", "log"):
        text = printed(capsys, kind, "--help")
        assert "Examples:" in text
        assert max(len(line) for line in text.splitlines()) <= 120
    assert "Cluster Administrator" in printed(capsys, "--version")


def test_every_example_of_the_help_can_be_read() -> None:
    import shlex

    from clusteradmin.cli.grammar import parse
    from clusteradmin.cli.objects import OBJECTS

    for spec in OBJECTS:
        for example in spec.examples:
            assert parse(shlex.split(example)[1:], OBJECTS).object is spec


def test_an_object_that_is_changed_by_others_is_shown_as_it_is_now(agent: ScriptedAgent, capsys: Captured) -> None:
    agent.push(changed(agent.snapshot, "resource", "App", state=ResourceState.FAILED, information="it broke"))
    assert "it broke" in printed(capsys, "resource", "App")


def test_the_cluster_says_who_votes_and_whether_nodes_take_over_from_each_other(
    agent: ScriptedAgent, capsys: Captured
) -> None:
    found = document(capsys, "cluster")
    assert isinstance(found, dict)
    assert (found["voters"], found["automatic_node_failover"]) == ([], True)
    assert str(found["takeover_times"]).startswith("A node that is silent for 4.5 s is declared down")
    two = (Voter(name="m1"), Voter(name="m2"))
    agent.push(replace(agent.snapshot, cluster=replace(agent.snapshot.cluster, backend="etcd", voters=two)))
    found = document(capsys, "cluster")
    assert isinstance(found, dict)
    assert found["automatic_node_failover"] is False
    assert found["voters"] == [{"name": "m1", "answering": True}, {"name": "m2", "answering": True}]
    assert "no third voter as witness" in found["node_failover"]
    assert "takeover_times" not in found
    said = printed(capsys, "cluster")
    assert "2 of 2 voters answer; 2 are needed." in said
    assert "the other does not take over by itself" in said
