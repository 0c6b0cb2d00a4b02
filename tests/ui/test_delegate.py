"""What the delegate draws: by the pixels for colour and place, by its own answers for widths and tooltips."""

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QAbstractTableModel, QEvent, QModelIndex, QPersistentModelIndex, QPoint, QRect, Qt
from PySide6.QtGui import QColor, QFont, QHelpEvent, QImage, QStandardItem, QStandardItemModel
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QStyleOptionViewItem, QTableView, QToolTip, QTreeView
from pytestqt.qtbot import QtBot

from ui.delegate import BAR, FOCUS_BAR, PADDING, CellDelegate, plain_tooltip
from ui.models.roles import Cell, Role, Tone, cell_of
from ui.skins import dress_view
from ui.theme import Appearance, Height, theme
from ui.tokens import DARK, LIGHT

WIDTH = 200


@pytest.fixture(autouse=True)
def light(qapp: QApplication) -> Iterator[None]:
    theme().set_appearance(Appearance.LIGHT)
    yield
    QToolTip.hideText()
    theme().set_appearance(Appearance.SYSTEM)


class Cells(QAbstractTableModel):
    def __init__(self, *rows: list[Cell]) -> None:
        super().__init__()
        self.rows = list(rows)

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008, N802
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008, N802
        return 0 if parent.isValid() else len(self.rows[0])

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        cell = self.rows[index.row()][index.column()]
        if role == Role.CELL:
            return cell
        return cell.text if role == Qt.ItemDataRole.DisplayRole else None


def shown(qtbot: QtBot, *rows: list[Cell], width: int = WIDTH) -> QTableView:
    view = QTableView()
    qtbot.addWidget(view)
    model = Cells(*rows)
    model.setParent(view)
    view.setModel(model)
    dress_view(view)
    view.horizontalHeader().setStretchLastSection(False)
    for column in range(model.columnCount()):
        view.setColumnWidth(column, width)
    view.resize(width * model.columnCount() + 20, 200)
    with qtbot.waitExposed(view):
        view.show()
    return view


def delegate_of(view: QTableView) -> CellDelegate:
    delegate = view.itemDelegate()
    assert isinstance(delegate, CellDelegate)
    return delegate


def image_of(view: QTableView, row: int = 0, column: int = 0) -> QImage:
    place = view.visualRect(view.model().index(row, column))
    return view.viewport().grab(place).toImage()


def colours(image: QImage, place: QRect | None = None) -> set[str]:
    area = place or image.rect()
    return {
        image.pixelColor(x, y).name()
        for x in range(area.left(), area.right() + 1)
        for y in range(area.top(), area.bottom() + 1)
    }


def leftmost(image: QImage, background: QColor) -> int:
    columns = range(image.width())
    return next(x for x in columns if any(image.pixelColor(x, y) != background for y in range(image.height())))


def test_failed_is_written_in_its_colour_and_other_states_are_not(qtbot: QtBot) -> None:
    view = shown(qtbot, [Cell("Failed", state="failed")], [Cell("Online", state="online")])
    text = QRect(PADDING + 20, 0, 100, 20)
    assert LIGHT.failed.name() in colours(image_of(view, 0), text)
    assert LIGHT.online.name() not in colours(image_of(view, 1), text)
    assert LIGHT.online.name() in colours(image_of(view, 1))


def test_stale_rows_lose_all_colour(qtbot: QtBot) -> None:
    view = shown(qtbot, [Cell("Failed", state="failed", kind="node", tone=Tone.STALE)])
    drawn = colours(image_of(view))
    assert LIGHT.text2.name() in drawn
    assert not drawn & {LIGHT.failed.name(), LIGHT.text.name(), LIGHT.ink.name()}


def test_text_begins_at_the_same_place_whatever_stands_behind_it(qtbot: QtBot) -> None:
    rows = [[Cell("doris")], [Cell("doris", owner_glyph="down")], [Cell("doris", right_text="8", right_glyph="failed")]]
    view = shown(qtbot, *rows)
    view.clearFocus()  # the frame of the current cell is not text
    starts = {leftmost(image_of(view, row), LIGHT.base) for row in range(3)}
    assert len(starts) == 1


def test_the_glyph_of_the_owner_stands_right_after_the_name(qtbot: QtBot) -> None:
    view = shown(qtbot, [Cell("doris", owner_glyph="down")])
    image = image_of(view)
    name = view.fontMetrics().horizontalAdvance("doris")
    assert LIGHT.failed.name() in colours(image, QRect(PADDING + name, 0, 24, image.height()))


def test_what_belongs_to_the_right_edge_stands_there(qtbot: QtBot) -> None:
    view = shown(qtbot, [Cell("Web Shop", right_glyph="failed")])
    image = image_of(view)
    assert LIGHT.failed.name() in colours(image, QRect(WIDTH - PADDING - 15, 0, 14, image.height()))


@pytest.mark.parametrize(("elapsed", "filled"), [(0.0, FOCUS_BAR), (90.0, 20), (400.0, 40)])
def test_the_bar_of_a_pending_action_shows_how_much_of_its_time_is_gone(
    qtbot: QtBot, elapsed: float, filled: int
) -> None:
    view = shown(qtbot, [Cell("", pending=(elapsed, 180.0))])
    image = image_of(view)
    middle = image.height() // 2
    row = [image.pixelColor(x, middle).name() for x in range(PADDING, PADDING + BAR.width())]
    assert row.count(LIGHT.pending.name()) == filled
    assert row.count(LIGHT.line.name()) == BAR.width() - filled


def test_past_half_of_its_time_a_pending_action_warns(qtbot: QtBot) -> None:
    view = shown(qtbot, [Cell("70 s", pending=(70, 180))], [Cell("95 s", pending=(95, 180), tone=Tone.TEXT2)])
    assert LIGHT.warn.name() not in colours(image_of(view, 0))
    assert LIGHT.warn.name() in colours(image_of(view, 1))


def test_the_selection_is_strong_with_a_bar_in_the_focused_view_and_weak_elsewhere(qtbot: QtBot) -> None:
    view = shown(qtbot, [Cell("Shop"), Cell("x")])
    view.selectRow(0)
    view.activateWindow()
    view.setFocus()
    qtbot.waitUntil(view.hasFocus)
    assert image_of(view).pixelColor(0, 10) == LIGHT.accent
    assert image_of(view).pixelColor(FOCUS_BAR, 10) == LIGHT.sel
    assert image_of(view, 0, 1).pixelColor(0, 10) == LIGHT.sel
    view.clearFocus()
    assert image_of(view).pixelColor(0, 10) == LIGHT.sel_idle


def test_the_whole_row_under_the_mouse_is_marked(qtbot: QtBot) -> None:
    view = shown(qtbot, [Cell("a"), Cell("b")], [Cell("c"), Cell("d")])
    QTest.mouseMove(view.viewport(), view.visualRect(view.model().index(1, 0)).center())
    qtbot.waitUntil(lambda: image_of(view, 1, 1).pixelColor(WIDTH - 3, 3) == LIGHT.hover)
    assert image_of(view, 0, 1).pixelColor(WIDTH - 3, 3) == LIGHT.base


def test_a_change_of_theme_is_drawn(qtbot: QtBot) -> None:
    view = shown(qtbot, [Cell("Failed", state="failed")])
    image_of(view)
    theme().set_appearance(Appearance.DARK)
    assert DARK.failed.name() in colours(image_of(view))


def test_only_what_does_not_fit_has_a_tooltip_and_a_name_is_never_taken_for_markup(qtbot: QtBot) -> None:
    name = "<b>a name that is far too long for a column so narrow</b>"
    view = shown(qtbot, [Cell("short")], [Cell(name)], width=100)
    delegate = delegate_of(view)
    option = QStyleOptionViewItem()

    def tooltip(row: int) -> str:
        index = view.model().index(row, 0)
        option.rect = view.visualRect(index)
        option.widget = view
        QToolTip.hideText()
        event = QHelpEvent(QEvent.Type.ToolTip, QPoint(5, 5), view.mapToGlobal(QPoint(5, 5)))
        assert delegate.helpEvent(event, view, option, index)
        return QToolTip.text()

    assert tooltip(1) == plain_tooltip(name)
    assert "<b>" not in tooltip(1)
    assert not delegate.elided(view.visualRect(view.model().index(0, 0)), Cell("short"))


def test_rows_are_24_high_those_of_events_22_and_grow_with_the_font(qtbot: QtBot, qapp: QApplication) -> None:
    small = QFont("DejaVu Sans", 8)
    view = shown(qtbot, [Cell("a")])
    delegate = delegate_of(view)
    delegate.use_font(small)
    assert delegate.row_height == 24
    events = CellDelegate(view, Height.EVENT_ROW)
    events.use_font(small)
    assert events.row_height == 22
    delegate.use_font(QFont("DejaVu Sans", 30))
    assert delegate.row_height > 40


def test_a_table_takes_the_row_height_of_a_larger_font_of_the_user(qtbot: QtBot, qapp: QApplication) -> None:
    view = shown(qtbot, [Cell("a")])
    before, usual = view.rowHeight(0), QFont(qapp.font())
    larger = QFont(usual)
    larger.setPointSizeF(usual.pointSizeF() * 2.5)
    qapp.setFont(larger)
    try:
        qtbot.waitUntil(lambda: view.rowHeight(0) > before + 10)
    finally:
        qapp.setFont(usual)


def test_the_width_asked_for_is_that_of_all_that_is_drawn(qtbot: QtBot) -> None:
    cell = Cell("Online Pending", kind="node", state="online-pending", owner_glyph="down", right_text="20")
    view = shown(qtbot, [cell], [Cell("Online Pending")])
    delegate = delegate_of(view)
    widths = [view.sizeHintForIndex(view.model().index(row, 0)).width() for row in (0, 1)]
    assert widths[0] > widths[1] + 16 + 14 + 14
    assert not delegate.elided(QRect(0, 0, widths[0], 24), cell)
    assert delegate.elided(QRect(0, 0, widths[0] - 3, 24), cell)


def test_single_roles_draw_the_same_as_a_whole_cell(qtbot: QtBot) -> None:
    cell = Cell(
        "PostgreSQL", kind="generic-service", state="failed", tone=Tone.WARN, mono=True, pending=(3, 180),
        owner_glyph="paused", right_glyph="stale", right_text="7", twist=False, align_right=True, unfolded=True,
        strong=True,
    )  # fmt: skip
    item = QStandardItem(cell.text)
    for role in Role:
        if role not in {Role.OBJECT_REF, Role.CELL, Role.SORT_KEY}:
            item.setData(getattr(cell, role.name.lower()), role)
    model = QStandardItemModel()
    model.appendRow(item)
    assert cell_of(model.index(0, 0)) == cell


def test_in_a_tree_the_bar_stands_at_the_edge_of_the_view(qtbot: QtBot) -> None:
    view, model = QTreeView(), QStandardItemModel()
    qtbot.addWidget(view)
    model.setParent(view)
    parent, child = QStandardItem("WEBFARM"), QStandardItem("Groups")
    parent.appendRow(child)
    model.appendRow(parent)
    view.setModel(model)
    view.setHeaderHidden(True)
    dress_view(view)
    view.expandAll()
    with qtbot.waitExposed(view):
        view.show()
    view.activateWindow()
    view.setFocus()
    qtbot.waitUntil(view.hasFocus)
    view.setCurrentIndex(child.index())
    row = view.visualRect(child.index())
    image = view.viewport().grab().toImage()
    assert image.pixelColor(0, row.center().y()) == LIGHT.accent
    assert image.pixelColor(view.viewport().width() - 2, row.center().y()) == LIGHT.sel
