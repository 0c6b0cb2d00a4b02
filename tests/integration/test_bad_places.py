"""What only a node can know to be wrong: said when it is saved, per possible owner, and again when it is started."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nodeagent.api import requests as r
from nodeagent.api.objects import ObjectKind, ResourceState
from nodeagent.api.problems import Problem
from nodeagent.api.properties import Value
from nodeagent.api.texts import sentence
from tests.support.agents import running_cluster, short_folder
from tests.support.clusterdesk import APPLICATION, GROUP, RESOURCE, RUNNABLE, Desk, cluster, desk, fresh, self_name

__all__ = ["cluster", "desk"]


def notices(found: tuple[Problem, ...]) -> list[str]:
    return sorted(map(sentence, found))


def test_without_a_command_line_it_is_stored_but_does_not_go_online(desk: Desk) -> None:
    group = desk.group()
    done = desk.talk.do(r.CreateResource(name=fresh("App"), type=APPLICATION, group=group))
    assert done.notices == ()
    for request in (r.BringOnline(kind=RESOURCE, id=done.id), r.BringOnline(kind=GROUP, id=group)):
        assert desk.refused(request) == "CommandLine is required; set it to a value."


@pytest.fixture
def not_executable() -> Iterator[Path]:
    with short_folder() as folder:
        file = folder / "script"
        file.write_text("#!/bin/sh\n")
        file.chmod(0o644)
        yield file


def mistakes(folder: Path, file: Path) -> dict[str, tuple[dict[str, Any], str]]:
    return {
        "program": ({"CommandLine": "/no/such/program"}, "The program /no/such/program is not there."),
        "in the path": ({"CommandLine": "no-such-program"}, "The program no-such-program is not there."),
        "executable": ({"CommandLine": str(file)}, f"The program {file} is not executable."),
        "a directory": ({"CommandLine": str(folder)}, f"The program {folder} is not executable."),
        "directory": ({"CurrentDirectory": "/no/such"}, "The directory /no/such is not there."),
        "user": ({"RunAs": "nobody-here"}, "There is no user nobody-here."),
    }


@pytest.mark.parametrize("mistake", ["program", "in the path", "executable", "a directory", "directory", "user"])
def test_what_a_node_misses_is_a_notice_per_possible_owner_and_a_failure_with_that_sentence(
    desk: Desk, not_executable: Path, mistake: str
) -> None:
    changes, said = mistakes(not_executable.parent, not_executable)[mistake]
    group = desk.group()
    request = r.CreateResource(
        name=fresh("App"),
        type=APPLICATION,
        group=group,
        properties={"RestartAction": 0},
        parameters={**RUNNABLE, **changes},
    )
    done = desk.talk.do(request)
    assert notices(done.notices) == [f"On NODE1: {said}", f"On NODE2: {said}"]
    assert {notice.parameters["code"] for notice in done.notices} <= {
        "program_not_found", "program_not_executable", "directory_missing", "user_unknown",
    }  # fmt: skip
    answered = desk.talk.ask(r.ValidateParameters(type=APPLICATION, parameters=request.parameters))
    assert isinstance(answered, r.Validated)
    assert [[sentence(bad) for bad in answer.problems] for answer in answered.answers] == [[said], [said]]
    desk.talk.do(r.BringOnline(kind=RESOURCE, id=done.id))
    failed = desk.until(done.id, ResourceState.FAILED)
    assert failed.information == said


def test_a_resource_that_could_not_be_started_can_be_taken_offline(desk: Desk) -> None:
    parameters: dict[str, Value] = {**RUNNABLE, "CommandLine": "/no/such/program"}
    resource = desk.resource(properties={"RestartAction": 0}, parameters=parameters)
    desk.talk.do(r.BringOnline(kind=RESOURCE, id=resource))
    desk.until(resource, ResourceState.FAILED)
    desk.talk.do(r.TakeOffline(kind=RESOURCE, id=resource))
    desk.until(resource, ResourceState.OFFLINE)


def test_a_directory_whose_path_no_file_system_takes_ends_no_agent(desk: Desk) -> None:
    pids = [agent.pid for agent in desk.agents]
    for directory in ("/" + "d" * 5000, "/" + "a/" * 10_000, "/\U0010ffff", "/" + "ü" * 200):
        parameters: dict[str, Value] = {"CommandLine": "/bin/true", "CurrentDirectory": directory}
        resource = r.CreateResource(name=fresh("App"), type=APPLICATION, group=desk.group(), parameters=parameters)
        done = desk.talk.do(resource)
        assert len(done.notices) == 2
        assert all(notice.code == "validation_failed" for notice in done.notices), done.notices
    assert [agent.pid for agent in desk.agents] == pids
    assert all(agent.running for agent in desk.agents)


def test_changed_settings_of_a_running_resource_are_stored_for_later_and_said_so(desk: Desk) -> None:
    group = desk.group()
    resource = desk.resource(group)
    desk.talk.do(r.BringOnline(kind=GROUP, id=group))
    name = desk.until(resource, ResourceState.ONLINE).name
    done = desk.talk.do(r.SetProperties(kind=RESOURCE, id=resource, parameters={"commandline": "/bin/sleep 2000"}))
    assert notices(done.notices) == [f"CommandLine stored; takes effect when {name} next goes online."]
    said = desk.refused(r.Delete(kind=RESOURCE, id=resource))
    assert said == f"{name} is not offline; take it offline first."
    owner = desk.now.node_name(desk.now.groups[group].owner)
    other = next(node.id for node in desk.now.nodes.values() if node.name != owner)
    said = desk.refused(r.SetPossibleOwners(resource=resource, nodes=(other,)))
    assert said == f"{name} runs on {owner}, which must stay a possible owner; move its group first."
    desk.talk.do(r.TakeOffline(kind=GROUP, id=group))
    desk.until(resource, ResourceState.OFFLINE)


# --- nodes that cannot take it


def test_a_paused_node_takes_no_group(desk: Desk) -> None:
    group = desk.group()
    desk.resource(group)
    desk.talk.do(r.PauseNode(node=2))
    try:
        assert desk.refused(r.MoveGroup(group=group, node=2)) == "NODE2 is paused; resume it first."
        assert desk.refused(r.BringOnline(kind=GROUP, id=group, node=2)) == "NODE2 is paused; resume it first."
        assert desk.refused(r.PauseNode(node=2)) == "NODE2 is already paused."
        said = desk.refused(r.MoveGroup(group=group))
        name = desk.now.groups[group].name
        assert said == f"No other node can run {name} now. NODE2 is paused; resume it first."
    finally:
        desk.talk.do(r.ResumeNode(node=2))
    assert desk.refused(r.ResumeNode(node=2)) == "NODE2 is not paused."


def test_a_node_that_is_not_a_possible_owner_takes_no_group(desk: Desk) -> None:
    group = desk.group()
    resource = desk.resource(group, possible_owners=(1,))
    said = desk.refused(r.MoveGroup(group=group, node=2))
    assert said == f"NODE2 is not a possible owner of {desk.now.resources[resource].name}."


def test_a_node_that_has_left_takes_no_group() -> None:
    with short_folder() as home, running_cluster(home) as agents, agents[0].greet() as talk:
        desk = Desk(agents, talk)
        group = desk.group()
        desk.resource(group)
        agents[1].terminate()
        assert desk.refused(r.MoveGroup(group=group, node=2)) == "NODE2 is not up (Down)."
        assert desk.refused(r.PauseNode(node=2)) == "NODE2 is not up (Down)."
        answered = talk.ask(r.ValidateParameters(type=APPLICATION, parameters=dict(RUNNABLE)))
        assert isinstance(answered, r.Validated)
        assert [(answer.node, answer.answered) for answer in answered.answers] == [(1, True), (2, False)]


def test_an_empty_group_has_nothing_to_bring_online(desk: Desk) -> None:
    group = desk.group(name="Nothing in it")
    for request in (
        r.BringOnline(kind=GROUP, id=group),
        r.BringOnline(kind=GROUP, id=group, node=2),
        r.TakeOffline(kind=GROUP, id=group),
    ):
        assert desk.refused(request) == "Nothing in it has no resources."
    desk.talk.do(r.Delete(kind=GROUP, id=group))


def test_what_an_object_cannot_do_is_said(desk: Desk) -> None:
    said = desk.refused(r.Delete(kind=ObjectKind.NODE, id="1"))
    assert said == "“delete” is not possible for an object of this kind (node)."
    resource = desk.resource()
    name = self_name(desk, resource)
    said = desk.refused(r.InitiateFailure(resource=resource))
    assert said == f"{name} is Offline; only an online resource can be failed."
