"""A notice across the window, 40 px high: what is wrong, since when, and the buttons that help."""

from collections.abc import Sequence
from enum import Enum

from PySide6.QtCore import QSize
from PySide6.QtGui import QAccessible, QAccessibleEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QWidget

from nodeagent.api.problems import Problem
from nodeagent.api.texts import sentence
from ui.delegate import plain_tooltip
from ui.icons import state_pixmap
from ui.skins import follow_theme
from ui.theme import BUTTON_PADDING, MINIMUM_BUTTON_WIDTH, FontRole, Height, Space, height, theme
from ui.widgets.labels import ElidedLabel

GLYPH = 16
EDGE = 3


class BandKind(Enum):
    """How grave a notice is: its background, the colour of its edge, and the usual glyph."""

    INFO = ("info_bg", "accent", "information")
    WARN = ("warn_bg", "warn", "warning")
    FAILED = ("failed_bg", "failed", "failed")


class Band(QWidget):
    """A notice, hidden while it has nothing to say."""

    Kind = BandKind

    def __init__(self, kind: BandKind = BandKind.WARN, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind = kind
        self._glyph: str | None = None
        self._buttons: list[QPushButton] = []
        self._strong = ElidedLabel(role=FontRole.STRONG)
        self._text = ElidedLabel()
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(EDGE + Space.MEDIUM + GLYPH + Space.SMALL, 0, Space.SMALL, 0)
        self._row.setSpacing(Space.SMALL)
        self._row.addWidget(self._strong)
        self._row.addWidget(self._text, 1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        follow_theme(self, lambda seen, _tokens: seen.update())
        self.hide()

    def say(self, strong: str, text: str = "", *, kind: BandKind | None = None, glyph: str | None = None) -> None:
        """Show *strong* in DemiBold and *text* after it, and tell screen readers when it appears.

        Args:
            strong: what is so, a sentence.
            text: what follows from it.
            kind: how grave it is, if not as before.
            glyph: the state whose glyph stands first, if not the usual one of *kind*.
        """
        self._kind, self._glyph = kind or self._kind, glyph
        self._strong.setText(strong)
        self._text.setText(text)
        self.setAccessibleName(f"{strong} {text}".strip())
        appears = self.isHidden()
        self.show()
        self.update()
        if appears:
            QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))

    def say_notices(self, notices: Sequence[Problem]) -> None:
        """Say what is worth knowing although it was done: the first in full, all in the tooltip."""
        said = [sentence(one) for one in notices]
        more = self.tr("And {0} more like this; point here to read all.").format(len(said) - 1)
        later_only = all(one.code == "stored_for_next_online" for one in notices)
        self.clear_buttons()
        self.say(said[0], more if len(said) > 1 else "", kind=BandKind.INFO if later_only else BandKind.WARN)
        self.setToolTip("<br>".join(plain_tooltip(one) for one in said))
        self.setAccessibleName(" ".join(said))

    def add_button(self, text: str) -> QPushButton:
        """Add a button at the right end and return it."""
        button = QPushButton(text, self)
        button.setAutoDefault(False)
        button.setMinimumWidth(max(MINIMUM_BUTTON_WIDTH, self.fontMetrics().horizontalAdvance(text) + BUTTON_PADDING))
        self._row.addWidget(button)
        self._buttons.append(button)
        return button

    def clear_buttons(self) -> None:
        """Take all buttons away."""
        for button in self._buttons:
            self._row.removeWidget(button)
            button.deleteLater()
        self._buttons.clear()

    def sizeHint(self) -> QSize:
        least = max([self.fontMetrics().height() + 6, *(button.sizeHint().height() for button in self._buttons)])
        return QSize(self._row.sizeHint().width(), max(height(Height.BAND, self.fontMetrics()), least + 8))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._row.minimumSize().width(), self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        tokens = theme().tokens
        background, edge, usual = self._kind.value
        painter = QPainter(self)
        painter.fillRect(self.rect(), getattr(tokens, background))
        painter.fillRect(0, 0, EDGE, self.height(), getattr(tokens, edge))
        painter.fillRect(0, self.height() - 1, self.width(), 1, tokens.line)
        colour = tokens.text2 if self._glyph in {"unknown", "stale"} else getattr(tokens, edge)
        glyph = state_pixmap(self._glyph or usual, GLYPH, self.devicePixelRatioF(), colour)
        painter.drawPixmap(EDGE + Space.MEDIUM, (self.height() - GLYPH) // 2, glyph)
