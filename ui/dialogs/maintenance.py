"""Begin Maintenance: for how long, and why; it ends by itself, so that none is forgotten."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QLineEdit, QWidget

from ui.dialogs.frame import FramedDialog
from ui.models.roles import Tone
from ui.words import duration, listed

WIDTH = 480
HOUR: Final = 3600.0
DURATIONS: Final = (900.0, HOUR, 4 * HOUR, 8 * HOUR, 24 * HOUR, 7 * 24 * HOUR)  # seconds
USUAL: Final = HOUR


class MaintenanceDialog(FramedDialog):
    """Asks how long it is to last; `wanted` comes with seconds and the reason."""

    wanted = Signal(float, str)

    def __init__(self, names: Sequence[str], parent: QWidget) -> None:
        super().__init__("", "", parent)
        self.setWindowTitle(self.tr("Maintenance of {0}").format(listed(list(names))))
        self.set_accept_text(self.tr("Begin Maintenance"))
        self.setMinimumWidth(WIDTH)
        self.add_text(
            self.tr(
                "Until it ends, nothing of it is restarted, failed over or failed back by itself. "
                "A person can do all of that."
            )
        )
        self.length = QComboBox()
        for seconds in DURATIONS:
            self.length.addItem(duration(seconds), seconds)
        self.length.setCurrentIndex(DURATIONS.index(USUAL))
        self.length.setAccessibleName(self.tr("For how long"))
        self.reason = QLineEdit()
        self.reason.setPlaceholderText(self.tr("Optional; kept in the history with your name"))
        self.reason.setAccessibleName(self.tr("Reason"))
        form = QFormLayout()
        form.addRow(self.tr("For how long"), self.length)
        form.addRow(self.tr("Reason"), self.reason)
        self.page.addLayout(form)
        self.add_text(self.tr("Begun again, it lasts that long from then on."), Tone.TEXT2)
        self.page.addStretch(1)
        self.length.setFocus()

    def accept(self) -> None:
        """Tell what was chosen."""
        self.wanted.emit(float(self.length.currentData()), self.reason.text().strip())
        super().accept()
