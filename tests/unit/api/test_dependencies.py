"""Dependencies inside a group, and what they refuse; numbers are the original's."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from nodeagent.api.objects import ResourceState, Snapshot
from nodeagent.api.problems import Problem
from nodeagent.api.rules.dependencies import (
    dependencies_problem,
    dependency_problem,
    missing_requirements,
    path,
    whole_tree,
)
from nodeagent.api.states import all_dependents_of, providers_of
from nodeagent.api.texts import sentence
from tests.builders import changed, cluster

OFFLINE = ResourceState.OFFLINE


def linked(now: Snapshot, **needs: str) -> Snapshot:
    """Return *now* with dependencies: ``linked(now, app="ip disk")``, by ids."""
    resources = {
        r.id: replace(r, dependencies=tuple(needs[r.id].split())) if r.id in needs else r
        for r in now.resources.values()
    }
    return replace(now, resources=resources)


def numbered(bad: Problem | None) -> tuple[str, int | None]:
    assert bad is not None
    assert sentence(bad)
    return bad.code, bad.number


@pytest.fixture
def chain() -> Snapshot:
    """App needs IP, IP needs Disk, all offline; Log is alone; Other lies in another group."""
    now = cluster(groups={"Web": "Disk IP App Log", "Mail": "Other"}, state=OFFLINE)
    return linked(now, app="ip", ip="disk")


def test_a_resource_cannot_depend_on_itself(chain: Snapshot) -> None:
    disk = chain.resources["disk"]
    assert numbered(dependency_problem(disk, disk, chain)) == ("depends_on_itself", 87)


def test_a_dependency_stays_inside_a_group(chain: Snapshot) -> None:
    bad = dependency_problem(chain.resources["app"], chain.resources["other"], chain)
    assert numbered(bad)[0] == "dependency_across_groups"
    assert bad is not None
    assert sentence(bad) == "App is in Web and Other in Mail; a dependency is possible inside one group only."


def test_a_circle_is_refused_and_shown(chain: Snapshot) -> None:
    bad = dependency_problem(chain.resources["disk"], chain.resources["app"], chain)
    assert numbered(bad) == ("dependency_cycle", 1059)
    assert bad is not None
    assert "Disk → App → IP → Disk" in sentence(bad)


def test_a_provider_is_named_once(chain: Snapshot) -> None:
    bad = dependencies_problem(chain.resources["log"], ("ip", "ip"), chain)
    assert numbered(bad) == ("already_dependent", 5003)


def test_a_provider_exists(chain: Snapshot) -> None:
    assert numbered(dependencies_problem(chain.resources["log"], ("gone",), chain)) == ("resource_unknown", 5007)


@pytest.mark.parametrize("state", [ResourceState.ONLINE, ResourceState.ONLINE_PENDING, ResourceState.OFFLINE_PENDING])
def test_what_runs_keeps_its_dependencies(chain: Snapshot, state: ResourceState) -> None:
    now = changed(chain, "resource", "App", state=state)
    for providers in ((), ("ip", "log"), ("log",)):
        assert numbered(dependencies_problem(now.resources["app"], providers, now)) == ("dependency_online", 5019)
    assert dependencies_problem(now.resources["app"], ("ip",), now) is None, "the same as before"


@pytest.mark.parametrize("state", [ResourceState.OFFLINE, ResourceState.FAILED, ResourceState.INITIALIZING])
def test_what_rests_may_get_others(chain: Snapshot, state: ResourceState) -> None:
    now = changed(chain, "resource", "App", state=state)
    assert dependencies_problem(now.resources["app"], ("log", "disk"), now) is None


def test_replacing_a_provider_by_what_it_was_in_the_way_of_is_no_circle(chain: Snapshot) -> None:
    """App no longer needs IP, so IP may need App, in two steps."""
    freed = linked(chain, app="", ip="disk")
    assert dependencies_problem(freed.resources["ip"], ("app",), freed) is None


def test_the_shortest_way_is_found(chain: Snapshot) -> None:
    now = linked(chain, app="ip disk", ip="disk")
    assert path(now.resources["app"], "disk", now) == ("app", "disk")
    assert path(now.resources["disk"], "app", now) == ()
    assert path(now.resources["app"], "app", now) == ("app",)


def test_a_dependency_on_what_is_gone_is_passed_over(chain: Snapshot) -> None:
    now = linked(chain, app="ip gone")
    assert path(now.resources["app"], "disk", now) == ("app", "ip", "disk")
    assert {r.id for r in providers_of(now.resources["app"], now)} == {"ip", "disk"}
    assert whole_tree(now.resources["app"], now) == {"app", "ip", "disk"}


def test_a_stored_circle_ends_every_search(chain: Snapshot) -> None:
    now = linked(chain, app="ip", ip="disk", disk="app")
    app = now.resources["app"]
    assert {r.id for r in providers_of(app, now)} == {"app", "ip", "disk"}
    assert {r.id for r in all_dependents_of(app, now)} == {"app", "ip", "disk"}
    assert whole_tree(app, now) == {"app", "ip", "disk"}


def test_providers_and_dependents_come_nearest_first(chain: Snapshot) -> None:
    assert [r.id for r in providers_of(chain.resources["app"], chain)] == ["ip", "disk"]
    assert [r.id for r in all_dependents_of(chain.resources["disk"], chain)] == ["ip", "app"]


def test_what_a_type_requires_is_said_by_its_name(chain: Snapshot) -> None:
    types = {
        **chain.types,
        "File Share": replace(
            chain.types["Generic Application"], name="File Share", required_dependencies=("Generic Application", "Name")
        ),
    }
    now = changed(replace(chain, types=types), "resource", "App", type="File Share")
    missing = missing_requirements(now.resources["app"], now)
    assert [(bad.code, bad.number, bad.parameters["type"]) for bad in missing] == [("dependency_missing", 5002, "Name")]


def test_chains_of_any_length_are_searched() -> None:
    names = [f"r{number:05}" for number in range(5000)]
    now = cluster(groups={"Long": names}, state=OFFLINE)
    now = linked(now, **{after: before for before, after in pairwise(names)})
    assert len(path(now.resources[names[-1]], names[0], now)) == 5000
    assert numbered(dependency_problem(now.resources[names[0]], now.resources[names[-1]], now))[1] == 1059
    assert len(whole_tree(now.resources[names[2500]], now)) == 5000


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=30))
def test_whatever_is_accepted_leaves_no_circle(wishes: list[tuple[int, int]]) -> None:
    names = [f"r{number}" for number in range(8)]
    now = cluster(groups={"G": names}, state=OFFLINE)
    for dependent, provider in wishes:
        resource = now.resources[names[dependent]]
        wanted = tuple(dict.fromkeys((*resource.dependencies, names[provider])))
        if dependencies_problem(resource, wanted, now) is None:
            now = linked(now, **{resource.id: " ".join(wanted)})
    for resource in now.resources.values():
        assert resource.id not in {r.id for r in providers_of(resource, now)}
