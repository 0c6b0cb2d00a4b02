"""Draws what the window asks and says in dialogs of its own: host keys, passwords, questions, errors, help."""

import base64
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QDialog, QWidget

from clusteradmin.ssh.credentials import HostKeyQuestion, Prompt
from clusteradmin.ssh.hostkeys import HostKey
from nodeagent.api.problems import problem
from ui.actions import WindowActions
from ui.dialogs.connect import ConnectDialog
from ui.dialogs.credentials import SecretDialog
from ui.dialogs.errors import AttemptsDialog, ErrorDialog
from ui.dialogs.hostkey import HostKeyDialog
from ui.dialogs.keyboard import KeyboardDialog
from ui.dialogs.maintenance import MaintenanceDialog
from ui.dialogs.question import Question

_KIND = b"ssh-ed25519"
_BLOB = len(_KIND).to_bytes(4, "big") + _KIND + bytes(range(36))
ATTEMPTS = (
    "14:31:08  atlas (10.20.0.1:22): 10.20.0.1 port 22 did not answer within 15 s.",
    "14:31:23  boreas (10.20.0.2:22): 10.20.0.2 port 22 refused the connection: nothing listens there.",
    "14:31:23  ceres (10.20.0.3:22): anna@10.20.0.3 did not let this user in: tried publickey. It accepts password.",
)


class Photographer(Protocol):
    """Who takes the pictures."""

    parent: QWidget

    async def take(self, name: str, dialog: QDialog) -> None: ...

    async def close(self, dialog: QDialog) -> None: ...


def _dialogs(parent: QWidget, actions: WindowActions) -> dict[str, QDialog]:
    key = HostKey.parse(f"ssh-ed25519 {base64.b64encode(_BLOB).decode()}")
    host = HostKeyQuestion("anna@atlas.example.net:22", key, Path("/home/anna/.ssh/known_hosts"))
    stays = "It stays in memory while the cluster is open, and is offered to its nodes only."
    code = (Prompt("Verification code:", echo=True), Prompt("Password:", echo=False))
    return {
        "connect": ConnectDialog(["webfarm", "halab", "anna@atlas.example.net", "."], parent),
        "host-key": HostKeyDialog(host, parent),
        "password": SecretDialog(
            "Password", "anna@atlas:22 asks for the password.", [Prompt("Password", echo=False)], parent, note=stays
        ),
        "password-again": SecretDialog(
            "Password",
            "anna@atlas:22 asks for the password.\nThe last one was not accepted.",
            [Prompt("Password", echo=False)],
            parent,
            note=stays,
        ),
        "interactive": SecretDialog("Two factors", "Read your token.\nanna@atlas:22", code, parent),
        "error": ErrorDialog(
            "Bring Online Orders API", problem("wrong_state", name="Orders API", state="Offline Pending"), parent
        ),
        "attempts": AttemptsDialog("WEBFARM", ATTEMPTS, parent),
        "keyboard": KeyboardDialog(actions, parent),
        "maintenance": MaintenanceDialog(["Orders Database"], parent),
        "delete": Question(
            "Delete Orders Disk",
            "Orders Disk is deleted from the cluster, with its settings. What it ran is not touched.",
            "Delete",
            parent,
            also="These depend on what is deleted, and are deleted with it",
            names=["Orders API", "PostgreSQL"],
        ),
        "declare-off": Question(
            "Declare Node Off: doris",
            "On your word that doris is off its 2 groups are taken over at once. If it runs after all, its "
            "applications run twice: look at its power first.",
            "Declare Node Off",
            parent,
            confirm="doris",
        ),
    }


async def questions(camera: Photographer) -> None:
    """Open each of these dialogs and take its picture."""
    owner = QObject(camera.parent)
    for name, dialog in _dialogs(camera.parent, WindowActions(owner)).items():
        dialog.show()
        await camera.take(f"question-{name}", dialog)
        await camera.close(dialog)
