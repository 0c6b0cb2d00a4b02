"""What went wrong, when it was asked from a dialog: what, why, the original's number; and what was tried."""

from collections.abc import Sequence

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialogButtonBox, QPlainTextEdit, QPushButton, QWidget

from nodeagent.api.problems import Problem
from nodeagent.api.texts import sentence
from ui.dialogs.frame import FramedDialog
from ui.models.roles import Tone
from ui.skins import follow_theme
from ui.theme import FontRole, theme
from ui.words import error_id

WIDTH = 520


class ErrorDialog(FramedDialog):
    """A refusal, with a button that copies it."""

    def __init__(self, title: str, problem: Problem, parent: QWidget) -> None:
        super().__init__(title, "", parent)
        self.set_accept_text(self.tr("Close"))
        self.buttons.removeButton(self.cancel_button)
        self.setMinimumWidth(WIDTH)
        self._text = "\n".join(part for part in (title, sentence(problem), error_id(problem)) if part)
        self.add_text(sentence(problem))
        if error_id(problem):
            self.add_text(error_id(problem), Tone.TEXT2)
        self.page.addStretch(1)
        copy = QPushButton(self.tr("Copy"))
        self.buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(self.copy)

    def copy(self) -> None:
        """Copy title, sentence and number."""
        QGuiApplication.clipboard().setText(self._text)


class AttemptsDialog(FramedDialog):
    """What was tried to reach a cluster, oldest first."""

    def __init__(self, name: str, attempts: Sequence[str], parent: QWidget) -> None:
        super().__init__("", "", parent)
        self.setWindowTitle(self.tr("What Was Tried for {0}").format(name))
        self.set_accept_text(self.tr("Close"))
        self.buttons.removeButton(self.cancel_button)
        self.resize(720, 360)
        text = QPlainTextEdit("\n".join(attempts) or self.tr("Nothing was tried yet."))
        text.setReadOnly(True)
        text.setAccessibleName(self.windowTitle())
        follow_theme(text, lambda seen, _tokens: seen.setFont(theme().font(FontRole.MONO)))
        self.page.addWidget(text, 1)
