"""Property sheets: what they show, what they send, and how they live with others' changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QSize, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QWidget
from pytestqt.qtbot import QtBot

from clusteradmin.wizards.edits import DEPENDENCIES, NAME, POSSIBLE_OWNERS, PREFERRED_OWNERS, parameter, prop
from nodeagent.api.causes import Cause
from nodeagent.api.objects import ObjectKind, ObjectRef, ResourceState
from nodeagent.api.problems import ClusterError, problem, refuse
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
from tests.builders import changed
from tests.ordersdatabase import entry, orders_cluster
from tests.support.recordingcluster import RecordingCluster
from ui.forms.measures import dialog_size
from ui.sheets import open_properties
from ui.sheets.advanced import AdvancedPage, RestartEditor
from ui.sheets.cluster import PolicyPage
from ui.sheets.general import GroupGeneral, NodeGeneral, ResourceGeneral
from ui.sheets.group import FailbackPage
from ui.sheets.history import HistoryPage
from ui.sheets.page import Page
from ui.sheets.parameters import ParametersPage
from ui.sheets.sheet import Sheet

POSTGRESQL = ObjectRef(ObjectKind.RESOURCE, "postgresql")
ORDERS = ObjectRef(ObjectKind.GROUP, "orders-database")

Opener = Callable[..., Sheet]


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    parent = QWidget()
    qtbot.addWidget(parent)
    return parent


@pytest.fixture
def opened(window: QWidget) -> Opener:
    def make(cluster: RecordingCluster | None = None, reference: ObjectRef = POSTGRESQL) -> Sheet:
        sheet = open_properties(cluster or RecordingCluster(orders_cluster()), reference, window)
        assert isinstance(sheet, Sheet)
        return sheet

    return make


def page_of(sheet: Sheet, kind: type[Page]) -> Page:
    return next(page for page in sheet.pages if isinstance(page, kind))


def standin(sheet: Sheet) -> RecordingCluster:
    assert isinstance(sheet.cluster, RecordingCluster)
    return sheet.cluster


def press(button: QAbstractButton) -> None:
    button.click()


async def answered(sheet: Sheet, button: QAbstractButton) -> None:
    """Press *button* and wait until the cluster has taken or refused what the sheet sent."""
    event = asyncio.Event()
    sheet.answered.connect(event.set)
    button.click()
    async with asyncio.timeout(5):
        await event.wait()


def let_go() -> None:
    """Delete what was closed, as the loop does in its next round."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


# --- opening ---------------------------------------------------------------------------------------------------------


def test_a_resource_has_its_pages_in_the_original_order(opened: Opener) -> None:
    sheet = opened()
    titles = [sheet.tabs.tabText(number) for number in range(sheet.tabs.count())]
    assert titles == ["General", "Dependencies", "Advanced", "Parameters", "History"]
    assert sheet.windowTitle() == "PostgreSQL Properties"


@pytest.mark.parametrize(
    ("reference", "titles"),
    [
        (ORDERS, ["General", "Failover", "Failback", "Anti-affinity", "History"]),
        (ObjectRef(ObjectKind.NODE, "2"), ["General", "History"]),
        (ObjectRef(ObjectKind.RESOURCE_TYPE, "Physical Disk"), ["General", "History"]),
        (ObjectRef(ObjectKind.CLUSTER, "cluster"), ["General", "Policy", "History"]),
        (ObjectRef(ObjectKind.NETWORK, "public"), ["General", "History"]),
        (ObjectRef(ObjectKind.INTERFACE, "public-1"), ["General", "History"]),
    ],
)
def test_every_kind_of_object_has_a_sheet(opened: Opener, reference: ObjectRef, titles: list[str]) -> None:
    sheet = opened(None, reference)
    assert [page.title for page in sheet.pages] == titles
    assert not sheet.apply_button.isEnabled()


def test_an_object_has_one_sheet_which_is_raised_when_asked_for_again(opened: Opener) -> None:
    cluster = RecordingCluster(orders_cluster())
    first = opened(cluster)
    assert opened(cluster) is first
    assert opened(cluster, ORDERS) is not first


def test_what_is_gone_has_no_sheet(window: QWidget) -> None:
    cluster = RecordingCluster(orders_cluster())
    with pytest.raises(ClusterError, match="no resource gone"):
        open_properties(cluster, ObjectRef(ObjectKind.RESOURCE, "gone"), window)


def test_a_closed_sheet_listens_no_more(opened: Opener) -> None:
    cluster = RecordingCluster(orders_cluster())
    sheet = opened(cluster)
    assert cluster.listeners == 1
    sheet.close()
    let_go()
    assert cluster.listeners == 0


def test_esc_closes_without_sending(opened: Opener) -> None:
    sheet = opened()
    cluster = standin(sheet)
    sheet.draft.put(prop("RestartThreshold"), 5)
    QTest.keyClick(sheet, Qt.Key.Key_Escape)
    let_go()
    assert cluster.listeners == 0
    assert cluster.requests == []


# --- fields ----------------------------------------------------------------------------------------------------------


def test_a_number_is_typed_and_its_dot_and_count_follow(opened: Opener) -> None:
    sheet = opened()
    row = page_of(sheet, AdvancedPage).rows[prop("RestartThreshold")]
    box = row.editor.focusProxy()
    assert box is not None
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(box, "5")
    assert sheet.draft.edits.value(prop("RestartThreshold")) == 5
    assert not row.dot.isHidden()
    assert "default 3" in row.name.text()
    assert sheet.note.text.text() == "1 setting differs from its default"
    assert sheet.apply_button.isEnabled()


def test_restore_default_takes_the_dot_away(opened: Opener) -> None:
    sheet = opened()
    row = page_of(sheet, AdvancedPage).rows[prop("RestartThreshold")]
    sheet.draft.put(prop("RestartThreshold"), 5)
    row.restore()
    assert row.dot.isHidden()
    assert not sheet.draft.edits.dirty


def test_seconds_are_shown_and_milliseconds_are_stored(opened: Opener) -> None:
    sheet = opened()
    row = page_of(sheet, AdvancedPage).rows[prop("RestartPeriod")]
    box = row.editor.focusProxy()
    assert box is not None
    QTest.keyClick(box, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(box, "0.5")
    assert sheet.draft.edits.value(prop("RestartPeriod")) == 500


def test_what_is_typed_wrong_is_said_under_the_field_and_on_the_tab(opened: Opener) -> None:
    sheet = opened()
    page = page_of(sheet, ParametersPage)
    row = page.rows[parameter("CurrentDirectory")]
    field = row.editor.focusProxy()
    assert field is not None
    QTest.keyClicks(field, "srv/orders")
    assert row.error.problem == "CurrentDirectory must be an absolute path; write /srv/orders."
    number = sheet.pages.index(page)
    assert not sheet.tabs.tabIcon(number).isNull()
    assert "error" in sheet.tabs.accessibleTabName(number)
    assert sheet.ok_button.isEnabled()


def test_ok_goes_to_the_first_error_and_sends_nothing(opened: Opener) -> None:
    sheet = opened()
    sheet.draft.put(parameter("CurrentDirectory"), "srv/orders")
    sheet.tabs.setCurrentIndex(0)
    press(sheet.ok_button)
    assert sheet.pages[sheet.tabs.currentIndex()].title == "Parameters"
    assert standin(sheet).requests == []


def test_letters_in_a_number_field_are_kept_and_refused(opened: Opener) -> None:
    sheet = opened()
    row = page_of(sheet, AdvancedPage).rows[prop("RestartThreshold")]
    box = row.editor.focusProxy()
    assert box is not None
    QTest.keyClick(box, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(box, "many")
    assert row.error.problem == "RestartThreshold must be a whole number."


def test_every_field_has_a_name_for_assistive_technology(opened: Opener) -> None:
    for reference in (POSTGRESQL, ORDERS, ObjectRef(ObjectKind.CLUSTER, "cluster")):
        for page in opened(None, reference).pages:
            for key, row in page.rows.items():
                field = row.editor.focusProxy()
                assert field is not None
                assert field.accessibleName() or getattr(field, "text", str)(), key


# --- Advanced --------------------------------------------------------------------------------------------------------


def advanced(sheet: Sheet) -> AdvancedPage:
    page = page_of(sheet, AdvancedPage)
    assert isinstance(page, AdvancedPage)
    return page


def restart(page: AdvancedPage) -> RestartEditor:
    editor = page.rows[prop("RestartAction")].editor
    assert isinstance(editor, RestartEditor)
    return editor


def test_the_advanced_page_fits_640_pixels_without_scrolling(opened: Opener) -> None:
    sheet = opened()
    for name, value in (("RestartThreshold", 5), ("RetryPeriodOnFailure", 3_600_000), ("LooksAlivePollInterval", 2000)):
        sheet.draft.put(prop(name), value)
    assert sheet.height() <= dialog_size(QSize(680, 640)).height()  # more only in a larger font than the usual one
    page = advanced(sheet)
    sheet.tabs.setCurrentIndex(sheet.pages.index(page))
    area = sheet.stack.currentWidget()
    assert area is not None
    assert page.column.totalHeightForWidth(area.width()) <= area.height()


@pytest.mark.parametrize(
    ("clicks", "value"), [(("never",), 0), (("affect",), 1), (("never", "restart"), None), (("affect", "affect"), None)]
)
def test_restart_action_is_two_radio_buttons_and_a_check_box(
    opened: Opener, clicks: tuple[str, ...], value: int | None
) -> None:
    sheet = opened()
    editor = restart(advanced(sheet))
    for name in clicks:
        press(getattr(editor, name))
    assert sheet.draft.edits.value(prop("RestartAction")) == value


def test_without_restart_what_counts_with_it_is_off_and_the_reason_is_said(opened: Opener) -> None:
    sheet = opened()
    page = advanced(sheet)
    press(restart(page).never)
    assert not restart(page).affect.isEnabled()
    assert not page.threshold.editor.isEnabled()
    assert not page.period.editor.isEnabled()
    assert restart(page).reason.text()
    press(restart(page).restart)
    assert page.threshold.editor.isEnabled()
    assert restart(page).affect.isChecked()


def test_the_poll_interval_comes_from_the_type_until_a_value_is_specified(opened: Opener) -> None:
    sheet = opened()
    page = advanced(sheet)
    from_type, row = page.looks_alive
    assert from_type.isChecked()
    assert not row.editor.isEnabled()
    assert "5000 ms" in from_type.text()
    assert isinstance(row.lead, QAbstractButton)
    press(row.lead)
    assert sheet.draft.edits.value(prop("LooksAlivePollInterval")) == 5000
    assert row.editor.isEnabled()
    assert not from_type.isChecked()
    press(from_type)
    assert sheet.draft.edits.value(prop("LooksAlivePollInterval")) is None


def test_what_the_settings_do_is_rewritten_at_every_change(opened: Opener) -> None:
    sheet = opened()
    page = advanced(sheet)
    assert "at most 3 times in 15 min" in page.panel.text()
    assert "until somebody brings it online" in page.panel.text()
    sheet.draft.put(prop("RestartThreshold"), 5)
    sheet.draft.put(prop("RetryPeriodOnFailure"), 3_600_000)
    assert "at most 5 times in 15 min" in page.panel.text()
    assert "tried again after 1 h" in page.panel.text()
    press(restart(page).never)
    assert "is not restarted" in page.panel.text()


# --- other pages -----------------------------------------------------------------------------------------------------


def test_dependencies_of_an_online_resource_are_locked_with_the_reason(opened: Opener) -> None:
    sheet = opened()
    page = sheet.pages[1]
    assert "take it offline first" in page.reason._sentence.text()  # type: ignore[attr-defined]
    assert not page.lists.lists.isEnabled()  # type: ignore[attr-defined]


def test_dependencies_of_an_offline_resource_can_be_changed(opened: Opener) -> None:
    offline = changed(orders_cluster(), "resource", "PostgreSQL", state=ResourceState.OFFLINE)
    sheet = opened(RecordingCluster(offline))
    page = sheet.pages[1]
    lists = page.lists.lists  # type: ignore[attr-defined]
    assert lists.isEnabled()
    lists._select(lists.available, ["orders-name"])
    lists.add_selected()
    assert sheet.draft.edits.value(DEPENDENCIES) == ("orders-disk", "orders-name")
    assert page.lists.order.text() == "Orders IP → Orders Disk, Orders Name → PostgreSQL"  # type: ignore[attr-defined]


def test_every_node_or_only_some_may_own_a_resource(opened: Opener) -> None:
    sheet = opened()
    page = page_of(sheet, ResourceGeneral)
    assert isinstance(page, ResourceGeneral)
    assert page.owners.every.isChecked()
    press(page.owners.every)
    assert sheet.draft.edits.value(POSSIBLE_OWNERS) == (1, 2, 3, 4, 5)
    press(page.owners.every)
    assert not sheet.draft.edits.dirty


def test_use_network_name_is_off_until_a_network_name_is_a_dependency(opened: Opener) -> None:
    sheet = opened()
    page = page_of(sheet, ParametersPage)
    row = page.rows[parameter("UseNetworkName")]
    assert not row.editor.isEnabled()
    row.link.emit()
    assert sheet.pages[sheet.tabs.currentIndex()].title == "Dependencies"
    sheet.draft.put(DEPENDENCIES, ("orders-disk", "orders-name"))
    assert row.editor.isEnabled()


def test_the_same_as_a_command_is_shown_while_something_is_changed(opened: Opener) -> None:
    sheet = opened()
    page = page_of(sheet, ParametersPage)
    assert isinstance(page, ParametersPage)
    assert page.command.isHidden()
    sheet.draft.put(parameter("StartParameters"), "--wal-check")
    assert page.command.commands.text() == "clusteradmin resource PostgreSQL --priv StartParameters=--wal-check"


def test_failback_says_that_it_needs_a_preferred_owner(opened: Opener) -> None:
    sheet = opened(None, ORDERS)
    page = page_of(sheet, FailbackPage)
    assert isinstance(page, FailbackPage)
    press(page.allow)
    assert sheet.draft.edits.value(prop("AutoFailbackType")) == 1
    assert not page.reason.isHidden()
    sheet.draft.put(PREFERRED_OWNERS, (2,))
    assert page.reason.isHidden()
    assert "moves back to boreas as soon as" in page.panel.text()
    press(page.between)
    assert "between 22 and 5" in page.panel.text()
    assert "next day" in page.panel.text()
    press(page.at_once)
    assert sheet.draft.edits.value(prop("FailbackWindowStart")) is None


def test_history_shows_only_the_events_of_the_object(opened: Opener) -> None:
    cluster = RecordingCluster(orders_cluster())
    cluster.log.extend((entry(1, "PostgreSQL", "event_online", node="boreas"), entry(2, "Shop", "event_offline")))
    page = page_of(opened(cluster), HistoryPage)
    assert isinstance(page, HistoryPage)
    assert page.model.rowCount() == 1
    cluster.become(orders_cluster(), entry(3, "PostgreSQL", "event_offline"))
    cluster.become(changed(orders_cluster(), "resource", "PostgreSQL", information="x"))
    assert page.model.rowCount() == 2


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
        cluster.become(msgspec.structs.replace(after, revision=150))
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
    page = page_of(sheet, ParametersPage)
    assert isinstance(page, ParametersPage)
    done = asyncio.Event()
    page.check.finished.connect(done.set)
    press(page.check.button)
    async with asyncio.timeout(5):
        await done.wait()
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


# --- others change it too --------------------------------------------------------------------------------------------


def test_the_head_shows_the_live_state(opened: Opener) -> None:
    sheet = opened()
    failed = changed(orders_cluster(), "resource", "PostgreSQL", state=ResourceState.FAILED, information="Exit code 1.")
    standin(sheet).become(failed)
    assert sheet.state_label.accessibleName() == "Failed on boreas, in group Orders Database. Exit code 1."


def test_what_somebody_else_changed_shows_at_once_and_names_who(opened: Opener) -> None:
    sheet = opened()
    logged = entry(1, "PostgreSQL", "event_changed", what="PendingTimeout")
    logged = msgspec.structs.replace(logged, cause=Cause(rule="cause_requested", user="berta"))
    theirs = changed(orders_cluster(), "resource", "PostgreSQL", properties={"PendingTimeout": 60_000}, revision=120)
    standin(sheet).become(theirs, logged)
    assert advanced(sheet).rows[prop("PendingTimeout")].value() == 60_000
    assert sheet.meeting.accessibleName().startswith("berta changed Pending timeout to 60000 ms at ")
    assert not sheet.draft.edits.dirty


def conflicting(opened: Opener) -> Sheet:
    sheet = opened()
    sheet.draft.put(prop("RestartThreshold"), 5)
    theirs = changed(orders_cluster(), "resource", "PostgreSQL", properties={"RestartThreshold": 9}, revision=120)
    standin(sheet).become(theirs)
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
    standin(sheet).become(msgspec.structs.replace(made, resources=rest))
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
    sheet = opened(RecordingCluster(orders_cluster(), right=Right.READ))
    assert not sheet.apply_button.isEnabled()
    assert "right to administer" in sheet.notice.accessibleName()
    for page in sheet.pages:
        assert not any(row.editor.isEnabled() for row in page.rows.values())


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


def test_what_nodes_report_by_themselves_can_be_looked_at_only(opened: Opener) -> None:
    sheet = opened(None, ObjectRef(ObjectKind.NETWORK, "public"))
    assert not any(row.editor.isEnabled() for page in sheet.pages for row in page.rows.values())
    assert "can be looked at only" in sheet.notice.accessibleName()


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
    standin(sheet).become(changed(orders_cluster(), "resource", "Shop", state=ResourceState.FAILED, information="x"))
    assert drawn == []
    standin(sheet).become(changed(orders_cluster(), "resource", "PostgreSQL", information="busy"))
    assert drawn


def test_a_node_s_memory_is_said_in_large_units_and_what_it_owns_in_words(opened: Opener) -> None:
    facts = {"memory": "25276510208", "os": "Debian GNU/Linux 12"}
    sheet = opened(
        RecordingCluster(changed(orders_cluster(), "node", "eos", facts=facts)), ObjectRef(ObjectKind.NODE, "5")
    )
    page = page_of(sheet, NodeGeneral)
    assert isinstance(page, NodeGeneral)
    assert page.facts["fact memory"].value.text() == "23.5 GiB"
    assert page.facts["fact os"].accessibleName() == "Operating system: Debian GNU/Linux 12"
    assert sheet.state_label.accessibleName() == "Up, owns no groups"
