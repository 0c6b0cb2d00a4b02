"""The head of a pane, and the tinted panel that says what settings or an action will do."""

from enum import Enum

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from ui.icons import kind_pixmap
from ui.models.roles import Tone
from ui.skins import follow_theme
from ui.theme import FontRole, Height, Space, height, theme
from ui.tokens import Tokens
from ui.widgets.fields import FILTER_WIDTH, LEAST_FILTER_WIDTH, FilterField
from ui.widgets.labels import ElidedLabel, TextLabel

ICON = 16
TITLE_WIDTH = 110  # a title is not shortened below


class PaneHeader(QWidget):
    """36 px above a list: kind icon, title, what is shown of it, and controls at the right end."""

    def __init__(self, title: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind: str | None = None
        self._icon = QLabel()
        self._icon.setFixedSize(ICON, ICON)
        self._icon.hide()
        self._title = ElidedLabel(title, FontRole.HEADING)
        self._subtitle = ElidedLabel(tone=Tone.TEXT2)
        self._subtitle.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(10, 0, Space.SMALL, 1)
        self._row.setSpacing(Space.SMALL)
        self._row.addWidget(self._icon)
        self._row.addWidget(self._title)
        self._row.addWidget(self._subtitle, 1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(title)
        follow_theme(self, PaneHeader._dress)

    def set_title(self, title: str) -> None:
        self._title.setText(title)
        self._keep_title()
        self.setAccessibleName(title)

    def _keep_title(self) -> None:
        """Keep a short title whole: an ellipsis alone would say nothing."""
        self._title.setMinimumWidth(min(self._title.sizeHint().width(), TITLE_WIDTH))

    def set_subtitle(self, text: str, tone: Tone = Tone.TEXT2) -> None:
        """Say what is shown, such as "all groups", or in WARN how old it is."""
        self._subtitle.setText(text)
        self._subtitle.set_tone(tone)

    def set_kind(self, kind: str | None) -> None:
        """Show the icon of *kind* before the title, or none."""
        self._kind = kind
        self._icon.setVisible(kind is not None)
        self._dress(theme().tokens)

    def add_widget(self, widget: QWidget) -> None:
        """Add a control at the right end."""
        self._row.addWidget(widget)

    def add_filter(self, field: FilterField) -> None:
        """Add a filter at the right end: it gives way before the title does."""
        field.setMinimumWidth(LEAST_FILTER_WIDTH)
        field.setMaximumWidth(FILTER_WIDTH)
        self._row.addWidget(field)

    def sizeHint(self) -> QSize:
        wanted = self._row.sizeHint()
        return QSize(wanted.width(), max(height(Height.PANE_HEADER, self.fontMetrics()), wanted.height() + 4))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._row.minimumSize().width(), self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        tokens = theme().tokens
        painter = QPainter(self)
        painter.fillRect(self.rect(), tokens.chrome)
        painter.fillRect(0, self.height() - 1, self.width(), 1, tokens.line)

    def _dress(self, tokens: Tokens) -> None:
        del tokens
        self._keep_title()
        if self._kind is not None:
            self._icon.setPixmap(kind_pixmap(self._kind, ICON, self.devicePixelRatioF()))
        self.update()


class PanelKind(Enum):
    """The background of a panel, by its token."""

    INFO = "info_bg"
    WARN = "warn_bg"
    FAILED = "failed_bg"
    PLAIN = "alt"


class InfoPanel(QWidget):
    """A tinted panel: a title, a sentence that is rewritten as settings change, and room for more in `body`."""

    Kind = PanelKind

    def __init__(self, title: str = "", kind: PanelKind = PanelKind.INFO, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind = kind
        self._title = TextLabel(title, FontRole.STRONG)
        self._note = ElidedLabel(role=FontRole.SMALL, tone=Tone.TEXT2)
        self._text = TextLabel(wrap=True, selectable=True)
        head = QHBoxLayout()
        head.setSpacing(Space.SMALL)
        head.addWidget(self._title)
        head.addWidget(self._note, 1, Qt.AlignmentFlag.AlignBaseline)
        self.head = head
        """The first line; controls such as Copy may be added at its right end."""
        self.body = QVBoxLayout(self)
        """The panel's lines; widgets may be added below the sentence."""
        self.body.setContentsMargins(Space.MEDIUM, Space.SMALL, Space.MEDIUM, Space.MEDIUM - 2)
        self.body.setSpacing(Space.TINY)
        self.body.addLayout(head)
        self.body.addWidget(self._text)
        follow_theme(self, lambda seen, _tokens: seen.update())
        self.set_title(title)
        self.set_text("")

    def set_title(self, title: str, note: str = "") -> None:
        """Set the title and, small beside it, a *note* such as how old the answer is."""
        self._title.setText(title)
        self._note.setText(note)
        self._title.setVisible(bool(title))
        self.setAccessibleName(title)

    def set_text(self, text: str) -> None:
        """Set the sentence; "" leaves its room to what stands in `body`."""
        self._text.setText(text)
        self._text.setVisible(bool(text))
        self.setAccessibleDescription(text)

    def text(self) -> str:
        """Return the sentence."""
        return self._text.text()

    def set_panel_kind(self, kind: PanelKind) -> None:
        """Tint it as *kind* from now on."""
        self._kind = kind
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        QPainter(self).fillRect(self.rect(), getattr(theme().tokens, self._kind.value))
