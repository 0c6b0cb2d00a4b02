"""One verb in the Details pane: icon, title, shortcut, and below what it would do or why it is off."""

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from ui.icons import icon_store
from ui.skins import follow_theme
from ui.theme import FontRole, Space, theme

ICON = 16
INDENT = ICON + Space.SMALL
WRAP = int(Qt.TextFlag.TextWordWrap) | int(Qt.AlignmentFlag.AlignLeft)


class VerbRow(QAbstractButton):
    """Does its verb when clicked; off, it stays readable and says why."""

    def __init__(self, drawing: str, title: str, shortcut: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._drawing = drawing
        self._shortcut = shortcut
        self._sentence = ""
        self.setText(title)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        follow_theme(self, lambda seen, _t: seen.update())

    def show_offer(self, title: str, sentence: str, *, possible: bool) -> None:
        """Show what the verb is called now, what it would do or why it is off."""
        self.setText(title)
        self._sentence = sentence
        self.setEnabled(possible)
        self.setAccessibleName(title)
        self.setAccessibleDescription(sentence)
        self.updateGeometry()
        self.update()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        height = self.fontMetrics().height() + 8
        if self._sentence:
            height += self._sentence_rect(width).height() + 2
        return height

    def sizeHint(self) -> QSize:
        return QSize(200, self.heightForWidth(max(self.width(), 200)))

    def minimumSizeHint(self) -> QSize:
        return QSize(100, self.fontMetrics().height() + 8)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        tokens = theme().tokens
        painter = QPainter(self)
        if self.isEnabled() and (self.underMouse() or self.isDown()):
            painter.fillRect(self.rect(), tokens.sel_idle if self.isDown() else tokens.hover)
        if self.hasFocus():
            painter.setPen(QPen(tokens.accent, 1))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        line = QRect(Space.TINY, 4, self.width() - Space.TINY * 2, self.fontMetrics().height())
        colour = tokens.ink if self.isEnabled() else tokens.disabled
        pixmap = icon_store().pixmap(f"verb-{self._drawing}", ICON, colour, self.devicePixelRatioF())
        painter.drawPixmap(line.left(), line.top() + (line.height() - ICON) // 2, pixmap)
        painter.setPen(tokens.text if self.isEnabled() else tokens.text2)
        middle = int(Qt.AlignmentFlag.AlignVCenter)
        small = QFontMetrics(self._small())
        taken = small.horizontalAdvance(self._shortcut) + Space.SMALL if self._shortcut and self.isEnabled() else 0
        room = line.adjusted(INDENT, 0, -taken, 0)
        title = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, middle, title)
        painter.setFont(self._small())
        painter.setPen(tokens.text2)
        if self._shortcut and self.isEnabled():
            painter.drawText(line, middle | int(Qt.AlignmentFlag.AlignRight), self._shortcut)
        if self._sentence:
            painter.drawText(self._sentence_rect(self.width()), WRAP, self._sentence)

    def _small(self) -> QFont:
        return theme().font(FontRole.SMALL)

    def _sentence_rect(self, width: int) -> QRect:
        left = Space.TINY + INDENT
        room = QRect(left, self.fontMetrics().height() + 5, max(40, width - left - Space.TINY), 2000)
        return QFontMetrics(self._small()).boundingRect(room, WRAP, self._sentence)
