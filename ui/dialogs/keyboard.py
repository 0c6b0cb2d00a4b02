"""Help: what the keys do, read from the actions themselves."""

from typing import TYPE_CHECKING

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QGridLayout, QWidget

from ui.dialogs.frame import FramedDialog
from ui.models.roles import Tone
from ui.theme import Space
from ui.widgets.labels import TextLabel

if TYPE_CHECKING:
    from ui.actions import WindowActions

ROWS = 14


class KeyboardDialog(FramedDialog):
    """Lists every shortcut of the window, and the keys of its panes."""

    def __init__(self, actions: "WindowActions", parent: QWidget) -> None:
        super().__init__("", "", parent)
        self.setWindowTitle(self.tr("Keyboard"))
        self.set_accept_text(self.tr("Close"))
        self.buttons.removeButton(self.cancel_button)
        known = [*actions.verbs.values(), *actions.commands.values()]
        keys = [
            (action.text().replace("…", "").replace("&", ""), action.shortcut())
            for action in known
            if not action.shortcut().isEmpty()
        ]
        lines = [(text, shortcut.toString(QKeySequence.SequenceFormat.NativeText)) for text, shortcut in keys]
        lines += [
            (self.tr("Open what is selected"), self.tr("Enter")),
            (self.tr("Unfold an event"), self.tr("Right, Enter")),
            (self.tr("Newest event"), self.tr("Home")),
            (self.tr("Clear a filter"), self.tr("Esc")),
        ]
        grid = QGridLayout()
        grid.setHorizontalSpacing(Space.LARGE)
        grid.setVerticalSpacing(Space.TINY)
        for number, (text, key) in enumerate(lines):
            column, row = divmod(number, ROWS)
            grid.addWidget(TextLabel(text), row, column * 3)
            grid.addWidget(TextLabel(key, tone=Tone.TEXT2), row, column * 3 + 1)
            grid.setColumnMinimumWidth(column * 3 + 2, Space.HUGE)
        self.page.addLayout(grid)
        self.page.addStretch(1)
