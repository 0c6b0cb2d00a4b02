"""What can be read and copied, not changed, in line with the fields of a form."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from ui.forms.row import head_width
from ui.models.roles import Tone
from ui.theme import FontRole, Height, Space, height
from ui.widgets.labels import ElidedLabel, TextLabel


class FactRow(QWidget):
    """A label and a value that can be read and copied, not changed."""

    def __init__(self, label: str, value: str = "") -> None:
        super().__init__()
        self.value = TextLabel(value, wrap=True, selectable=True)
        self.value.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # it can be copied, but is no stop of the Tab key
        self._label = ElidedLabel(label, FontRole.BODY, Tone.TEXT2)
        line = QHBoxLayout(self)
        line.setContentsMargins(Space.LARGE, 0, 0, 0)
        line.setSpacing(Space.SMALL)
        self._label.setFixedWidth(head_width() - Space.LARGE)
        line.addWidget(self._label)
        line.addWidget(self.value, 1)
        self.setMinimumHeight(height(Height.EVENT_ROW, self.fontMetrics()))

    def show_value(self, value: str) -> None:
        """Show *value*."""
        self.value.setText(value)
        self.setAccessibleName(f"{self._label.text()}: {value}")
