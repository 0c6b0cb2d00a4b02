"""The row under the mouse, in tables."""

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QTableView


class RowHover(QObject):
    """Knows the row under the mouse in a table: Qt's own hover is of one cell."""

    def __init__(self, view: QTableView) -> None:
        super().__init__(view)
        self._view = view
        self.row = -1
        view.setMouseTracking(True)
        view.viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.MouseMove and isinstance(event, QMouseEvent):
            self._enter(self._view.rowAt(event.position().toPoint().y()))
        elif event.type() == QEvent.Type.Leave:
            self._enter(-1)
        return super().eventFilter(watched, event)

    def _enter(self, row: int) -> None:
        if row == self.row:
            return
        changed, self.row = (self.row, row), row
        viewport = self._view.viewport()
        for each in changed:
            if each >= 0:
                viewport.update(0, self._view.rowViewportPosition(each), viewport.width(), self._view.rowHeight(each))
