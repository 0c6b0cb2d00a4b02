"""Who gets a group: the orders of KB 299631, moves without a target, spreading, anti-affinity, last resort."""

import pytest
from msgspec.structs import replace

from nodeagent.api.objects import NodeState, Phase, ResourceState, Snapshot, Wanted
from nodeagent.api.rules.owners import anti_affine
from nodeagent.planner.placement import Choice, best_owner, last_resort, next_owner, spread, spread_order
from nodeagent.planner.workload import Workload
from tests.builders import changed, cluster


def six(owner: str = "A", preferred: str = "ACE", **groups: str) -> Snapshot:
    """Return the article's example: nodes A to F, group Web."""
    now = cluster("ABCDEF", {"Web": "App", **groups}, owners={"Web": owner})
    ids = tuple("ABCDEF".index(letter) + 1 for letter in preferred)
    return changed(now, "group", "Web", preferred_owners=ids)


def name_of(choice: Choice, now: Snapshot) -> str | None:
    return None if choice.node is None else now.node_name(choice.node)


def down(now: Snapshot, names: str, state: NodeState = NodeState.DOWN) -> Snapshot:
    for name in names:
        now = changed(now, "node", name, state=state, paused=state is NodeState.PAUSED)
    return now


@pytest.mark.parametrize(
    ("owner", "unavailable", "taken"),
    [
        ("A", "", "C"),
        ("C", "", "E"),
        ("E", "", "B"),  # the rest by node id, not back to the top
        ("B", "", "D"),
        ("F", "", "A"),  # round to the start
        ("C", "E", "B"),
        ("A", "CE", "B"),
        ("E", "BDF", "A"),
        ("D", "ABCEF", None),
    ],
)
def test_a_failure_goes_to_the_next_after_the_owner_in_the_list(
    owner: str, unavailable: str, taken: str | None
) -> None:
    now = down(six(owner), unavailable)
    assert name_of(next_owner(now.groups["web"], now), now) == taken


@pytest.mark.parametrize(("owner", "taken"), [("A", "B"), ("C", "D"), ("F", "A")])
def test_without_preferred_owners_the_next_node_number_follows(owner: str, taken: str) -> None:
    now = six(owner, "")
    assert name_of(next_owner(now.groups["web"], now), now) == taken


def test_only_nodes_that_are_up_and_possible_for_every_resource_are_taken() -> None:
    now = cluster("ABCDE", {"Web": "IP App"})
    now = changed(now, "resource", "IP", possible_owners=(1, 2, 4, 5))
    now = changed(now, "resource", "App", possible_owners=(1, 3, 5))
    choice = next_owner(now.groups["web"], now)
    assert name_of(choice, now) == "E"
    assert [(r.name, r.reason.code) for r in choice.refused] == [
        ("B", "not_possible_owner"),
        ("C", "not_possible_owner"),
        ("D", "not_possible_owner"),
    ]
    now = down(down(now, "E", NodeState.JOINING), "A")
    assert next_owner(now.groups["web"], now).node is None


def test_preferred_owners_reorder_and_do_not_restrict() -> None:
    now = down(six("A", "AC"), "C")
    assert name_of(next_owner(now.groups["web"], now), now) == "B"


def test_a_preferred_owner_that_was_evicted_is_passed_over() -> None:
    now = changed(six("A", ""), "group", "Web", preferred_owners=(9, 1, 8))
    assert name_of(next_owner(now.groups["web"], now), now) == "B"
    assert name_of(best_owner(now.groups["web"], now), now) == "B"


# --- moves without a target -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("owner", "unavailable", "taken"),
    [("E", "", "A"), ("A", "", "C"), ("E", "A", "C"), ("E", "AC", "B"), ("C", "A", "E")],
)
def test_a_move_starts_at_the_top_of_the_list(owner: str, unavailable: str, taken: str) -> None:
    now = down(six(owner), unavailable)
    assert name_of(best_owner(now.groups["web"], now), now) == taken


def test_a_move_without_preferred_owners_goes_to_the_node_with_the_fewest_groups() -> None:
    now = cluster("ABC", {"Web": "App", "Two": "T", "Three": "H"}, owners={"Web": "A", "Two": "B", "Three": "A"})
    choice = best_owner(now.groups["web"], now)
    assert name_of(choice, now) == "C"
    assert choice.why == "it has the fewest groups"


# --- spreading --------------------------------------------------------------------------------------------------


def test_groups_are_counted_where_they_go() -> None:
    now = cluster("ABC", {"Web": "App", "Two": "T"}, owners={"Web": "A", "Two": "B"})
    moving = changed(now, "group", "Two", phase=Phase.MOVING, target=3)
    assert spread_order(now.groups["web"], now) == [3, 2]
    assert spread_order(moving.groups["web"], moving) == [2, 3]
    assert Workload(moving).groups_on(2) == 0


def test_preferred_owners_go_before_spreading() -> None:
    now = down(six("A", "AF", Other="O"), "A")
    now = changed(now, "group", "Other", owner=6)
    assert name_of(spread(now.groups["web"], now), now) == "F"


def test_a_group_that_never_had_an_owner_starts_at_the_top_of_its_list() -> None:
    now = changed(six("A", "CE"), "group", "Web", owner=None, phase=Phase.FREE)
    assert name_of(spread(now.groups["web"], now), now) == "C"


# --- anti-affinity ----------------------------------------------------------------------------------------------


def apart(now: Snapshot, *names: str, enforced: bool = False) -> Snapshot:
    for name in names:
        now = changed(now, "group", name, properties={"AntiAffinityClassNames": ("db",)})
    return replace(now, cluster=replace(now.cluster, properties={"EnforcedAntiAffinity": enforced}))


def test_nodes_with_an_anti_affine_group_are_skipped_even_against_preference() -> None:
    now = apart(six("A", "ACE", Two="T"), "Web", "Two")
    now = changed(now, "group", "Two", owner=3)
    assert name_of(next_owner(now.groups["web"], now), now) == "E"
    assert name_of(best_owner(now.groups["web"], now), now) == "E"


def test_a_move_takes_a_free_node_before_a_preferred_one_beside_an_anti_affine_group() -> None:
    now = apart(six("A", "AC", Two="T"), "Web", "Two")
    now = changed(now, "group", "Two", owner=3)
    choice = best_owner(now.groups["web"], now)
    assert name_of(choice, now) == "B"
    assert [(r.name, r.reason.code) for r in choice.refused] == [("C", "anti_affinity")]


def test_if_only_such_nodes_remain_the_first_is_taken_and_said_so() -> None:
    now = apart(cluster("AB", {"Web": "App", "Two": "T"}, owners={"Two": "B"}), "Web", "Two")
    choice = next_owner(now.groups["web"], now)
    assert name_of(choice, now) == "B"
    assert choice.why == "it is the first that can, though anti-affinity cannot be kept"
    assert choice.refused == ()


def test_enforced_anti_affinity_excludes_them() -> None:
    now = apart(cluster("AB", {"Web": "App", "Two": "T"}, owners={"Two": "B"}), "Web", "Two", enforced=True)
    choice = next_owner(now.groups["web"], now)
    assert choice.node is None
    assert [r.reason.code for r in choice.refused] == ["anti_affinity"]


def test_classes_that_differ_and_groups_at_rest_do_not_count() -> None:
    now = apart(cluster("AB", {"Web": "App", "Two": "T"}, owners={"Two": "B"}), "Web", "Two", enforced=True)
    other = changed(now, "group", "Two", properties={"AntiAffinityClassNames": ("web",)})
    assert next_owner(other.groups["web"], other).node == 2
    resting = changed(now, "resource", "T", state=ResourceState.OFFLINE)
    resting = changed(resting, "group", "Two", persistent_state=Wanted.OFFLINE)
    assert next_owner(resting.groups["web"], resting).node == 2
    gave_up = changed(now, "resource", "T", state=ResourceState.OFFLINE)
    gave_up = changed(gave_up, "group", "Two", gave_up=True)
    assert next_owner(gave_up.groups["web"], gave_up).node == 2


def test_the_workload_knows_what_the_rule_says() -> None:
    now = cluster("ABC", {"One": "O", "Two": "T", "Three": "H", "Four": "F"}, owners={"Two": "B", "Three": "C"})
    now = apart(now, "One", "Two", "Three")
    now = changed(now, "group", "Three", phase=Phase.MOVING, target=1)
    for enforced in (False, True):
        here = replace(now, cluster=replace(now.cluster, properties={"EnforcedAntiAffinity": enforced}))
        for group in here.groups.values():
            for node in here.nodes:
                assert bool(anti_affine(group, node, here)) is bool(Workload(here).clash(group, node))


# --- last resort ------------------------------------------------------------------------------------------------


def test_a_paused_node_is_the_last_resort_its_present_owner_first() -> None:
    now = down(cluster("ABC", {"Web": "App"}, owners={"Web": "A"}), "BC", NodeState.PAUSED)
    assert last_resort(now.groups["web"], now) == 2
    now = changed(now, "group", "Web", owner=3)
    assert last_resort(now.groups["web"], now) == 3
    now = changed(now, "resource", "App", possible_owners=(1,))
    assert last_resort(now.groups["web"], now) is None
