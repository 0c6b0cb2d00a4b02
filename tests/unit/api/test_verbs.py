"""Which verbs are allowed now; refusals carry the original's number."""

import pytest
from msgspec.structs import replace

from nodeagent.api.objects import (
    ClusterObject,
    GroupState,
    Node,
    NodeState,
    ObjectKind,
    Phase,
    Resource,
    ResourceState,
    Snapshot,
    Wanted,
)
from nodeagent.api.problems import Problem
from nodeagent.api.requests import Right, Verb
from nodeagent.api.rules.owners import host_problem, hosts, owners_problem, possible_owners, separation_problem
from nodeagent.api.rules.verbs import change_group_problem, move_problem, verb_problem, verbs_of
from nodeagent.api.texts import sentence
from tests.builders import changed, cluster, with_network

S = ResourceState
ALL_STATES = tuple(ResourceState)


def numbered(bad: Problem | None) -> tuple[str, int | None]:
    """Return code and number of a refusal, after a look at its sentence."""
    if bad is None:
        return "", None
    text = sentence(bad)
    assert text.endswith(".")
    assert "()" not in text
    assert "  " not in text
    return bad.code, bad.number


def web(state: ResourceState = S.OFFLINE, nodes: str = "abc", **more: object) -> Snapshot:
    """Return a cluster whose group Web has IP and App, App needs IP, owned by a."""
    now = cluster(nodes, {"Web": {"IP": state, "App": state}, "Spare": ""})
    now = changed(now, "resource", "App", dependencies=("ip",))
    return changed(now, "group", "Web", **more) if more else now


def named(now: Snapshot, name: str) -> ClusterObject:
    return next(item for item in now.everything() if item.name == name)


def refused(verb: Verb, name: str, now: Snapshot, right: Right = Right.ADMINISTER) -> tuple[str, int | None]:
    return numbered(verb_problem(verb, named(now, name), now, right))


# --- bring online -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [S.INITIALIZING, S.OFFLINE, S.FAILED, S.ONLINE_PENDING, S.UNKNOWN])
def test_what_is_not_online_can_be_brought_online(state: ResourceState) -> None:
    assert refused(Verb.BRING_ONLINE, "App", changed(web(), "resource", "App", state=state)) == ("", None)


def test_what_goes_offline_cannot_be_brought_online_at_the_same_time() -> None:
    now = changed(web(), "resource", "App", state=S.OFFLINE_PENDING)
    assert refused(Verb.BRING_ONLINE, "App", now) == ("wrong_state", 5023)


def test_what_is_online_is_already() -> None:
    assert refused(Verb.BRING_ONLINE, "App", web(S.ONLINE)) == ("already", None)
    assert refused(Verb.BRING_ONLINE, "Web", web(S.ONLINE)) == ("already", None)


def test_nothing_is_brought_online_on_a_paused_node() -> None:
    now = changed(web(), "node", "a", state=NodeState.PAUSED, paused=True)
    assert refused(Verb.BRING_ONLINE, "Web", now) == ("node_paused", 70)
    assert refused(Verb.BRING_ONLINE, "App", now) == ("node_paused", 70)
    assert refused(Verb.TAKE_OFFLINE, "Web", changed(now, "resource", "App", state=S.ONLINE)) == ("", None)


def test_a_group_whose_owner_is_down_can_be_brought_online_elsewhere() -> None:
    now = changed(web(), "node", "a", state=NodeState.DOWN)
    assert refused(Verb.BRING_ONLINE, "Web", now) == ("", None)
    for name in "bc":
        now = changed(now, "node", name, state=NodeState.DOWN)
    assert refused(Verb.BRING_ONLINE, "Web", now) == ("no_node_available", 5005)


def test_a_group_that_its_owner_cannot_run_can_be_brought_online_elsewhere_if_another_node_can() -> None:
    now = changed(web(), "resource", "IP", possible_owners=(2,))
    assert refused(Verb.BRING_ONLINE, "Web", now) == ("", None)
    now = changed(now, "node", "b", state=NodeState.DOWN)
    bad = verb_problem(Verb.BRING_ONLINE, named(now, "Web"), now)
    assert numbered(bad) == ("no_node_available", 5005)
    assert bad is not None
    assert "a is not a possible owner of IP." in sentence(bad)
    assert "b is not up (Down)." in sentence(bad)


def test_a_resource_needs_of_its_node_only_what_it_depends_on() -> None:
    """If a possible owner of another resource is missing, the group may sit there with that one offline."""
    now = changed(web(), "resource", "App", possible_owners=(2,))
    assert refused(Verb.BRING_ONLINE, "IP", now) == ("", None)
    now = changed(now, "node", "b", state=NodeState.DOWN)
    assert refused(Verb.BRING_ONLINE, "IP", now) == ("", None)
    assert refused(Verb.BRING_ONLINE, "App", now) == ("no_node_available", 5005)


def test_what_a_resource_lacks_is_said_before_it_is_tried() -> None:
    now = changed(web(), "resource", "IP", parameters={})
    assert refused(Verb.BRING_ONLINE, "App", now) == ("value_required", 87), "of its provider"
    assert refused(Verb.BRING_ONLINE, "App", changed(web(), "resource", "App", type="Gone")) == ("type_unknown", 5078)
    nowhere = changed(web(), "resource", "App", possible_owners=())
    bad = verb_problem(Verb.BRING_ONLINE, named(nowhere, "App"), nowhere)
    assert bad is not None
    assert bad.field == "possible_owners"
    assert sentence(bad) == (
        "No possible owner of App has the resource type Generic Application; install it or change the owners."
    )


def test_a_stuck_group_is_left_alone() -> None:
    now = web(phase=Phase.STUCK)
    assert refused(Verb.BRING_ONLINE, "Web", now) == ("group_stuck", 5023)
    assert refused(Verb.MOVE_GROUP, "Web", now) == ("group_stuck", 5023)


def test_an_empty_group_goes_neither_online_nor_offline() -> None:
    assert refused(Verb.BRING_ONLINE, "Spare", web())[0] == "group_empty"
    assert refused(Verb.TAKE_OFFLINE, "Spare", web())[0] == "group_empty"


# --- take offline -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [S.ONLINE, S.FAILED, S.ONLINE_PENDING, S.UNKNOWN])
def test_what_runs_or_failed_can_be_taken_offline(state: ResourceState) -> None:
    now = changed(web(), "resource", "App", state=state)
    assert refused(Verb.TAKE_OFFLINE, "App", now) == ("", None)
    assert refused(Verb.TAKE_OFFLINE, "Web", now) == ("", None)


def test_what_is_offline_and_shall_be_is_already() -> None:
    assert refused(Verb.TAKE_OFFLINE, "App", web()) == ("already", None)
    assert refused(Verb.TAKE_OFFLINE, "Web", web()) == ("already", None)


@pytest.mark.parametrize("own", [Wanted.ONLINE, Wanted.INHERIT])
def test_what_waits_offline_for_its_provider_can_be_taken_offline(own: Wanted) -> None:
    now = changed(web(persistent_state=Wanted.ONLINE), "resource", "App", persistent_state=own)
    assert refused(Verb.TAKE_OFFLINE, "App", now) == ("", None)


def test_what_goes_offline_on_its_way_to_another_node_can_be_told_to_stay_offline() -> None:
    moving = changed(web(persistent_state=Wanted.ONLINE), "resource", "App", state=S.OFFLINE_PENDING)
    assert refused(Verb.TAKE_OFFLINE, "App", moving) == ("", None)
    stopping = changed(web(), "resource", "App", state=S.OFFLINE_PENDING)
    assert refused(Verb.TAKE_OFFLINE, "App", stopping) == ("wrong_state", 5023)


# --- initiate failure, delete -----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ALL_STATES)
def test_only_an_online_resource_can_be_failed(state: ResourceState) -> None:
    now = changed(web(), "resource", "App", state=state)
    assert refused(Verb.INITIATE_FAILURE, "App", now) == (("", None) if state is S.ONLINE else ("not_online", 5084))


@pytest.mark.parametrize("state", ALL_STATES)
def test_only_what_is_offline_or_failed_can_be_deleted_with_all_that_needs_it(state: ResourceState) -> None:
    now = changed(web(), "resource", "App", state=state)
    expected = ("", None) if state in (S.OFFLINE, S.FAILED) else ("delete_while_online", 5019)
    assert refused(Verb.DELETE, "App", now) == expected
    assert refused(Verb.DELETE, "IP", now) == expected, "App goes with it"


def test_only_an_empty_group_can_be_deleted() -> None:
    assert refused(Verb.DELETE, "Spare", web()) == ("", None)
    assert refused(Verb.DELETE, "Web", web()) == ("group_not_empty", 145)


# --- move -------------------------------------------------------------------------------------------------------


def move(now: Snapshot, node: int | None, group: str = "web") -> tuple[str, int | None]:
    return numbered(move_problem(now.groups[group], node, now))


def test_moving_to_the_present_owner_is_no_mistake() -> None:
    assert move(web(S.ONLINE), 1) == ("", None)


def test_a_group_can_be_moved_offline_or_online_to_any_node_that_can_run_it() -> None:
    assert move(web(S.OFFLINE), 2) == ("", None)
    assert move(web(S.ONLINE), None) == ("", None)


def test_the_target_is_a_possible_owner_of_every_resource() -> None:
    now = changed(web(), "resource", "App", possible_owners=(1, 3))
    assert move(now, 2)[0] == "not_possible_owner"
    assert move(now, 3) == ("", None)
    types = {"Generic Application": replace(now.types["Generic Application"], possible_owners=(1, 2))}
    assert move(replace(now, types=types), 3) == ("type_missing_on_node", 5071)


def test_the_target_is_up_and_known() -> None:
    now = changed(web(), "node", "b", state=NodeState.DOWN)
    now = changed(now, "node", "c", state=NodeState.PAUSED, paused=True)
    assert move(now, 2) == ("node_down", 5050)
    assert move(now, 3) == ("node_paused", 70)
    assert move(now, 9) == ("node_unknown", 5042)
    assert move(now, None) == ("no_node_available", 5005)
    bad = move_problem(now.groups["web"], None, now)
    assert bad is not None
    assert sentence(bad) == "No other node can run Web now. b is not up (Down). c is paused; resume it first."
    assert move(changed(now, "node", "b", state=NodeState.JOINING), 2) == ("node_down", 5050)


def test_a_move_can_be_called_off_while_it_lasts() -> None:
    now = web(S.ONLINE, phase=Phase.MOVING, target=2)
    assert move(now, 1) == ("", None)
    assert move(changed(now, "node", "a", state=NodeState.PAUSED), 1) == ("node_paused", 70)


def kept_apart(*, enforced: bool) -> Snapshot:
    now = cluster("abc", {"One": "App1", "Two": "App2"}, owners={"One": "a", "Two": "b"})
    for name in ("One", "Two"):
        now = changed(now, "group", name, properties={"AntiAffinityClassNames": ("db",)})
    return replace(now, cluster=replace(now.cluster, properties={"EnforcedAntiAffinity": enforced}))


def test_enforced_anti_affinity_forbids_a_node_and_a_preference_does_not() -> None:
    assert move(kept_apart(enforced=False), 2, "one") == ("", None)
    assert move(kept_apart(enforced=True), 2, "one") == ("anti_affinity", 5071)
    assert move(kept_apart(enforced=True), 3, "one") == ("", None)


def test_a_group_is_not_brought_online_beside_one_that_it_is_kept_apart_from() -> None:
    now = changed(kept_apart(enforced=True), "resource", "App1", state=S.OFFLINE)
    assert refused(Verb.BRING_ONLINE, "One", now) == ("", None)
    together = changed(now, "group", "One", owner=2)
    assert refused(Verb.BRING_ONLINE, "One", together) == ("anti_affinity", 5071)
    assert refused(Verb.BRING_ONLINE, "App1", together) == ("anti_affinity", 5071)
    lax = changed(kept_apart(enforced=False), "group", "One", owner=2, state=GroupState.OFFLINE)
    assert refused(Verb.BRING_ONLINE, "One", changed(lax, "resource", "App1", state=S.OFFLINE)) == ("", None)


def test_an_offline_group_keeps_nobody_away() -> None:
    now = changed(kept_apart(enforced=True), "resource", "App2", state=S.OFFLINE)
    now = changed(now, "group", "Two", persistent_state=Wanted.OFFLINE)
    assert separation_problem(now.groups["one"], 2, now) is None


def test_a_moving_group_keeps_others_from_where_it_is_and_where_it_goes_when_enforced() -> None:
    now = changed(kept_apart(enforced=True), "group", "Two", phase=Phase.MOVING, target=3)
    assert [bool(separation_problem(now.groups["one"], n, now)) for n in (1, 2, 3)] == [False, True, True]


# --- change group -----------------------------------------------------------------------------------------------


def test_a_tree_changes_groups_only_at_rest_or_on_the_same_node() -> None:
    now = web(S.ONLINE)
    app, spare = now.resources["app"], now.groups["spare"]
    assert change_group_problem(app, spare, now) is None
    assert numbered(change_group_problem(app, now.groups["web"], now))[0] == "already_in_group"
    apart = changed(now, "group", "Spare", owner=2)
    bad = change_group_problem(app, apart.groups["spare"], apart)
    assert numbered(bad)[0] == "groups_on_different_nodes"
    resting = changed(web(S.OFFLINE), "group", "Spare", owner=2)
    assert change_group_problem(app, resting.groups["spare"], resting) is None
    busy = changed(now, "resource", "IP", state=S.ONLINE_PENDING)
    assert numbered(change_group_problem(app, spare, busy)) == ("wrong_state", 5023)
    moving = changed(now, "group", "Spare", phase=Phase.MOVING, target=2)
    assert numbered(change_group_problem(app, moving.groups["spare"], moving)) == ("group_moving", 5023)


def test_changing_groups_needs_a_second_group() -> None:
    assert refused(Verb.CHANGE_GROUP, "App", web()) == ("", None)
    assert refused(Verb.CHANGE_GROUP, "App", cluster(groups={"Web": "App"}))[0] == "no_other_group"


# --- nodes, rights ----------------------------------------------------------------------------------------------


def test_a_node_that_is_up_can_be_paused_and_a_paused_one_resumed_even_when_down() -> None:
    now = web()
    assert refused(Verb.PAUSE, "a", now) == ("", None)
    assert refused(Verb.RESUME, "a", now)[0] == "not_paused"
    paused = changed(now, "node", "a", state=NodeState.PAUSED, paused=True)
    assert refused(Verb.PAUSE, "a", paused)[0] == "already"
    assert refused(Verb.RESUME, "a", changed(paused, "node", "a", state=NodeState.DOWN)) == ("", None)
    assert refused(Verb.PAUSE, "a", changed(now, "node", "a", state=NodeState.DOWN)) == ("node_down", 5050)


@pytest.mark.parametrize(
    ("verb", "least"),
    [
        (Verb.BRING_ONLINE, Right.OPERATE),
        (Verb.TAKE_OFFLINE, Right.OPERATE),
        (Verb.MOVE_GROUP, Right.OPERATE),
        (Verb.DELETE, Right.ADMINISTER),
        (Verb.RENAME, Right.ADMINISTER),
        (Verb.NEW_RESOURCE, Right.ADMINISTER),
        (Verb.PROPERTIES, Right.READ),
    ],
)
def test_each_verb_needs_its_right(verb: Verb, least: Right) -> None:
    now = changed(web(), "resource", "App", state=S.ONLINE)
    for right in Right:
        denied = refused(verb, "Web", now, right) == ("access_denied", 5)
        assert denied is (right < least), right


def test_no_verb_applies_to_another_kind() -> None:
    now = with_network(web())
    for item in now.everything():
        for verb in Verb:
            code, _ = numbered(verb_problem(verb, item, now))
            assert (code == "verb_does_not_apply") is (verb not in verbs_of(item))


def test_every_object_has_properties_and_a_network_a_name_that_a_person_gives() -> None:
    now = with_network(web())
    assert all(Verb.PROPERTIES in verbs_of(item) for item in now.everything())
    assert verbs_of(now.networks["public"]) == (Verb.RENAME, Verb.PROPERTIES)
    assert verbs_of(now.interfaces["public-1"]) == (Verb.PROPERTIES,)


def test_a_resource_is_made_in_a_group_that_exists() -> None:
    now = cluster()
    assert numbered(verb_problem(Verb.NEW_RESOURCE, now.cluster, now))[0] == "no_group_yet"
    assert verb_problem(Verb.NEW_RESOURCE, web().cluster, web()) is None


# --- owners -----------------------------------------------------------------------------------------------------


def test_a_list_of_owners_names_nodes_of_the_cluster_once() -> None:
    now = web()
    assert owners_problem(None, now, field="possible_owners") is None
    assert owners_problem((3, 1), now, field="preferred_owners") is None
    assert owners_problem((), now, field="preferred_owners") is None
    assert numbered(owners_problem((), now, field="possible_owners"))[0] == "no_possible_owner"
    assert numbered(owners_problem((1, 9), now, field="possible_owners")) == ("node_unknown", 5042)
    assert numbered(owners_problem((1, 2, 1), now, field="possible_owners"))[0] == "node_twice"


def test_hosts_are_the_nodes_that_host_problem_has_nothing_against() -> None:
    now = changed(web(), "resource", "App", possible_owners=(1, 2))
    now = changed(now, "node", "a", state=NodeState.PAUSED)
    group = now.groups["web"]
    assert [node.name for node in hosts(group, now)] == ["b"]
    for node in now.nodes.values():
        assert isinstance(node, Node)
        assert (host_problem(group, node, now) is None) is (node.name == "b")
    app = now.resources["app"]
    assert isinstance(app, Resource)
    assert possible_owners(app, now) == {1, 2}
    assert now.find(ObjectKind.RESOURCE, "APP") is app
