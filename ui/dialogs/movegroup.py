"""Move Group: every node with its reason, what will happen, and the button that says where to."""

from PySide6.QtCore import QItemSelectionModel, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QGridLayout, QHBoxLayout, QLineEdit, QTableView, QVBoxLayout, QWidget

from clusteradmin.client.cluster import Cluster
from clusteradmin.client.commands import send
from nodeagent.api.objects import GroupId, NodeId
from nodeagent.api.problems import Problem
from nodeagent.api.requests import Done, MoveGroup, Right, Verb
from nodeagent.api.rules.verbs import verb_problem
from nodeagent.api.texts import sentence
from ui import tasks
from ui.dialogs.frame import FramedDialog
from ui.icons import GLYPH_SIZE
from ui.models.columns import glyph_of, state_text
from ui.models.moving import MoveOutlook, Step, TargetModel, outlook, targets
from ui.models.picture import Picture
from ui.models.roles import Tone
from ui.skins import dress_view
from ui.theme import FontRole, Space
from ui.widgets.emptying import clear
from ui.widgets.labels import StateLabel, TextLabel
from ui.widgets.panels import InfoPanel
from ui.words import clock

WIDTH = 820
ROWS_SHOWN = 7
COLUMN_WIDTHS = (190, 170)


class MoveGroupDialog(FramedDialog):
    """Asks where one group is to go. It follows the live state while it is open."""

    moved = Signal(str)  # a sentence for the status bar

    def __init__(
        self, cluster: Cluster, group: GroupId, picture: Picture, parent: QWidget, *, node: NodeId | None = None
    ) -> None:
        name = picture.snapshot.group(group).name
        super().__init__("", "", parent)
        self.setWindowTitle(self.tr("Move Group {0}").format(name))
        self._cluster = cluster
        self._group = group
        self._picture = picture
        self._shown: MoveOutlook | None = None
        self._state = self.add_head("group", self.tr("Move {0}").format(name))
        self.model = TargetModel(self)
        self.view = self._make_view()
        self.panel = InfoPanel(self.tr("What will happen"))
        self._steps = QVBoxLayout()
        self._facts = QGridLayout()
        self.reason = QLineEdit()
        self.reason.setPlaceholderText(self.tr("Optional; kept in the history with your name"))
        self.reason.setAccessibleName(self.tr("Reason"))
        self._lay_out()
        self.setMinimumWidth(WIDTH)
        self.show_picture(picture)
        self._choose(node)
        self.view.setFocus()  # and not the button that acts

    def show_picture(self, picture: Picture) -> None:
        """Bring reasons and outlook in line with the live state."""
        group = picture.snapshot.groups.get(self._group)
        if group is None:
            self.reject()
            return
        self._picture = picture
        owner = picture.owner_of(group)
        state = state_text(group, picture)
        where = self.tr("{0} on {1}").format(state, owner.name) if owner else state
        count = len(picture.resources_in.get(group.id, ()))
        text = self.tr("{0}, 1 resource") if count == 1 else self.tr("{0}, {1} resources")
        text = text.format(where, count)
        self._state.show_state(glyph_of(group, picture) or "unknown", text)
        self.model.show_targets(targets(group, picture))
        self._show_outlook()

    @property
    def target(self) -> NodeId | None:
        """The node that the selected line means, None when it means none."""
        row = self.view.currentIndex().row()
        return self.model.targets[row].goes_to if 0 <= row < len(self.model.targets) else None

    def accept(self) -> None:
        """Ask for the move; the dialog closes when the cluster has agreed."""
        row = self.view.currentIndex().row()
        if self.target is None:
            return
        request = MoveGroup(group=self._group, node=self.model.targets[row].node, note=self.reason.text().strip())
        tasks.run(self, send(self._cluster, request), done=self._done, busy=self.accept_button)

    def show_problem(self, problem: Problem) -> None:
        """Say below the list why the cluster refused."""
        self.error.show_problem(sentence(problem))

    def _done(self, done: Done) -> None:
        del done
        target = self.target
        name = self._picture.snapshot.node_name(target)
        self.moved.emit(self.tr("The move to {0} is requested.").format(name))
        self.done(self.DialogCode.Accepted)

    # What is shown

    def _choose(self, node: NodeId | None) -> None:
        lines = self.model.targets
        row = next((n for n, t in enumerate(lines) if t.node == node and t.possible), None)
        if row is None:
            row = next((n for n, t in enumerate(lines) if t.possible), 0)
        flags = QItemSelectionModel.SelectionFlag
        index = self.model.index(row, 0)
        self.view.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)

    def _show_outlook(self) -> None:
        row = self.view.currentIndex().row()
        group = self._picture.snapshot.groups.get(self._group)
        if group is None or not 0 <= row < len(self.model.targets):
            return
        chosen = self.model.targets[row]
        bad = verb_problem(Verb.MOVE_GROUP, group, self._picture.around(group), self._cluster.right)
        allowed = self._cluster.right >= Right.OPERATE and self._picture.live
        possible = chosen.possible and chosen.goes_to is not None and allowed
        self.accept_button.setEnabled(possible)
        if chosen.goes_to is None or not possible:
            self.set_accept_text(self.tr("Move"))
            self.panel.set_title(self.tr("It cannot move there now"))
            refused = sentence(bad) if bad is not None and not allowed else chosen.reason
            self.panel.set_text(refused)
            self._show(None)
            return
        self.set_accept_text(self.tr("Move to {0}").format(self._picture.snapshot.node_name(chosen.goes_to)))
        note = self.tr("worked out from the live state of {0}; changes with it").format(clock(self._picture.now))
        self.panel.set_title(self.tr("What will happen"), note)
        self.panel.set_text("")
        self._show(outlook(group, chosen.goes_to, self._picture))

    def _show(self, found: MoveOutlook | None) -> None:
        if found == self._shown:
            return
        self._shown = found
        clear(self._steps)
        clear(self._facts)
        if found is None:
            return
        self._add_steps(found.stop_title, found.stops)
        self._add_steps(found.start_title, found.starts)
        self._steps.addStretch(1)
        for row, (label, text) in enumerate(found.facts):
            self._facts.addWidget(TextLabel(label, tone=Tone.TEXT2), row, 0)
            self._facts.addWidget(TextLabel(text, FontRole.STRONG, wrap=True), row, 1)
        for row, warning in enumerate(found.warnings, len(found.facts)):
            self._facts.addWidget(_Warning(warning), row, 0, 1, 2)
        self._facts.setRowStretch(len(found.facts) + len(found.warnings), 1)
        self._facts.setColumnStretch(1, 1)

    def _add_steps(self, title: str, steps: tuple[Step, ...]) -> None:
        if steps:
            self._steps.addWidget(TextLabel(title, tone=Tone.TEXT2))
        for step in steps:
            self._steps.addWidget(StateLabel(step.glyph, step.text, Tone.TEXT))

    # Parts

    def _make_view(self) -> QTableView:
        view = QTableView(self)
        view.setModel(self.model)
        delegate = dress_view(view, framed=True)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setAccessibleName(self.tr("Move to"))
        for column, width in enumerate(COLUMN_WIDTHS):
            view.setColumnWidth(column, width)
        view.setMinimumHeight(delegate.row_height * ROWS_SHOWN + 30)
        view.selectionModel().currentRowChanged.connect(self._show_outlook)
        view.doubleClicked.connect(self.accept)
        return view

    def _lay_out(self) -> None:
        self.page.addWidget(self.view, 1)
        self.page.addWidget(self.error)
        both = QHBoxLayout()
        both.setSpacing(Space.HUGE)
        self._steps.setSpacing(Space.TINY)
        self._facts.setSpacing(Space.TINY)
        self._facts.setHorizontalSpacing(Space.MEDIUM)
        both.addLayout(self._steps, 1)
        both.addLayout(self._facts, 1)
        self.panel.body.addLayout(both)
        self.panel.setMinimumHeight(190)
        self.page.addWidget(self.panel)
        row = QHBoxLayout()
        row.setSpacing(Space.SMALL)
        label = TextLabel(self.tr("Reason"))
        label.setBuddy(self.reason)
        row.addWidget(label)
        row.addWidget(self.reason, 1)
        self.page.addLayout(row)
        QWidget.setTabOrder(self.view, self.reason)
        QWidget.setTabOrder(self.reason, self.accept_button)


class _Warning(QWidget):
    """A triangle, and a sentence that may be long."""

    def __init__(self, text: str) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, Space.TINY, 0, 0)
        row.setSpacing(Space.ICON_TEXT_ROW)
        glyph = StateLabel("warning", "")
        glyph.setFixedWidth(GLYPH_SIZE)
        row.addWidget(glyph, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(TextLabel(text, wrap=True), 1)
