"""New Group and New Resource without a window."""

import pytest

from clusteradmin.wizards.flow import Flow, Step, after, before, first_faulty, may_visit
from clusteradmin.wizards.newgroup import NewGroup
from clusteradmin.wizards.newresource import NewResource
from nodeagent.api.objects import ResourceType
from nodeagent.api.problems import problem
from nodeagent.api.requests import CreateGroup, CreateResource
from tests.builders import cluster, replace
from tests.ordersdatabase import orders_cluster


def codes(flow: Flow, step: Step) -> list[str]:
    return [one.code for one in flow.problems(step, orders_cluster())]


def exporter(**answers: object) -> NewResource:
    """A resource with all answers given, but for those that are given otherwise."""
    made = NewResource(name="Orders Exporter", type="Generic Application", group="orders-database")
    made.parameters["CommandLine"] = "/srv/orders/exporter"
    for name, value in answers.items():
        setattr(made, name, value)
    return made


# --- New Group -------------------------------------------------------------------------------------------------------


def test_a_new_group_asks_for_a_name_then_owners_then_shows_all() -> None:
    steps = NewGroup().steps(orders_cluster())
    assert steps == (Step.NEW_GROUP, Step.PREFERRED_OWNERS, Step.REVIEW)


@pytest.mark.parametrize(
    ("name", "wrong"), [("", "name_empty"), ("web shop", "name_taken"), (" Reports", "name_blanks"), ("Reports", None)]
)
def test_a_new_group_needs_a_name_that_nobody_has(name: str, wrong: str | None) -> None:
    assert codes(NewGroup(name=name), Step.NEW_GROUP) == ([wrong] if wrong else [])


def test_a_new_group_may_have_no_preferred_owners_but_none_that_is_gone() -> None:
    assert codes(NewGroup(name="Reports"), Step.PREFERRED_OWNERS) == []
    assert codes(NewGroup(name="Reports", preferred_owners=(9,)), Step.PREFERRED_OWNERS) == ["node_unknown"]


def test_the_answers_become_one_request() -> None:
    answers = NewGroup("Reports", "Monthly", (2, 1))
    assert answers.request(orders_cluster()) == CreateGroup(
        name="Reports", description="Monthly", preferred_owners=(2, 1)
    )


def test_a_refused_name_belongs_to_the_first_page_and_refused_owners_to_the_second() -> None:
    assert NewGroup().step_of(problem("name_taken", "name")) is Step.NEW_GROUP
    assert NewGroup().step_of(problem("node_unknown", "preferred_owners")) is Step.PREFERRED_OWNERS


# --- New Resource ----------------------------------------------------------------------------------------------------


def test_a_new_resource_has_five_pages() -> None:
    assert exporter().steps(orders_cluster()) == (
        Step.NEW_RESOURCE,
        Step.POSSIBLE_OWNERS,
        Step.DEPENDENCIES,
        Step.PARAMETERS,
        Step.REVIEW,
    )


def test_a_type_without_settings_has_no_parameters_page() -> None:
    plain = {"Plain": ResourceType(name="Plain", possible_owners=(1, 2))}
    assert Step.PARAMETERS not in NewResource(type="Plain").steps(replace(cluster(), types=plain))


def test_all_that_is_missing_on_the_first_page_is_said_at_once() -> None:
    assert codes(NewResource(), Step.NEW_RESOURCE) == ["name_empty", "nothing_chosen", "nothing_chosen"]


def test_without_any_group_the_first_page_says_so() -> None:
    found = exporter(group="").problems(Step.NEW_RESOURCE, cluster())
    assert [one.code for one in found] == ["no_group_yet"]


def test_a_group_that_was_deleted_meanwhile_is_missed() -> None:
    assert codes(exporter(group="gone"), Step.NEW_RESOURCE) == ["group_unknown"]


def test_a_possible_owner_must_have_the_type() -> None:
    disk = exporter(type="Physical Disk", possible_owners=(2, 5))
    assert codes(disk, Step.POSSIBLE_OWNERS) == ["type_missing_on_node"]


def test_there_must_be_a_possible_owner() -> None:
    assert codes(exporter(possible_owners=()), Step.POSSIBLE_OWNERS) == ["no_possible_owner"]
    assert codes(exporter(type="Physical Disk", possible_owners=(5,)), Step.POSSIBLE_OWNERS) == ["no_possible_owner"]


def test_every_node_is_enough_though_one_lacks_the_type() -> None:
    assert codes(exporter(type="Physical Disk", possible_owners=None), Step.POSSIBLE_OWNERS) == []


def test_a_required_dependency_is_asked_for() -> None:
    name = exporter(type="Network Name")
    assert codes(name, Step.DEPENDENCIES) == ["dependency_missing"]
    name.dependencies = ("orders-ip",)
    assert codes(name, Step.DEPENDENCIES) == []


def test_dependencies_of_another_group_are_left_behind_when_the_group_changes() -> None:
    answers = exporter(dependencies=("postgresql",))
    answers.group = "web-shop"
    assert answers.providers(orders_cluster()) == ()
    assert codes(answers, Step.DEPENDENCIES) == []


def test_a_required_parameter_is_missed() -> None:
    answers = NewResource(name="X", type="Generic Application", group="orders-database")
    assert codes(answers, Step.PARAMETERS) == ["value_required"]


def test_trying_another_type_loses_nothing() -> None:
    answers = exporter()
    answers.type = "Generic Service"
    assert answers.parameters == {}
    answers.type = "Generic Application"
    assert answers.parameters == {"CommandLine": "/srv/orders/exporter"}


def test_the_request_has_all_answers() -> None:
    answers = exporter(
        description="Numbers", separate_monitor=True, possible_owners=(1, 2), dependencies=("postgresql",)
    )
    assert answers.request(orders_cluster()) == CreateResource(
        name="Orders Exporter",
        type="Generic Application",
        group="orders-database",
        description="Numbers",
        separate_monitor=True,
        possible_owners=(1, 2),
        dependencies=("postgresql",),
        parameters={"CommandLine": "/srv/orders/exporter"},
    )


@pytest.mark.parametrize(
    ("field", "step"),
    [
        ("name", Step.NEW_RESOURCE),
        ("possible_owners", Step.POSSIBLE_OWNERS),
        ("dependencies", Step.DEPENDENCIES),
        ("CommandLine", Step.PARAMETERS),
        ("", Step.NEW_RESOURCE),
    ],
)
def test_a_refusal_is_shown_on_the_page_of_its_field(field: str, step: Step) -> None:
    assert NewResource().step_of(problem("conflict", field)) is step


# --- walking ---------------------------------------------------------------------------------------------------------


def test_pages_follow_each_other_and_end_at_both_ends() -> None:
    made = orders_cluster()
    answers = exporter()
    order = answers.steps(made)
    assert [after(answers, step, made) for step in order] == [*order[1:], order[-1]]
    assert [before(answers, step, made) for step in order] == [order[0], *order[:-1]]


def test_a_page_behind_a_mistake_may_not_be_visited() -> None:
    made = orders_cluster()
    answers = exporter(possible_owners=())
    assert may_visit(answers, Step.POSSIBLE_OWNERS, made)
    assert not may_visit(answers, Step.DEPENDENCIES, made)
    assert first_faulty(answers, made) is Step.POSSIBLE_OWNERS


def test_with_all_answers_nothing_is_in_the_way() -> None:
    assert first_faulty(exporter(), orders_cluster()) is None
