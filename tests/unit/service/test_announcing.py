"""Which times a node may announce: what is shorter, the longest k of its groups, and whether it is guarded at all."""

from __future__ import annotations

from typing import ClassVar

import pytest

from nodeagent.api.objects import Snapshot
from nodeagent.planner.timing import PROFILES, UNBOUNDED
from nodeagent.resourcetypes.base import ResourceType
from nodeagent.service.announcing import Times, bound_of, longest_bound, unguarded_because
from nodeagent.service.watchdog import order_for
from tests.builders import changed, cluster

DEFAULT = PROFILES["default"]
TIMES = Times(3.5, 0.6, 0.3)


class Quick(ResourceType[object]):
    name: ClassVar[str] = "Generic Application"
    kill_bound: ClassVar[float | None] = 0.15


class Slow(Quick):
    kill_bound: ClassVar[float | None] = 5.0


class Boundless(Quick):
    kill_bound: ClassVar[float | None] = None


class Shared(Boundless):
    exclusive: ClassVar[bool] = False


@pytest.mark.parametrize(
    ("wanted", "shorter"),
    [
        (TIMES, False),
        (Times(33.0, 2.0, 1.0), False),
        (Times(0.0, 0.6, 0.3), False),  # not guarded any more: nobody counts on its stopping
        (Times(1.35, 0.6, 0.3), True),
        (Times(3.5, 0.3, 0.3), True),
        (Times(33.0, 0.3, 1.0), True),
    ],
)
def test_what_others_count_on_and_becomes_shorter_is_shorter(wanted: Times, *, shorter: bool) -> None:
    assert wanted.shortens(TIMES) is shorter


def test_a_node_that_becomes_guarded_announces_something_shorter() -> None:
    assert TIMES.shortens(Times(0.0, 0.6, 0.3))


def test_a_node_without_a_bound_acts_after_the_profile_s() -> None:
    assert Times(3.5, UNBOUNDED, 0.3).bound(DEFAULT) == DEFAULT.kill_bound
    assert Times(3.5, 5.0, 0.3).bound(DEFAULT) == 5.0


@pytest.mark.parametrize(
    ("kind", "bound"), [(Quick(), 0.6), (Slow(), 10.0), (Boundless(), UNBOUNDED), (Shared(), 0.6), (None, 0.6)]
)
def test_the_bound_of_a_type_is_never_below_the_profile_s(kind: ResourceType[object] | None, bound: float) -> None:
    assert bound_of(kind, DEFAULT) == bound


def one_group(owner: int, target: int | None = None) -> Snapshot:
    snapshot = cluster("AB", {"Web": "site"})
    group = next(iter(snapshot.groups.values()))
    return changed(snapshot, "group", group.name, owner=owner, target=target)


@pytest.mark.parametrize(("owner", "target", "bound"), [(1, None, 10.0), (2, None, 0.6), (2, 1, 10.0)])
def test_the_longest_bound_is_that_of_what_is_owned_or_on_its_way(owner: int, target: int | None, bound: float) -> None:
    kinds = {"Generic Application": Slow()}
    assert longest_bound(1, one_group(owner, target), kinds, DEFAULT) == bound


def test_one_node_alone_is_not_guarded() -> None:
    why = unguarded_because(1, cluster("A"), 0)
    assert why is not None
    assert why.code == "unguarded_alone"


@pytest.mark.parametrize(
    ("nodes", "voters", "guarded"), [("AB", 2, False), ("AB", 3, True), ("AB", 0, True), ("ABC", 2, True)]
)
def test_two_nodes_need_a_third_voter(nodes: str, voters: int, *, guarded: bool) -> None:
    why = unguarded_because(1, cluster(nodes), voters)
    assert (why is None) is guarded
    if why is not None:
        assert why.code == "unguarded_two_voters"


@pytest.mark.parametrize(("possible", "guarded"), [((1,), False), ((2,), True), ((1, 2), True), (None, True)])
def test_the_only_owner_of_everything_need_not_stop_by_itself(
    possible: tuple[int, ...] | None, *, guarded: bool
) -> None:
    snapshot = cluster("AB", {"Web": "address site"})
    for resource in list(snapshot.resources.values()):
        snapshot = changed(snapshot, "resource", resource.name, possible_owners=possible)
    assert (unguarded_because(1, snapshot, 0) is None) is guarded


@pytest.mark.parametrize(("profile", "seconds"), [("default", 2.0), ("fast", 1.0), ("virtual machines", 10.0)])
def test_the_watchdog_is_asked_for_less_than_heartbeats_keep_alive(profile: str, seconds: float) -> None:
    order = order_for(PROFILES[profile])
    assert order.seconds == seconds <= order.most
