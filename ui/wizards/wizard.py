"""A wizard: rail with steps, pages, Back, Next, Finish; nothing is created before Finish."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from clusteradmin.client.status import ConnectionState, Update
from clusteradmin.wizards import commandline
from clusteradmin.wizards.flow import Flow, Step, after, before, first_faulty, may_visit
from nodeagent.api.objects import ObjectKind, ObjectRef, Snapshot
from nodeagent.api.problems import ClusterError, Problem
from nodeagent.api.requests import Done, Reply, Right
from nodeagent.api.texts import sentence
from ui import tasks, words
from ui.forms.measures import dialog_size
from ui.forms.relevance import matters
from ui.models.roles import Tone
from ui.skins import follow_theme
from ui.theme import BUTTON_PADDING, MINIMUM_BUTTON_WIDTH, Space, theme
from ui.widgets.band import Band, BandKind
from ui.widgets.labels import ElidedLabel
from ui.widgets.lines import Foot
from ui.widgets.scrolled import scrolled
from ui.wizards.page import WizardPage
from ui.wizards.rail import Rail, Stop

if TYPE_CHECKING:
    from clusteradmin.client.cluster import Cluster

SIZE = QSize(900, 560)


class PageStack(QStackedWidget):
    """Pages on the background of lists. Painted: as a palette it would reach the fields, and take their outlines."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        follow_theme(self, lambda seen, _tokens: seen.update())

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        QPainter(self).fillRect(self.rect(), theme().tokens.base)


class Wizard(QDialog):
    """Asks for what a new object needs.

    `created` comes with the reference of the new object, before the wizard closes; `refused` when the cluster did
    not want it. With something worth knowing about what was created the wizard stays, until it was read.
    """

    created = Signal(object)
    refused = Signal()
    kind = ObjectKind.GROUP

    def __init__(self, cluster: Cluster, snapshot: Snapshot, flow: Flow, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cluster = cluster
        self.snapshot = snapshot
        self.flow = flow
        self.step = flow.steps(snapshot)[0]
        self.pages: dict[Step, WizardPage] = {}
        self._frames: dict[Step, QWidget] = {}
        self._visited: set[Step] = {self.step}
        self._tried: set[Step] = set()  # pages whose mistakes are shown
        self._refused: tuple[Step, Problem] | None = None
        self._busy = False
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(False)
        self._build()
        self._unlisten = cluster.listen(self._heard)
        self.destroyed.connect(self._unlisten)

    # --- what a wizard of one kind says -------------------------------------------------------------------------

    def review_title(self) -> str:
        """Return the sentence above the review."""
        raise NotImplementedError

    def review_facts(self, cluster: Snapshot) -> dict[str, str]:
        """Return what will be created: label to value."""
        raise NotImplementedError

    def review_effect(self, cluster: Snapshot) -> str:
        """Say what Finish does, and what it does not."""
        raise NotImplementedError

    def step_of(self, problem: Problem) -> Step:
        """Return the page on which a refusal of the cluster is to be shown."""
        raise NotImplementedError

    def command_text(self, cluster: Snapshot) -> str:
        """Return the same as commands."""
        if first_faulty(self.flow, cluster) is not None:
            return ""
        return commandline.text(commandline.commands(self.flow.request(cluster), cluster), self.cluster.target)

    # --- parts --------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.rail = Rail()
        self.rail.wanted.connect(self.go_to)
        self.notice = Band(BandKind.FAILED)
        self.stack = PageStack()
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addWidget(self.notice)
        right.addWidget(self.stack, 1)
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.rail)
        middle.addLayout(right, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(middle, 1)
        column.addWidget(self._make_foot())
        self.resize(dialog_size(SIZE))

    def _make_foot(self) -> Foot:
        foot = Foot()
        self.note = ElidedLabel("", tone=Tone.TEXT2)
        self.back_button = self._button(self.tr("< &Back"), self.back)
        self.next_button = self._button(self.tr("&Next >"), self.forward)
        self.next_button.setDefault(True)
        self.cancel_button = self._button(self.tr("Cancel"), self.reject)
        foot.row.addWidget(self.note, 1)
        foot.row.addWidget(self.back_button)
        foot.row.addWidget(self.next_button)
        foot.row.addSpacing(Space.SMALL)
        foot.row.addWidget(self.cancel_button)
        return foot

    def _button(self, text: str, act: object) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(False)
        button.setMinimumWidth(max(MINIMUM_BUTTON_WIDTH, button.fontMetrics().horizontalAdvance(text) + BUTTON_PADDING))
        button.clicked.connect(act)
        return button

    def add_pages(self, *pages: WizardPage) -> None:
        """Add the pages, and show the first."""
        for page in pages:
            self.pages[page.step] = page
            frame = self._frames[page.step] = scrolled(page)
            self.stack.addWidget(frame)
        self._show_step()

    # --- walking ------------------------------------------------------------------------------------------------

    def page(self) -> WizardPage:
        """Return the page that is shown."""
        return self.pages[self.step]

    def forward(self) -> None:
        """Go to the next page, or create; where something is missing, say what."""
        if self._busy:
            return
        self._tried.add(self.step)
        if self._problems(self.step):
            self.refresh()
            self.page().take_focus()
        elif self.step is Step.REVIEW:
            self._finish()
        else:
            self._enter(after(self.flow, self.step, self.snapshot))

    def back(self) -> None:
        """Go to the page before."""
        if not self._busy:
            self._enter(before(self.flow, self.step, self.snapshot))

    def go_to(self, step: Step) -> None:
        """Go to a page that was visited before, or to the first that has no mistake before it."""
        if not self._busy and step in self.flow.steps(self.snapshot) and self._reachable(step):
            self._enter(step)

    def _reachable(self, step: Step) -> bool:
        order = self.flow.steps(self.snapshot)
        earlier = order.index(step) < order.index(self.step) if self.step in order else True
        return earlier or (step in self._visited and may_visit(self.flow, step, self.snapshot))

    def _enter(self, step: Step) -> None:
        self.step = step
        self._visited.add(step)
        self._show_step()

    def _show_step(self) -> None:
        if self.step not in self.flow.steps(self.snapshot):
            self.step = self.flow.steps(self.snapshot)[0]
        self.refresh()
        self.stack.setCurrentWidget(self._frames[self.step])
        self.page().take_focus()

    # --- what is shown ------------------------------------------------------------------------------------------

    def answers_changed(self) -> None:
        """An answer changed: a refusal of the cluster was about the old one."""
        self._refused = None
        self.notice.hide()
        self.refresh()

    def refresh(self) -> None:
        """Show everything as it is now."""
        page = self.page()
        page.refresh(self.snapshot)
        page.show_problems(self._problems(self.step) if self.step in self._tried else self._refusal(self.step))
        self.rail.show_stops([self._stop(step) for step in self.flow.steps(self.snapshot)])
        last = self.step is Step.REVIEW
        self.next_button.setText(self.tr("&Finish") if last else self.tr("&Next >"))
        self.back_button.setEnabled(not self._busy and self.step is not self.flow.steps(self.snapshot)[0])
        reason = self._why_not()
        self.next_button.setEnabled(not self._busy and not (last and reason))
        self.next_button.setToolTip(reason if last else "")
        doing = self.tr("Creating…") if self._busy else self.tr("Nothing is created before Finish.")
        self.note.setText(reason if last and reason else doing)

    def _why_not(self) -> str:
        if self.cluster.status.state is not ConnectionState.LIVE:
            return self.tr("There is no connection to the cluster; nothing can be created until it is back.")
        if self.cluster.right < Right.ADMINISTER:
            return self.tr("Creating needs the right to administer the cluster.")
        return ""

    def _problems(self, step: Step) -> tuple[Problem, ...]:
        return (*self.flow.problems(step, self.snapshot), *self._refusal(step))

    def _refusal(self, step: Step) -> tuple[Problem, ...]:
        return (self._refused[1],) if self._refused is not None and self._refused[0] is step else ()

    def _stop(self, step: Step) -> Stop:
        page = self.pages[step]
        wrong = bool(self._problems(step))
        current = step is self.step
        seen = step in self._visited and not current
        return Stop(
            step=step,
            title=page.title.text(),
            summary=page.summary(self.snapshot) if seen else "",
            done=seen and not wrong and step is not Step.REVIEW,
            wrong=seen and wrong,
            current=current,
            reachable=self._reachable(step),
        )

    def _heard(self, update: Update) -> None:
        snapshot = self.cluster.snapshot
        if snapshot is None or not self._concerned(update):
            return
        self.snapshot = snapshot
        if not self._busy:
            self._keep_place()

    def _concerned(self, update: Update) -> bool:
        changed = any(matters(item, self.snapshot) for item in update.changed)
        return changed or update.resync or update.status or bool(update.removed)

    def _keep_place(self) -> None:
        """Go on where the person is; only when the page is gone, to the first."""
        if self.step in self.flow.steps(self.snapshot):
            self.refresh()
        else:
            self._show_step()

    # --- creating -----------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        faulty = first_faulty(self.flow, self.snapshot)
        if faulty is not None:
            self._tried.add(faulty)
            self._enter(faulty)
            return
        if self._why_not():
            return
        self._busy = True
        self.notice.hide()
        self.refresh()
        request = self.flow.request(self.snapshot)
        tasks.run(self, self.cluster.call(request), done=self._done, failed=self._failed)

    def _done(self, reply: Reply) -> None:
        assert isinstance(reply, Done)
        self._busy = False
        self.created.emit(ObjectRef(self.kind, reply.id))
        if reply.notices:
            self._stay(reply.notices)
        else:
            self.accept()

    def _stay(self, notices: Sequence[Problem]) -> None:
        """Show what is worth knowing; all that is left to do is to close."""
        self._busy = True
        self.refresh()
        self.note.setText(self.tr("It was created."))
        self.notice.say_notices(notices)
        self.back_button.hide()
        self.next_button.hide()
        self.cancel_button.setText(self.tr("Close"))
        self.cancel_button.setDefault(True)
        self.cancel_button.setFocus()

    def _failed(self, error: ClusterError) -> None:
        self._busy = False
        step = self.step_of(error.problem)
        if error.problem.field and step in self.flow.steps(self.snapshot):
            self._refused = (step, error.problem)
            self._tried.add(step)
            self._enter(step)
        else:
            self.show_problem(error.problem)
        self.refresh()
        self.refused.emit()

    def show_problem(self, problem: Problem) -> None:
        """Show at the top what belongs to no field."""
        self.notice.say(sentence(problem), words.error_id(problem), kind=BandKind.FAILED)
