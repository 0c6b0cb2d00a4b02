"""What can be done with a node as a member, and what maintenance covers."""

import msgspec
import pytest

from nodeagent.api.freezing import LONGEST, Maintenance
from nodeagent.api.objects import NodeState, Snapshot
from nodeagent.api.requests import Right, Verb
from nodeagent.api.rules.maintenance import duration_problem, frozen, group_maintenance
from nodeagent.api.rules.verbs import verb_problem
from nodeagent.api.texts import sentence
from tests.builders import changed, cluster, replace

FROZEN = Maintenance(since=1.0, until=100.0)
MEMBER = (NodeState.UP, NodeState.PAUSED)


def world() -> Snapshot:
    return cluster("abc", {"Web": "App", "Mail": "Post"}, owners={"Mail": "b"})


def refused(verb: Verb, now: Snapshot, node: int = 3, right: Right = Right.ADMINISTER) -> str:
    bad = verb_problem(verb, now.nodes[node], now, right)
    if bad is None:
        return ""
    assert sentence(bad).endswith(".")
    return bad.code


@pytest.mark.parametrize("state", list(NodeState))
def test_only_a_member_is_drained_or_restarted(state: NodeState) -> None:
    now = changed(world(), "node", "c", state=state, paused=state is NodeState.PAUSED)
    expected = "" if state in MEMBER else "node_down"
    assert refused(Verb.DRAIN, now) == expected
    assert refused(Verb.RESTART, now) == expected


def test_a_drain_is_not_begun_twice_but_again_when_something_came_meanwhile() -> None:
    draining = changed(world(), "node", "a", state=NodeState.PAUSED, paused=True, draining=True)
    assert refused(Verb.DRAIN, draining, 1) == "already"
    assert refused(Verb.DRAIN, changed(draining, "group", "Web", owner=2), 1) == ""
    assert refused(Verb.CANCEL_DRAIN, draining, 1) == ""
    assert refused(Verb.CANCEL_DRAIN, world(), 1) == "not_draining"


def test_groups_come_back_only_to_a_paused_node_that_was_drained_of_some() -> None:
    paused = changed(world(), "node", "a", state=NodeState.PAUSED, paused=True)
    assert refused(Verb.RESUME_FAILBACK, world(), 1) == "not_paused"
    assert refused(Verb.RESUME_FAILBACK, paused, 1) == "not_drained"
    assert refused(Verb.RESUME_FAILBACK, changed(paused, "node", "a", drained=("web",)), 1) == ""
    down = changed(paused, "node", "a", drained=("web",), state=NodeState.DOWN)
    assert refused(Verb.RESUME_FAILBACK, down, 1) == "node_down"
    assert refused(Verb.RESUME, down, 1) == ""


def test_what_was_stopped_is_started_and_nothing_else() -> None:
    stopped = changed(world(), "node", "c", state=NodeState.DOWN, stopped=True)
    assert refused(Verb.STOP, stopped) == "already"
    assert refused(Verb.START, stopped) == ""
    assert refused(Verb.START, world()) == "already"
    assert refused(Verb.START, changed(world(), "node", "c", state=NodeState.DOWN)) == "not_stopped"
    assert refused(Verb.STOP, changed(world(), "node", "c", state=NodeState.DOWN)) == ""


def test_only_a_node_that_is_down_and_owns_nothing_is_evicted() -> None:
    down = changed(world(), "node", "c", state=NodeState.DOWN)
    assert refused(Verb.EVICT, down) == ""
    for state in set(NodeState) - {NodeState.DOWN}:
        assert refused(Verb.EVICT, changed(world(), "node", "c", state=state)) == "evict_member"
    assert refused(Verb.EVICT, changed(down, "group", "Web", owner=3)) == "evict_owner"
    assert refused(Verb.EVICT, changed(down, "resource", "App", possible_owners=(3,))) == "evict_only_owner"
    alone = cluster({"a": NodeState.DOWN})
    assert refused(Verb.EVICT, alone, 1) == "evict_last"


@pytest.mark.parametrize("verb", [Verb.STOP, Verb.START, Verb.RESTART, Verb.EVICT])
def test_an_operator_drains_and_freezes_but_does_not_stop(verb: Verb) -> None:
    assert refused(verb, world(), right=Right.OPERATE) == "access_denied"
    assert refused(Verb.DRAIN, world(), right=Right.OPERATE) == ""
    assert refused(Verb.BEGIN_MAINTENANCE, world(), right=Right.OPERATE) == ""
    assert refused(Verb.DRAIN, world(), right=Right.READ) == "access_denied"


def test_a_group_is_frozen_with_itself_its_owner_or_the_cluster_and_the_last_end_counts() -> None:
    now = world()
    assert not frozen(now.groups["web"], now)
    longer = Maintenance(since=2.0, until=200.0)
    own = changed(now, "group", "Web", maintenance=FROZEN)
    assert group_maintenance(own.groups["web"], own) == FROZEN
    node = changed(own, "node", "a", maintenance=longer)
    assert group_maintenance(node.groups["web"], node) == longer
    assert not frozen(node.groups["mail"], node)
    whole = replace(now, cluster=msgspec.structs.replace(now.cluster, maintenance=FROZEN))
    assert all(frozen(group, whole) for group in whole.groups.values())


@pytest.mark.parametrize(
    ("seconds", "fine"), [(0, False), (1, True), (LONGEST, True), (LONGEST + 1, False), (-5, False)]
)
def test_maintenance_has_an_end_that_is_not_far(seconds: float, fine: bool) -> None:
    assert (duration_problem(seconds) is None) is fine


def test_not_a_number_is_no_length_of_time() -> None:
    assert duration_problem(float("nan")) is not None
