"""Maintenance and drain in the plan: what is frozen waits, what a person wants goes on."""

import pytest
from msgspec.structs import replace

from nodeagent.api.causes import cause
from nodeagent.api.freezing import Maintenance
from nodeagent.api.objects import NodeState, ResourceState, Snapshot
from nodeagent.planner.decisions import Decision, GiveGroup, TakeBack
from nodeagent.planner.plan import Observations, plan
from tests.builders import changed, cluster

FROZEN = Maintenance(since=1.0, until=100.0, user="anna")


def world(**states: ResourceState) -> Snapshot:
    return cluster(
        "abc", {"Web": {"App": states.get("app", ResourceState.ONLINE)}, "Mail": "Post"}, owners={"Mail": "b"}
    )


def decided(now: Snapshot, **wishes: str) -> list[Decision]:
    asked = {group: cause("cause_asked") for group in wishes}
    return plan(now, Observations(now=50.0, hour=12, wishes=asked))


def freeze(now: Snapshot, what: str) -> Snapshot:
    if what == "cluster":
        return replace(now, cluster=replace(now.cluster, maintenance=FROZEN))
    if what == "node":
        return changed(now, "node", "a", maintenance=FROZEN)
    return changed(now, "group", "Web", maintenance=FROZEN)


def failed() -> Snapshot:
    return changed(world(app=ResourceState.FAILED), "resource", "App", exhausted=True)


def lost() -> Snapshot:
    return changed(world(), "node", "a", state=NodeState.DOWN)


@pytest.mark.parametrize("what", ["cluster", "node", "group"])
def test_what_failed_in_maintenance_moves_when_it_is_over(what: str) -> None:
    assert [type(one) for one in decided(failed())] == [TakeBack]
    assert decided(freeze(failed(), what)) == []


@pytest.mark.parametrize("what", ["cluster", "node", "group"])
def test_a_lost_nodes_frozen_groups_wait_for_it(what: str) -> None:
    assert [type(one) for one in decided(lost())] == [GiveGroup]
    assert decided(freeze(lost(), what)) == []
    back = changed(freeze(lost(), what), "node", "a", state=NodeState.UP, incarnation=2)
    assert [(one.group, one.node) for one in decided(back) if isinstance(one, GiveGroup)] == [("web", 1)]


def test_a_person_moves_what_is_frozen() -> None:
    now = changed(freeze(world(), "group"), "group", "Web", wish=3)
    assert [(one.group, one.target) for one in decided(now, web="c") if isinstance(one, TakeBack)] == [("web", 3)]
    gone = changed(freeze(lost(), "group"), "group", "Web", wish=3)
    assert [(one.group, one.node) for one in decided(gone, web="c") if isinstance(one, GiveGroup)] == [("web", 3)]


def test_nobody_is_sent_by_a_rule_to_a_node_in_maintenance() -> None:
    now = changed(lost(), "node", "c", maintenance=FROZEN)
    (decision,) = decided(now)
    assert isinstance(decision, GiveGroup)
    assert decision.node == 2
    assert [refusal.reason.code for refusal in decision.cause.refused] == ["node_in_maintenance"]


def test_a_drained_node_gives_its_groups_away_even_in_maintenance() -> None:
    paused = changed(world(), "node", "a", state=NodeState.PAUSED, paused=True, draining=True, drained=("web",))
    for now in (paused, freeze(paused, "group")):
        (decision,) = decided(now)
        assert isinstance(decision, TakeBack)
        assert (decision.group, decision.cause.rule) == ("web", "cause_drain")


def test_a_group_that_no_other_node_can_take_stays_on_the_drained_node() -> None:
    now = changed(world(), "node", "a", state=NodeState.PAUSED, paused=True, draining=True)
    now = changed(now, "resource", "App", possible_owners=(1,))
    assert decided(now) == []


def test_a_pause_alone_moves_nothing() -> None:
    assert decided(changed(world(), "node", "a", state=NodeState.PAUSED, paused=True)) == []
