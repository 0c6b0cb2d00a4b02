"""What people get wrong: refused in one sentence that says what to do, and nothing is changed by it."""

from __future__ import annotations

import threading
import unicodedata
import uuid
from typing import Any

import pytest
from msgspec.structs import replace

from nodeagent.api import requests as r
from nodeagent.api.objects import ResourceState
from nodeagent.api.properties import Value
from tests.support.agents import Agent
from tests.support.clusterdesk import APPLICATION, GROUP, RESOURCE, Desk, cluster, desk, fresh, self_name

__all__ = ["cluster", "desk"]
INTERVAL = "allowed is from 10 to 4294967294 ms, or -1 (use the value from the resource type)."


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
