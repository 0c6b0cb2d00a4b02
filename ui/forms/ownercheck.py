"""Check on every possible owner: each node is asked whether it could run a resource with these parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from nodeagent.api.objects import Node, NodeId, NodeState, Snapshot
from nodeagent.api.problems import ClusterError
from nodeagent.api.properties import Value
from nodeagent.api.requests import NodeAnswer, Validated, ValidateParameters
from nodeagent.api.texts import sentence
from ui import tasks, words
from ui.models.roles import Tone
from ui.theme import FontRole, Space
from ui.widgets.emptying import clear
from ui.widgets.glyphs import StateGlyph
from ui.widgets.labels import ElidedLabel, TextLabel

if TYPE_CHECKING:
    import asyncio

    from clusteradmin.client.cluster import Cluster


class OwnerLine:
    """A node's line: glyph, name, what it said."""

    def __init__(self, node: Node) -> None:
        self.node = node.id
        self.glyph = StateGlyph("offline")
        self.name = TextLabel(node.name, FontRole.STRONG)
        self.said = ElidedLabel("", FontRole.BODY, Tone.TEXT2)
        self.state = "offline"

    def say(self, state: str, text: str, tone: Tone = Tone.TEXT) -> None:
        """Show the glyph of *state* and the sentence."""
        self.state = state
        self.said.setText(text)
        self.said.set_tone(tone)
        self.glyph.setAccessibleName(state)
        self.glyph.show_name(state)


class OwnerCheck(QWidget):
    """Lines of all possible owners; a button asks them, and each line changes when its node has answered.

    Signals: `wanted` when the person asks for the check; the owner of this widget then calls `ask`.
    """

    wanted = Signal()
    finished = Signal()

    def __init__(self, cluster: Cluster, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cluster = cluster
        self._tasks: list[asyncio.Task[None]] = []
        self._asked: tuple[str, Mapping[str, Value], tuple[NodeId, ...]] | None = None
        self.lines: dict[NodeId, OwnerLine] = {}
        self.button = QPushButton(self.tr("Check Now"))
        self.button.setAutoDefault(False)
        self.button.clicked.connect(self.wanted)
        self._hint = TextLabel("", FontRole.BODY, Tone.TEXT2)
        head = QHBoxLayout()
        head.setSpacing(Space.SMALL)
        head.addWidget(TextLabel(self.tr("Check on every possible owner"), FontRole.HEADING))
        head.addWidget(self._hint, 1)
        head.addWidget(self.button)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(Space.SMALL)
        self._grid.setVerticalSpacing(Space.TINY)
        self._grid.setColumnStretch(2, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.TINY + 2)
        column.addLayout(head)
        column.addLayout(self._grid)

    def show_owners(self, owners: Sequence[NodeId], cluster: Snapshot) -> None:
        """Show a line for each of *owners*; answers that are there stay."""
        wanted = [cluster.nodes[node] for node in owners if node in cluster.nodes]
        if [node.id for node in wanted] == list(self.lines):
            return
        self.forget()
        self.lines.clear()
        clear(self._grid)
        for row, node in enumerate(wanted):
            line = self.lines[node.id] = OwnerLine(node)
            for place, widget in enumerate((line.glyph, line.name, line.said)):
                self._grid.addWidget(widget, row, place)
            line.say("offline", self.tr("not asked yet"), Tone.TEXT2)

    def allow(self, *, complete: bool) -> None:
        """Let the person ask when the values are *complete*, and the node would answer who asks."""
        may = self._cluster.right >= ValidateParameters.right
        self.button.setEnabled(complete and may)
        self.button.setToolTip("" if may else self.tr("Only administrators can have nodes check this."))

    def values_changed(self, type_name: str, parameters: Mapping[str, Value]) -> None:
        """Say that the answers are about other values, when they are."""
        stale = self._asked is not None and (type_name, dict(parameters)) != (self._asked[0], dict(self._asked[1]))
        self._hint.setText(self.tr("changed since; check again") if stale else "")

    def ask(self, type_name: str, parameters: Mapping[str, Value], cluster: Snapshot) -> None:
        """Ask each node on its own, so that a slow one does not keep the others' answers back."""
        self.forget()
        self._asked = (type_name, dict(parameters), tuple(self.lines))
        for node, line in self.lines.items():
            state = cluster.nodes[node].state if node in cluster.nodes else NodeState.UNKNOWN
            if state not in (NodeState.UP, NodeState.PAUSED):
                shown = words.state_word(state)
                line.say("unknown", self.tr("not known: the node is {0}").format(shown), Tone.TEXT2)
                continue
            line.say("progress", self.tr("asked…"), Tone.TEXT2)
            request = ValidateParameters(type=type_name, parameters=dict(parameters), possible_owners=(node,))
            self._tasks.append(tasks.run(self, self._ask(line, request)))

    def forget(self) -> None:
        """Wait for no answer any more."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        self._asked = None
        self._hint.setText("")

    async def _ask(self, line: OwnerLine, request: ValidateParameters) -> None:
        try:
            reply = await self._cluster.call(request)
        except ClusterError as exc:
            line.say("warning", sentence(exc.problem))
        else:
            assert isinstance(reply, Validated)
            self._show_answer(line, next((one for one in reply.answers if one.node == line.node), None))
        if all(one.state != "progress" for one in self.lines.values()):
            self.finished.emit()

    def _show_answer(self, line: OwnerLine, answer: NodeAnswer | None) -> None:
        if answer is None or not answer.answered:
            line.say("unknown", self.tr("not known: the node did not answer in time"), Tone.TEXT2)
        elif answer.problems:
            line.say("failed", " ".join(sentence(problem) for problem in answer.problems))
        else:
            line.say("online", self.tr("could run it"))
