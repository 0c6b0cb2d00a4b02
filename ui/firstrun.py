"""What the window shows while no cluster is open: what one can do first, and what was open last."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ui.icons import icon_store
from ui.models.roles import Tone
from ui.skins import follow_theme, lie_on_base
from ui.theme import BUTTON_PADDING, MINIMUM_BUTTON_WIDTH, FontRole, Space
from ui.tokens import Tokens
from ui.widgets.emptying import clear
from ui.widgets.labels import LinkLabel, TextLabel
from ui.widgets.lines import HairLine

WIDTH = 700
ICON = 32
BIG_ICON = 48
MOST_RECENT = 4


class FirstRunPage(QWidget):
    """Choices with one button each, in a column of 700 px."""

    open_wanted = Signal(str)  # target; "" asks for one
    demo_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._recent = QHBoxLayout()
        self._recent.setSpacing(Space.MEDIUM)
        self._above_recent = HairLine(air=0)
        self._above_recent.hide()
        self.open_button = _button(self.tr("Open…"))
        self.open_button.setDefault(True)
        self.open_button.clicked.connect(lambda: self.open_wanted.emit(""))
        self.demo_button = _button(self.tr("Start Demo"))
        self.demo_button.clicked.connect(self.demo_wanted)
        page = QWidget(self)
        page.setMaximumWidth(WIDTH)
        self._column = QVBoxLayout(page)
        self._column.setSpacing(Space.MEDIUM)
        self._lay_out()
        row = QHBoxLayout(self)
        row.addStretch(1)
        row.addWidget(page, 10)
        row.addStretch(1)
        lie_on_base(self)

    def show_recent(self, targets: Sequence[str]) -> None:
        """Offer what was open last as links."""
        clear(self._recent)
        self._above_recent.setVisible(bool(targets))
        if not targets:
            return
        self._recent.addWidget(TextLabel(self.tr("Recently open"), tone=Tone.TEXT2))
        for target in targets[:MOST_RECENT]:
            link = LinkLabel(target or self.tr("this machine"))
            link.clicked.connect(lambda _on=False, target=target: self.open_wanted.emit(target or "."))
            self._recent.addWidget(link)
        self._recent.addStretch(1)

    def _lay_out(self) -> None:
        self._column.addStretch(2)
        self._column.addWidget(_Drawing("kind-cluster", BIG_ICON))
        self._column.addWidget(TextLabel(self.tr("No cluster is open"), FontRole.DISPLAY))
        said = self.tr("Cluster Administrator reaches a cluster over SSH, through any one of its nodes.")
        self._column.addWidget(TextLabel(said, tone=Tone.TEXT2, wrap=True))
        self._add(
            "verb-open",
            self.tr("Open a cluster"),
            self.tr("Type the name of any node, or choose one from your SSH configuration."),
            self.open_button,
        )
        self._add(
            "kind-generic-application",
            self.tr("Look around first"),
            self.tr("Three nodes and High Availability Notepad on this machine; nothing is installed."),
            self.demo_button,
        )
        self._column.addWidget(self._above_recent)
        self._column.addLayout(self._recent)
        self._column.addStretch(4)

    def _add(self, drawing: str, title: str, text: str, button: QPushButton) -> None:
        self._column.addWidget(HairLine(air=0))
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(TextLabel(title, FontRole.HEADING))
        words.addWidget(TextLabel(text, tone=Tone.TEXT2, wrap=True))
        button.setAccessibleDescription(text)
        row = QHBoxLayout()
        row.setSpacing(Space.LARGE)
        row.addWidget(_Drawing(drawing, ICON))
        row.addLayout(words, 1)
        row.addWidget(button)
        self._column.addLayout(row)


class _Drawing(QLabel):
    def __init__(self, name: str, size: int) -> None:
        super().__init__()
        self._name, self._size = name, size
        self.setFixedSize(size, size)
        follow_theme(self, _Drawing._dress)

    def _dress(self, tokens: Tokens) -> None:
        self.setPixmap(icon_store().pixmap(self._name, self._size, tokens.ink, self.devicePixelRatioF()))


def _button(text: str) -> QPushButton:
    button = QPushButton(text)
    width = max(MINIMUM_BUTTON_WIDTH, button.fontMetrics().horizontalAdvance(text) + BUTTON_PADDING)
    button.setMinimumWidth(max(120, width))
    return button
