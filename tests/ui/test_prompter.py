"""What a connection asks by dialogs: host keys, passwords, a host's own questions; and how errors are shown."""

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from clusteradmin.ssh.credentials import (
    HostKeyQuestion,
    InteractiveQuestion,
    PassphraseQuestion,
    PasswordQuestion,
    Prompt,
)
from clusteradmin.ssh.hostkeys import HostKey
from nodeagent.api.problems import problem
from ui.dialogs.connect import ConnectDialog
from ui.dialogs.credentials import SecretDialog, WindowPrompter
from ui.dialogs.errors import AttemptsDialog, ErrorDialog
from ui.dialogs.hostkey import HostKeyDialog
from ui.dialogs.question import Question
from ui.widgets.labels import TextLabel
from ui.words import error_id

pytestmark = pytest.mark.asyncio

Dialog = TypeVar("Dialog", bound=QWidget)
_NAME = b"ssh-ed25519"
KEY = HostKey.parse(f"ssh-ed25519 {base64.b64encode(len(_NAME).to_bytes(4, 'big') + _NAME + bytes(36)).decode()}")
HOST = HostKeyQuestion("atlas.example.net", KEY, Path("/home/anna/.ssh/known_hosts"))


@pytest.fixture
def parent(qapp: QApplication) -> Iterator[QWidget]:
    made = QWidget()
    yield made
    made.deleteLater()


async def shown(parent: QWidget, kind: type[Dialog]) -> Dialog:
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    found = parent.findChild(kind)
    assert found is not None
    return found


async def test_a_new_hosts_fingerprint_is_shown_and_enter_alone_trusts_nobody(parent: QWidget) -> None:
    answer = asyncio.ensure_future(WindowPrompter(parent).accept_host_key(HOST))
    dialog = await shown(parent, HostKeyDialog)
    assert any(KEY.fingerprint in label.text() for label in dialog.findChildren(TextLabel))
    assert dialog.cancel_button.isDefault()
    assert not dialog.accept_button.isDefault()
    dialog.accept()
    assert await answer is True


async def test_a_key_that_is_not_trusted_is_refused(parent: QWidget) -> None:
    answer = asyncio.ensure_future(WindowPrompter(parent).accept_host_key(HOST))
    (await shown(parent, HostKeyDialog)).reject()
    assert await answer is False


async def test_a_password_is_hidden_and_a_cancelled_one_is_none(parent: QWidget) -> None:
    prompter = WindowPrompter(parent)
    answer = asyncio.ensure_future(prompter.password(PasswordQuestion("anna@atlas", 1)))
    dialog = await shown(parent, SecretDialog)
    assert dialog.fields[0].echoMode() == QLineEdit.EchoMode.Password
    dialog.fields[0].setText("secret")
    dialog.accept()
    assert await answer == "secret"
    again = asyncio.ensure_future(prompter.password(PasswordQuestion("anna@atlas", 2)))
    await asyncio.sleep(0)
    second = next(found for found in parent.findChildren(SecretDialog) if found is not dialog)
    assert any("not accepted" in label.text() for label in second.findChildren(TextLabel))
    second.reject()
    assert await again is None


async def test_a_hosts_own_questions_are_shown_as_they_are(parent: QWidget) -> None:
    prompts = (Prompt("One-time code:", echo=True), Prompt("Password:", echo=False))
    question = InteractiveQuestion("anna@atlas", "Two factors", "Read your token.", prompts)
    answer = asyncio.ensure_future(WindowPrompter(parent).answers(question))
    dialog = await shown(parent, SecretDialog)
    assert [field.echoMode() for field in dialog.fields] == [QLineEdit.EchoMode.Normal, QLineEdit.EchoMode.Password]
    for field, text in zip(dialog.fields, ("123456", "secret"), strict=True):
        field.setText(text)
    dialog.accept()
    assert await answer == ["123456", "secret"]


async def test_one_question_waits_for_the_other(parent: QWidget) -> None:
    prompter = WindowPrompter(parent)
    first = asyncio.ensure_future(prompter.passphrase(PassphraseQuestion(Path("/key"), 1)))
    second = asyncio.ensure_future(prompter.passphrase(PassphraseQuestion(Path("/other"), 1)))
    dialog = await shown(parent, SecretDialog)
    assert len(parent.findChildren(SecretDialog)) == 1
    dialog.reject()
    assert await first is None
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)


async def test_a_question_goes_with_the_connection_that_asked_it(parent: QWidget) -> None:
    answer = asyncio.ensure_future(WindowPrompter(parent).accept_host_key(HOST))
    dialog = await shown(parent, HostKeyDialog)
    answer.cancel()
    await asyncio.gather(answer, return_exceptions=True)
    assert not shiboken6.isValid(dialog) or not dialog.isVisible()


async def test_a_question_shows_all_that_goes_along(parent: QWidget) -> None:
    text = "Orders Disk is deleted from the cluster, with its settings. What it ran is not touched."
    names = ["Orders API", "PostgreSQL", "Orders Name"]
    question = Question("Delete Orders Disk", text, "Delete", parent, also="These are deleted with it", names=names)
    question.show()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)  # a small screen makes it narrower than it asks
    for label in question.findChildren(TextLabel):
        assert label.height() >= label.heightForWidth(label.width()), label.text()
    question.resize(question.minimumWidth(), 10)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
    for label in question.findChildren(TextLabel):
        assert label.height() >= label.heightForWidth(label.width()), label.text()
    question.close()


async def test_a_dialog_without_wrapped_sentences_does_not_get_smaller_than_its_content(parent: QWidget) -> None:
    dialog = AttemptsDialog("WEBFARM", ["14:31:08  atlas did not answer"], parent)
    dialog.show()
    dialog.resize(10, 10)
    layout = dialog.layout()
    assert layout is not None
    assert dialog.minimumHeight() >= 0
    assert dialog.height() >= layout.totalMinimumSize().height()
    dialog.close()


async def test_buttons_have_words_only(parent: QWidget) -> None:
    dialog = ConnectDialog(["webfarm"], parent)
    assert dialog.cancel_button.icon().isNull()
    dialog.close()


async def test_open_is_off_while_no_name_is_typed(parent: QWidget) -> None:
    dialog = ConnectDialog(["webfarm", "."], parent)
    chosen: list[str] = []
    dialog.chosen.connect(chosen.append)
    dialog.field.setEditText("  ")
    assert not dialog.accept_button.isEnabled()
    dialog.field.setEditText(" boreas ")
    dialog.accept()
    assert chosen == ["boreas"]


async def test_an_error_has_the_number_that_the_original_gives_it(parent: QWidget) -> None:
    refused = problem("wrong_state", name="App", state="Offline Pending")
    assert error_id(refused) == "Error ID: 5023 (0000139f)"
    dialog = ErrorDialog("Bring Online App", refused, parent)
    dialog.copy()
    assert QApplication.clipboard().text().splitlines()[-1] == "Error ID: 5023 (0000139f)"
    dialog.close()
