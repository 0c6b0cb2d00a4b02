"""Verbs for a selection: on exactly when the rule allows it, with reasons and consequences."""

import pytest

import icons
from nodeagent.api.commonproperties import NEVER
from nodeagent.api.objects import ClusterObject, NodeState, ResourceState, Snapshot
from nodeagent.api.requests import BringOnline, Right, Verb
from nodeagent.api.rules.verbs import verb_problem, verbs_of
from tests.builders import changed, cluster, with_network
from tests.webfarm import WebFarm
from ui.actions import MENU_ORDER
from ui.models.picture import Picture
from ui.sheets.advanced import consequences
from ui.verbs import MOST_LOOKED_AT, consequence, delete_request, offer, offers, request_for, targets_of
from ui.words import verb_drawing, verb_title

ONLINE, OFFLINE, FAILED = ResourceState.ONLINE, ResourceState.OFFLINE, ResourceState.FAILED


def everything() -> list[ClusterObject]:
    return list(with_network(WebFarm(now=1000.0).snapshot()).everything())


@pytest.mark.parametrize("right", [Right.READ, Right.OPERATE, Right.ADMINISTER])
@pytest.mark.parametrize("item", everything(), ids=lambda item: f"{type(item).__name__} {item.name}")
def test_a_verb_is_on_exactly_when_the_rule_allows_it(item: ClusterObject, right: Right) -> None:
    snapshot = with_network(WebFarm(now=1000.0).snapshot())
    picture = Picture(snapshot, now=1000.0)
    found = offers([item], picture, right)
    for verb in verbs_of(item):
        assert found[verb].possible is (verb_problem(verb, item, snapshot, right) is None), verb
        assert found[verb].possible or found[verb].reason, verb


def pair() -> Snapshot:
    return cluster("ab", {"Web": {"IP": ONLINE, "App": OFFLINE}, "Mail": {"Queue": ONLINE}})


def test_without_a_connection_only_properties_are_left() -> None:
    snapshot = pair()
    picture = Picture(snapshot, live=False)
    found = offers([snapshot.resources["ip"]], picture, Right.ADMINISTER)
    assert {verb for verb, one in found.items() if one.possible} == {Verb.PROPERTIES}
    assert "Not connected" in found[Verb.TAKE_OFFLINE].reason


def test_of_several_those_that_can_are_taken_and_the_others_named() -> None:
    snapshot = pair()
    items = [snapshot.resources["ip"], snapshot.resources["app"]]
    found = offer(Verb.BRING_ONLINE, items, Picture(snapshot), Right.ADMINISTER)
    assert [item.name for item in found.items] == ["App"]
    assert found.consequence == "Starts 1 resource. Not for IP: IP is already online."


def test_of_thousands_selected_one_of_each_state_is_looked_at() -> None:
    many = {f"r{number}": ONLINE for number in range(MOST_LOOKED_AT + 1)}
    snapshot = cluster("a", {"Big": {**many, "last": OFFLINE}})
    items = list(snapshot.resources.values())
    found = offers(items, Picture(snapshot), Right.ADMINISTER)
    assert [item.name for item in found[Verb.BRING_ONLINE].items] == ["last"]
    assert found[Verb.TAKE_OFFLINE].possible
    assert found[Verb.TAKE_OFFLINE].consequence == ""  # what it would do to all was not worked out
    few = offers(items[-3:], Picture(snapshot), Right.ADMINISTER)
    assert few[Verb.TAKE_OFFLINE].consequence.startswith("Stops 2 resources.")


def test_moving_a_resource_means_its_group() -> None:
    snapshot = pair()
    items: list[ClusterObject] = [snapshot.resources["ip"], snapshot.resources["app"], snapshot.groups["mail"]]
    assert [item.name for item in targets_of(Verb.MOVE_GROUP, items, Picture(snapshot))] == ["Web", "Mail"]


def test_what_a_verb_would_do_names_what_goes_along() -> None:
    snapshot = changed(pair(), "resource", "App", dependencies=("ip",), state=ONLINE)
    picture = Picture(snapshot)
    off = offer(Verb.TAKE_OFFLINE, [snapshot.resources["ip"]], picture, Right.ADMINISTER)
    assert off.consequence == "Stops App and then IP."
    move = offer(Verb.MOVE_GROUP, [snapshot.groups["web"]], picture, Right.ADMINISTER)
    assert move.consequence.startswith("Best possible: b, ")


def test_a_group_on_two_nodes_of_which_one_is_down_cannot_move() -> None:
    snapshot = changed(pair(), "node", "b", state=NodeState.DOWN)
    found = offer(Verb.MOVE_GROUP, [snapshot.groups["web"]], Picture(snapshot), Right.ADMINISTER)
    assert not found.possible
    assert found.reason == "No other node can run Web now."


def test_requests_name_the_object_and_carry_the_note() -> None:
    snapshot = pair()
    request = request_for(Verb.BRING_ONLINE, snapshot.groups["web"], note="why")
    assert isinstance(request, BringOnline)
    assert (request.kind, request.id, request.note) == ("group", "web", "why")
    with pytest.raises(ValueError, match="not a single request"):
        request_for(Verb.PROPERTIES, snapshot.groups["web"])


def test_every_verb_has_a_title_an_icon_and_its_place_in_the_menu() -> None:
    placed = [verb for verbs in MENU_ORDER for verb in verbs]
    assert sorted(placed) == sorted(Verb)
    for verb in Verb:
        assert verb_title(verb)
        assert f"verb-{verb_drawing(verb)}" in icons.names()


SENT_BY_DIALOGS = {
    Verb.PROPERTIES, Verb.RENAME, Verb.NEW_GROUP, Verb.NEW_RESOURCE, Verb.DELETE,
}  # fmt: skip


@pytest.mark.parametrize("verb", sorted(set(Verb) - SENT_BY_DIALOGS))
def test_every_other_verb_is_one_request_for_each_kind_that_has_it(verb: Verb) -> None:
    items = [item for item in everything() if verb in verbs_of(item)]
    picture = Picture(with_network(WebFarm(now=1000.0).snapshot()))
    assert all(request_for(verb, item, seconds=60.0, typed=item.name).changes for item in items)
    assert any(consequence(verb, [item], (), picture) for item in items)


def test_deleting_a_resource_names_all_that_depends_on_it() -> None:
    snapshot = changed(pair(), "resource", "App", dependencies=("ip",))
    assert delete_request(snapshot.resources["ip"], Picture(snapshot)).with_dependents == ("app",)


def test_a_group_of_one_resource_is_said_to_have_one() -> None:
    snapshot = pair()
    picture = Picture(snapshot)
    mail, web = snapshot.groups["mail"], snapshot.groups["web"]
    assert consequence(Verb.TAKE_OFFLINE, [mail], (), picture) == "Stops its only resource."
    assert consequence(Verb.TAKE_OFFLINE, [web], (), picture) == "Stops 1 of its 2 resources."
    app = snapshot.resources["queue"]
    values = {"RestartAction": 2, "RestartThreshold": 3, "RestartPeriod": 900_000, "RetryPeriodOnFailure": NEVER}
    assert "the whole group Mail (1 resource) to" in consequences(app, snapshot, values)
