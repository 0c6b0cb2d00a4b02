"""A page that scrolls when the window is too small for it, and shows no sign of that while it is not."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from ui.skins import dress_scroll_bars


def scrolled(page: QWidget) -> QScrollArea:
    """Put *page* into an area that scrolls; its background is that of what is behind it."""
    area = QScrollArea()
    area.setWidget(page)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.viewport().setAutoFillBackground(False)
    page.setAutoFillBackground(False)
    dress_scroll_bars(area)
    return area
