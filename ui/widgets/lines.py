"""Hairlines: between two parts of a page, and above the buttons of a dialog."""

from __future__ import annotations

from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from ui.skins import follow_theme
from ui.theme import Space, theme


class HairLine(QWidget):
    """One logical pixel high, with a little room above and below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(9)
        follow_theme(self, lambda seen, _tokens: seen.update())

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        QPainter(self).fillRect(0, self.height() // 2, self.width(), 1, theme().tokens.line)


class Foot(QWidget):
    """The bottom line of a dialog: a hairline above, room for a note, and the buttons."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(Space.LARGE, Space.MEDIUM, Space.LARGE, Space.MEDIUM)
        self.row.setSpacing(Space.SMALL)
        follow_theme(self, lambda seen, _tokens: seen.update())

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        QPainter(self).fillRect(0, 0, self.width(), 1, theme().tokens.line)
