"""The status bar: help or what came of a command at the left; takeover, who, and how old the data is at the right."""

from PySide6.QtCore import QTimer
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from ui.models.roles import Tone
from ui.skins import follow_theme
from ui.theme import Height, Space, height, theme
from ui.widgets.labels import ElidedLabel

SAID_FOR = 12_000  # ms that what came of a command stands before the selection's summary comes back


class StatusLine(QWidget):
    """Three kinds of text compete for the left end: help while the mouse is on a command, news, the summary."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._help = ""
        self._said = ""
        self._problem = False
        self._summary = ""
        self._text = ElidedLabel(tone=Tone.TEXT2)
        self._text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._takeover = ElidedLabel(tone=Tone.TEXT2)
        self._who = ElidedLabel(tone=Tone.TEXT2)
        self._age = ElidedLabel(tone=Tone.TEXT2)
        self._timer = QTimer(self, singleShot=True, interval=SAID_FOR)
        self._timer.timeout.connect(self._forget)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 0, 10, 0)
        row.setSpacing(Space.HUGE)
        row.addWidget(self._text, 1)
        row.addWidget(self._takeover)
        row.addWidget(self._who)
        row.addWidget(self._age)
        follow_theme(self, lambda seen, _t: seen.setFixedHeight(height(Height.STATUS_BAR, seen.fontMetrics())))

    @property
    def text(self) -> str:
        """What stands at the left end."""
        return self._text.text()

    @property
    def takeover(self) -> str:
        """What is said of takeover."""
        return self._takeover.text()

    def show_help(self, text: str) -> None:
        """Show help on a command; an empty text ends it."""
        self._help = text
        self._show()

    def say(self, text: str, *, problem: bool = False) -> None:
        """Say what came of a command, for a while."""
        self._said, self._problem = text, problem
        self._timer.start()
        self._show()

    def show_summary(self, text: str) -> None:
        """Show what is selected and what could be done with it."""
        self._summary = text
        self._show()

    def show_connection(self, takeover: str, who: str, age: str, *, live: bool) -> None:
        """Show how soon a dead node is taken over, as whom we are connected, and how old the data is."""
        self._takeover.setText(takeover)
        self._who.setText(who)
        self._age.setText(age)
        self._age.set_tone(Tone.TEXT2 if live else Tone.WARN)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        QPainter(self).fillRect(0, 0, self.width(), 1, theme().tokens.line)

    def _forget(self) -> None:
        self._said = ""
        self._show()

    def _show(self) -> None:
        text = self._help or self._said or self._summary
        failed = self._problem and not self._help and bool(self._said)
        self._text.set_tone(Tone.FAILED if failed else Tone.TEXT2)
        self._text.setText(text)
        self.setAccessibleDescription(text)
