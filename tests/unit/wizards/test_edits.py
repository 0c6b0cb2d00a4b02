"""What a property sheet changes, and what happens when somebody else changes it too."""

import msgspec

from clusteradmin.wizards.edits import (
    DEPENDENCIES,
    NAME,
    POSSIBLE_OWNERS,
    PREFERRED_OWNERS,
    Edits,
    Key,
    Part,
    held,
    parameter,
    prop,
)
from nodeagent.api.objects import ObjectKind, Snapshot
from nodeagent.api.problems import problem
from nodeagent.api.requests import (
    Rename,
    SetDependencies,
    SetPossibleOwners,
    SetPreferredOwners,
    SetProperties,
)
from tests.builders import changed
from tests.ordersdatabase import orders_cluster


def edits_of(cluster: Snapshot, resource: str = "postgresql") -> Edits:
    return Edits(cluster.resources[resource], cluster)


def with_resource(cluster: Snapshot, name: str = "PostgreSQL", **changes: object) -> Snapshot:
    return changed(cluster, "resource", name, **changes)


def test_an_untouched_object_has_nothing_to_apply() -> None:
    edits = edits_of(orders_cluster())
    assert not edits.dirty
    assert edits.requests() == ()


def test_all_changed_properties_travel_in_one_request_that_names_the_revision_it_began_from() -> None:
    edits = edits_of(orders_cluster())
    edits.put(prop("RestartThreshold"), 5)
    edits.put(prop("Description"), "The orders")
    edits.put(parameter("StartParameters"), "--wal-check")
    assert edits.requests() == (
        SetProperties(
            kind=ObjectKind.RESOURCE,
            id="postgresql",
            properties={"RestartThreshold": 5, "Description": "The orders"},
            parameters={"StartParameters": "--wal-check"},
            expected=90,
        ),
    )


def test_what_has_a_request_of_its_own_follows_and_the_new_name_comes_last() -> None:
    edits = edits_of(orders_cluster())
    edits.put(NAME, "Postgres")
    edits.put(DEPENDENCIES, ("orders-disk", "orders-name"))
    edits.put(POSSIBLE_OWNERS, (1, 2))
    edits.put(prop("RestartThreshold"), 5)
    assert [type(one) for one in edits.requests()] == [SetProperties, SetPossibleOwners, SetDependencies, Rename]


def test_preferred_owners_of_a_group_keep_their_order() -> None:
    cluster = orders_cluster()
    edits = Edits(cluster.groups["orders-database"], cluster)
    edits.put(PREFERRED_OWNERS, (3, 1))
    assert edits.requests() == (SetPreferredOwners(group="orders-database", nodes=(3, 1)),)


def test_going_back_to_the_default_is_sent_as_no_value() -> None:
    cluster = with_resource(orders_cluster(), properties={"RestartThreshold": 5})
    edits = edits_of(cluster)
    assert edits.differing() == (prop("RestartThreshold"),)
    edits.put(prop("RestartThreshold"), 3)  # the default, as a number
    (request,) = edits.requests()
    assert isinstance(request, SetProperties)
    assert request.properties == {"RestartThreshold": None}
    assert edits.effective(prop("RestartThreshold")) == 3
    assert edits.differing() == ()


def test_a_value_that_is_put_back_is_no_change() -> None:
    edits = edits_of(orders_cluster())
    edits.put(prop("RestartThreshold"), 5)
    edits.put(prop("RestartThreshold"), None)
    assert not edits.dirty


def test_a_stored_default_counts_as_the_default() -> None:
    cluster = with_resource(orders_cluster(), properties={"RestartThreshold": 3})
    assert held(cluster.resources["postgresql"], cluster)[prop("RestartThreshold")] is None


def test_a_wrong_value_is_a_problem_of_its_field_only() -> None:
    edits = edits_of(orders_cluster())
    edits.put(prop("LooksAlivePollInterval"), 5)
    edits.put(parameter("CurrentDirectory"), "srv/orders")
    edits.put(parameter("ServiceName"), None)
    edits.put(NAME, "Orders API")
    found = {key: bad.code for key, bad in edits.problems(orders_cluster()).items()}
    assert found == {
        prop("LooksAlivePollInterval"): "value_out_of_range",
        parameter("CurrentDirectory"): "path_not_absolute",
        parameter("ServiceName"): "value_required",
        NAME: "name_taken",
    }


def test_an_empty_list_of_possible_owners_is_refused_but_every_node_is_not() -> None:
    cluster = with_resource(orders_cluster(), possible_owners=(1,))
    edits = edits_of(cluster)
    edits.put(POSSIBLE_OWNERS, ())
    assert edits.problems(cluster)[POSSIBLE_OWNERS].code == "no_possible_owner"
    edits.put(POSSIBLE_OWNERS, None)
    assert edits.problems(cluster) == {}
    assert edits.requests() == (SetPossibleOwners(resource="postgresql", nodes=None),)


def test_dependencies_of_an_online_resource_are_refused() -> None:
    cluster = orders_cluster()
    edits = edits_of(cluster)
    edits.put(DEPENDENCIES, ())
    assert edits.problems(cluster)[DEPENDENCIES].code == "dependency_online"


def test_what_somebody_else_changed_is_taken_over_where_the_person_has_not_touched_it() -> None:
    cluster = orders_cluster()
    edits = edits_of(cluster)
    edits.put(prop("RestartThreshold"), 5)
    theirs = with_resource(cluster, properties={"PendingTimeout": 60_000}, revision=120)
    met = edits.meet(theirs.resources["postgresql"], theirs)
    assert met.adopted == (prop("PendingTimeout"),)
    assert met.conflicting == ()
    assert edits.value(prop("PendingTimeout")) == 60_000
    (request,) = edits.requests()
    assert isinstance(request, SetProperties)
    assert (request.properties, request.expected) == ({"RestartThreshold": 5}, 120)


def test_what_both_changed_is_a_conflict_in_which_mine_stands_until_it_is_given_up() -> None:
    cluster = orders_cluster()
    edits = edits_of(cluster)
    edits.put(prop("RestartThreshold"), 5)
    theirs = with_resource(cluster, properties={"RestartThreshold": 9}, revision=120)
    met = edits.meet(theirs.resources["postgresql"], theirs)
    assert met.conflicting == (prop("RestartThreshold"),)
    assert edits.value(prop("RestartThreshold")) == 5
    assert edits.loaded(prop("RestartThreshold")) == 9
    edits.discard(met.conflicting)
    assert edits.value(prop("RestartThreshold")) == 9
    assert not edits.dirty


def test_the_same_change_by_both_is_none_any_more() -> None:
    cluster = orders_cluster()
    edits = edits_of(cluster)
    edits.put(prop("RestartThreshold"), 5)
    theirs = with_resource(cluster, properties={"RestartThreshold": 5}, revision=120)
    assert edits.meet(theirs.resources["postgresql"], theirs).conflicting == ()
    assert not edits.dirty


def test_a_change_of_state_is_no_change_of_configuration() -> None:
    cluster = orders_cluster()
    edits = edits_of(cluster)
    running = with_resource(cluster, information="busy", process_id=99)
    met = edits.meet(running.resources["postgresql"], running)
    assert (met.adopted, met.conflicting) == ((), ())


def test_a_refusal_finds_its_field_by_the_name_on_the_wire() -> None:
    edits = edits_of(orders_cluster())
    assert edits.key_of(problem("path_not_absolute", "currentdirectory")) == parameter("CurrentDirectory")
    assert edits.key_of(problem("value_out_of_range", "RestartPeriod")) == prop("RestartPeriod")
    assert edits.key_of(problem("dependency_cycle", "dependencies")) == DEPENDENCIES
    assert edits.key_of(problem("name_taken", "name")) == NAME
    assert edits.key_of(problem("node_twice", "preferred_owners")) is None  # a resource has none
    assert edits.key_of(problem("conflict")) is None


def test_every_object_of_a_cluster_has_a_description_to_edit() -> None:
    cluster = orders_cluster()
    for item in cluster.everything():
        assert prop("Description") in held(item, cluster), item


def test_a_parameter_of_an_unknown_type_is_kept_out_of_the_way() -> None:
    cluster = orders_cluster()
    unknown = msgspec.structs.replace(cluster.resources["shop"], type="Gone")
    edits = Edits(unknown, cluster)
    assert not [key for key in edits.keys() if key.part is Part.PARAMETER]  # noqa: SIM118
    assert Key(Part.NAME) in edits.keys()  # noqa: SIM118
