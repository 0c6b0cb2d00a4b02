"""The frame of our dialogs: a page on chrome, a hairline, and the buttons; never modal to the loop."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon, QResizeEvent
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from ui.models.roles import Tone
from ui.theme import BUTTON_PADDING, MINIMUM_BUTTON_WIDTH, FontRole, Space
from ui.widgets.fields import FieldError
from ui.widgets.glyphs import KindIcon
from ui.widgets.labels import ElidedLabel, StateLabel, TextLabel
from ui.widgets.lines import HairLine

ICON = 32


class FramedDialog(QDialog):
    """A dialog that is deleted when it is closed. Use `show` or `open`; it has no other way of being run."""

    def __init__(self, title: str, accept: str, parent: QWidget | None) -> None:
        """Make an empty one; *accept* is the verb on its default button."""
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.page = QVBoxLayout()
        self.page.setContentsMargins(Space.PAGE_MARGIN, Space.PAGE_MARGIN, Space.PAGE_MARGIN, Space.MEDIUM)
        self.page.setSpacing(Space.MEDIUM)
        self.buttons = QDialogButtonBox(self)
        self.accept_button = QPushButton(accept)
        self.accept_button.setDefault(True)
        self.buttons.addButton(self.accept_button, QDialogButtonBox.ButtonRole.AcceptRole)
        self.cancel_button = self.buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self.cancel_button.setIcon(QIcon())  # words only: the style's pictures are not ours
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.error = FieldError(parent=self)
        self.foot = QHBoxLayout()
        self.foot.setContentsMargins(Space.PAGE_MARGIN, Space.SMALL, Space.PAGE_MARGIN, Space.SMALL)
        self.foot.addStretch(1)
        self.foot.addWidget(self.buttons)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self.page, 1)
        column.addWidget(HairLine(self, air=0))
        column.addLayout(self.foot)

    def sizeHint(self) -> QSize:
        """Ask for the height that wrapped sentences need at this width: Qt takes that of their widest form."""
        hint, layout = super().sizeHint(), self.layout()
        width = max(hint.width(), self.minimumWidth())
        return QSize(width, max(hint.height(), layout.totalHeightForWidth(width) if layout is not None else 0))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        layout = self.layout()
        if layout is not None and layout.hasHeightForWidth():
            # or what does not fit is squashed, a line of a list of names too
            self.setMinimumHeight(layout.totalMinimumHeightForWidth(self.width()))

    def set_accept_text(self, text: str) -> None:
        """Let the default button say *text*: a verb and its object."""
        self.accept_button.setText(text)
        width = self.accept_button.fontMetrics().horizontalAdvance(text) + BUTTON_PADDING
        self.accept_button.setMinimumWidth(max(MINIMUM_BUTTON_WIDTH, width))

    def add_head(self, kind: str, title: str) -> StateLabel:
        """Add icon and title as property sheets have them, and return the line below for a state."""
        state = StateLabel()
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(ElidedLabel(title, FontRole.TITLE))
        words.addWidget(state)
        head = QHBoxLayout()
        head.setSpacing(Space.MEDIUM)
        head.addWidget(KindIcon(kind, ICON), 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(words, 1)
        self.page.addLayout(head)
        return state

    def add_text(self, text: str, tone: Tone = Tone.TEXT) -> TextLabel:
        """Add a wrapped sentence."""
        label = TextLabel(text, tone=tone, wrap=True, selectable=True)
        self.page.addWidget(label)
        return label
