"""Widths of dialogs and their columns, which grow with the user's font as heights do."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSize
from PySide6.QtGui import QFontMetricsF, QGuiApplication
from PySide6.QtWidgets import QApplication

_SAMPLE: Final = "Looks Alive poll interval 3600 seconds"
_USUAL: Final = 6.04  # px per letter of it in Noto Sans 10 pt, the font for which widths are given
_EDGE: Final = 40  # px of the screen that a dialog leaves free


def wide(pixels: int) -> int:
    """Return a width given for the usual font, in logical pixels, as the user's font needs it; never less."""
    letter = QFontMetricsF(QApplication.font()).horizontalAdvance(_SAMPLE) / len(_SAMPLE)
    return max(pixels, round(pixels * letter / _USUAL))


def dialog_size(size: QSize) -> QSize:
    """Return the size of a dialog in the user's font, as far as the screen has room for it."""
    wanted = QSize(wide(size.width()), wide(size.height()))
    screen = QGuiApplication.primaryScreen()
    room = screen.availableSize() - QSize(_EDGE, _EDGE) if screen is not None else wanted
    return wanted.boundedTo(room).expandedTo(size.boundedTo(wanted))
