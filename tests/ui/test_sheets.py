"""Property sheets: what they show, what they send, and how they live with others' changes."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QWidget

from clusteradmin.wizards.edits import DEPENDENCIES, POSSIBLE_OWNERS, PREFERRED_OWNERS, parameter, prop
from nodeagent.api.objects import ObjectKind, ObjectRef, ResourceState
from nodeagent.api.problems import ClusterError
from tests.builders import changed
from tests.ordersdatabase import entry, orders_cluster
from tests.support.sheets import ORDERS, POSTGRESQL, Opener, advanced, let_go, page_of, press, standin
from tests.support.standin import StandInCluster
from ui.forms.measures import dialog_size
from ui.forms.row import PropertyRow
from ui.sheets import open_properties
from ui.sheets.advanced import AdvancedPage, RestartEditor
from ui.sheets.general import ResourceGeneral
from ui.sheets.group import FailbackPage
from ui.sheets.history import HistoryPage
from ui.sheets.parameters import ParametersPage

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
    cluster = StandInCluster(orders_cluster())
    first = opened(cluster)
    assert opened(cluster) is first
    assert opened(cluster, ORDERS) is not first


def test_what_is_gone_has_no_sheet(window: QWidget) -> None:
    cluster = StandInCluster(orders_cluster())
    with pytest.raises(ClusterError, match="no resource gone"):
        open_properties(cluster, ObjectRef(ObjectKind.RESOURCE, "gone"), window)


def test_a_closed_sheet_listens_no_more(opened: Opener) -> None:
    cluster = StandInCluster(orders_cluster())
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


def type_over(row: PropertyRow, text: str) -> None:
    """Type *text* into the field of *row* in the place of what is there."""
    box = row.editor.focusProxy()
    assert box is not None
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(box, text)


def test_a_number_is_typed_and_its_dot_and_count_follow(opened: Opener) -> None:
    sheet = opened()
    row = page_of(sheet, AdvancedPage).rows[prop("RestartThreshold")]
    type_over(row, "5")
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
    type_over(page_of(sheet, AdvancedPage).rows[prop("RestartPeriod")], "0.5")
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
    type_over(row, "many")
    assert row.error.problem == "RestartThreshold must be a whole number."


def test_every_field_has_a_name_for_assistive_technology(opened: Opener) -> None:
    for reference in (POSTGRESQL, ORDERS, ObjectRef(ObjectKind.CLUSTER, "cluster")):
        for page in opened(None, reference).pages:
            for key, row in page.rows.items():
                field = row.editor.focusProxy()
                assert field is not None
                assert field.accessibleName() or getattr(field, "text", str)(), key


# --- Advanced --------------------------------------------------------------------------------------------------------


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


def test_a_screen_reader_calls_each_radio_button_by_its_own_words(opened: Opener) -> None:
    editor = restart(advanced(opened()))
    assert editor.accessibleName() == "When the resource fails"
    for button, words in ((editor.never, "Do not restart"), (editor.restart, "Restart")):
        accessible = QAccessible.queryAccessibleInterface(button)
        assert accessible.text(QAccessible.Text.Name) == words


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
    sheet = opened(StandInCluster(offline))
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
    assert page.command.commands.text() == (
        "clusteradmin --cluster test resource PostgreSQL --priv \\\n    StartParameters=--wal-check"
    )


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
    cluster = StandInCluster(orders_cluster())
    cluster.log.extend((entry(1, "PostgreSQL", "event_online", node="boreas"), entry(2, "Shop", "event_offline")))
    page = page_of(opened(cluster), HistoryPage)
    assert isinstance(page, HistoryPage)
    assert page.model.rowCount() == 1
    cluster.show(orders_cluster(), [entry(3, "PostgreSQL", "event_offline")])
    cluster.show(changed(orders_cluster(), "resource", "PostgreSQL", information="x"))
    assert page.model.rowCount() == 2
