"""What would happen: the same refusals as for real, and the effects in their order."""

import msgspec
import pytest

from clusteradmin.client.whatif import foresee
from nodeagent.api.objects import NodeState, ObjectKind, ResourceState, ResourceType, Snapshot, Wanted
from nodeagent.api.properties import Kind, PropertySpec
from nodeagent.api.requests import (
    AdmitNode,
    BeginMaintenance,
    BringOnline,
    ChangeGroup,
    CreateGroup,
    CreateResource,
    DeclareOff,
    Delete,
    EndMaintenance,
    EvictNode,
    InitiateFailure,
    MoveGroup,
    PauseNode,
    Rename,
    Request,
    RestartNode,
    Right,
    SetDependencies,
    SetFenceDevices,
    SetPossibleOwners,
    SetProperties,
    StopNode,
    TakeOffline,
    TakeOverNow,
)
from tests.builders import changed, cluster, with_network

GROUP, RESOURCE = ObjectKind.GROUP, ObjectKind.RESOURCE


def linked(state: ResourceState = ResourceState.ONLINE) -> Snapshot:
    """App needs Disk and IP; Web is on a, and Other on b."""
    made = cluster(nodes="abc", groups={"Web": "App Disk IP", "Other": "X"}, owners={"Other": "b"}, state=state)
    return changed(made, "resource", "App", dependencies=("disk", "ip"))


def effects(request: Request, snapshot: Snapshot) -> list[str]:
    found = foresee(request, snapshot)
    assert found.problem is None
    return list(found.effects)


def refused(request: Request, snapshot: Snapshot, right: Right = Right.ADMINISTER) -> str:
    found = foresee(request, snapshot, right)
    assert found.problem is not None
    return found.problem.code


def test_a_move_stops_dependents_first_and_starts_providers_first() -> None:
    assert effects(MoveGroup(group="web", node=3), linked()) == [
        "App goes offline.",
        "IP goes offline.",
        "Disk goes offline.",
        "Web moves from a to c.",
        "Disk goes online there.",
        "IP goes online there.",
        "App goes online there.",
    ]


def test_the_best_possible_node_is_the_planners_choice_with_its_refusals() -> None:
    snapshot = changed(linked(), "node", "c", state=NodeState.PAUSED, paused=True)
    found = effects(MoveGroup(group="web"), changed(snapshot, "group", "Web", preferred_owners=(3, 2)))
    assert found[0] == "c is not taken: c is paused; resume it first."
    assert found[1] == "b is the best possible node: it is the most preferred owner that can run it."
    assert "Web moves from a to b." in found


def test_what_stays_offline_after_a_move_is_not_said_to_go_online() -> None:
    snapshot = changed(linked(), "resource", "IP", persistent_state=Wanted.OFFLINE, state=ResourceState.OFFLINE)
    assert "IP goes online there." not in effects(MoveGroup(group="web", node=3), snapshot)


def test_a_move_that_cannot_be_is_refused_as_for_real() -> None:
    down = changed(linked(), "node", "c", state=NodeState.DOWN)
    assert refused(MoveGroup(group="web", node=3), down) == "node_down"
    assert effects(MoveGroup(group="web", node=1), linked()) == ["Web is on a already; nothing changes."]


def test_a_resource_brings_along_what_it_needs() -> None:
    offline = linked(ResourceState.OFFLINE)
    assert effects(BringOnline(kind=RESOURCE, id="app"), offline) == [
        "Web is on a.",
        "Disk goes online.",
        "IP goes online.",
        "App goes online.",
    ]
    assert effects(BringOnline(kind=GROUP, id="web", node=2), offline)[1] == "Web moves from a to b."


def test_what_depends_on_it_goes_offline_first() -> None:
    assert effects(TakeOffline(kind=RESOURCE, id="disk"), linked()) == ["App goes offline.", "Disk goes offline."]
    assert refused(TakeOffline(kind=RESOURCE, id="disk"), linked(ResourceState.OFFLINE)) == "already"


def test_a_failure_is_met_as_the_policy_says() -> None:
    request, snapshot = InitiateFailure(resource="app"), linked()
    assert effects(request, snapshot)[1] == "It is restarted on a (restart 1 of 3 within 900 s)."
    used_up = changed(snapshot, "resource", "App", restarts=3)
    assert effects(request, used_up)[1].startswith("Web moves to b:")
    stays = changed(used_up, "resource", "App", properties={"RestartAction": 1})
    assert effects(request, stays) == ["App fails and stays failed; Web stays where it is."]
    assert refused(request, linked(ResourceState.OFFLINE)) == "not_online"


def test_a_resource_is_deleted_with_exactly_its_dependents() -> None:
    snapshot = linked(ResourceState.OFFLINE)
    assert refused(Delete(kind=RESOURCE, id="disk"), snapshot) == "others_depend_on_it"
    assert effects(Delete(kind=RESOURCE, id="disk", with_dependents=("app",)), snapshot) == [
        "The resource App is deleted.",
        "The resource Disk is deleted.",
    ]
    assert refused(Delete(kind=RESOURCE, id="app"), linked()) == "delete_while_online"
    assert refused(Delete(kind=GROUP, id="web"), linked()) == "group_not_empty"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (CreateGroup(name="web"), "name_taken"),
        (CreateResource(name="New", type="No such", group="web"), "type_unknown"),
        (CreateResource(name="New", type="Generic Application", group="nowhere"), "group_unknown"),
        (SetProperties(kind=RESOURCE, id="app", properties={"RestartAction": 9}), "value_not_a_choice"),
        (SetProperties(kind=RESOURCE, id="app", parameters={"Nonsense": 1}), "property_unknown"),
        (SetPossibleOwners(resource="app", nodes=()), "no_possible_owner"),
        (SetDependencies(resource="app", providers=("x",)), "dependency_across_groups"),
        (Rename(kind=GROUP, id="web", name="other"), "name_taken"),
        (Rename(kind=GROUP, id="nobody", name="n"), "object_unknown"),
        (ChangeGroup(resource="app", group="other"), "groups_on_different_nodes"),
        (PauseNode(node=9), "node_unknown"),
    ],
)
def test_what_the_rules_refuse_is_foreseen(request_: Request, code: str) -> None:
    assert refused(request_, linked()) == code


def test_what_the_user_may_not_do_is_foreseen() -> None:
    assert refused(MoveGroup(group="web", node=3), linked(), Right.READ) == "access_denied"
    assert foresee(MoveGroup(group="web", node=3), linked(), Right.OPERATE).problem is None


@pytest.mark.parametrize(
    ("request_", "first"),
    [
        (PauseNode(node=1, drain=True), "a takes no new groups until it is resumed."),
        (StopNode(node=1), "a gives away its groups Web, or takes them offline."),
        (StopNode(node=3), "c has no group to give away."),
        (RestartNode(node=1), "a begins anew; its applications run on."),
        (BeginMaintenance(kind=GROUP, id="web", seconds=60), "Nothing of Web is restarted,"),
        (AdmitNode(name="d"), "d may join again, as a new member."),
        (SetFenceDevices(node=1), "a has 0 fence devices."),
    ],
)
def test_what_is_done_to_nodes_is_foreseen(request_: Request, first: str) -> None:
    assert effects(request_, linked())[0].startswith(first)


def test_a_node_is_declared_off_by_its_name_only() -> None:
    silent = changed(linked(), "node", "c", state=NodeState.UNKNOWN, silent_since=5.0)
    assert refused(DeclareOff(node=1, name="a", heartbeat=0), silent) == "node_is_heard"
    assert refused(DeclareOff(node=3, name="b", heartbeat=0), silent) == "name_not_confirmed"
    assert effects(DeclareOff(node=3, name="C", heartbeat=0), silent)[0].startswith("c is declared down")
    assert refused(TakeOverNow(nodes=(3,)), silent) == "brake_open"
    assert refused(EvictNode(node=1), silent) == "evict_member"
    assert refused(EndMaintenance(kind=GROUP, id="web"), silent) == "not_in_maintenance"


def test_every_request_that_changes_something_is_foreseen_in_words() -> None:
    snapshot = linked(ResourceState.OFFLINE)
    for request in (
        CreateGroup(name="New"),
        CreateResource(name="New", type="Generic Application", group="web"),
        SetProperties(kind=RESOURCE, id="app", properties={"RestartAction": 1}),
        SetPossibleOwners(resource="app", nodes=None),
        SetDependencies(resource="app", providers=()),
        Rename(kind=GROUP, id="web", name="Site"),
        ChangeGroup(resource="x", group="web"),
        PauseNode(node=1),
    ):
        assert msgspec.to_builtins(request)
        assert all(effect.endswith(".") for effect in effects(request, snapshot))


def test_what_networks_forbid_is_foreseen() -> None:
    now = with_network(linked())
    role = SetProperties(kind=ObjectKind.NETWORK, id="public", properties={"Role": 2})
    assert refused(role, now) == "last_internal_network"
    both = with_network(now, "Private")
    assert effects(role, both) == ["Public: Role is set to 2."]
    kind = ResourceType(name="IP Address", schema=(PropertySpec(name="Network", kind=Kind.NETWORK),))
    typed = msgspec.structs.replace(both, types={**both.types, kind.name: kind})
    for name, code in (("Nowhere", "network_unknown"), ("Public", "")):
        create = CreateResource(name="IP2", type="IP Address", group="web", parameters={"Network": name})
        found = foresee(create, typed)
        assert (found.problem.code if found.problem else "") == code
