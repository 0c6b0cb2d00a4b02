"""The one item delegate of lists, trees and events: cached text, glyph before word, one left edge per column."""

import html
from dataclasses import dataclass

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QHelpEvent, QPainter, QPen, QStaticText
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QToolTip,
    QTreeView,
    QWidget,
)

from ui.hover import RowHover
from ui.icons import GLYPH_SIZE, glyph_name, icon_store, kind_name, state_colour
from ui.models.roles import Cell, Tone, cell_of
from ui.theme import FontRole, Height, height, role_font, theme
from ui.tokens import Tokens, tone_colour

Index = QModelIndex | QPersistentModelIndex

PADDING = 8  # left and right of a cell; the header's text starts at the same x
TREE_PADDING = 2
GAP = 6  # between an icon and its text
KIND_SIZE = 16
TWIST_SIZE = 12
TWIST_COLUMN = 16
BAR = QSize(40, 4)
BAR_GAP = 8
FOCUS_BAR = 2
EDITOR_INSET = 3  # what a line edit in a view keeps free before its text
# As plain numbers: a test of Python's flags costs 3 µs, and each cell makes four.
SELECTED = QStyle.StateFlag.State_Selected.value
ACTIVE = QStyle.StateFlag.State_Active.value
HAS_FOCUS = QStyle.StateFlag.State_HasFocus.value
MOUSE_OVER = QStyle.StateFlag.State_MouseOver.value
CACHED_TEXTS = 20_000  # above, the cache starts anew: some 10 MB


@dataclass(frozen=True, slots=True)
class _Laid:
    """A text laid out: what is drawn, how wide it is, in which of the fonts."""

    static: QStaticText
    width: int
    face: int


class CellDelegate(QStyledItemDelegate):
    """Draws what the model says by `ui.models.roles`.

    Its caches hold texts laid out (an elided drawText costs five to eight times as much) and are emptied when the
    font, the theme or the screen's ratio changes.
    """

    def __init__(self, view: QAbstractItemView, row: Height = Height.ROW) -> None:
        super().__init__(view)
        self._row = row
        self._hover = RowHover(view) if isinstance(view, QTableView) else None
        self._theme = theme()
        self._icons = icon_store()
        self._texts: dict[tuple[str, int, int], _Laid] = {}
        self._font = QFont()
        self._fonts: tuple[QFont, QFont, QFont] = (self._font,) * 3
        self._metrics: tuple[QFontMetrics, ...] = ()
        self._ratio = 0.0
        self.use_font(view.font())
        self._theme.changed.connect(self.forget)

    def forget(self) -> None:
        """Empty the caches."""
        self._texts.clear()

    @property
    def row_height(self) -> int:
        """The height of a row for the font in use."""
        return max(height(self._row, metrics) for metrics in self._metrics)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        self.use_font(option.font)
        cell = cell_of(index)
        used = PADDING * 2 + self._before(cell) + self._after(cell)
        width = self._metrics[_face(cell)].horizontalAdvance(cell.text) + 1 if cell.text else 0
        return QSize(used + width, self.row_height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        self.use_font(option.font)
        self._use_ratio(painter.device().devicePixelRatio())
        cell = cell_of(index)
        self._paint_background(painter, option, index, cell)
        self._paint_cell(painter, _room(option, index), cell)

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        """Put the editor where the text is: the icon before it stays to be seen."""
        room = _room(option, index)
        editor.setGeometry(room.adjusted(PADDING + self._before(cell_of(index)) - EDITOR_INSET, 1, 0, -1))

    def elided(self, rect: QRect, cell: Cell) -> bool:
        """Tell whether the text of *cell* does not fit into *rect*."""
        room = rect.width() - PADDING * 2 - self._before(cell) - self._after(cell)
        return self._metrics[_face(cell)].horizontalAdvance(cell.text) > room

    def helpEvent(self, event: QHelpEvent, view: QAbstractItemView, option: QStyleOptionViewItem, index: Index) -> bool:
        """Show the model's tooltip, or else the whole text, if it does not fit."""
        if event.type() != QEvent.Type.ToolTip or not index.isValid():
            return super().helpEvent(event, view, option, index)
        text = index.data(Qt.ItemDataRole.ToolTipRole)
        if not text:
            cell = cell_of(index)
            text = cell.text if self.elided(_room(option, index), cell) else ""
        QToolTip.showText(event.globalPos(), plain_tooltip(str(text)), view)
        return True

    # Parts of a row

    def _paint_background(self, painter: QPainter, option: QStyleOptionViewItem, index: Index, cell: Cell) -> None:
        tokens = self._theme.tokens
        state = option.state.value
        selected, focused = bool(state & SELECTED), bool(state & ACTIVE)
        if selected:
            painter.fillRect(option.rect, tokens.sel if focused else tokens.sel_idle)
        elif self._is_hovered(option, index):
            painter.fillRect(option.rect, tokens.hover)
        elif cell.unfolded:
            painter.fillRect(option.rect, tokens.alt)
        if selected and focused and _is_first_column(option.widget, index):
            painter.fillRect(QRect(0, option.rect.top(), FOCUS_BAR, option.rect.height()), tokens.accent)
        elif not selected and state & HAS_FOCUS:
            painter.setPen(QPen(tokens.text2, 1, Qt.PenStyle.DotLine))
            painter.drawRect(option.rect.adjusted(0, 0, -1, -1))

    def _is_hovered(self, option: QStyleOptionViewItem, index: Index) -> bool:
        if self._hover is not None:
            return self._hover.row == index.row()
        return bool(option.state.value & MOUSE_OVER)

    def _paint_cell(self, painter: QPainter, rect: QRect, cell: Cell) -> None:
        tokens = self._theme.tokens
        stale = cell.tone is Tone.STALE
        left, right = rect.left() + PADDING, rect.right() + 1 - PADDING
        if cell.twist is not None:
            twist = "state-collapse" if cell.twist else "state-expand"
            self._pixmap(painter, _place(rect, left, TWIST_SIZE), twist, tokens.text2)
            left += TWIST_COLUMN
        if cell.kind is not None:
            colour = tokens.text2 if stale else tokens.ink
            self._pixmap(painter, _place(rect, left, KIND_SIZE), f"kind-{kind_name(cell.kind)}", colour)
            left += KIND_SIZE + GAP
        if cell.state is not None:
            self._state(painter, left, rect, cell.state, stale)
            left += GLYPH_SIZE + GAP
        if cell.pending is not None:
            self._bar(painter, left, rect, cell.pending, stale)
            left += BAR.width() + BAR_GAP
        if cell.right_glyph is not None:
            right -= GLYPH_SIZE
            self._state(painter, right, rect, cell.right_glyph, stale)
            right -= GAP
        if cell.right_text:
            count = self._text(cell.right_text, right - left, 0)
            right -= count.width
            self._draw(painter, right, rect, count, tokens.text2)
            right -= GAP
        self._words(painter, rect, cell, left, right)

    def _words(self, painter: QPainter, rect: QRect, cell: Cell, left: int, right: int) -> None:
        room = right - left - (GLYPH_SIZE + GAP if cell.owner_glyph is not None else 0)
        width = 0
        if cell.text and room > 0:
            text = self._text(cell.text, room, _face(cell))
            width = text.width
            x = left + room - width if cell.align_right else left
            self._draw(painter, x, rect, text, _text_colour(cell, self._theme.tokens))
        if cell.owner_glyph is not None:
            self._state(painter, left + width + GAP, rect, cell.owner_glyph, cell.tone is Tone.STALE)

    def _bar(self, painter: QPainter, left: int, rect: QRect, pending: tuple[float, float], stale: bool) -> None:
        tokens = self._theme.tokens
        elapsed, total = pending
        top = rect.top() + (rect.height() - BAR.height()) // 2
        painter.fillRect(QRect(left, top, BAR.width(), BAR.height()), tokens.line)
        share = min(1.0, elapsed / total) if total > 0 else 0.0
        done = max(FOCUS_BAR, round(BAR.width() * share))
        painter.fillRect(QRect(left, top, done, BAR.height()), tokens.text2 if stale else tokens.pending)

    def _state(self, painter: QPainter, left: int, rect: QRect, state: str, stale: bool) -> None:
        tokens = self._theme.tokens
        colour = tokens.text2 if stale else state_colour(state, tokens)
        self._pixmap(painter, _place(rect, left, GLYPH_SIZE), f"state-{glyph_name(state)}", colour)

    def _pixmap(self, painter: QPainter, place: QRect, name: str, colour: QColor) -> None:
        pixmap = self._icons.pixmap(name, place.width(), colour, self._ratio)
        painter.drawPixmap(place.topLeft(), pixmap)

    def _draw(self, painter: QPainter, left: int, rect: QRect, text: _Laid, colour: QColor) -> None:
        painter.setPen(colour)
        painter.setFont(self._fonts[text.face])
        top = rect.top() + (rect.height() - self._metrics[text.face].height()) // 2
        painter.drawStaticText(left, top, text.static)

    # Caches

    def _text(self, text: str, room: int, face: int) -> _Laid:
        """Return *text*, elided to *room*, ready to draw."""
        key = (text, room, face)
        found = self._texts.get(key)
        if found is None:
            if len(self._texts) >= CACHED_TEXTS:
                self._texts.clear()
            metrics = self._metrics[face]
            shown = metrics.elidedText(text.replace("\n", " "), Qt.TextElideMode.ElideRight, room)
            static = QStaticText(shown)
            static.setTextFormat(Qt.TextFormat.PlainText)  # a resource may be called <b>
            static.prepare(font=self._fonts[face])
            found = self._texts[key] = _Laid(static, metrics.horizontalAdvance(shown), face)
        return found

    def use_font(self, font: QFont) -> None:
        """Write in *font* from now on; the view's own is taken at each painting."""
        if self._metrics and font == self._font:
            return
        self._font = QFont(font)
        self._fonts = (self._font, role_font(FontRole.STRONG, font), role_font(FontRole.MONO, font))
        self._metrics = tuple(QFontMetrics(face) for face in self._fonts)
        self.forget()

    def _use_ratio(self, ratio: float) -> None:
        if ratio != self._ratio:
            self._ratio = ratio
            self.forget()

    # Widths

    def _before(self, cell: Cell) -> int:
        """Return the width of what stands before the text."""
        return (
            (TWIST_COLUMN if cell.twist is not None else 0)
            + (KIND_SIZE + GAP if cell.kind is not None else 0)
            + (GLYPH_SIZE + GAP if cell.state is not None else 0)
            + (BAR.width() + BAR_GAP if cell.pending is not None else 0)
        )

    def _after(self, cell: Cell) -> int:
        """Return the width of what stands after the text, at the row's right edge included."""
        glyphs = (cell.owner_glyph is not None) + (cell.right_glyph is not None)
        text = self._metrics[0].horizontalAdvance(cell.right_text) + GAP if cell.right_text else 0
        return glyphs * (GLYPH_SIZE + GAP) + text


def plain_tooltip(text: str) -> str:
    """Return *text* so that a tooltip shows it letter by letter (a resource may be called <b>), and wraps it."""
    return f"<span>{html.escape(text)}</span>" if text else ""


def _room(option: QStyleOptionViewItem, index: Index) -> QRect:
    """Return the cell's rectangle; in a tree it begins earlier, since the indentation is padding enough."""
    view = option.widget
    if isinstance(view, QTreeView) and view.rootIsDecorated() and index.column() == view.treePosition():
        return option.rect.adjusted(TREE_PADDING - PADDING, 0, 0, 0)
    return option.rect


def _place(rect: QRect, left: int, size: int) -> QRect:
    """Return the square of *size* at *left*, centred in the row *rect*."""
    return QRect(left, rect.top() + (rect.height() - size) // 2, size, size)


def _face(cell: Cell) -> int:
    """Return which of the three fonts writes *cell*: 0 body, 1 DemiBold, 2 fixed width."""
    if cell.mono:
        return 2
    return 1 if cell.strong else 0


def _text_colour(cell: Cell, tokens: Tokens) -> QColor:
    if cell.tone is Tone.TEXT or cell.tone is Tone.TEXT2:
        if cell.pending is not None and cell.pending[0] > cell.pending[1] / 2:
            return tokens.warn  # more than half of the time limit is gone
        # Failed and Down are the only words in colour, so that the eye finds them.
        if cell.tone is Tone.TEXT and cell.state is not None and glyph_name(cell.state) == "failed":
            return tokens.failed
    return tone_colour(tokens, cell.tone)


def _is_first_column(view: object, index: Index) -> bool:
    if isinstance(view, QTableView):
        return view.horizontalHeader().visualIndex(index.column()) == 0
    if isinstance(view, QTreeView):
        return view.header().visualIndex(index.column()) == 0
    return index.column() == 0
