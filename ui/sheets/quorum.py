"""Quorum on the cluster's General page: the voters, who is missing, what the loss of one more would mean."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QPushButton

from clusteradmin.client.nodecommands import read_quorum
from nodeagent.api.problems import ClusterError
from nodeagent.api.requests import QuorumRead
from nodeagent.api.texts import sentence
from ui import tasks, words
from ui.widgets.panels import InfoPanel

if TYPE_CHECKING:
    from clusteradmin.client.cluster import Cluster


class QuorumPanel(InfoPanel):
    """Asks the connected node when it is first seen, and when the person wants it again."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__()
        self.set_title(self.tr("Quorum"))
        self._cluster = cluster
        self._asked = False
        self.button = QPushButton(self.tr("Look Again"))
        self.button.setAutoDefault(False)
        self.button.clicked.connect(self.ask)
        self.head.addWidget(self.button)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._asked and self.button.isEnabled():
            with contextlib.suppress(RuntimeError):  # a picture of the window is drawn without a loop
                asyncio.get_running_loop()
                self.ask()

    def ask(self) -> None:
        """Ask, and show what the node says."""
        self._asked = True
        tasks.run(self, read_quorum(self._cluster), done=self.show_quorum, failed=self._refused, busy=self.button)

    def show_quorum(self, found: QuorumRead) -> None:
        """Show the voters and the sentences."""
        note = ""
        if found.voters:
            names = [self._voter(v.name, leads=v.leader, answers=v.answering) for v in found.voters]
            note = self.tr("voters: {0}").format(words.listed(names, 7))
        self.set_title(self.tr("Quorum"), note)
        self.set_text(" ".join(sentence(one) for one in (found.now, found.next_loss, found.failover)))

    def _voter(self, name: str, *, leads: bool, answers: bool) -> str:
        if not answers:
            return self.tr("{0} (missing)").format(name)
        return self.tr("{0} (leads)").format(name) if leads else name

    def _refused(self, error: ClusterError) -> None:
        self.set_text(sentence(error.problem))
