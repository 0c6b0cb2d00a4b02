"""Open Connection to Cluster: any node's name, a saved connection, or this machine."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QWidget

from clusteradmin.settings import ClientHome
from ui.dialogs.frame import FramedDialog
from ui.models.roles import Tone
from ui.theme import FontRole
from ui.widgets.labels import TextLabel

WIDTH = 480


def known_targets(home: ClientHome) -> list[str]:
    """Return what can be opened by name: recent targets first, then the other saved connections, this machine last."""
    recent = list(home.recent())
    saved = [connection.name for connection in home.connections() if connection.name not in recent]
    found = [*recent, *saved]
    return found if "." in found else [*found, "."]


class ConnectDialog(FramedDialog):
    """Asks for a target. The field is editable; Open is off while it is empty."""

    chosen = Signal(str)

    def __init__(self, targets: Sequence[str], parent: QWidget) -> None:
        super().__init__("", "", parent)
        self.setWindowTitle(self.tr("Open Connection to Cluster"))
        self.set_accept_text(self.tr("Open"))
        self.setMinimumWidth(WIDTH)
        self.field = QComboBox(self)
        self.field.setEditable(True)
        self.field.addItems(list(targets))
        self.field.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.field.setAccessibleName(self.tr("Cluster or server name"))
        label = TextLabel(self.tr("Cluster or server name"), FontRole.HEADING)
        label.setBuddy(self.field)
        self.page.addWidget(label)
        self.page.addWidget(self.field)
        self.add_text(
            self.tr(
                "The name of a saved connection, of any node as ssh knows it (user@host:port), "
                "unix:/path of an agent's socket, or a full stop for this machine."
            ),
            Tone.TEXT2,
        )
        self.page.addStretch(1)
        self.field.editTextChanged.connect(self._offer)
        if (edit := self.field.lineEdit()) is not None:
            edit.selectAll()
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)
        self._offer(self.field.currentText())

    def accept(self) -> None:
        """Tell the target that was typed."""
        target = self.field.currentText().strip()
        if target:
            self.chosen.emit(target)
            super().accept()

    def _offer(self, text: str) -> None:
        self.accept_button.setEnabled(bool(text.strip()))
