"""What people get wrong: refused in one sentence that says what to do, and nothing is changed by it."""

from __future__ import annotations

import threading
import unicodedata
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from clusteradmin.client.mirror import Mirror
from nodeagent.api import requests as r
from nodeagent.api.events import Changes, Page
from nodeagent.api.objects import ObjectKind, ObjectRef, Resource, ResourceState, Snapshot, ref
from nodeagent.api.problems import Problem
from nodeagent.api.properties import Value
from nodeagent.api.texts import sentence
from nodeagent.api.wire import Subscribe
from tests.support.agents import Agent, Talk, running_cluster, short_folder

APPLICATION = "Generic Application"
RUNNABLE: dict[str, Value] = {"CommandLine": "/bin/sleep 1000", "CurrentDirectory": "/"}
INTERVAL = "allowed is from 10 to 4294967294 ms, or -1 (use the value from the resource type)."
RESOURCE, GROUP = ObjectKind.RESOURCE, ObjectKind.GROUP


@dataclass
class Desk:
    """A workstation at a cluster of two nodes, with a mirror of it."""

    agents: list[Agent]
    talk: Talk
    mirror: Mirror = field(default_factory=Mirror)

    @property
    def now(self) -> Snapshot:
        assert self.mirror.snapshot is not None
        return self.mirror.snapshot

    def watch(self, seconds: float = 30.0) -> Talk:
        """Return a second connection that is subscribed; the mirror is up to date with it."""
        watching = self.agents[0].connect(timeout=seconds)
        watching.hello()
        watching.say(Subscribe(log=0))
        self.mirror.expect_snapshot()
        self.listen(watching, lambda: not self.mirror._asked)  # the whole snapshot is there
        return watching

    def listen(self, watching: Talk, reached: Any) -> None:
        while not reached():
            frame = watching.next()
            assert frame is not None
            if isinstance(frame, Page | Changes):
                self.mirror.take(frame)

    def until(self, resource: str, state: ResourceState, seconds: float = 30.0) -> Resource:
        """Wait until the resource is in that state; at most *seconds* without any news."""
        with self.watch(seconds) as watching:
            self.listen(watching, lambda: self.now.resources[resource].state is state)
        return self.now.resources[resource]

    def group(self, **given: Any) -> str:
        return self.talk.do(r.CreateGroup(**{"name": fresh("Group"), **given})).id

    def resource(self, group: str = "", **given: Any) -> str:
        plain = {
            "name": fresh("App"),
            "type": APPLICATION,
            "parameters": dict(RUNNABLE),
            "group": group or self.group(),
        }
        return self.talk.do(r.CreateResource(**{**plain, **given})).id

    def refused(self, request: r.Request) -> str:
        """Return the sentence with which *request* is refused; fail when anything was changed by it."""
        with self.watch():
            before = wished(self.now)
        said = sentence(self.talk.refusal(request))
        with self.watch():
            assert wished(self.now) == before
        return said


def wished(snapshot: Snapshot) -> dict[ObjectRef, tuple[int, object]]:
    """Return what persons decide: of each object the revision of its configuration, and the move that is wanted."""
    return {ref(item): (item.revision, getattr(item, "wish", None)) for item in snapshot.everything()}


def fresh(what: str) -> str:
    return f"{what} {uuid.uuid4().hex[:6]}"


@pytest.fixture(scope="module")
def cluster() -> Iterator[list[Agent]]:
    with short_folder() as home, running_cluster(home) as agents:
        yield agents
        for agent in agents:
            assert "Traceback" not in agent.said, agent.said


@pytest.fixture
def desk(cluster: list[Agent]) -> Iterator[Desk]:
    with cluster[0].greet() as talk:
        yield Desk(cluster, talk)


# --- names


def test_a_name_that_is_taken_is_refused_whatever_its_case_or_spelling(desk: Desk) -> None:
    name = f"Straße Ünï {uuid.uuid4().hex[:6]}"
    group = desk.group(name=name)
    resource = desk.resource(group, name=name)  # groups and resources have names of their own
    for taken in (name.upper(), name.replace("ß", "ss"), unicodedata.normalize("NFD", name), name):
        said = desk.refused(r.CreateGroup(name=taken))
        assert said == f"This cluster already has a group named {name}; choose another name."
        request = r.CreateResource(name=taken, type=APPLICATION, group=group)
        assert desk.refused(request) == f"This cluster already has a resource named {name}; choose another name."
    other = desk.resource(group)
    said = desk.refused(r.Rename(kind=RESOURCE, id=other, name=name.upper()))
    assert said == f"This cluster already has a resource named {name}; choose another name."
    desk.talk.do(r.Rename(kind=RESOURCE, id=resource, name=name.upper()))  # its own name, spelled otherwise


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "A group needs a name."),
        ("   ", "A group needs a name."),
        ("x" * 129, "The name has 129 characters; a group's name may have at most 128."),
        ("é" * 129, "The name has 129 characters; a group's name may have at most 128."),
        ("a\tb", "The name contains control characters; a group's name may not."),
        ("a\nb", "The name contains control characters; a group's name may not."),
        ("a\x00b", "The name contains control characters; a group's name may not."),
        ("a\x7fb", "The name contains control characters; a group's name may not."),
        ("a\u2028b", "The name contains control characters; a group's name may not."),
        ("a\u202eb", "The name contains characters that cannot be seen; a group's name may not."),
        ("a\u200bb", "The name contains characters that cannot be seen; a group's name may not."),
        (" Web", "The name begins or ends with a blank; remove it."),
        ("Web ", "The name begins or ends with a blank; remove it."),
        ("Web\u00a0", "The name begins or ends with a blank; remove it."),
    ],
)
def test_a_name_that_nobody_could_read_or_find_is_refused(desk: Desk, name: str, said: str) -> None:
    assert desk.refused(r.CreateGroup(name=name)) == said
    group, for_resources = desk.group(), said.replace("group", "resource")
    assert desk.refused(r.CreateResource(name=name, type=APPLICATION, group=group)) == for_resources
    assert desk.refused(r.Rename(kind=GROUP, id=group, name=name)) == said


@pytest.mark.parametrize(
    "name",
    [
        "🎉",
        "👩‍👩‍👧‍👦 Familie",
        "Größe",
        "Gro\u0308ße",
        "e\u0301" * 128,
        "﷽",
        "नमस्ते",
        "می\u200cخواهم",
        "数据库",
        "قاعدة",
        "Ελληνικά",
        'O\'Brien & "Söhne" <a>',
        "../..",
        "%s {name}",
        "x" * 128,
    ],
)
def test_any_other_unicode_is_a_name_everywhere_and_stored_composed(desk: Desk, name: str) -> None:
    group = desk.group(name=name)
    resource = desk.resource(group, name=name)
    desk.talk.do(r.BringOnline(kind=GROUP, id=group))
    running = desk.until(resource, ResourceState.ONLINE)
    stored = unicodedata.normalize("NFC", name)
    assert (running.name, desk.now.groups[group].name) == (stored, stored)
    desk.talk.do(r.TakeOffline(kind=GROUP, id=group))
    desk.until(resource, ResourceState.OFFLINE)
    desk.talk.do(r.Delete(kind=RESOURCE, id=resource))
    desk.talk.do(r.Delete(kind=GROUP, id=group))


def test_of_two_that_create_the_same_name_at_once_exactly_one_wins(desk: Desk) -> None:
    for _ in range(5):
        name, said = fresh("Wanted"), list[str]()
        together = threading.Barrier(len(desk.agents))

        def create(
            agent: Agent, name: str = name, said: list[str] = said, together: threading.Barrier = together
        ) -> None:
            with agent.greet() as talk:
                together.wait()
                try:
                    talk.do(r.CreateGroup(name=name))
                except Exception as exc:  # noqa: BLE001 - what it is, is looked at below
                    said.append(str(exc))
                else:
                    said.append("")

        threads = [threading.Thread(target=create, args=(agent,)) for agent in desk.agents]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(said) == ["", f"This cluster already has a group named {name}; choose another name."]


# --- types, groups, owners, dependencies


def test_an_unknown_type_group_or_node_is_named(desk: Desk) -> None:
    group = desk.group()
    unknown = r.CreateResource(name=fresh("App"), type="Sundial", group=group)
    assert desk.refused(unknown) == "There is no resource type Sundial in this cluster."
    gone = r.CreateResource(name=fresh("App"), type=APPLICATION, group="gone")
    assert desk.refused(gone) == "There is no group gone; it may have been deleted."
    assert desk.refused(r.MoveGroup(group=group, node=9)) == "There is no node 9 in this cluster."


def test_a_resource_keeps_at_least_one_possible_owner(desk: Desk) -> None:
    resource = desk.resource()
    said = "At least one node must be a possible owner."
    assert desk.refused(r.SetPossibleOwners(resource=resource, nodes=())) == said
    request = r.CreateResource(name=fresh("App"), type=APPLICATION, group=desk.group(), possible_owners=())
    assert desk.refused(request) == said
    assert desk.refused(r.SetPossibleOwners(resource=resource, nodes=(1, 1))) == "NODE1 is in the list twice."
    assert desk.refused(r.SetPreferredOwners(group=desk.group(), nodes=(2, 7))) == "There is no node 7 in this cluster."


def test_a_circle_of_dependencies_is_refused_and_shown(desk: Desk) -> None:
    group = desk.group()
    a, b, c = (desk.resource(group, name=fresh(letter)) for letter in "ABC")
    names = {x: self_name(desk, x) for x in (a, b, c)}
    desk.talk.do(r.SetDependencies(resource=b, providers=(a,)))
    desk.talk.do(r.SetDependencies(resource=c, providers=(b,)))
    said = desk.refused(r.SetDependencies(resource=a, providers=(c,)))
    circle = " → ".join((names[a], names[c], names[b], names[a]))
    assert said == f"{names[a]} cannot depend on {names[c]}: that would be a circle ({circle})."
    assert desk.refused(r.SetDependencies(resource=a, providers=(a,))) == f"{names[a]} cannot depend on itself."
    said = desk.refused(r.SetDependencies(resource=c, providers=(a, a)))
    assert said == f"{names[c]} already depends on {names[a]}."


def self_name(desk: Desk, resource: str) -> str:
    with desk.watch():
        return desk.now.resources[resource].name


def test_a_dependency_across_groups_is_refused(desk: Desk) -> None:
    one, two = desk.group(name=fresh("One")), desk.group(name=fresh("Two"))
    a, b = desk.resource(one), desk.resource(two)
    said = desk.refused(r.SetDependencies(resource=a, providers=(b,)))
    groups = desk.now.groups
    resources = desk.now.resources
    assert said == (
        f"{resources[a].name} is in {groups[one].name} and {resources[b].name} in {groups[two].name}; "
        "a dependency is possible inside one group only."
    )


def test_a_group_that_is_not_empty_and_a_resource_that_is_needed_are_not_deleted(desk: Desk) -> None:
    group = desk.group(name=fresh("Full"))
    a = desk.resource(group)
    b = desk.resource(group, dependencies=(a,))
    said = desk.refused(r.Delete(kind=GROUP, id=group))
    names = ", ".join(sorted(desk.now.resources[x].name for x in (a, b)))
    assert said == f"{desk.now.groups[group].name} still has resources ({names}); delete or move them first."
    said = desk.refused(r.Delete(kind=RESOURCE, id=a))
    assert said == (
        f"{desk.now.resources[a].name} is needed by {desk.now.resources[b].name}; "
        "delete what needs it as well, or remove the dependency first."
    )


# --- values


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("RestartThreshold", -1, "RestartThreshold cannot be -1; allowed is from 0 to 4294967295 restarts."),
        (
            "RestartThreshold",
            2**70,
            "RestartThreshold cannot be so large a number; allowed is from 0 to 4294967295 restarts.",
        ),
        ("RestartThreshold", "3", "RestartThreshold must be a whole number."),
        ("RestartThreshold", 1.5, "RestartThreshold must be a whole number."),
        ("IsAlivePollInterval", 9, f"IsAlivePollInterval cannot be 9; {INTERVAL}"),
        ("LooksAlivePollInterval", 0, f"LooksAlivePollInterval cannot be 0; {INTERVAL}"),
        ("PendingTimeout", 1, "PendingTimeout cannot be 1; allowed is from 10 to 4294967295 ms."),
        (
            "RestartAction",
            7,
            (
                "RestartAction must be one of: 0 (do not restart), 1 (restart, do not affect the group), "
                "2 (restart, affect the group)."
            ),
        ),
        ("Colour", 1, None),
        ("Description", "a\x00", "Description contains control characters; remove them."),
        ("Description", "x" * 40_000, "Description has 40000 characters; at most 32768 are possible."),
    ],
)  # fmt: skip
def test_a_value_out_of_its_range_is_refused_with_the_range(
    desk: Desk, name: str, value: Any, said: str | None
) -> None:
    resource = desk.resource()
    request = r.SetProperties(kind=RESOURCE, id=resource, properties={name: value})
    answer = desk.refused(request)
    if said is None:
        assert answer.startswith("There is no property Colour; known are: Description, RestartAction")
    else:
        assert answer == said
        group = desk.group()
        created = r.CreateResource(name=fresh("App"), type=APPLICATION, group=group, properties={name: value})
        assert desk.refused(created) == said


def test_a_group_s_threshold_and_period_have_bounds(desk: Desk) -> None:
    group = desk.group()
    for name, value, said in (
        ("FailoverThreshold", -1, "FailoverThreshold cannot be -1; allowed is from 0 to 4294967295 failovers."),
        ("FailoverPeriod", 1194, "FailoverPeriod cannot be 1194; allowed is from 0 to 1193 hours."),
        (
            "FailbackWindowStart",
            24,
            "FailbackWindowStart cannot be 24; allowed is from 0 to 23 o'clock, or -1 (no window).",
        ),
    ):
        assert desk.refused(r.SetProperties(kind=GROUP, id=group, properties={name: value})) == said
        assert desk.refused(r.CreateGroup(name=fresh("Group"), properties={name: value})) == said


def test_a_description_is_checked_when_the_object_is_created_as_well(desk: Desk) -> None:
    said = "Description contains control characters; remove them."
    assert desk.refused(r.CreateGroup(name=fresh("Group"), description="a\x07")) == said
    request = r.CreateResource(name=fresh("App"), type=APPLICATION, group=desk.group(), description="a\x07")
    assert desk.refused(request) == said


def test_settings_of_a_type_are_checked_by_its_schema(desk: Desk) -> None:
    group = desk.group()
    mistakes: tuple[tuple[dict[str, Value], str], ...] = (
        ({"CommandLine": "'open"}, "CommandLine has a quotation mark that is not closed."),
        ({"CurrentDirectory": "tmp"}, "CurrentDirectory must be an absolute path; write /tmp."),
        ({"Environment": ("no equals",)}, "Environment: “no equals” is not of the form NAME=value."),
        ({"StopTimeout": -1}, "StopTimeout cannot be -1; allowed is from 0 to 86400000 ms."),
        ({"InteractWithDesktop": "maybe"}, "InteractWithDesktop must be 0 or 1."),
    )
    for parameters, said in mistakes:
        request = r.CreateResource(name=fresh("App"), type=APPLICATION, group=group, parameters=parameters)
        assert desk.refused(request) == said


def test_who_began_with_old_values_is_told_that_they_were_changed_elsewhere(desk: Desk) -> None:
    resource = desk.resource()
    with desk.watch():
        began = desk.now.resources[resource].revision
    mine = r.SetProperties(kind=RESOURCE, id=resource, properties={"RestartThreshold": 4}, expected=began)
    theirs = r.SetProperties(kind=RESOURCE, id=resource, properties={"RestartPeriod": 1000})
    desk.agents[1].ask(theirs)
    with desk.watch() as watching:
        desk.listen(watching, lambda: desk.now.resources[resource].revision != began)
    said = desk.refused(mine)
    name = desk.now.resources[resource].name
    assert said == f"{name} was changed by somebody else meanwhile; look at the new values and try again."
    desk.talk.do(replace(mine, expected=desk.now.resources[resource].revision))
    with desk.watch():
        assert desk.now.resources[resource].properties == {"RestartThreshold": 4, "RestartPeriod": 1000}


# --- what only a node can know


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


@pytest.mark.xfail(strict=True, raises=TimeoutError, reason="the owner does not report it as offline")
def test_a_resource_that_could_not_be_started_can_be_taken_offline(desk: Desk) -> None:
    parameters: dict[str, Value] = {**RUNNABLE, "CommandLine": "/no/such/program"}
    resource = desk.resource(properties={"RestartAction": 0}, parameters=parameters)
    desk.talk.do(r.BringOnline(kind=RESOURCE, id=resource))
    desk.until(resource, ResourceState.FAILED)
    desk.talk.do(r.TakeOffline(kind=RESOURCE, id=resource))
    desk.until(resource, ResourceState.OFFLINE, seconds=5.0)


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
