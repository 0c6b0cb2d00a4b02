"""A chip of the strip: the glyph of a state, how many there are, and what it is called; checked, it filters."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from ui.icons import GLYPH_SIZE, state_pixmap
from ui.skins import follow_theme
from ui.theme import FontRole, theme

MARGIN = 6
TIGHT_MARGIN = 2
GAP = 5
RADIUS = 3


class Chip(QAbstractButton):
    """A checkable count of one state. With a count of nought it hides, unless it is checked."""

    def __init__(self, state: str, word: str, parent: QWidget) -> None:
        """Make the chip of *state*, whose name in words is *word*: shown if wanted, always said to screen readers.

        It needs its *parent* at once: a widget without one that shows itself becomes a window.
        """
        super().__init__(parent)
        self._state = state
        self._word = word
        self._count = 0
        self._worded = True
        self._stale = False
        self._margin = MARGIN
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        follow_theme(self, lambda seen, _tokens: seen.updateGeometry())
        self.show_count(0)

    @property
    def state(self) -> str:
        """The state whose objects it counts."""
        return self._state

    @property
    def count(self) -> int:
        """How many it shows."""
        return self._count

    def show_count(self, count: int, *, worded: bool = True, stale: bool = False) -> None:
        """Show *count*, with the word if *worded*; without colour if it is *stale*."""
        self._count, self._worded, self._stale = count, worded, stale
        self.setAccessibleName(self.tr("{count} {state}").format(count=count, state=self._word))
        self.setToolTip("" if worded else self._word)
        self.setVisible(count > 0 or self.isChecked())
        self.updateGeometry()
        self.update()

    def set_tight(self, tight: bool) -> None:
        """Leave less air at both ends, or the usual."""
        margin = TIGHT_MARGIN if tight else MARGIN
        if margin != self._margin:
            self._margin = margin
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        number, word = self._metrics()
        width = self._margin * 2 + GLYPH_SIZE + GAP + number.horizontalAdvance(str(self._count))
        if self._worded:
            width += GAP + word.horizontalAdvance(self._word)
        return QSize(width, max(24, word.height() + 6))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        tokens = theme().tokens
        self._paint_frame(painter)
        colour = tokens.text2 if self._stale else None
        glyph = state_pixmap(self._state, GLYPH_SIZE, self.devicePixelRatioF(), colour)
        painter.drawPixmap(self._margin, (self.height() - GLYPH_SIZE) // 2, glyph)
        number, _ = self._metrics()
        room = self.rect().adjusted(self._margin + GLYPH_SIZE + GAP, 0, 0, 0)
        flags = int(Qt.AlignmentFlag.AlignVCenter) | int(Qt.TextFlag.TextSingleLine)
        painter.setFont(theme().font(FontRole.STRONG))
        painter.setPen(tokens.text2 if self._stale else tokens.text)
        painter.drawText(room, flags, str(self._count))
        if self._worded:
            room.adjust(number.horizontalAdvance(str(self._count)) + GAP, 0, 0, 0)
            painter.setFont(self.font())
            painter.setPen(tokens.text2)
            painter.drawText(room, flags, self._word)

    def _paint_frame(self, painter: QPainter) -> None:
        tokens = theme().tokens
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if self.isChecked():
            painter.setBrush(tokens.sel)
        elif self.underMouse():
            painter.setBrush(tokens.hover if not self.isDown() else tokens.sel_idle)
        if self.isChecked() or self.hasFocus():
            painter.setPen(QPen(tokens.accent, 1))
        painter.drawRoundedRect(self.rect().toRectF().adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _metrics(self) -> tuple[QFontMetrics, QFontMetrics]:
        return QFontMetrics(theme().font(FontRole.STRONG)), self.fontMetrics()
