"""A kind's icon or a state's glyph by itself, drawn anew for each screen and theme."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.icons import GLYPH_SIZE, kind_pixmap, state_pixmap
from ui.skins import follow_theme


class _Drawn(QWidget):
    def __init__(self, name: str, size: int, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.name = name
        self._size = size
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        follow_theme(self, lambda seen, _tokens: seen.update())

    def show_name(self, name: str) -> None:
        """Draw another."""
        if name != self.name:
            self.name = name
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._size, self._size)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _pixmap(self) -> QPixmap:
        raise NotImplementedError

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        left, top = (self.width() - self._size) // 2, (self.height() - self._size) // 2
        QPainter(self).drawPixmap(left, top, self._pixmap())


class KindIcon(_Drawn):
    """The icon of a kind of object, plain."""

    def __init__(self, kind: str, size: int, parent: QWidget | None = None) -> None:
        super().__init__(kind, size, parent)

    def _pixmap(self) -> QPixmap:
        return kind_pixmap(self.name, self._size, self.devicePixelRatioF())


class StateGlyph(_Drawn):
    """The glyph of a state."""

    def __init__(self, state: str, parent: QWidget | None = None) -> None:
        super().__init__(state, GLYPH_SIZE, parent)

    def _pixmap(self) -> QPixmap:
        return state_pixmap(self.name, self._size, self.devicePixelRatioF())
