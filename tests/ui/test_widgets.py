"""The small controls do what their names say, by mouse and by keyboard, and say it to screen readers."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from ui.models.roles import Tone
from ui.theme import Appearance, theme
from ui.tokens import DARK, LIGHT
from ui.widgets import (
    Band,
    Chip,
    Choice,
    ElidedLabel,
    FieldError,
    FieldReason,
    FilterField,
    InfoPanel,
    LinkLabel,
    PaneHeader,
    TextLabel,
    TwoLists,
)

NAMES = ("Orders Name", "Orders IP", "Orders Disk", "Orders API")
CHOICES = [Choice(name.split()[1].lower(), name, "resource", "Generic Application") for name in NAMES]


@pytest.fixture(autouse=True)
def light(qapp: QApplication) -> Iterator[None]:
    theme().set_appearance(Appearance.LIGHT)
    yield
    theme().set_appearance(Appearance.SYSTEM)


@pytest.fixture
def page(qtbot: QtBot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    widget.resize(600, 300)
    QVBoxLayout(widget)
    return widget


def put(qtbot: QtBot, page: QWidget, *widgets: QWidget) -> None:
    layout = page.layout()
    assert layout is not None
    for widget in widgets:
        layout.addWidget(widget)
    if not page.isVisible():
        with qtbot.waitExposed(page):
            page.show()
        page.activateWindow()


def colours(widget: QWidget) -> set[str]:
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())}


def two_lists(qtbot: QtBot, page: QWidget, chosen: list[str], *, ordered: bool = False) -> TwoLists:
    lists = TwoLists("Available", "Chosen", ordered=ordered)
    lists.set_choices(CHOICES, chosen)
    put(qtbot, page, lists)
    return lists


def select(lists: TwoLists, *rows: int, chosen: bool = False) -> None:
    view = lists.chosen_view if chosen else lists.available
    view.clearSelection()
    view.setFocus()
    for row in rows:
        view.selectionModel().select(
            view.model().index(row, 0),
            view.selectionModel().SelectionFlag.Select | view.selectionModel().SelectionFlag.Rows,
        )


# Labels


def test_a_name_is_never_taken_for_markup(qtbot: QtBot, page: QWidget) -> None:
    for label in (TextLabel("<b>x</b>"), ElidedLabel("<b>x</b>")):
        put(qtbot, page, label)
        assert label.textFormat() is Qt.TextFormat.PlainText
        assert label.sizeHint().width() >= label.fontMetrics().horizontalAdvance("<b>x</b>")


def test_a_long_label_does_not_set_the_width_of_the_window(qtbot: QtBot, page: QWidget) -> None:
    label = ElidedLabel("a sentence that goes on and on " * 30)
    put(qtbot, page, label)
    assert label.is_elided()
    assert page.minimumSizeHint().width() < 100
    label.setText("short")
    assert not label.is_elided()


def test_a_label_takes_the_colour_of_its_tone_in_every_theme(qtbot: QtBot, page: QWidget) -> None:
    label = TextLabel("Failed", tone=Tone.FAILED)
    put(qtbot, page, label)
    assert LIGHT.failed.name() in colours(label)
    theme().set_appearance(Appearance.DARK)
    assert label.palette().windowText().color() == DARK.failed
    label.set_tone(Tone.TEXT2)
    assert label.palette().windowText().color() == DARK.text2


@pytest.mark.parametrize("key", [Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_a_link_is_followed_by_keyboard(qtbot: QtBot, page: QWidget, key: Qt.Key) -> None:
    link = LinkLabel("Make boreas a possible owner…")
    put(qtbot, page, link)
    assert link.focusPolicy() & Qt.FocusPolicy.TabFocus
    with qtbot.waitSignal(link.clicked):
        QTest.keyClick(link, key)


# Fields


def test_esc_clears_a_filter_and_then_goes_on_to_the_dialog(qtbot: QtBot) -> None:
    dialog = QDialog()
    qtbot.addWidget(dialog)
    field = FilterField("Filter", "Filter resources", parent=dialog)
    with qtbot.waitExposed(dialog):
        dialog.show()
    field.setText("state:failed")
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == ""
    assert dialog.isVisible()
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_a_field_error_is_read_as_the_description_of_its_field(qtbot: QtBot, page: QWidget) -> None:
    field = QLineEdit("srv/orders")
    error = FieldError(field)
    put(qtbot, page, field, error)
    assert error.isHidden()
    with qtbot.waitSignal(error.changed):
        error.show_problem("Must be an absolute path; write /srv/orders.")
    assert error.isVisible()
    assert field.accessibleDescription() == error.problem == "Must be an absolute path; write /srv/orders."
    assert LIGHT.failed.name() in colours(error)
    with qtbot.assertNotEmitted(error.changed):
        error.show_problem("Must be an absolute path; write /srv/orders.")
    error.show_problem(None)
    assert error.isHidden()
    assert not error.problem
    assert field.accessibleDescription() == ""


def test_a_reason_names_the_way_out_only_if_there_is_one(qtbot: QtBot, page: QWidget) -> None:
    reason = FieldReason()
    put(qtbot, page, reason)
    reason.show_reason("Needs a direct dependency on a Network Name.", "Add Orders Name…")
    link = reason.findChild(LinkLabel)
    assert isinstance(link, LinkLabel)
    assert link.isVisible()
    with qtbot.waitSignal(reason.followed):
        QTest.mouseClick(link, Qt.MouseButton.LeftButton)
    reason.show_reason("Already offline.")
    assert not link.isVisible()
    reason.show_reason(None)
    assert reason.isHidden()


# Chips, bands, panels


def test_a_chip_of_nought_hides_unless_it_filters(qtbot: QtBot, page: QWidget) -> None:
    chip = Chip("failed", "Failed", page)
    put(qtbot, page, chip)
    assert chip.isHidden()
    chip.show_count(2)
    assert chip.isVisible()
    assert chip.accessibleName() == "2 Failed"
    QTest.keyClick(chip, Qt.Key.Key_Space)
    assert chip.isChecked()
    chip.show_count(0)
    assert chip.isVisible()
    chip.setChecked(False)
    chip.show_count(0)
    assert chip.isHidden()


def test_a_narrow_chip_says_its_word_in_the_tooltip(qtbot: QtBot, page: QWidget) -> None:
    chip = Chip("paused", "Paused", page)
    put(qtbot, page, chip)
    chip.show_count(1)
    wide = chip.sizeHint().width()
    chip.show_count(1, worded=False)
    assert chip.sizeHint().width() < wide
    assert chip.toolTip() == "Paused"
    assert LIGHT.warn.name() in colours(chip)
    chip.show_count(1, stale=True)
    assert LIGHT.warn.name() not in colours(chip)


def test_a_band_is_40_high_and_appears_with_what_it_says(qtbot: QtBot, page: QWidget) -> None:
    band = Band(Band.Kind.WARN)
    put(qtbot, page, band)
    assert band.isHidden()
    band.say("Connection to WEBFARM lost 38 s ago.", "Showing 14:31:07.", glyph="unknown")
    button = band.add_button("Try Now")
    assert band.isVisible()
    assert band.accessibleName() == "Connection to WEBFARM lost 38 s ago. Showing 14:31:07."
    assert band.sizeHint().height() >= 40
    assert {LIGHT.warn_bg.name(), LIGHT.warn.name()} <= colours(band)
    with qtbot.waitSignal(button.clicked):
        QTest.keyClick(button, Qt.Key.Key_Space)
    band.say("doris is down.", kind=Band.Kind.FAILED)
    assert LIGHT.failed_bg.name() in colours(band)
    band.clear_buttons()
    qtbot.waitUntil(lambda: band.findChild(QPushButton) is None)


def test_a_long_notice_leaves_the_buttons_in_the_window(qtbot: QtBot, page: QWidget) -> None:
    band = Band()
    put(qtbot, page, band)
    band.say("What is so. " * 20, "What follows from it. " * 20)
    button = band.add_button("What Was Tried…")
    qtbot.waitUntil(lambda: button.isVisible() and button.width() >= 84)
    assert page.width() == 600
    assert button.mapTo(page, QPoint(button.width(), 0)).x() <= page.width()


def test_a_pane_header_shows_age_in_the_colour_of_warnings(qtbot: QtBot, page: QWidget) -> None:
    header = PaneHeader("Resources")
    put(qtbot, page, header)
    header.set_kind("resources")
    header.set_subtitle("as of 14:31:07 (38 s ago)", Tone.WARN)
    header.add_widget(FilterField("Filter", "Filter resources"))
    assert header.accessibleName() == "Resources"
    assert {LIGHT.warn.name(), LIGHT.ink.name(), LIGHT.line.name()} <= colours(header)
    assert header.height() >= 36


def test_an_info_panel_grows_with_its_sentence(qtbot: QtBot, page: QWidget) -> None:
    panel = InfoPanel("What these settings do")
    put(qtbot, page, panel)
    panel.set_text("Short.")
    short = panel.heightForWidth(300)
    panel.set_text("If PostgreSQL fails, it is restarted on the same node, at most 5 times in 15 minutes. " * 3)
    assert panel.heightForWidth(300) > short
    assert LIGHT.info_bg.name() in colours(panel)
    assert panel.accessibleDescription() == panel.text()


# Two lists


def test_add_and_remove_move_what_is_selected(qtbot: QtBot, page: QWidget) -> None:
    lists = two_lists(qtbot, page, ["disk"])
    assert lists.chosen() == ["disk"]
    assert not lists.remove_button.isEnabled()
    select(lists, 0, 2)
    with qtbot.waitSignal(lists.changed):
        lists.add_button.click()
    assert lists.chosen() == ["disk", "name", "api"]
    select(lists, 0, chosen=True)
    with qtbot.waitSignal(lists.changed):
        lists.remove_button.click()
    assert lists.chosen() == ["name", "api"]


def test_double_click_moves(qtbot: QtBot, page: QWidget) -> None:
    lists = two_lists(qtbot, page, [])
    place = lists.available.visualRect(lists.available.model().index(1, 0)).center()
    QTest.mouseClick(lists.available.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseDClick(lists.available.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert lists.chosen() == ["ip"]


def test_enter_moves_and_does_not_reach_the_default_button(qtbot: QtBot) -> None:
    dialog = QDialog()
    qtbot.addWidget(dialog)
    row = QHBoxLayout(dialog)
    lists, ok = TwoLists("Available", "Chosen"), QPushButton("OK")
    ok.setDefault(True)
    ok.clicked.connect(dialog.accept)
    row.addWidget(lists)
    row.addWidget(ok)
    lists.set_choices(CHOICES)
    with qtbot.waitExposed(dialog):
        dialog.show()
    select(lists, 1)
    QTest.keyClick(lists.available, Qt.Key.Key_Return)
    assert lists.chosen() == ["ip"]
    select(lists, 0, chosen=True)
    QTest.keyClick(lists.chosen_view, Qt.Key.Key_Delete)
    assert lists.chosen() == []
    assert dialog.isVisible()


def test_what_may_not_be_added_is_listed_with_its_reason(qtbot: QtBot, page: QWidget) -> None:
    lists = two_lists(qtbot, page, ["disk"])
    reason = "Would be a circle: Orders API → Orders Disk → Orders API"
    lists.set_refusals({"api": reason})
    assert lists.available.model().index(2, 1).data() == reason
    select(lists, 2)
    assert not lists.add_button.isEnabled()
    assert lists.add_button.toolTip() == reason
    assert lists.reason.isVisible()
    assert lists.reason.text() == reason
    QTest.keyClick(lists.available, Qt.Key.Key_Return)
    assert lists.chosen() == ["disk"]
    select(lists, 0, 2)
    lists.add_button.click()
    assert lists.chosen() == ["disk", "name"]
    assert not lists.reason.isVisible()


def test_the_order_is_changed_by_buttons_and_keys_and_ends_at_the_ends(qtbot: QtBot, page: QWidget) -> None:
    lists = two_lists(qtbot, page, ["name", "ip", "disk"], ordered=True)
    select(lists, 2, chosen=True)
    lists.up_button.click()
    assert lists.chosen() == ["name", "disk", "ip"]
    QTest.keyClick(lists.chosen_view, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert lists.chosen() == ["disk", "name", "ip"]
    assert not lists.up_button.isEnabled()
    with qtbot.assertNotEmitted(lists.changed):
        lists.move_selected(-1)
    select(lists, 0, 1, chosen=True)
    lists.down_button.click()
    assert lists.chosen() == ["ip", "disk", "name"]
    assert not lists.down_button.isEnabled()


def test_without_an_order_nothing_offers_to_change_it(qtbot: QtBot, page: QWidget) -> None:
    lists = two_lists(qtbot, page, ["name", "ip"])
    assert lists.up_button.isHidden()
    select(lists, 1, chosen=True)
    QTest.keyClick(lists.chosen_view, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert lists.chosen() == ["name", "ip"]


def test_a_filter_appears_for_long_lists_and_hides_nothing_that_is_chosen(qtbot: QtBot, page: QWidget) -> None:
    lists = two_lists(qtbot, page, [])
    assert lists.filter.isHidden()
    many = [Choice(f"r{number}", f"Resource {number}") for number in range(12)]
    lists.set_choices(many, ["r3"])
    assert lists.filter.isVisible()
    lists.filter.setText("resource 11")
    assert lists.available.model().rowCount() == 1
    assert lists.chosen() == ["r3"]
    assert lists.chosen_view.model().rowCount() == 1
    lists.filter.setText("no such thing")
    assert lists.filter.isVisible()
    assert lists.available.model().rowCount() == 0


def test_both_lists_are_equally_wide(qtbot: QtBot, page: QWidget) -> None:
    lists = two_lists(qtbot, page, ["disk"])
    qtbot.waitUntil(lambda: lists.available.width() > 180)
    assert abs(lists.available.width() - lists.chosen_view.width()) <= 1
    assert lists.add_button.width() == lists.remove_button.width() >= 100


def test_every_control_has_an_accessible_name_and_is_reached_by_tab(qtbot: QtBot, page: QWidget) -> None:
    lists = two_lists(qtbot, page, ["disk"], ordered=True)
    assert (lists.available.accessibleName(), lists.chosen_view.accessibleName()) == ("Available", "Chosen")
    select(lists, 0, chosen=True)
    select(lists, 0)
    reached = set()
    for _ in range(6):
        focus = QApplication.focusWidget()
        assert focus is not None
        reached.add(focus)
        QTest.keyClick(focus, Qt.Key.Key_Tab)
    assert {lists.available, lists.add_button, lists.remove_button, lists.chosen_view} <= reached


def test_a_band_is_redrawn_in_another_theme(qtbot: QtBot, page: QWidget) -> None:
    band = Band(Band.Kind.INFO)
    put(qtbot, page, band)
    band.say("ceres joins the cluster.")
    theme().set_appearance(Appearance.DARK)
    assert QColor(DARK.info_bg).name() in colours(band)
