"""What an empty list says instead of nothing: the reason, and the next step as a link."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from ui.models.roles import Tone
from ui.theme import Space
from ui.widgets.labels import LinkLabel, TextLabel


class EmptyList(QWidget):
    """One centred sentence over the rows of a list, hidden while there are any."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._act: Callable[[], object] = lambda: None
        self._text = TextLabel(tone=Tone.TEXT2, wrap=True)
        self._text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.link = LinkLabel("")
        self.link.clicked.connect(self._follow)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.link)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.HUGE, Space.HUGE, Space.HUGE, Space.HUGE)
        column.setSpacing(Space.SMALL)
        column.addWidget(self._text)
        column.addLayout(row)
        column.addStretch(1)
        self.hide()

    def _follow(self) -> None:
        self._act()

    def say(self, text: str, link: str, act: Callable[[], object]) -> None:
        """Show *text* and, unless it is empty, a *link* that does *act*."""
        self._text.setText(text)
        self.link.setText(link)
        self.link.updateGeometry()
        self.link.setVisible(bool(link))
        self._act = act
        self.setAccessibleName(text)
        self.show()
        self.raise_()
