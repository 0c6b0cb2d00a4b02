"""A property sheet: head with the live state, tabs, pages, what others changed meanwhile, OK, Cancel and Apply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QStackedWidget,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from clusteradmin.client.commands import send
from clusteradmin.client.status import ConnectionState, Update
from clusteradmin.wizards.edits import Key, Meeting
from nodeagent.api.objects import ClusterObject, ObjectRef, Snapshot
from nodeagent.api.problems import ClusterError, Problem
from nodeagent.api.requests import Request, Right
from nodeagent.api.texts import sentence
from ui import tasks, words
from ui.forms.measures import dialog_size
from ui.forms.relevance import concerns
from ui.icons import GLYPH_SIZE, state_glyph
from ui.models.columns import drawing_of
from ui.models.roles import Tone
from ui.sheets.changedelsewhere import adopted_text, conflict_text
from ui.sheets.draft import Draft
from ui.sheets.headline import headline
from ui.sheets.page import Page
from ui.skins import dress_page_tabs
from ui.theme import FontRole, Space, theme
from ui.widgets.band import Band, BandKind
from ui.widgets.glyphs import KindIcon
from ui.widgets.labels import ElidedLabel, StateLabel
from ui.widgets.lines import Foot
from ui.widgets.scrolled import scrolled

if TYPE_CHECKING:
    from clusteradmin.client.cluster import Cluster

WIDTH = 680
HEIGHT = 640  # at most, without scrolling: a screen of 768 px has room for it, its title bar and a panel
_LEAST_HEIGHT = 460
_ICON = 32


class Note(QWidget):
    """The changed dot and how many settings differ from their defaults."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ElidedLabel("", FontRole.BODY, Tone.TEXT2)
        line = QHBoxLayout(self)
        line.setContentsMargins(Space.MEDIUM, 0, 0, 0)
        line.addWidget(self.text)

    def show_count(self, count: int) -> None:
        """Say how many settings differ; nothing when none does."""
        one, several = self.tr("1 setting differs from its default"), self.tr("{0} settings differ from their defaults")
        self.text.setText("" if not count else one if count == 1 else several.format(count))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if self.text.text():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme().tokens.accent)
            painter.drawEllipse(1, self.height() // 2 - 3, 6, 6)


class Sheet(QDialog):
    """The properties of one object, modeless.

    `applied` comes when the cluster has taken the changes, `answered` when it has taken or refused them.
    """

    applied = Signal()
    answered = Signal()

    def __init__(
        self,
        cluster: Cluster,
        snapshot: Snapshot,
        item: ClusterObject,
        reference: ObjectRef,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.reference = reference
        self.cluster = cluster
        self.draft = Draft(cluster, snapshot, item, reference)
        self.draft.setParent(self)
        self.pages: list[Page] = []
        self._busy = False
        self._gone = False
        self._conflicts: tuple[Key, ...] = ()
        self._standing = ""  # why nothing can be applied, while the notice says it
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(False)
        self._build()
        self.draft.changed.connect(self.refresh)
        self.draft.wanted.connect(self.go_to)
        self._unlisten = cluster.listen(self._heard)
        self.destroyed.connect(self._unlisten)

    # --- parts --------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._make_head())
        self.meeting = Band(BandKind.WARN)  # somebody else changed it
        self.notice = Band(BandKind.INFO)  # what the cluster said about the last change
        self.tabs = QTabBar()
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(True)
        self.tabs.setIconSize(QSize(GLYPH_SIZE, GLYPH_SIZE))
        dress_page_tabs(self.tabs)
        tab_row = QHBoxLayout()
        tab_row.setContentsMargins(Space.TINY, 0, Space.TINY, 0)
        tab_row.addWidget(self.tabs, 1)
        self.stack = QStackedWidget()
        self.tabs.currentChanged.connect(self._turned)
        for part in (self.meeting, self.notice):
            column.addWidget(part)
        column.addLayout(tab_row)
        column.addWidget(self.stack, 1)
        column.addWidget(self._make_foot())

    def _make_head(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(Space.LARGE, Space.MEDIUM, Space.LARGE, Space.TINY)
        grid.setHorizontalSpacing(Space.MEDIUM)
        grid.setVerticalSpacing(0)
        self._icon = KindIcon(drawing_of(self.draft.item), _ICON)
        self.name_label = ElidedLabel("", FontRole.TITLE)
        self.state_label = StateLabel()
        self.plain_state = ElidedLabel("", FontRole.BODY, Tone.TEXT2)
        grid.addWidget(self._icon, 0, 0, 2, 1, Qt.AlignmentFlag.AlignVCenter)
        grid.addWidget(self.name_label, 0, 1)
        states = QHBoxLayout()
        states.addWidget(self.state_label)
        states.addWidget(self.plain_state)
        grid.addLayout(states, 1, 1)
        grid.setColumnStretch(1, 1)
        return grid

    def _make_foot(self) -> Foot:
        foot = Foot()
        self.note = Note()
        box = QDialogButtonBox
        self.buttons = box(box.StandardButton.Ok | box.StandardButton.Cancel | box.StandardButton.Apply)
        self.ok_button = self.buttons.button(box.StandardButton.Ok)
        self.cancel_button = self.buttons.button(box.StandardButton.Cancel)
        self.apply_button = self.buttons.button(box.StandardButton.Apply)
        self.ok_button.setDefault(True)
        for button in (self.cancel_button, self.apply_button):
            button.setAutoDefault(False)
        for button in (self.ok_button, self.cancel_button, self.apply_button):
            button.setIcon(QIcon())  # words only: the style's pictures are not ours
            button.setMinimumWidth(84)
        self.ok_button.clicked.connect(self.ok)
        self.cancel_button.clicked.connect(self.reject)
        self.apply_button.clicked.connect(self.apply)
        foot.row.addWidget(self.note, 1)
        foot.row.addWidget(self.buttons)
        return foot

    def add_pages(self, pages: Sequence[Page]) -> None:
        """Add *pages* in their order; a page that does not fit scrolls."""
        for page in pages:
            self.pages.append(page)
            self.stack.addWidget(scrolled(page))
            self.tabs.addTab(page.title)
        self.tabs.setAccessibleName(self.tr("Pages"))
        self.refresh()
        self.resize(self.sizeHint())  # or Qt makes it two thirds of a small screen at most
        if self.pages:
            self.pages[0].take_first_focus()

    def sizeHint(self) -> QSize:
        most = dialog_size(QSize(WIDTH, HEIGHT))
        tallest = max((page.column.totalHeightForWidth(most.width()) for page in self.pages), default=0)
        around = super().sizeHint().height() - self.stack.sizeHint().height()
        return QSize(most.width(), min(most.height(), max(_LEAST_HEIGHT, tallest + around)))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self.refresh()

    # --- what is shown ------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show everything as it is now."""
        self._refresh_head()
        # Without a connection one may go on typing: it comes back.
        forbidden = self._gone or self.cluster.right < Right.ADMINISTER
        self.draft.forbidden = self._why_not() if forbidden else ""
        problems = self.draft.problems()
        for number, page in enumerate(self.pages):
            page.refresh()
            wrong = any(key in problems for key in page.keys())  # noqa: SIM118 - a method of ours
            self.tabs.setTabIcon(number, state_glyph("failed") if wrong else QIcon())
            said = self.tr("{0}, has an error").format(page.title) if wrong else page.title
            self.tabs.setAccessibleTabName(number, said)
        self.note.show_count(len(self.draft.edits.differing()))
        self._offer()

    def _refresh_head(self) -> None:
        item = self.draft.item
        name = str(item.properties.get("DisplayName", "")) or getattr(item, "display_name", "") or item.name
        glyph, text = headline(item, self.draft.snapshot)
        self.setWindowTitle(self.tr("{0} Properties").format(name))
        self.name_label.setText(name)
        self.state_label.setVisible(bool(glyph))
        self.plain_state.setVisible(not glyph)
        self.state_label.show_state(glyph or "unknown", text, Tone.TEXT2 if self._live() else Tone.STALE)
        self.plain_state.setText(text)
        self._icon.show_name(drawing_of(item))

    def _live(self) -> bool:
        return self.cluster.status.state is ConnectionState.LIVE

    def _why_not(self) -> str:
        """Return why nothing can be applied now, or an empty text."""
        if self._gone:
            return self.tr("{0} was deleted.").format(self.draft.item.name)
        if self.cluster.right < Right.ADMINISTER:
            return self.tr("You may look at these settings; changing them needs the right to administer.")
        if not self._live():
            return self.tr("There is no connection to the cluster; nothing can be applied until it is back.")
        return ""

    def _offer(self) -> None:
        reason = self._why_not()
        can = not reason and not self._busy
        self.apply_button.setEnabled(can and self.draft.edits.dirty)
        self.ok_button.setEnabled(can or (not self._busy and not self.draft.edits.dirty))
        for button in (self.apply_button, self.ok_button):
            button.setToolTip(reason)
        if reason:
            self.notice.clear_buttons()
            self.notice.say(reason, kind=BandKind.FAILED if self._gone else BandKind.INFO)
            self._standing = reason
        elif self._standing:
            self._standing = ""
            self.notice.hide()

    def _turned(self, number: int) -> None:
        self.stack.setCurrentIndex(number)

    def go_to(self, key: Key) -> None:
        """Show the page of *key* and put the focus into its field."""
        for number, page in enumerate(self.pages):
            if key in page.keys():  # noqa: SIM118 - a method of ours
                self.tabs.setCurrentIndex(number)
                page.take_focus(key)
                return

    # --- what the cluster says ----------------------------------------------------------------------------------

    def _heard(self, update: Update) -> None:
        snapshot = self.cluster.snapshot
        if snapshot is None:
            return
        if not self._concerned(update):
            return
        self.draft.snapshot = snapshot
        item = snapshot.get(self.reference)
        self._gone = item is None
        if item is not None:
            met = self.draft.edits.meet(item, snapshot)
            if not self._busy:
                self._show_meeting(met)
        self.refresh()

    def _concerned(self, update: Update) -> bool:
        shown = self.draft.snapshot
        return (
            update.resync
            or update.status
            or bool(update.removed)
            or any(entry.object == self.reference for entry in update.logged)
            or any(concerns(item, self.reference, shown) for item in update.changed)
        )

    def _show_meeting(self, met: Meeting) -> None:
        """Say what somebody else changed while this sheet was open."""
        self._conflicts = tuple(
            key for key in dict.fromkeys((*self._conflicts, *met.conflicting)) if key in self.draft.edits.changed
        )
        if self._conflicts and met.conflicting:
            strong, text = conflict_text(self._conflicts, self.draft)
            self._say_meeting(BandKind.WARN, strong, text, (self.tr("Take Theirs"), self.tr("Keep Mine")))
        elif met.adopted and not self._conflicts:
            strong, text = adopted_text(met.adopted, self.draft)
            self._say_meeting(BandKind.INFO, strong, text, (self.tr("Close"),))
        elif not self._conflicts and self.meeting.isVisible() and met.conflicting:
            self.meeting.hide()

    def _say_meeting(self, kind: BandKind, strong: str, text: str, buttons: tuple[str, ...]) -> None:
        self.meeting.clear_buttons()
        made = [self.meeting.add_button(words) for words in buttons]
        if len(made) == 2:
            made[0].clicked.connect(self.take_theirs)
        made[-1].clicked.connect(self.keep_mine)
        self.meeting.say(strong, text, kind=kind)

    def take_theirs(self) -> None:
        """Give up what was changed here where somebody else changed it too."""
        self.draft.edits.discard(self._conflicts)
        self.keep_mine()
        self.refresh()

    def keep_mine(self) -> None:
        """Go on with what was changed here."""
        self._conflicts = ()
        self.meeting.hide()

    # --- applying -----------------------------------------------------------------------------------------------

    def ok(self) -> None:
        """Apply and close; stay open where something is wrong or worth knowing."""
        self._apply(close=True)

    def apply(self) -> None:
        """Apply and stay open."""
        self._apply(close=False)

    def _apply(self, *, close: bool) -> None:
        if self._busy:
            return
        problems = self.draft.problems()
        if problems:
            self.go_to(next(iter(problems)))
            return
        if self._conflicts:  # the person has not said yet whose value counts
            self.meeting.setFocus()
            return
        if not self.draft.edits.dirty:
            if close:
                self.accept()
            return
        self._busy = True
        if not self._standing:
            self.notice.hide()
        self._offer()
        sent = dict(self.draft.edits.changed)
        requests = self.draft.edits.requests()

        def done(notices: tuple[Problem, ...]) -> None:
            self._done(tuple(key for key, value in sent.items() if self.draft.edits.value(key) == value), notices)
            if close and not notices:
                self.accept()
            self.answered.emit()

        tasks.run(self, self._send(requests), done=done, failed=self._failed)

    def show_problem(self, problem: Problem) -> None:
        """Show at the top what belongs to no field."""
        self.notice.setToolTip("")
        self.notice.clear_buttons()
        self.notice.say(sentence(problem), words.error_id(problem), kind=BandKind.FAILED)

    async def _send(self, requests: tuple[Request, ...]) -> tuple[Problem, ...]:
        """Send one after the other, and return when the picture shows what they did."""
        return tuple([notice for request in requests for notice in (await send(self.cluster, request)).notices])

    def _done(self, sent: tuple[Key, ...], notices: tuple[Problem, ...]) -> None:
        self._busy = False
        snapshot = self.cluster.snapshot
        item = snapshot.get(self.reference) if snapshot is not None else None
        if snapshot is not None and item is not None:
            self.draft.snapshot = snapshot
            self.draft.edits.meet(item, snapshot)
        self.draft.edits.discard(sent)
        if notices:
            self.notice.say_notices(notices)
            self.cancel_button.setText(self.tr("Close"))
        self.applied.emit()
        self.refresh()

    def _failed(self, error: ClusterError) -> None:
        self._busy = False
        problem = error.problem
        key = self.draft.edits.key_of(problem)
        if key is not None:
            self.draft.refuse(key, problem)
            self.go_to(key)
        else:
            self.show_problem(problem)
        self.refresh()
        self.answered.emit()
