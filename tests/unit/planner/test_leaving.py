"""Groups that leave a node which is up: it does not claim them, or they have to stop by themselves there too often."""

from __future__ import annotations

import pytest

from nodeagent.api.objects import Phase, ResourceState, Snapshot
from nodeagent.planner.decisions import TakeBack
from nodeagent.planner.plan import Observations, plan
from nodeagent.planner.policies import claim_patience
from tests.builders import changed, cluster


def seen(*unclaimed: str) -> Observations:
    return Observations(now=1000.0, hour=12, wishes={}, unclaimed=frozenset(unclaimed))


def owned(phase: Phase, nodes: str = "ab") -> Snapshot:
    snapshot = changed(cluster(nodes, {"Web": "site"}), "group", "Web", phase=phase, epoch=4)
    return changed(snapshot, "resource", "site", state_node=1)


def test_a_group_that_its_owner_has_not_claimed_in_time_is_taken_back() -> None:
    snapshot = changed(owned(Phase.ASSIGNED), "resource", "site", state=ResourceState.OFFLINE)
    assert plan(snapshot, seen()) == []
    (decision,) = plan(snapshot, seen("web"))
    assert isinstance(decision, TakeBack)
    assert (decision.target, decision.failover) == (2, False)
    assert decision.cause.rule == "cause_not_claimed"


def test_with_no_other_node_it_stays_assigned() -> None:
    snapshot = changed(owned(Phase.ASSIGNED, "a"), "resource", "site", state=ResourceState.OFFLINE)
    assert plan(snapshot, seen("web")) == []


def test_an_owner_gets_the_longest_pending_timeout_of_the_group_to_claim_it() -> None:
    snapshot = owned(Phase.ASSIGNED)
    assert claim_patience(snapshot.resources_of("web"), snapshot) == 180.0
    snapshot = changed(snapshot, "resource", "site", properties={"PendingTimeout": 5000})
    assert claim_patience(snapshot.resources_of("web"), snapshot) == 5.0


@pytest.mark.parametrize("state", [ResourceState.ONLINE, ResourceState.ONLINE_PENDING, ResourceState.OFFLINE])
def test_a_group_leaves_a_node_on_which_it_stopped_by_itself_too_often(state: ResourceState) -> None:
    snapshot = changed(owned(Phase.CLAIMED), "resource", "site", exhausted=True, state=state)
    (decision,) = plan(snapshot, seen())
    assert isinstance(decision, TakeBack)
    assert (decision.target, decision.failover) == (2, True)
    assert decision.cause.rule == "cause_flapping"


def test_it_stays_where_it_may_fail_over_no_more_for_it_does_run() -> None:
    snapshot = changed(owned(Phase.CLAIMED), "resource", "site", exhausted=True)
    limited = changed(snapshot, "group", "Web", failovers=(999.0,), properties={"FailoverThreshold": 1})
    assert plan(limited, seen()) == []
    alone = changed(owned(Phase.CLAIMED, "a"), "resource", "site", exhausted=True)
    assert plan(alone, seen()) == []
