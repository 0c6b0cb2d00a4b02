"""What belongs to fields: a filter that Esc clears, the sentence below a wrong value, the reason of one that is off."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy, QWidget

from ui.icons import GLYPH_SIZE, state_pixmap, verb_icon
from ui.models.roles import Tone
from ui.skins import follow_theme, wear_verb
from ui.theme import FontRole, Height, Space, height, theme
from ui.tokens import Tokens
from ui.widgets.labels import LinkLabel, TextLabel

FILTER_WIDTH = 230
LEAST_FILTER_WIDTH = 110
LINE = 360  # px that a sentence beside a link takes before it wraps


class FilterField(QLineEdit):
    """A field that narrows what is listed. Esc clears it; in an empty one Esc goes on to the window."""

    def __init__(
        self, placeholder: str, accessible_name: str, *, icon: str = "filter", parent: QWidget | None = None
    ) -> None:
        """Make an empty field; *icon* is a verb: ``filter``, or ``search`` where it finds instead of hiding."""
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(accessible_name)
        self._leading = self.addAction(verb_icon(icon), QLineEdit.ActionPosition.LeadingPosition)
        wear_verb(self._leading, icon)
        self._clear = self.addAction(verb_icon("close"), QLineEdit.ActionPosition.TrailingPosition)
        wear_verb(self._clear, "close")
        self._clear.setToolTip(self.tr("Clear (Esc)"))
        self._clear.triggered.connect(self.clear)
        self._clear.setVisible(False)
        self.textChanged.connect(self._offer_clear)
        follow_theme(self, lambda seen, _: seen.setMinimumHeight(height(Height.FIELD, theme().metrics())))

    def sizeHint(self) -> QSize:
        return QSize(max(FILTER_WIDTH, super().minimumSizeHint().width()), super().sizeHint().height())

    def _offer_clear(self, text: str) -> None:
        self._clear.setVisible(bool(text))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
            event.accept()
            return
        super().keyPressEvent(event)


class FieldError(QWidget):
    """An octagon and a sentence directly under a field, saying what to write. Takes no room while all is well."""

    changed = Signal()

    def __init__(self, field: QWidget | None = None, parent: QWidget | None = None) -> None:
        """Make one without a problem; screen readers read it as the description of *field*."""
        super().__init__(parent)
        self._field = field
        self._glyph = TextLabel()
        self._sentence = TextLabel(tone=Tone.FAILED, wrap=True)
        _row_of(self, self._glyph, self._sentence)
        follow_theme(self._glyph, _draw_octagon)
        self.hide()

    @property
    def problem(self) -> str | None:
        """The sentence it shows, or None."""
        return self._sentence.text() or None

    def show_problem(self, problem: str | None) -> None:
        """Show *problem*; None or nothing when the value is good."""
        if problem == self.problem:
            return
        self._sentence.setText(problem or "")
        self.setVisible(bool(problem))
        self.setAccessibleName(problem or "")
        if self._field is not None:
            self._field.setAccessibleDescription(problem or "")
        self.changed.emit()


class FieldReason(QWidget):
    """Why a control is off, directly under it, and the link that would change it."""

    followed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sentence = TextLabel(role=FontRole.SMALL, tone=Tone.TEXT2, wrap=True)
        self._link = LinkLabel("", FontRole.SMALL)
        self._link.clicked.connect(self.followed)
        row = _row_of(self, self._sentence, self._link)
        row.setStretch(1, 0)
        row.addStretch(1)
        self.hide()

    def show_reason(self, reason: str | None, link: str | None = None) -> None:
        """Show *reason* and, if there is a way out, the text of its *link*; None hides both."""
        self._sentence.setText(reason or "")
        # A wrapped label asks for little width; the link is to stand right behind a short sentence.
        wanted = self._sentence.fontMetrics().horizontalAdvance(reason or "") + 1
        self._sentence.setMinimumWidth(min(wanted, LINE))
        self._link.setText(link or "")
        self._link.setAccessibleName(link or "")
        self._link.setVisible(link is not None)
        self._link.updateGeometry()
        self.setVisible(reason is not None)


def _draw_octagon(label: TextLabel, tokens: Tokens) -> None:
    del tokens
    label.setFixedHeight(theme().metrics().height())  # centred on the sentence's first line
    label.setPixmap(state_pixmap("failed", GLYPH_SIZE, label.devicePixelRatioF()))


def _row_of(owner: QWidget, first: QWidget, second: QWidget) -> QHBoxLayout:
    row = QHBoxLayout(owner)
    row.setContentsMargins(0, 2, 0, 2)
    row.setSpacing(Space.ICON_TEXT_ROW)
    row.addWidget(first, 0, Qt.AlignmentFlag.AlignTop)
    row.addWidget(second, 1)
    return row
