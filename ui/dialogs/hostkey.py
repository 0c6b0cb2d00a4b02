"""The first time a host is seen: its key's fingerprint, to be compared before it is trusted."""

from PySide6.QtWidgets import QWidget

from clusteradmin.ssh.credentials import HostKeyQuestion
from ui.dialogs.frame import FramedDialog
from ui.models.roles import Tone
from ui.theme import FontRole
from ui.widgets.labels import TextLabel

WIDTH = 560


class HostKeyDialog(FramedDialog):
    """Asks whether a host may be trusted. Not trusting it is the default: Enter alone accepts nothing.

    It is asked for unknown hosts only. A key that changed is refused without a question.
    """

    def __init__(self, question: HostKeyQuestion, parent: QWidget) -> None:
        super().__init__("", "", parent)
        self.setWindowTitle(self.tr("Trust {0}").format(question.host))
        self.set_accept_text(self.tr("Trust {0}").format(question.host))
        self.accept_button.setDefault(False)
        self.accept_button.setAutoDefault(False)
        self.cancel_button.setDefault(True)
        self.setMinimumWidth(WIDTH)
        self.add_text(self.tr("{0} has not been seen before. It shows this key:").format(question.host))
        self.page.addWidget(TextLabel(f"{question.key.type}\n{question.fingerprint}", FontRole.MONO, selectable=True))
        self.add_text(
            self.tr(
                "Compare it with what the host itself says (ssh-keygen -lf on its public host key). "
                "If they differ, somebody may be listening in."
            )
        )
        self.add_text(self.tr("The key is remembered in {0}.").format(question.remembered_in), Tone.TEXT2)
        self.page.addStretch(1)
