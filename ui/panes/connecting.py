"""What a tab shows before the cluster has answered for the first time: what is tried, and how it goes."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from clusteradmin.client.cluster import ConnectionState, Status
from ui.models.roles import Tone
from ui.skins import lie_on_base
from ui.theme import FontRole, Space
from ui.widgets.labels import StateLabel, TextLabel
from ui.words import duration

WIDTH = 700
MOST_ATTEMPTS = 12


class ConnectingPage(QWidget):
    """The steps of connecting, with Try Now and Close."""

    try_now = Signal()
    cancelled = Signal()

    def __init__(self, target: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._target = target
        self._title = TextLabel(self.tr("Connecting to {0}").format(target), FontRole.TITLE)
        self._state = StateLabel("progress", "")
        self._attempts = TextLabel(tone=Tone.TEXT2, wrap=True, selectable=True)
        self.try_button = QPushButton(self.tr("Try Now"))
        self.try_button.clicked.connect(self.try_now)
        self.cancel_button = QPushButton(self.tr("Close"))
        self.cancel_button.clicked.connect(self.cancelled)
        buttons = QHBoxLayout()
        buttons.addWidget(self.try_button)
        buttons.addWidget(self.cancel_button)
        buttons.addStretch(1)
        page = QWidget()
        page.setMaximumWidth(WIDTH)
        column = QVBoxLayout(page)
        column.setSpacing(Space.MEDIUM)
        column.addStretch(1)
        column.addWidget(self._title)
        column.addWidget(self._state)
        column.addWidget(self._attempts)
        column.addLayout(buttons)
        column.addStretch(2)
        row = QHBoxLayout(self)
        row.addStretch(1)
        row.addWidget(page, 8)
        row.addStretch(1)
        lie_on_base(self)

    def show_status(self, status: Status, now: float) -> None:
        """Show how the connection stands; *now* in wall-clock seconds."""
        connecting = status.state is ConnectionState.CONNECTING
        title = self.tr("Connecting to {0}") if connecting else self.tr("{0} cannot be reached")
        self._title.setText(title.format(self._target))
        text = status.detail
        if not connecting and status.next_try is not None:
            text = self.tr("{0} Next try in {1}.").format(text, duration(status.next_try - now))
        self._state.show_state("progress" if connecting else "failed", text)
        self._attempts.setText("\n".join(status.attempts[-MOST_ATTEMPTS:]))
        self.try_button.setEnabled(not connecting)
