"""Property sheets: what is sent, and what others change meanwhile."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from clusteradmin.wizards.edits import NAME, POSSIBLE_OWNERS, PREFERRED_OWNERS, parameter, prop
from nodeagent.api.causes import Cause
from nodeagent.api.objects import ObjectKind, ObjectRef, ResourceState
from nodeagent.api.problems import problem, refuse
from nodeagent.api.requests import (
    Done,
    NodeAnswer,
    Rename,
    Reply,
    Request,
    Right,
    SetPossibleOwners,
    SetPreferredOwners,
    SetProperties,
    Validated,
    ValidateParameters,
)
from tests.builders import changed, with_network
from tests.ordersdatabase import entry, orders_cluster
from tests.support.sheets import ORDERS, Opener, advanced, answered, page_of, press, standin
from tests.support.standin import StandInCluster
from ui.sheets.cluster import PolicyPage
from ui.sheets.general import GroupGeneral, NodeGeneral
from ui.sheets.parameters import ParametersPage
from ui.sheets.sheet import Sheet

PRIVATE = ObjectRef(ObjectKind.NETWORK, "private")

# --- applying --------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_apply_sends_all_properties_at_once_and_stays_open(opened: Opener) -> None:
    sheet = opened()
    cluster = standin(sheet)
    sheet.draft.put(prop("RestartThreshold"), 5)
    sheet.draft.put(parameter("StartParameters"), "-w")
    await answered(sheet, sheet.apply_button)
    assert cluster.requests == [
        SetProperties(
            kind=ObjectKind.RESOURCE,
            id="postgresql",
            properties={"RestartThreshold": 5},
            parameters={"StartParameters": "-w"},
            expected=90,
        )
    ]
    assert not sheet.apply_button.isEnabled()
    assert sheet.isVisible()


@pytest.mark.asyncio
async def test_ok_applies_and_closes(opened: Opener) -> None:
    sheet = opened(None, ORDERS)
    cluster = standin(sheet)
    sheet.draft.put(NAME, "Orders")
    sheet.draft.put(PREFERRED_OWNERS, (2, 1))
    gone = asyncio.Event()
    sheet.destroyed.connect(gone.set)
    press(sheet.ok_button)
    async with asyncio.timeout(5):
        await gone.wait()
    assert cluster.requests == [
        SetPreferredOwners(group="orders-database", nodes=(2, 1)),
        Rename(kind=ObjectKind.GROUP, id="orders-database", name="Orders"),
    ]


@pytest.mark.asyncio
async def test_the_cluster_s_own_news_of_the_change_is_no_conflict(opened: Opener) -> None:
    sheet = opened()
    cluster = standin(sheet)

    def answer(request: Request) -> Reply:
        after = changed(orders_cluster(), "resource", "PostgreSQL", properties={"RestartThreshold": 5}, revision=150)
        cluster.show(msgspec.structs.replace(after, revision=150))
        return Done(revision=150)

    cluster.answer = answer
    sheet.draft.put(prop("RestartThreshold"), 5)
    await answered(sheet, sheet.apply_button)
    assert sheet.meeting.isHidden()
    assert not sheet.draft.edits.dirty
    assert sheet.draft.item.revision == 150


@pytest.mark.asyncio
async def test_a_refusal_is_shown_at_its_field_until_that_is_changed(opened: Opener) -> None:
    sheet = opened()

    def answer(request: Request) -> Reply:
        raise refuse("value_out_of_range", "RestartPeriod", name="RestartPeriod", value=1, range="more")

    standin(sheet).answer = answer
    sheet.draft.put(prop("RestartPeriod"), 1000)
    await answered(sheet, sheet.ok_button)
    row = advanced(sheet).rows[prop("RestartPeriod")]
    assert row.error.problem == "RestartPeriod cannot be 1; allowed is more."
    assert sheet.pages[sheet.tabs.currentIndex()].title == "Advanced"
    assert sheet.isVisible()
    sheet.draft.put(prop("RestartPeriod"), 2000)
    assert row.error.problem is None


@pytest.mark.asyncio
async def test_a_refusal_without_a_field_is_shown_at_the_top_with_its_number(opened: Opener) -> None:
    sheet = opened()

    def answer(request: Request) -> Reply:
        raise refuse("wrong_state", name="PostgreSQL", state="Online Pending")

    standin(sheet).answer = answer
    sheet.draft.put(prop("RestartPeriod"), 1000)
    await answered(sheet, sheet.apply_button)
    assert not sheet.notice.isHidden()
    assert "PostgreSQL is Online Pending" in sheet.notice.accessibleName()
    assert "Error ID: 5023 (0000139f)" in sheet.notice.accessibleName()
    assert sheet.apply_button.isEnabled()


@pytest.mark.asyncio
async def test_what_takes_effect_later_is_said_and_ok_waits_to_be_read(opened: Opener) -> None:
    sheet = opened()
    notice = problem("stored_for_next_online", names="SeparateMonitor", name="PostgreSQL")
    standin(sheet).answer = lambda request: Done(revision=100, notices=(notice,))
    sheet.draft.put(prop("SeparateMonitor"), True)
    await answered(sheet, sheet.ok_button)
    assert sheet.isVisible()
    assert "takes effect when PostgreSQL next goes online" in sheet.notice.accessibleName()
    assert sheet.cancel_button.text() == "Close"


@pytest.mark.asyncio
async def test_several_notices_are_all_there_to_be_read(opened: Opener) -> None:
    sheet = opened()
    notices = tuple(problem("validation_failed", node=node, detail="The directory /x is not there.") for node in "ab")
    standin(sheet).answer = lambda request: Done(revision=100, notices=notices)
    sheet.draft.put(parameter("CurrentDirectory"), "/x")
    await answered(sheet, sheet.apply_button)
    assert sheet.notice.accessibleName().count("/x is not there") == 2
    assert sheet.notice.toolTip().count("/x is not there") == 2


@pytest.mark.asyncio
async def test_while_it_is_sent_nothing_is_sent_twice(opened: Opener) -> None:
    sheet = opened()
    cluster = standin(sheet)
    cluster.gate.clear()
    sheet.draft.put(prop("RestartThreshold"), 5)
    sheet.apply()
    await asyncio.sleep(0)
    assert not sheet.apply_button.isEnabled()
    sheet.apply()
    done = asyncio.Event()
    sheet.answered.connect(done.set)
    cluster.gate.set()
    async with asyncio.timeout(5):
        await done.wait()
    assert len(cluster.requests) == 1


@pytest.mark.asyncio
async def test_closing_while_it_is_sent_ends_the_task(opened: Opener) -> None:
    sheet = opened()
    cluster = standin(sheet)
    cluster.gate.clear()
    sheet.draft.put(POSSIBLE_OWNERS, (1,))
    sheet.apply()
    await asyncio.sleep(0)
    gone = asyncio.Event()
    sheet.destroyed.connect(gone.set)
    sheet.reject()
    async with asyncio.timeout(5):
        await gone.wait()
    assert cluster.requests == [SetPossibleOwners(resource="postgresql", nodes=(1,))]


@pytest.mark.asyncio
async def test_each_possible_owner_is_asked_on_its_own_and_answers_when_it_can(opened: Opener) -> None:
    sheet = opened()
    cluster = standin(sheet)
    missing = problem("program_not_found", program="/x")
    replies = {1: NodeAnswer(node=1), 2: NodeAnswer(node=2, problems=(missing,)), 5: NodeAnswer(node=5, answered=False)}

    def answer(request: Request) -> Reply:
        assert isinstance(request, ValidateParameters)
        (node,) = request.possible_owners or (0,)
        if node == 3:
            raise refuse("timed_out", seconds=10)
        return Validated(answers=(replies[node],))

    cluster.answer = answer
    page = await checked(sheet)
    lines = page.check.lines
    assert {node: line.state for node, line in lines.items()} == {
        1: "online",
        2: "failed",
        3: "warning",
        4: "unknown",  # down: not asked
        5: "unknown",
    }
    assert lines[2].said.text() == "The program /x is not there."
    assert "not known" in lines[4].said.text()
    asked = [one.possible_owners for one in cluster.requests if isinstance(one, ValidateParameters)]
    assert sorted(asked, key=str) == [(1,), (2,), (3,), (5,)]


@pytest.mark.asyncio
async def test_a_check_has_ended_also_when_the_last_node_refuses_to_answer(opened: Opener) -> None:
    sheet = opened()

    def answer(request: Request) -> Reply:
        raise refuse("timed_out", seconds=10)

    standin(sheet).answer = answer
    page = await checked(sheet)
    assert {line.state for line in page.check.lines.values()} == {"warning", "unknown"}


async def checked(sheet: Sheet) -> ParametersPage:
    """Ask every possible owner, and return the page when all have answered."""
    page = page_of(sheet, ParametersPage)
    assert isinstance(page, ParametersPage)
    done = asyncio.Event()
    page.check.finished.connect(done.set)
    press(page.check.button)
    async with asyncio.timeout(5):
        await done.wait()
    return page


# --- others change it too --------------------------------------------------------------------------------------------


def test_the_head_shows_the_live_state(opened: Opener) -> None:
    sheet = opened()
    failed = changed(orders_cluster(), "resource", "PostgreSQL", state=ResourceState.FAILED, information="Exit code 1.")
    standin(sheet).show(failed)
    assert sheet.state_label.accessibleName() == "Failed on boreas, in group Orders Database · Exit code 1."


def test_what_somebody_else_changed_shows_at_once_and_names_who(opened: Opener) -> None:
    sheet = opened()
    logged = entry(1, "PostgreSQL", "event_changed", what="PendingTimeout")
    logged = msgspec.structs.replace(logged, cause=Cause(rule="cause_requested", user="berta"))
    theirs = changed(orders_cluster(), "resource", "PostgreSQL", properties={"PendingTimeout": 60_000}, revision=120)
    standin(sheet).show(theirs, [logged])
    assert advanced(sheet).rows[prop("PendingTimeout")].value() == 60_000
    assert sheet.meeting.accessibleName().startswith("berta changed Pending timeout to 60000 ms at ")
    assert not sheet.draft.edits.dirty


def conflicting(opened: Opener) -> Sheet:
    sheet = opened()
    sheet.draft.put(prop("RestartThreshold"), 5)
    theirs = changed(orders_cluster(), "resource", "PostgreSQL", properties={"RestartThreshold": 9}, revision=120)
    standin(sheet).show(theirs)
    return sheet


def test_what_both_changed_asks_whose_value_counts_and_ok_waits_for_the_answer(opened: Opener) -> None:
    sheet = conflicting(opened)
    assert not sheet.meeting.isHidden()
    assert "Threshold was changed to 9 elsewhere. Here: 5." in sheet.meeting.accessibleName()
    press(sheet.ok_button)
    assert standin(sheet).requests == []
    assert sheet.isVisible()


def test_take_theirs_gives_mine_up(opened: Opener) -> None:
    sheet = conflicting(opened)
    sheet.take_theirs()
    assert sheet.meeting.isHidden()
    assert advanced(sheet).rows[prop("RestartThreshold")].value() == 9
    assert not sheet.draft.edits.dirty


@pytest.mark.asyncio
async def test_keep_mine_goes_on_from_their_revision(opened: Opener) -> None:
    sheet = conflicting(opened)
    sheet.keep_mine()
    await answered(sheet, sheet.apply_button)
    (request,) = standin(sheet).requests
    assert isinstance(request, SetProperties)
    assert (request.properties, request.expected) == ({"RestartThreshold": 5}, 120)


def test_a_deleted_object_can_only_be_looked_at(opened: Opener) -> None:
    sheet = opened()
    sheet.draft.put(prop("RestartThreshold"), 5)
    made = orders_cluster()
    rest = {key: one for key, one in made.resources.items() if key != "postgresql"}
    standin(sheet).show(msgspec.structs.replace(made, resources=rest))
    assert "PostgreSQL was deleted" in sheet.notice.accessibleName()
    assert not sheet.apply_button.isEnabled()
    assert not advanced(sheet).rows[prop("RestartThreshold")].editor.isEnabled()


def test_without_a_connection_nothing_can_be_applied_but_what_was_typed_stays(opened: Opener) -> None:
    sheet = opened()
    sheet.draft.put(prop("RestartThreshold"), 5)
    standin(sheet).lose()
    assert not sheet.apply_button.isEnabled()
    assert "no connection" in sheet.apply_button.toolTip()
    assert sheet.draft.edits.value(prop("RestartThreshold")) == 5


def test_a_reader_may_look_and_is_told_why_not_more(opened: Opener) -> None:
    sheet = opened(StandInCluster(orders_cluster(), right=Right.READ))
    assert not sheet.apply_button.isEnabled()
    assert "right to administer" in sheet.notice.accessibleName()
    for page in sheet.pages:
        assert not any(row.editor.isEnabled() for row in page.rows.values())
    page = page_of(sheet, ParametersPage)
    assert isinstance(page, ParametersPage)
    assert not page.check.button.isEnabled()
    assert "administrators" in page.check.button.toolTip()


def test_preferred_owners_are_ordered_by_hand(opened: Opener) -> None:
    sheet = opened(None, ORDERS)
    page = page_of(sheet, GroupGeneral)
    assert isinstance(page, GroupGeneral)
    lists = page.owners.lists
    lists._select(lists.available, ["3"])
    lists.add_selected()
    lists._select(lists.available, ["1"])
    lists.add_selected()
    assert sheet.draft.edits.value(PREFERRED_OWNERS) == (3, 1)
    lists._select(lists.chosen_view, ["1"])
    lists.move_selected(-1)
    assert sheet.draft.edits.value(PREFERRED_OWNERS) == (1, 3)


@pytest.mark.asyncio
async def test_a_network_gets_another_name_and_role(opened: Opener) -> None:
    sheet = opened(StandInCluster(with_network(orders_cluster(), "Private")), PRIVATE)
    sheet.draft.put(NAME, "Heartbeat")
    sheet.draft.put(prop("Role"), 2)
    await answered(sheet, sheet.apply_button)
    revision = sheet.draft.item.revision
    assert standin(sheet).requests == [
        SetProperties(kind=ObjectKind.NETWORK, id=PRIVATE.id, properties={"Role": 2}, expected=revision),
        Rename(kind=ObjectKind.NETWORK, id=PRIVATE.id, name="Heartbeat"),
    ]


def test_the_last_network_between_the_nodes_keeps_carrying_their_traffic(opened: Opener) -> None:
    cluster = changed(with_network(orders_cluster(), "Private"), "network", "Public", role=2)
    sheet = opened(StandInCluster(cluster), PRIVATE)
    sheet.draft.put(prop("Role"), 0)
    assert "Private" in sheet.draft.problems()[prop("Role")]


@pytest.mark.asyncio
async def test_a_network_interface_gets_a_description(opened: Opener) -> None:
    identity = next(iter(orders_cluster().interfaces))
    sheet = opened(None, ObjectRef(ObjectKind.INTERFACE, identity))
    sheet.draft.put(prop("Description"), "the upper port")
    await answered(sheet, sheet.apply_button)
    (request,) = standin(sheet).requests
    assert isinstance(request, SetProperties)
    assert (request.kind, request.properties) == (ObjectKind.INTERFACE, {"Description": "the upper port"})


def test_the_policy_page_says_what_a_profile_means(opened: Opener) -> None:
    sheet = opened(None, ObjectRef(ObjectKind.CLUSTER, "cluster"))
    page = page_of(sheet, PolicyPage)
    assert isinstance(page, PolicyPage)
    assert "silent for 4.5 s" in page.panel.text()
    sheet.draft.put(prop("Profile"), "fast")
    assert "silent for 1.8 s" in page.panel.text()


def test_the_state_of_other_objects_does_not_draw_a_sheet_anew(opened: Opener) -> None:
    sheet = opened()
    drawn: list[int] = []
    sheet.pages[0].follow = lambda problems: drawn.append(1)  # type: ignore[method-assign]
    standin(sheet).show(changed(orders_cluster(), "resource", "Shop", state=ResourceState.FAILED, information="x"))
    assert drawn == []
    standin(sheet).show(changed(orders_cluster(), "resource", "PostgreSQL", information="busy"))
    assert drawn


def test_a_node_s_memory_is_said_in_large_units_and_what_it_owns_in_words(opened: Opener) -> None:
    facts = {"memory": "25276510208", "os": "Debian GNU/Linux 12"}
    sheet = opened(
        StandInCluster(changed(orders_cluster(), "node", "eos", facts=facts)), ObjectRef(ObjectKind.NODE, "5")
    )
    page = page_of(sheet, NodeGeneral)
    assert isinstance(page, NodeGeneral)
    assert page.facts["fact memory"].value.text() == "23.5 GiB"
    assert page.facts["fact os"].accessibleName() == "Operating system: Debian GNU/Linux 12"
    assert sheet.state_label.accessibleName() == "Up, owns no groups"
