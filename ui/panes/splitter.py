"""A splitter with a line of one pixel that is still easily gripped, and panes that do not collapse by accident."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSplitter, QSplitterHandle, QWidget

from ui.skins import follow_theme
from ui.theme import theme


class _Line(QSplitterHandle):
    def __init__(self, orientation: Qt.Orientation, splitter: QSplitter) -> None:
        super().__init__(orientation, splitter)
        follow_theme(self, lambda seen, _tokens: seen.update())

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        QPainter(self).fillRect(self.rect(), theme().tokens.line)


class Splitter(QSplitter):
    """Of width 1: Qt itself then lets the handle be gripped 2 px beside the line, too."""

    def __init__(self, orientation: Qt.Orientation, parent: QWidget | None = None) -> None:
        super().__init__(orientation, parent)
        self.setHandleWidth(1)
        self.setChildrenCollapsible(False)

    def createHandle(self) -> QSplitterHandle:
        return _Line(self.orientation(), self)
