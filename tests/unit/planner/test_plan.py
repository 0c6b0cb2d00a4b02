"""What the leader decides about one group, rule by rule."""

import pytest
from msgspec.structs import replace

from nodeagent.api.causes import Cause
from nodeagent.api.objects import NodeState, Phase, ResourceState, Snapshot, Wanted
from nodeagent.api.texts import because
from nodeagent.planner.decisions import CannotPlace, Decision, DropWish, GiveGroup, GiveUp, TakeBack
from nodeagent.planner.plan import Observations, plan
from tests.builders import changed, cluster
from tests.unit.planner.carryingout import settled

ASKED = Cause(rule="cause_requested", parameters={"user": "anna"}, request="r1", user="anna")


def decide(
    now: Snapshot, *, at: float = 1000.0, hour: int = 12, asked: Cause | None = ASKED, skipped: tuple[int, ...] = ()
) -> list[Decision]:
    wishes = {"web": asked} if asked else {}
    found = plan(now, Observations(now=at, hour=hour, wishes=wishes, skipped=skipped))
    for decision in found:
        text = because(decision.cause)
        assert "(" + decision.cause.rule not in text
        assert "()" not in text
        assert "  " not in text
    return found


def only(decisions: list[Decision]) -> Decision:
    (decision,) = decisions
    return decision


def web(nodes: str = "abc", **more: object) -> Snapshot:
    now = cluster(nodes, {"Web": "IP App"})
    return changed(now, "group", "Web", **more) if more else now


def down(now: Snapshot, *names: str, state: NodeState = NodeState.DOWN) -> Snapshot:
    for name in names:
        now = changed(now, "node", name, state=state, paused=state is NodeState.PAUSED)
    return now


def failed(now: Snapshot, name: str = "App", **more: object) -> Snapshot:
    return changed(now, "resource", name, state=ResourceState.FAILED, exhausted=True, **more)


def test_a_cluster_that_is_well_needs_nothing() -> None:
    assert decide(web()) == []


# --- the owner is lost ------------------------------------------------------------------------------------------


def test_the_groups_of_a_lost_node_are_spread_and_each_counts_for_the_next() -> None:
    names = [f"G{number}" for number in range(8)]
    now = cluster("abcde", {name: f"R{name}" for name in names} | {"Old": "O"}, owners={"Old": "b"})
    given = decide(down(now, "a"))
    assert [d.node for d in given if isinstance(d, GiveGroup)] == [3, 4, 5, 2, 3, 4, 5, 2]
    assert all(isinstance(d, GiveGroup) and d.failover for d in given)


def test_the_cause_says_who_is_down_and_why_this_node() -> None:
    now = changed(web(), "node", "a", state=NodeState.DOWN, information="declared down after 4.5 s of silence")
    decision = only(decide(now))
    assert because(decision.cause) == (
        "a is down: declared down after 4.5 s of silence; chosen because it has the fewest groups."
    )
    assert because(only(decide(down(web(), "a"))).cause) == "a is down; chosen because it has the fewest groups."


def test_a_node_that_started_anew_gets_its_groups_back() -> None:
    decision = only(decide(changed(web(), "node", "a", incarnation=2)))
    assert isinstance(decision, GiveGroup)
    assert (decision.node, decision.failover) == (1, False)
    assert because(decision.cause) == "a started anew; the group was not running there any more."


def test_a_node_that_started_anew_but_paused_loses_its_groups() -> None:
    now = changed(web(), "node", "a", incarnation=2, state=NodeState.PAUSED, paused=True)
    decision = only(decide(now))
    assert isinstance(decision, GiveGroup)
    assert decision.node == 2
    assert because(decision.cause) == ("a started anew but cannot run it now; chosen because it has the fewest groups.")


@pytest.mark.parametrize("state", [NodeState.JOINING, NodeState.PAUSED, NodeState.UP, NodeState.UNKNOWN])
def test_a_living_owner_keeps_what_it_has(state: NodeState) -> None:
    assert decide(down(web(), "a", state=state)) == []


@pytest.mark.parametrize("phase", Phase)
def test_a_lost_owner_loses_its_group_in_every_phase(phase: Phase) -> None:
    assert isinstance(only(decide(down(web(phase=phase), "a"))), GiveGroup)


def test_a_group_that_gave_up_gets_a_new_chance_when_its_node_is_lost() -> None:
    assert isinstance(only(decide(down(web(gave_up=True), "a"))), GiveGroup)


def test_only_paused_nodes_left_get_it_but_do_not_start_it() -> None:
    now = down(down(web(), "a"), "b", "c", state=NodeState.PAUSED)
    decision = only(decide(now))
    assert isinstance(decision, GiveGroup)
    assert (decision.node, decision.failover) == (2, False)
    assert because(decision.cause) == "Only paused nodes are left; it stays offline there."
    assert [r.reason.code for r in decision.cause.refused] == ["node_paused", "node_paused"]


def test_a_paused_node_that_started_anew_keeps_its_group_as_the_last_resort() -> None:
    now = changed(down(web(), "b", "c"), "node", "a", state=NodeState.PAUSED, paused=True, incarnation=2)
    decision = only(decide(now))
    assert isinstance(decision, GiveGroup)
    assert decision.node == 1


def test_a_group_that_waits_on_a_paused_node_goes_on_when_another_node_is_up() -> None:
    now = down(down(web(), "a"), "b", "c", state=NodeState.PAUSED)
    now, _ = settled(now)
    assert now.groups["web"].owner == 2
    assert now.resources["app"].state is ResourceState.OFFLINE
    now = changed(now, "node", "a", state=NodeState.UP, incarnation=2)
    decision = only(decide(now))
    assert isinstance(decision, TakeBack)
    assert because(decision.cause) == "It waited on b, which is paused; a can run it now."
    after, _ = settled(now)
    assert after.groups["web"].owner == 1
    assert after.resources["app"].state is ResourceState.ONLINE


def test_what_runs_on_a_paused_node_or_shall_be_offline_stays_there() -> None:
    paused = down(web(), "a", state=NodeState.PAUSED)
    assert decide(paused) == []
    for name in ("IP", "App"):
        paused = changed(paused, "resource", name, state=ResourceState.OFFLINE)
    assert isinstance(only(decide(paused)), TakeBack)
    assert decide(changed(paused, "group", "Web", persistent_state=Wanted.OFFLINE)) == []


def test_nowhere_to_go_is_said_with_every_reason() -> None:
    now = changed(down(web(), "a", "b"), "resource", "App", possible_owners=(1, 2))
    decision = only(decide(now))
    assert isinstance(decision, CannotPlace)
    assert because(decision.cause) == "No node can run it: b is not up (Down). c is not a possible owner of App."


def test_the_only_node_lost_leaves_no_other() -> None:
    assert because(only(decide(down(web("a"), "a"))).cause) == "No node can run it: There is no other node."


def test_a_group_that_never_had_an_owner_goes_where_somebody_wished_it() -> None:
    now = web(owner=None, phase=Phase.FREE, wish=3)
    decision = only(decide(now))
    assert isinstance(decision, GiveGroup)
    assert (decision.node, decision.failover, decision.cause) == (3, False, ASKED)
    elsewhere = only(decide(down(now, "c")))
    assert isinstance(elsewhere, GiveGroup)
    assert elsewhere.node == 1
    assert because(elsewhere.cause) == "a is the best possible node: it has the fewest groups."


def test_an_owner_that_dies_while_its_group_moves_leaves_it_to_the_target() -> None:
    now = down(web(phase=Phase.MOVING, target=3), "a")
    decision = only(decide(now))
    assert isinstance(decision, GiveGroup)
    assert (decision.node, decision.failover) == (3, False)
    assert because(decision.cause) == "a is down; chosen because it was on its way there."
    assert only(decide(down(now, "c"))).cause.rule == "cause_owner_lost"


def test_two_nodes_that_start_anew_keep_apart_what_is_kept_apart() -> None:
    now = cluster("ab", {"One": "O", "Two": "T"}, owners={"One": "a", "Two": "b"})
    for name in ("One", "Two"):
        now = changed(now, "group", name, properties={"AntiAffinityClassNames": ("db",)})
    for name in "ab":
        now = changed(now, "node", name, incarnation=2)
    assert [d.node for d in decide(now) if isinstance(d, GiveGroup)] == [1, 2]


def test_two_groups_kept_apart_do_not_follow_each_other_to_one_node() -> None:
    now = cluster("abc", {"One": "O", "Two": "T"}, owners={"One": "a", "Two": "a"})
    for name in ("One", "Two"):
        now = changed(now, "group", name, properties={"AntiAffinityClassNames": ("db",)})
    now = failed(failed(now, "O"), "T")
    assert [d.target for d in decide(now) if isinstance(d, TakeBack)] == [2, 3]
    assert [d.node for d in decide(down(now, "a")) if isinstance(d, GiveGroup)] == [2, 3]


# --- a resource failed ------------------------------------------------------------------------------------------


def test_a_resource_that_used_up_its_restarts_takes_its_group_to_the_next_node() -> None:
    decision = only(decide(failed(web())))
    assert isinstance(decision, TakeBack)
    assert (decision.target, decision.failover) == (2, True)
    assert because(decision.cause) == "App failed on a and may not be restarted there again."


def test_a_failed_resource_that_may_still_be_restarted_does_not() -> None:
    assert decide(changed(web(), "resource", "App", state=ResourceState.FAILED)) == []


@pytest.mark.parametrize("action", [0, 1])
def test_a_resource_that_must_not_affect_its_group_does_not(action: int) -> None:
    assert decide(failed(web(), properties={"RestartAction": action})) == []


def test_without_another_node_the_group_stays_and_moves_when_there_is_one() -> None:
    now = failed(down(web(), "b", "c"))
    said = only(decide(now))
    assert isinstance(said, CannotPlace)
    assert because(said.cause) == "No other node can run it."
    assert [refusal.name for refusal in said.cause.refused] == ["b", "c"]
    assert isinstance(only(decide(changed(now, "node", "c", state=NodeState.UP))), TakeBack)


def test_the_failover_threshold_is_the_last_word() -> None:
    limits = {"FailoverThreshold": 2, "FailoverPeriod": 3}
    now = failed(web(properties=limits, failovers=(100.0,)))
    assert isinstance(only(decide(now)), TakeBack)
    now = changed(now, "group", "Web", failovers=(100.0, 900.0))
    decision = only(decide(now))
    assert isinstance(decision, GiveUp)
    assert because(decision.cause) == "Its limit of failovers in 3 h is reached (2); it fails over no further."
    assert decide(changed(now, "group", "Web", gave_up=True)) == []
    assert isinstance(only(decide(now, at=100.0 + 3 * 3600)), TakeBack), "the first has left the period"


def test_a_report_of_another_node_does_not_count() -> None:
    """After a move the failure on the former owner is still the last that was reported."""
    assert decide(changed(failed(web()), "group", "Web", owner=2)) == []


def test_a_resource_that_breaks_everywhere_ends_at_the_threshold() -> None:
    now = web(properties={"FailoverThreshold": 3})
    after, decided = settled(now, breaks=lambda resource, _: resource.name == "App")
    assert [type(d).__name__ for d in decided] == ["TakeBack", "TakeBack", "TakeBack", "GiveUp"]
    assert [d.target for d in decided if isinstance(d, TakeBack)] == [2, 3, 1]
    assert after.groups["web"].gave_up


# --- failback ---------------------------------------------------------------------------------------------------


def returning(hour_start: int = -1, hour_end: int = -1, **more: object) -> Snapshot:
    """Web prefers a then b, moved to c at 500; a came up at 900."""
    now = web(
        owner=3,
        since=500.0,
        preferred_owners=(1, 2),
        properties={"AutoFailbackType": 1, "FailbackWindowStart": hour_start, "FailbackWindowEnd": hour_end},
    )
    for resource in ("IP", "App"):
        now = changed(now, "resource", resource, state_node=3)
    return changed(now, "node", "a", since=900.0, **more)


def test_a_group_goes_back_to_its_most_preferred_owner_that_came_up() -> None:
    decision = only(decide(returning()))
    assert isinstance(decision, TakeBack)
    assert (decision.target, decision.failover) == (1, False)
    assert because(decision.cause) == "a is the most preferred owner that can run it, and is up again."


def test_it_waits_for_its_window() -> None:
    now = returning(22, 2)
    assert [hour for hour in range(24) if decide(now, hour=hour)] == [0, 1, 22, 23]


def test_a_move_by_a_person_is_not_undone() -> None:
    assert decide(changed(returning(), "group", "Web", since=950.0)) == []


def test_an_hour_that_the_clock_skips_counts_with_the_next_one() -> None:
    now = returning(2, 3)
    assert decide(now, hour=3) == []
    assert isinstance(only(decide(now, hour=3, skipped=(2,))), TakeBack)


@pytest.mark.parametrize(("life", "goes"), [(1, False), (2, True)])
def test_the_life_of_a_node_tells_whether_it_came_up_since_whatever_the_clocks_say(life: int, goes: bool) -> None:
    now = changed(returning(), "group", "Web", since=5000.0, lives={1: 1, 2: 1})
    now = changed(now, "node", "a", incarnation=life)
    assert [type(decision) for decision in decide(now)] == ([TakeBack] if goes else [])


def test_failback_says_why_not_to_a_more_preferred_one() -> None:
    paused = changed(returning(state=NodeState.PAUSED, paused=True), "node", "b", since=800.0)
    assert [refusal.name for refusal in only(decide(paused)).cause.refused] == ["a"]


def test_failback_goes_to_the_highest_that_is_available_and_never_down_the_list() -> None:
    paused = returning(state=NodeState.PAUSED, paused=True)
    assert decide(paused) == [], "b was up all the time"
    came = changed(paused, "node", "b", since=800.0)
    decision = only(decide(came))
    assert isinstance(decision, TakeBack)
    assert decision.target == 2
    assert decide(changed(came, "group", "Web", owner=2)) == []


def test_without_permission_or_while_something_is_pending_nothing_goes_back() -> None:
    assert decide(changed(returning(), "group", "Web", properties={})) == []
    busy = changed(returning(), "resource", "App", state=ResourceState.ONLINE_PENDING)
    assert decide(busy) == []


def test_nothing_goes_back_beside_what_it_is_kept_apart_from() -> None:
    now = cluster("abc", {"Web": "App", "Two": "T"}, owners={"Web": "c", "Two": "a"})
    now = changed(
        now,
        "group",
        "Web",
        preferred_owners=(1,),
        properties={"AutoFailbackType": 1, "AntiAffinityClassNames": ("db",)},
    )
    now = changed(now, "group", "Two", properties={"AntiAffinityClassNames": ("db",)})
    assert decide(changed(now, "node", "a", since=900.0)) == []


def test_an_owner_that_fails_before_the_window_opens_is_followed_by_failover_all_the_same() -> None:
    decision = only(decide(failed(returning(22, 2))))
    assert isinstance(decision, TakeBack)
    assert decision.failover


# --- wishes -----------------------------------------------------------------------------------------------------


def test_a_wish_for_a_node_is_a_move_to_it() -> None:
    assert only(decide(web(wish=3))) == TakeBack("web", 3, ASKED)


def test_a_wish_for_the_best_node_is_the_planners_choice() -> None:
    decision = only(decide(web(wish=0, preferred_owners=(3, 2))))
    assert isinstance(decision, TakeBack)
    assert decision.target == 3
    assert decision.cause.request == "r1"


def test_a_wish_that_is_fulfilled_ends() -> None:
    assert only(decide(web(wish=1))) == DropWish("web", ASKED)


def test_a_wish_that_cannot_be_fulfilled_is_refused_with_the_reason() -> None:
    decision = only(decide(down(web(wish=3), "c")))
    assert isinstance(decision, DropWish)
    assert decision.refused
    assert because(decision.cause) == "Refused: c is not up (Down)."
    assert (decision.cause.request, decision.cause.user) == ("r1", "anna")


def test_a_wish_for_any_other_node_is_refused_when_there_is_none() -> None:
    decision = only(decide(down(web(wish=0), "b", "c")))
    assert isinstance(decision, DropWish)
    assert decision.refused
    assert because(decision.cause).startswith("Refused: No other node can run Web now.")


def test_enforced_anti_affinity_refuses_a_wish() -> None:
    now = cluster("ab", {"Web": "App", "Two": "T"}, owners={"Two": "b"})
    for name in ("Web", "Two"):
        now = changed(now, "group", name, properties={"AntiAffinityClassNames": ("db",)})
    now = replace(now, cluster=replace(now.cluster, properties={"EnforcedAntiAffinity": True}))
    for wish in (2, 0):
        decision = only(decide(changed(now, "group", "Web", wish=wish)))
        assert isinstance(decision, DropWish)
        assert decision.refused
        assert "b runs Two, from which it is to be kept apart." in because(decision.cause)


def test_a_stuck_group_refuses_a_wish() -> None:
    decision = only(decide(web(phase=Phase.STUCK, wish=2)))
    assert isinstance(decision, DropWish)
    assert decision.refused
    assert "could not be stopped on a" in because(decision.cause)


def test_a_wish_waits_until_the_owner_has_claimed() -> None:
    assert decide(web(phase=Phase.ASSIGNED, wish=3)) == []
    assert only(decide(web(phase=Phase.ASSIGNED, wish=1))) == DropWish("web", ASKED)
    assert only(decide(web(phase=Phase.ASSIGNED, wish=0))) == DropWish("web", ASKED), "it was just given away"
    cannot = changed(web(phase=Phase.ASSIGNED, wish=0), "resource", "App", possible_owners=(2,))
    assert decide(cannot) == [], "but not to a node that can run it"


def test_the_last_wish_counts_while_the_group_moves() -> None:
    moving = web(phase=Phase.MOVING, target=2)
    assert decide(moving) == []
    assert only(decide(changed(moving, "group", "Web", wish=3))) == TakeBack("web", 3, ASKED)
    assert only(decide(changed(moving, "group", "Web", wish=1))) == TakeBack("web", 1, ASKED), "called off"
    for fulfilled in (0, 2):
        assert only(decide(changed(moving, "group", "Web", wish=fulfilled))) == DropWish("web", ASKED)
    refused = only(decide(down(changed(moving, "group", "Web", wish=3), "c")))
    assert isinstance(refused, DropWish)
    assert refused.refused


def test_a_wish_of_nobody_known_is_still_said_in_a_sentence() -> None:
    decision = only(decide(web(wish=3), asked=None))
    assert because(decision.cause) == "It was asked for."


def test_a_person_may_move_a_group_that_gave_up() -> None:
    assert isinstance(only(decide(web(gave_up=True, wish=2))), TakeBack)


def test_a_move_that_was_asked_for_is_made_once() -> None:
    after, decided = settled(web(wish=0))
    assert [type(d) for d in decided] == [TakeBack]
    assert after.groups["web"].owner == 2
    assert after.groups["web"].wish is None
    assert after.resources["app"].state is ResourceState.ONLINE


# --- on the way -------------------------------------------------------------------------------------------------


def test_another_target_is_chosen_when_the_first_dies() -> None:
    decision = only(decide(down(web(phase=Phase.MOVING, target=2), "b")))
    assert isinstance(decision, TakeBack)
    assert (decision.target, decision.failover) == (3, False)


def test_the_owner_keeps_the_group_when_no_target_is_left() -> None:
    now = down(web(phase=Phase.MOVING, target=2), "b", "c")
    decision = only(decide(now))
    assert isinstance(decision, TakeBack)
    assert decision.target == 1
    assert because(decision.cause) == "a goes on with it: no other node can run it now."
    after, _ = settled(now)
    assert after.groups["web"].owner == 1
    assert after.resources["app"].state is ResourceState.ONLINE


def test_a_move_that_was_called_off_is_not_sent_away_again() -> None:
    assert decide(web(phase=Phase.MOVING, target=1)) == []


def test_a_move_without_a_target_gets_one() -> None:
    decision = only(decide(web(phase=Phase.MOVING, target=None)))
    assert isinstance(decision, TakeBack)
    assert decision.target == 2
