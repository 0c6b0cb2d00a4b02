"""New Group and New Resource in their window."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from clusteradmin.wizards.flow import Step
from nodeagent.api.objects import ObjectKind, ObjectRef
from nodeagent.api.problems import problem
from nodeagent.api.requests import CreateGroup, CreateResource, Done, Right
from tests.builders import cluster
from tests.ordersdatabase import orders_cluster
from tests.support.standin import StandInCluster
from ui.forms.row import PropertyRow
from ui.wizards import new_group, new_resource
from ui.wizards.newgroup import NewGroupWizard
from ui.wizards.newresource import DependenciesPage, IdentityPage, NewResourceWizard, PossibleOwnersPage
from ui.wizards.page import ReviewPage
from ui.wizards.propertypage import ParametersPage

GroupOpener = Callable[[], NewGroupWizard]
ResourceOpener = Callable[..., NewResourceWizard]


@pytest.fixture
def standin() -> StandInCluster:
    return StandInCluster(orders_cluster())


@pytest.fixture
def group_wizard(standin: StandInCluster, window: QWidget) -> NewGroupWizard:
    wizard = new_group(standin, window)
    assert isinstance(wizard, NewGroupWizard)
    return wizard


@pytest.fixture
def resource_wizard(standin: StandInCluster, window: QWidget) -> NewResourceWizard:
    wizard = new_resource(standin, window, "orders-database")
    assert isinstance(wizard, NewResourceWizard)
    return wizard


def where(wizard: NewResourceWizard | NewGroupWizard) -> Step:
    """Return the page that is shown, anew each time: mypy takes an attribute for what it was."""
    return wizard.step


def said(row: PropertyRow) -> str:
    """Return the sentence under a field."""
    return row.error.problem or ""


def answer_all(wizard: NewResourceWizard, **answers: object) -> None:
    """Give all answers, and go to the review."""
    wizard.answers.name, wizard.answers.type = "Orders Exporter", "Generic Application"
    wizard.answers.parameters["CommandLine"] = "/srv/exporter"
    for name, value in answers.items():
        setattr(wizard.answers, name, value)
    wizard.answers_changed()
    for _ in wizard.flow.steps(wizard.snapshot)[1:]:
        wizard.forward()


def to_the_review(wizard: NewGroupWizard) -> None:
    """Name the group "Reports", and go to the review."""
    wizard.answers.name = "Reports"
    wizard.answers_changed()
    for _ in range(2):
        wizard.forward()


async def finished(wizard: NewResourceWizard | NewGroupWizard) -> ObjectRef:
    """Press Finish and return what was created."""
    created: asyncio.Future[ObjectRef] = asyncio.get_running_loop().create_future()
    gone = asyncio.Event()
    wizard.created.connect(created.set_result)
    wizard.destroyed.connect(gone.set)
    wizard.next_button.click()
    async with asyncio.timeout(5):
        found = await created
        await gone.wait()
    return found


async def refused(wizard: NewResourceWizard | NewGroupWizard) -> None:
    """Press Finish and wait for the refusal."""
    event = asyncio.Event()
    wizard.refused.connect(event.set)
    wizard.next_button.click()
    async with asyncio.timeout(5):
        await event.wait()


# --- New Group -------------------------------------------------------------------------------------------------------


def test_next_stays_enabled_and_says_what_is_missing(group_wizard: NewGroupWizard) -> None:
    page = group_wizard.pages[Step.NEW_GROUP]
    assert group_wizard.next_button.isEnabled()
    assert said(page.name) == ""  # type: ignore[attr-defined]
    group_wizard.next_button.click()
    assert said(page.name) == "A group needs a name."  # type: ignore[attr-defined]
    assert where(group_wizard) is Step.NEW_GROUP


def test_a_group_is_made_by_keyboard_alone(group_wizard: NewGroupWizard) -> None:
    field = group_wizard.pages[Step.NEW_GROUP].name.editor.focusProxy()  # type: ignore[attr-defined]
    QTest.keyClicks(field, "Reports")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert where(group_wizard) is Step.PREFERRED_OWNERS
    lists = group_wizard.pages[Step.PREFERRED_OWNERS].lists.lists  # type: ignore[attr-defined]
    lists.available.setFocus()
    QTest.keyClick(lists.available, Qt.Key.Key_Down)
    QTest.keyClick(lists.available, Qt.Key.Key_Return)
    assert len(group_wizard.answers.preferred_owners) == 1
    assert where(group_wizard) is Step.PREFERRED_OWNERS  # Enter moved the node, not the page
    QTest.keyClick(group_wizard, Qt.Key.Key_Return)
    assert where(group_wizard) is Step.REVIEW
    assert group_wizard.next_button.text() == "&Finish"


@pytest.mark.asyncio
async def test_finish_creates_the_group_and_names_it(group_wizard: NewGroupWizard, standin: StandInCluster) -> None:
    standin.answer = lambda request: Done(revision=101, id="reports")
    group_wizard.answers.preferred_owners = (2, 1)
    to_the_review(group_wizard)
    assert standin.requests == []
    assert await finished(group_wizard) == ObjectRef(ObjectKind.GROUP, "reports")
    assert standin.requests == [CreateGroup(name="Reports", preferred_owners=(2, 1))]


@pytest.mark.asyncio
async def test_a_name_that_was_taken_meanwhile_leads_back_to_its_field(
    group_wizard: NewGroupWizard, standin: StandInCluster
) -> None:
    standin.refusal = problem("name_taken", "name", kind="group", name="Reports")
    to_the_review(group_wizard)
    await refused(group_wizard)
    page = group_wizard.pages[Step.NEW_GROUP]
    assert where(group_wizard) is Step.NEW_GROUP
    assert "already has a group named Reports" in (page.name.error.problem or "")  # type: ignore[attr-defined]
    field = page.name.editor.focusProxy()  # type: ignore[attr-defined]
    QTest.keyClicks(field, " 2")
    assert said(page.name) == ""  # type: ignore[attr-defined]


@pytest.mark.asyncio
async def test_a_refusal_without_a_field_is_shown_at_the_top(
    group_wizard: NewGroupWizard, standin: StandInCluster
) -> None:
    standin.refusal = problem("store_unavailable", detail="no quorum")
    to_the_review(group_wizard)
    await refused(group_wizard)
    assert "no quorum" in group_wizard.notice.accessibleName()
    assert group_wizard.next_button.isEnabled()


def test_esc_creates_nothing(group_wizard: NewGroupWizard, standin: StandInCluster) -> None:
    QTest.keyClick(group_wizard, Qt.Key.Key_Escape)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert standin.requests == []
    assert standin.listeners == 0


def test_without_a_connection_finish_is_off_and_says_why(group_wizard: NewGroupWizard, standin: StandInCluster) -> None:
    group_wizard.answers.name = "Reports"
    group_wizard.answers_changed()
    group_wizard.forward()
    group_wizard.forward()
    standin.lose()
    assert not group_wizard.next_button.isEnabled()
    assert "no connection" in group_wizard.note.text()


def test_who_may_not_create_is_told_before_finish(window: QWidget) -> None:
    wizard = new_group(StandInCluster(orders_cluster(), right=Right.OPERATE), window)
    assert isinstance(wizard, NewGroupWizard)
    wizard.answers.name = "Reports"
    wizard.forward()
    wizard.forward()
    assert not wizard.next_button.isEnabled()
    assert "right to administer" in wizard.note.text()


# --- New Resource ----------------------------------------------------------------------------------------------------


def test_the_group_from_which_it_was_asked_for_is_chosen(resource_wizard: NewResourceWizard) -> None:
    assert resource_wizard.answers.group == "orders-database"


def test_without_a_chosen_group_the_person_chooses_unless_there_is_one_only(window: QWidget) -> None:
    several = new_resource(StandInCluster(orders_cluster()), window, None)
    assert isinstance(several, NewResourceWizard)
    assert several.answers.group == ""
    one = new_resource(StandInCluster(cluster(groups={"Only": "App"})), window, None)
    assert isinstance(one, NewResourceWizard)
    assert one.answers.group == "only"


def test_all_that_is_missing_on_a_page_is_said_at_each_field(resource_wizard: NewResourceWizard) -> None:
    resource_wizard.next_button.click()
    page = resource_wizard.page()
    assert isinstance(page, IdentityPage)
    assert said(page.name) == "A resource needs a name."
    assert page.type.error.problem == "Choose a resource type."
    assert page.group.error.problem is None


def test_the_rail_says_what_was_answered_and_leads_back(resource_wizard: NewResourceWizard) -> None:
    answer_all(resource_wizard, possible_owners=(1, 2), dependencies=("postgresql",))
    assert where(resource_wizard) is Step.REVIEW
    assert [stop.summary for stop in resource_wizard.rail.stops] == [
        "Orders Exporter, Generic Application",
        "2 of 5 nodes",
        "after PostgreSQL",
        "/srv/exporter",
        "",
    ]
    assert [stop.done for stop in resource_wizard.rail.stops] == [True, True, True, True, False]
    resource_wizard.rail.buttons[1].click()
    assert where(resource_wizard) is Step.POSSIBLE_OWNERS


def test_a_page_that_was_not_reached_yet_cannot_be_jumped_to(resource_wizard: NewResourceWizard) -> None:
    resource_wizard.rail.buttons[3].click()
    assert where(resource_wizard) is Step.NEW_RESOURCE
    assert not resource_wizard.rail.buttons[3].isEnabled()


def test_a_node_without_the_type_is_listed_with_that_as_the_reason(resource_wizard: NewResourceWizard) -> None:
    resource_wizard.answers.name, resource_wizard.answers.type = "Disk 2", "Physical Disk"
    resource_wizard.forward()
    page = resource_wizard.page()
    assert isinstance(page, PossibleOwnersPage)
    page.owners.every.click()
    assert resource_wizard.answers.possible_owners == (1, 2, 3, 4)
    lists = page.owners.nodes.lists
    lists._select(lists.available, ["5"])
    assert not lists.add_button.isEnabled()
    assert lists.add_button.toolTip() == "eos does not have the resource type Physical Disk, which Disk 2 needs."


def test_a_required_dependency_is_added_by_its_link(resource_wizard: NewResourceWizard) -> None:
    resource_wizard.answers.name, resource_wizard.answers.type = "Second Name", "Network Name"
    resource_wizard.forward()
    resource_wizard.forward()
    page = resource_wizard.page()
    assert isinstance(page, DependenciesPage)
    resource_wizard.forward()
    assert where(resource_wizard) is Step.DEPENDENCIES
    assert page.lists.add_link.text() == "Add Orders IP"
    page.lists.add_link.click()
    assert resource_wizard.answers.dependencies == ("orders-ip",)
    assert page.lists.order.text() == "Orders IP → Second Name"
    assert page.lists.add_link.isHidden()
    resource_wizard.forward()
    assert where(resource_wizard) is Step.PARAMETERS


def test_an_empty_group_says_that_there_is_nothing_to_depend_on(window: QWidget) -> None:
    wizard = new_resource(StandInCluster(cluster(groups={"Empty": ""})), window, "empty")
    assert isinstance(wizard, NewResourceWizard)
    wizard.answers.name, wizard.answers.type = "App", "Generic Application"
    wizard.forward()
    wizard.forward()
    page = wizard.page()
    assert isinstance(page, DependenciesPage)
    assert "no other resource" in page.lists.requirement.accessibleName()


def test_parameters_are_those_of_the_type_and_another_type_s_are_kept(resource_wizard: NewResourceWizard) -> None:
    answer_all(resource_wizard)
    resource_wizard.go_to(Step.NEW_RESOURCE)
    resource_wizard.answers.type = "Physical Disk"
    resource_wizard.answers_changed()
    for _ in range(3):
        resource_wizard.forward()
    page = resource_wizard.page()
    assert isinstance(page, ParametersPage)
    assert page.form is not None
    assert list(page.form.rows) == ["Device"]
    resource_wizard.go_to(Step.NEW_RESOURCE)
    resource_wizard.answers.type = "Generic Application"
    resource_wizard.answers_changed()
    assert resource_wizard.answers.parameters == {"CommandLine": "/srv/exporter"}


def test_a_wrong_parameter_is_said_while_it_is_typed_and_a_missing_one_at_next(
    resource_wizard: NewResourceWizard,
) -> None:
    resource_wizard.answers.name, resource_wizard.answers.type = "App 2", "Generic Application"
    for _ in range(3):
        resource_wizard.forward()
    page = resource_wizard.page()
    assert isinstance(page, ParametersPage)
    assert page.form is not None
    command, directory = page.form.rows["CommandLine"], page.form.rows["CurrentDirectory"]
    field = directory.editor.focusProxy()
    assert field is not None
    QTest.keyClicks(field, "srv")
    assert said(directory) == "CurrentDirectory must be an absolute path; write /srv."
    assert said(command) == ""
    assert not page.check.button.isEnabled()
    resource_wizard.next_button.click()
    assert said(command) == "CommandLine is required; set it to a value."
    assert where(resource_wizard) is Step.PARAMETERS


def test_the_review_names_all_and_shows_the_same_as_commands(resource_wizard: NewResourceWizard) -> None:
    answer_all(resource_wizard, dependencies=("postgresql",))
    page = resource_wizard.page()
    assert isinstance(page, ReviewPage)
    facts = resource_wizard.review_facts(resource_wizard.snapshot)
    assert facts["Dependencies"] == "PostgreSQL"
    assert facts["Command line"] == "/srv/exporter"
    assert "--adddep:PostgreSQL" in page.command.commands.text()
    page.command.copy_button.click()
    assert QGuiApplication.clipboard().text() == page.command.commands.text()


@pytest.mark.asyncio
async def test_finish_sends_one_request_with_all_answers(
    resource_wizard: NewResourceWizard, standin: StandInCluster
) -> None:
    answer_all(resource_wizard, possible_owners=(1, 2), dependencies=("postgresql",))
    assert await finished(resource_wizard) == ObjectRef(ObjectKind.RESOURCE, "new")
    assert standin.requests == [
        CreateResource(
            name="Orders Exporter",
            type="Generic Application",
            group="orders-database",
            possible_owners=(1, 2),
            dependencies=("postgresql",),
            parameters={"CommandLine": "/srv/exporter"},
        )
    ]


@pytest.mark.asyncio
async def test_a_refused_parameter_leads_to_its_field(
    resource_wizard: NewResourceWizard, standin: StandInCluster
) -> None:
    standin.refusal = problem("program_not_found", "CommandLine", program="/srv/exporter")
    answer_all(resource_wizard)
    await refused(resource_wizard)
    page = resource_wizard.page()
    assert isinstance(page, ParametersPage)
    assert page.form is not None
    assert page.form.rows["CommandLine"].error.problem == "The program /srv/exporter is not there."


@pytest.mark.asyncio
async def test_finish_pressed_twice_sends_once(resource_wizard: NewResourceWizard, standin: StandInCluster) -> None:
    standin.gate.clear()
    answer_all(resource_wizard)
    resource_wizard.forward()
    await asyncio.sleep(0)
    assert not resource_wizard.next_button.isEnabled()
    assert resource_wizard.note.text() == "Creating…"
    resource_wizard.forward()
    gone = asyncio.Event()
    resource_wizard.destroyed.connect(gone.set)
    standin.gate.set()
    async with asyncio.timeout(5):
        await gone.wait()
    assert len(standin.requests) == 1


def test_what_happens_in_the_cluster_meanwhile_is_looked_at_again(
    resource_wizard: NewResourceWizard, standin: StandInCluster
) -> None:
    answer_all(resource_wizard)
    made = orders_cluster()
    renamed = msgspec.structs.replace(made.resources["shop"], name="Orders Exporter")
    standin.show(msgspec.structs.replace(made, resources={**made.resources, "shop": renamed}))
    assert resource_wizard.rail.stops[0].wrong
    resource_wizard.next_button.click()
    assert where(resource_wizard) is Step.NEW_RESOURCE
    assert standin.requests == []


def test_a_page_that_is_gone_leads_to_the_first(resource_wizard: NewResourceWizard, standin: StandInCluster) -> None:
    resource_wizard.answers.name, resource_wizard.answers.type = "App 2", "Generic Application"
    for _ in range(3):
        resource_wizard.forward()
    assert where(resource_wizard) is Step.PARAMETERS
    made = orders_cluster()
    bare = msgspec.structs.replace(made.types["Generic Application"], schema=())
    standin.show(msgspec.structs.replace(made, types={**made.types, bare.name: bare}))
    assert where(resource_wizard) is Step.NEW_RESOURCE


def test_use_network_name_is_off_until_a_network_name_is_a_dependency(resource_wizard: NewResourceWizard) -> None:
    resource_wizard.answers.name, resource_wizard.answers.type = "App 2", "Generic Application"
    for _ in range(3):
        resource_wizard.forward()
    page = resource_wizard.page()
    assert isinstance(page, ParametersPage)
    assert page.form is not None
    row = page.form.rows["UseNetworkName"]
    assert not row.editor.isEnabled()
    row.link.emit()
    assert where(resource_wizard) is Step.DEPENDENCIES
    resource_wizard.answers.dependencies = ("orders-name",)
    resource_wizard.answers_changed()
    resource_wizard.forward()
    assert row.editor.isEnabled()
