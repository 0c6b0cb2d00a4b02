"""What a resource writes, live: the output log of the node that has it."""

import asyncio
import codecs
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QVBoxLayout, QWidget

from nodeagent.api.objects import Resource, ResourceId
from nodeagent.api.problems import Problem
from nodeagent.api.texts import sentence
from ui import tasks
from ui.models.roles import Tone
from ui.panes.flatbuttons import flat_button
from ui.skins import dress_scroll_bars, follow_theme
from ui.theme import FontRole, theme
from ui.tokens import Tokens
from ui.widgets.panels import PaneHeader

MOST_LINES = 20_000  # kept in the window; the node keeps the whole log
TICK = 50  # ms between two additions to the text: each costs a layout


class HasOutput(Protocol):
    """The part of a cluster that this pane needs."""

    def output(self, resource: ResourceId, *, follow: bool = True) -> AsyncGenerator[bytes, None]: ...


class OutputPane(QWidget):
    """Follows the output of one resource until it is closed or shows another one."""

    closed = Signal()

    def __init__(self, cluster: HasOutput, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cluster = cluster
        self._task: asyncio.Task[None] | None = None
        self._resource: ResourceId | None = None
        self._waiting: list[str] = []
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.header = PaneHeader(self.tr("Output"), self)
        self.follow = flat_button(self, "follow", self.tr("Follow"), checkable=True)
        self.follow.setChecked(True)
        self.close_button = flat_button(self, "close", "")
        self.close_button.setAccessibleName(self.tr("Close the output"))
        self.close_button.setToolTip(self.tr("Close"))
        self.text = QPlainTextEdit(self)
        self.text.setReadOnly(True)
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setMaximumBlockCount(MOST_LINES)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        dress_scroll_bars(self.text)
        follow_theme(self.text, _dress)
        self._tick = QTimer(self, singleShot=True, interval=TICK)
        self._tick.timeout.connect(self._show_waiting)
        self.close_button.clicked.connect(self.stop)
        self.close_button.clicked.connect(self.closed)
        self._lay_out()

    @property
    def resource(self) -> ResourceId | None:
        """The resource whose output is followed."""
        return self._resource

    def show_resource(self, resource: Resource) -> None:
        """Follow the output of *resource* from its last part on."""
        self.stop()
        self._resource = resource.id
        self._decoder.reset()
        self.text.clear()
        self.text.setAccessibleName(self.tr("Output of {0}").format(resource.name))
        self.header.set_kind(resource.type)
        self.header.set_title(resource.name)
        self.header.set_subtitle(self.tr("output, live"))
        self._task = tasks.run(self, self._read(resource.id), done=self._ended, failed=lambda e: self._say(e.problem))

    def stop(self) -> None:
        """End following; what is shown stays, and what waits to be shown is not."""
        self._resource = None
        self._tick.stop()
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _read(self, resource: ResourceId) -> None:
        async with aclosing(self._cluster.output(resource, follow=True)) as pieces:
            async for data in pieces:
                self._waiting.append(self._decoder.decode(data))
                if not self._tick.isActive():
                    self._tick.start()

    def _ended(self, nothing: None) -> None:
        del nothing
        self.header.set_subtitle(self.tr("output, ended"))

    def _say(self, problem: Problem) -> None:
        self.header.set_subtitle(sentence(problem), Tone.WARN)

    def _show_waiting(self) -> None:
        text, self._waiting = "".join(self._waiting), []
        bar = self.text.verticalScrollBar()
        before = bar.value()
        cursor = QTextCursor(self.text.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(text)
        bar.setValue(bar.maximum() if self.follow.isChecked() else before)

    def _lay_out(self) -> None:
        self.header.add_widget(self.follow)
        self.header.add_widget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(self.text, 1)


def _dress(text: QPlainTextEdit, tokens: Tokens) -> None:
    del tokens
    text.setFont(theme().font(FontRole.MONO))
