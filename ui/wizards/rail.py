"""The left side of a wizard: numbered steps, what was answered, and the way back to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QVBoxLayout, QWidget

from clusteradmin.wizards.flow import Step
from ui.forms.measures import wide
from ui.icons import state_pixmap
from ui.skins import follow_theme
from ui.theme import FontRole, Space, theme

WIDTH = 208
_MARK = 18.0


@dataclass(frozen=True, slots=True)
class Stop:
    """A step as the rail shows it."""

    step: Step
    title: str
    summary: str = ""
    done: bool = False
    wrong: bool = False
    current: bool = False
    reachable: bool = False


class StopButton(QAbstractButton):
    """One step: a number, a check when it is done, an octagon when something is wrong there."""

    def __init__(self, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._number = number
        self._stop: Stop | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        follow_theme(self, lambda seen, _tokens: seen.update())

    def show_stop(self, stop: Stop, titles: str) -> None:
        """Show *stop*; *titles* says the step and how it stands, for assistive technology."""
        self._stop = stop
        self.setEnabled(stop.reachable or stop.current)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus if stop.reachable and not stop.current else Qt.FocusPolicy.NoFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor if stop.reachable else Qt.CursorShape.ArrowCursor)
        self.setAccessibleName(titles)
        self.setToolTip(stop.summary)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        title = self.fontMetrics().height()
        summary = title if self._stop is not None and self._stop.summary else 0
        return QSize(WIDTH, max(title + summary, int(_MARK)) + Space.MEDIUM)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        stop = self._stop
        if stop is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tokens = theme().tokens
        line = max(self.fontMetrics().height(), int(_MARK))
        top = Space.SMALL // 2
        self._draw_mark(painter, stop, QRectF(Space.LARGE, top + (line - _MARK) / 2, _MARK, _MARK))
        left = int(Space.LARGE + _MARK + Space.SMALL + 2)
        room = QRect(left, top, self.width() - left - Space.SMALL, line)
        painter.setFont(theme().font(FontRole.STRONG if stop.current else FontRole.BODY))
        painter.setPen(tokens.text if stop.current or stop.done else tokens.text2)
        self._draw_text(painter, room, stop.title)
        if stop.summary:
            painter.setFont(theme().font(FontRole.SMALL))
            painter.setPen(tokens.text2)
            self._draw_text(painter, room.translated(0, line - 1), stop.summary)
        if self.hasFocus():
            painter.setPen(QPen(tokens.accent, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(6.5, 0.5, -6.5, -4.5))

    @staticmethod
    def _draw_text(painter: QPainter, room: QRect, text: str) -> None:
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter) | int(Qt.TextFlag.TextSingleLine), shown)

    def _draw_mark(self, painter: QPainter, stop: Stop, place: QRectF) -> None:
        tokens = theme().tokens
        if not stop.current and (stop.done or stop.wrong):
            glyph = state_pixmap("failed" if stop.wrong else "online", 16, self.devicePixelRatioF())
            painter.drawPixmap(QPointF(place.left() + 1, place.top() + 1), glyph)
            return
        painter.setPen(Qt.PenStyle.NoPen if stop.current else QPen(tokens.line_strong, 1.25))
        painter.setBrush(tokens.accent if stop.current else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(place.adjusted(0.6, 0.6, -0.6, -0.6))
        font = theme().font(FontRole.SMALL)
        painter.setFont(font)
        painter.setPen(tokens.on_accent if stop.current else tokens.text2)
        painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), str(self._number))


class Rail(QWidget):
    """Signals: `wanted` with the step that was clicked."""

    wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.stops: list[Stop] = []
        self.buttons: list[StopButton] = []
        self.setFixedWidth(wide(WIDTH))
        self.setAccessibleName(self.tr("Steps"))
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, Space.LARGE, 0, Space.LARGE)
        self._column.setSpacing(Space.TINY)
        self._column.addStretch(1)
        follow_theme(self, lambda seen, _tokens: seen.update())

    def show_stops(self, stops: Sequence[Stop]) -> None:
        """Show the steps in their order."""
        while len(self.buttons) < len(stops):
            number = len(self.buttons)
            button = StopButton(number + 1)
            button.clicked.connect(partial(self._clicked, number))
            self._column.insertWidget(number, button)
            self.buttons.append(button)
        self.stops = list(stops)
        for number, button in enumerate(self.buttons):
            button.setVisible(number < len(stops))
            if number < len(stops):
                button.show_stop(stops[number], self._spoken(number, stops[number]))

    def _spoken(self, number: int, stop: Stop) -> str:
        stands = self.tr("wrong") if stop.wrong else self.tr("done") if stop.done else ""
        stands = self.tr("current") if stop.current else stands
        parts = (self.tr("Step {0}").format(number + 1), stop.title, stands, stop.summary)
        return ", ".join(part for part in parts if part)

    def _clicked(self, number: int, _checked: bool = False) -> None:
        if number < len(self.stops) and self.stops[number].reachable:
            self.wanted.emit(self.stops[number].step)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        tokens = theme().tokens
        painter.fillRect(self.rect(), tokens.sunken)
        painter.fillRect(self.width() - 1, 0, 1, self.height(), tokens.line)
