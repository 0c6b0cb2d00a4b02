"""Passwords, passphrases and a host's own questions, asked by dialogs and answered to the connection's coroutine."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

import shiboken6
from PySide6.QtWidgets import QDialog, QFormLayout, QLineEdit, QWidget

from clusteradmin.ssh.credentials import (
    HostKeyQuestion,
    InteractiveQuestion,
    PassphraseQuestion,
    PasswordQuestion,
    Prompt,
)
from ui.dialogs.frame import FramedDialog
from ui.dialogs.hostkey import HostKeyDialog
from ui.models.roles import Tone

WIDTH = 460

Dialog = TypeVar("Dialog", bound=QDialog)
Answer = TypeVar("Answer")


class SecretDialog(FramedDialog):
    """Asks one or more questions; what is typed is hidden unless the question says otherwise."""

    def __init__(self, title: str, text: str, prompts: Sequence[Prompt], parent: QWidget, *, note: str = "") -> None:
        super().__init__(title, "", parent)
        self.set_accept_text(self.tr("Continue"))
        self.setMinimumWidth(WIDTH)
        if text:
            self.add_text(text)
        form = QFormLayout()
        self.fields: list[QLineEdit] = []
        for prompt in prompts:
            field = QLineEdit(self)
            field.setEchoMode(QLineEdit.EchoMode.Normal if prompt.echo else QLineEdit.EchoMode.Password)
            field.setAccessibleName(prompt.text)
            form.addRow(prompt.text.strip().removesuffix(":"), field)
            self.fields.append(field)
        self.page.addLayout(form)
        if note:
            self.add_text(note, Tone.TEXT2)
        self.page.addStretch(1)
        if self.fields:
            self.fields[0].setFocus()

    def answers(self) -> list[str]:
        return [field.text() for field in self.fields]


class WindowPrompter:
    """Asks by dialogs of the window; the `Prompter` of connections that it opens.

    One question at a time: the next one waits until the one before is answered.
    """

    def __init__(self, parent: QWidget) -> None:
        self._parent = parent
        self._turn = asyncio.Lock()

    async def accept_host_key(self, question: HostKeyQuestion) -> bool:
        answer = await self._ask(lambda: HostKeyDialog(question, self._parent), lambda _dialog: True)
        return answer is True

    async def passphrase(self, question: PassphraseQuestion) -> str | None:
        title = self._parent.tr("Passphrase")
        text = self._parent.tr("The key {0} is encrypted.").format(question.file)
        return await self._secret(title, text, self._parent.tr("Passphrase"), question.attempt)

    async def password(self, question: PasswordQuestion) -> str | None:
        title = self._parent.tr("Password")
        text = self._parent.tr("{0} asks for the password.").format(question.login)
        return await self._secret(title, text, self._parent.tr("Password"), question.attempt)

    async def answers(self, question: InteractiveQuestion) -> list[str] | None:
        text = "\n".join(part for part in (question.instructions, question.login) if part)
        title = question.title or self._parent.tr("Log In")
        return await self._ask(
            lambda: SecretDialog(title, text, question.prompts, self._parent), lambda dialog: dialog.answers()
        )

    async def _secret(self, title: str, text: str, prompt: str, attempt: int) -> str | None:
        if attempt > 1:
            text += "\n" + self._parent.tr("The last one was not accepted.")
        note = self._parent.tr("It stays in memory while the cluster is open, and is offered to its nodes only.")
        answers = await self._ask(
            lambda: SecretDialog(title, text, [Prompt(prompt, echo=False)], self._parent, note=note),
            lambda dialog: dialog.answers(),
        )
        return answers[0] if answers else None

    async def _ask(self, make: Callable[[], Dialog], answer: Callable[[Dialog], Answer]) -> Answer | None:
        """Show the dialog that *make* makes and return *answer* of it, or None when it was cancelled."""
        async with self._turn:
            dialog = make()
            answered: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()

            def finished(result: int) -> None:
                if not answered.done():
                    answered.set_result(answer(dialog) if result == QDialog.DialogCode.Accepted else None)

            dialog.finished.connect(finished)
            dialog.open()
            try:
                return await answered
            finally:
                ended = not answered.done() or answered.cancelled()  # the connection, while the question stood
                if ended and shiboken6.isValid(dialog):
                    dialog.close()
