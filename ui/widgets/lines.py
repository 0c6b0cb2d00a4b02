"""Hairlines: between two parts of a page or a bar, and above the buttons of a dialog."""

from __future__ import annotations

from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from ui.skins import follow_theme
from ui.theme import Space, theme


class HairLine(QWidget):
    """One logical pixel high, with *air* above and below: a little, or none where a layout gives it."""

    def __init__(self, parent: QWidget | None = None, *, air: int = Space.TINY) -> None:
        super().__init__(parent)
        self.setFixedHeight(1 + 2 * air)
        follow_theme(self, lambda seen, _tokens: seen.update())

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        QPainter(self).fillRect(0, self.height() // 2, self.width(), 1, theme().tokens.line)


class Divider(QWidget):
    """One logical pixel wide, between the parts of a bar."""

    def __init__(self, height: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(1, height)
        follow_theme(self, lambda seen, _tokens: seen.update())

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        QPainter(self).fillRect(self.rect(), theme().tokens.line)


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
