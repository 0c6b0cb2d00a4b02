"""Labels: text in a role and tone of the theme, text that elides, and a link that the keyboard reaches."""

from PySide6.QtCore import QEvent, QRect, QSize, Qt
from PySide6.QtGui import QHelpEvent, QKeyEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QAbstractButton, QLabel, QSizePolicy, QToolTip, QWidget

from ui.delegate import plain_tooltip
from ui.icons import GLYPH_SIZE, state_pixmap
from ui.models.roles import Tone
from ui.skins import follow_theme
from ui.theme import FontRole, theme
from ui.tokens import Tokens, tone_colour

WRAP_WIDTH = 520
LINK_WIDTH = 240  # a link is not shortened below


class TextLabel(QLabel):
    """Plain text, never taken for rich text, in a role's font and a tone's colour."""

    def __init__(
        self,
        text: str = "",
        role: FontRole = FontRole.BODY,
        tone: Tone = Tone.TEXT,
        *,
        wrap: bool = False,
        selectable: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._role = role
        self._tone = tone
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)
        self.setWordWrap(wrap)
        if selectable:
            by_mouse, by_keyboard = (
                Qt.TextInteractionFlag.TextSelectableByMouse,
                Qt.TextInteractionFlag.TextSelectableByKeyboard,
            )
            self.setTextInteractionFlags(by_mouse | by_keyboard)
        follow_theme(self, TextLabel._dress)

    def sizeHint(self) -> QSize:
        """Prefer one line to a block, as far as WRAP_WIDTH: Qt's own hint wraps what would fit."""
        if not self.wordWrap() or not self.text():
            return super().sizeHint()
        width = min(WRAP_WIDTH, self.fontMetrics().horizontalAdvance(self.text()) + 2)
        return QSize(width, self.heightForWidth(width))

    def set_tone(self, tone: Tone) -> None:
        """Write in the colour of *tone* from now on."""
        if tone is not self._tone:
            self._tone = tone
            self._dress(theme().tokens)

    def _dress(self, tokens: Tokens) -> None:
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.WindowText, tone_colour(tokens, self._tone))
        if self._tone is Tone.TEXT:  # the name of a field that is off; a reason stays readable
            palette.setColor(QPalette.ColorGroup.Disabled, QPalette.ColorRole.WindowText, tokens.disabled)
        self.setPalette(palette)
        self.setFont(theme().font(self._role))


class ElidedLabel(TextLabel):
    """One line that ends in an ellipsis when it does not fit; then its tooltip says all of it.

    It never sets the least width of the window: it shrinks to the ellipsis.
    """

    def __init__(
        self,
        text: str = "",
        role: FontRole = FontRole.BODY,
        tone: Tone = Tone.TEXT,
        *,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, role, tone, parent=parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def is_elided(self) -> bool:
        """Tell whether the text does not fit."""
        return self.fontMetrics().horizontalAdvance(self.text()) > self.contentsRect().width()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self.text()) + 1, metrics.height())

    def minimumSizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(min(self.sizeHint().width(), metrics.horizontalAdvance("…")), metrics.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        room = self.contentsRect()
        shown = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(self.alignment()) | int(Qt.TextFlag.TextSingleLine), shown)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and not self.toolTip():
            QToolTip.showText(event.globalPos(), plain_tooltip(self.text()) if self.is_elided() else "", self)
            return True
        return super().event(event)


class StateLabel(QWidget):
    """The glyph of a state and a text beside it, as under an object's name or in a line of a list of checks."""

    def __init__(self, state: str = "unknown", text: str = "", tone: Tone = Tone.TEXT2, parent: QWidget | None = None):
        super().__init__(parent)
        self._state = state
        self._text = text
        self._tone = tone
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        follow_theme(self, lambda seen, _tokens: seen.update())
        self.show_state(state, text)

    def show_state(self, state: str, text: str, tone: Tone | None = None) -> None:
        """Show the glyph of *state* and *text*, in *tone* if one is given."""
        self._state, self._text, self._tone = state, text, tone or self._tone
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        width = GLYPH_SIZE + 6 + metrics.horizontalAdvance(self._text) + 1
        return QSize(width, max(metrics.height(), GLYPH_SIZE))

    def minimumSizeHint(self) -> QSize:
        return QSize(GLYPH_SIZE, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        tokens = theme().tokens
        colour = tokens.text2 if self._tone is Tone.STALE else None
        glyph = state_pixmap(self._state, GLYPH_SIZE, self.devicePixelRatioF(), colour)
        painter.drawPixmap(0, (self.height() - GLYPH_SIZE) // 2, glyph)
        painter.setPen(tone_colour(tokens, self._tone))
        room = self.rect().adjusted(GLYPH_SIZE + 6, 0, 0, 0)
        shown = self.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter) | int(Qt.TextFlag.TextSingleLine), shown)


class LinkLabel(QAbstractButton):
    """An underlined link that does something here: `clicked` by mouse, Space or Enter."""

    def __init__(self, text: str, role: FontRole = FontRole.BODY, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._role = role
        self.setText(text)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        follow_theme(self, LinkLabel._dress)

    def _dress(self, tokens: Tokens) -> None:
        del tokens
        font = theme().font(self._role)
        font.setUnderline(True)
        self.setFont(font)
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        # 2 px on each side for the focus outline.
        return QSize(metrics.horizontalAdvance(self.text()) + 5, metrics.height() + 2)

    def minimumSizeHint(self) -> QSize:
        wanted = self.sizeHint()
        return QSize(min(wanted.width(), LINK_WIDTH), wanted.height())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:  # Qt's buttons leave Enter to the dialog
            self.click()
            event.accept()
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        tokens = theme().tokens
        room: QRect = self.rect().adjusted(2, 0, -2, 0)
        painter.setPen(tokens.link if self.isEnabled() else tokens.disabled)
        shown = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter) | int(Qt.TextFlag.TextSingleLine), shown)
        if self.hasFocus():
            painter.setPen(QPen(tokens.accent, 1))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
