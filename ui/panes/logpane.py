"""The event pane: what happened in the cluster and why, newest first."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent, QKeySequence, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFileDialog, QMenu, QTableView, QVBoxLayout, QWidget

from nodeagent.api.events import LogEntry, Severity
from ui.delegate import PADDING, TWIST_COLUMN
from ui.models.eventlines import as_text, severity_word
from ui.models.eventlog import OBJECT, TEXT, EventModel
from ui.models.picture import Picture
from ui.models.roles import Tone
from ui.panes.emptylist import EmptyList
from ui.panes.flatbuttons import flat_button
from ui.skins import dress_view
from ui.theme import Height
from ui.widgets.chip import Chip
from ui.widgets.fields import FilterField
from ui.widgets.panels import PaneHeader
from ui.words import clock

WIDTHS = (154, 76, 172)
TYPING_PAUSE = 150  # ms
SAID_FOR = 15_000  # ms that the header says how saving went


class EventView(QTableView):
    """A table whose rows unfold: by the twist, Enter, Right and Left."""

    unfold_wanted = Signal(int, object)  # row; True, False, or None for the other way

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        left = self.columnViewportPosition(0)
        if index.isValid() and index.column() == 0 and event.position().x() < left + PADDING + TWIST_COLUMN:
            self.unfold_wanted.emit(index.row(), None)
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row = self.currentIndex().row()
        wanted = {
            Qt.Key.Key_Right: (True,),
            Qt.Key.Key_Left: (False,),
            Qt.Key.Key_Return: (None,),
            Qt.Key.Key_Enter: (None,),
        }.get(Qt.Key(event.key()))
        if wanted is not None and row >= 0:
            self.unfold_wanted.emit(row, wanted[0])
            event.accept()
            return
        super().keyPressEvent(event)


class EventPane(QWidget):
    """Shows the event log; follows the newest entry until the person scrolls away from it."""

    object_wanted = Signal(object)  # ObjectRef to go to

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = EventModel(self)
        self.view = EventView(self)
        self.header = PaneHeader(self.tr("Events"), self)
        self.chips = {severity: Chip(severity.value, severity_word(severity), self) for severity in Severity}
        self.follow = flat_button(self, "follow", self.tr("Follow"), checkable=True)
        self.follow.setToolTip(self.tr("Keep the newest event in view (Home)"))
        self.pause = flat_button(self, "pause", "", checkable=True)
        self.pause.setToolTip(self.tr("Hold new events back"))
        self.pause.setAccessibleName(self.tr("Pause"))
        self.save_button = flat_button(self, "save", "")
        self.save_button.setToolTip(self.tr("Save the events that are shown…"))
        self.save_button.setAccessibleName(self.tr("Save events"))
        self.filter = FilterField(self.tr("Filter events"), self.tr("Filter events"))
        self._typing = QTimer(self, singleShot=True, interval=TYPING_PAUSE)
        self._held: list[LogEntry] = []
        self._newer = 0
        self._live = True
        self._placing = False
        self.empty = EmptyList(self.view)
        self.follow.setChecked(True)
        self._said = QTimer(self, singleShot=True, interval=SAID_FOR)
        self._prepare_view()
        self._lay_out()
        self._connect()
        self._count()
        self._say_usual()

    # What is shown

    def add(self, entries: Iterable[LogEntry]) -> None:
        """Show new entries, or hold them back while the pane is paused."""
        if self.pause.isChecked():
            self._held += entries
            self._say_held()
            return
        bar = self.view.verticalScrollBar()
        before = bar.value()
        self._placing = True
        added = self.model.add(entries)
        if self.follow.isChecked():
            self.view.scrollToTop()
        elif added:
            self._newer += added
            bar.setValue(before + added * self.view.verticalHeader().defaultSectionSize())
            self._say_follow()
        self._placing = False

    def show_picture(self, picture: Picture) -> None:
        """Take icons from *picture*; say when it is not live that nothing new comes."""
        self.model.show_objects(picture.snapshot, live=picture.live)
        if picture.live != self._live:
            self._live = picture.live
            self._count()
            self._say_usual()
        if not picture.live and not self._said.isActive():
            text = self.tr("stopped at {0}; missed events are fetched on reconnection").format(clock(picture.heard_at))
            self.header.set_subtitle(text, Tone.WARN)

    def _say_usual(self) -> None:
        self.header.set_subtitle(self.tr("all nodes, newest first"))

    def widths(self) -> list[int]:
        return [self.view.columnWidth(column) for column in range(TEXT)]

    def set_widths(self, widths: Sequence[int]) -> None:
        for column, width in enumerate(widths if len(widths) == TEXT else WIDTHS):
            self.view.setColumnWidth(column, width)

    # What the person does

    def selected_entries(self) -> list[LogEntry]:
        """Return the entries of the selected rows, in the order of the list."""
        rows = sorted(index.row() for index in self.view.selectionModel().selectedRows())
        found = {entry.sequence: entry for row in rows if (entry := self.model.entry_at(row)) is not None}
        return list(found.values())

    def copy(self) -> None:
        """Copy the selected entries, with their causes."""
        text = "\n".join(as_text(entry) for entry in self.selected_entries())
        if text:
            QGuiApplication.clipboard().setText(text)

    def save_as(self) -> None:
        """Ask for a file and save the entries that are shown into it."""
        dialog = QFileDialog(self, self.tr("Save Events"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(self.tr("Text (*.txt)"))
        dialog.setDefaultSuffix("txt")
        dialog.fileSelected.connect(lambda name: self.save(Path(name)))
        dialog.open()

    def save(self, file: Path) -> None:
        """Save the entries that are shown, oldest first; says in the header how it went."""
        entries = self.model.entries_shown()[::-1]
        try:
            file.write_text("".join(as_text(entry) + "\n" for entry in entries), encoding="utf-8")
        except OSError as exc:
            text = self.tr("{0} cannot be written: {1}").format(file, exc.strerror)
            self.header.set_subtitle(text, Tone.WARN)
        else:
            self.header.set_subtitle(self.tr("{0} events saved in {1}").format(len(entries), file))
        self._said.start()

    def unfold(self, row: int, wanted: bool | None = None) -> None:
        """Unfold or fold the entry in *row*; None does the other thing than is."""
        unfolded = self.model.is_unfolded(row)
        head = self.model.head_of(row)
        self.model.unfold(row, not unfolded if wanted is None else wanted)
        if unfolded:
            self.view.selectRow(head)

    # Events

    def _pause(self, paused: bool) -> None:
        held, self._held = self._held, []
        if not paused:
            self.add(held)
        self._say_held()

    def _say_held(self) -> None:
        self.pause.setText(self.tr("{0} held").format(len(self._held)) if self._held else "")

    def _follow(self, following: bool) -> None:
        if following:
            self._newer = 0
            self._placing = True
            self.view.scrollToTop()
            self._placing = False
        self._say_follow()

    def _say_follow(self) -> None:
        newer = not self.follow.isChecked() and self._newer
        self.follow.setText(self.tr("{0} newer").format(self._newer) if newer else self.tr("Follow"))

    def _scrolled(self, value: int) -> None:
        if self._placing:
            return
        if value > 0 and self.follow.isChecked():
            self.follow.setChecked(False)
        elif value == 0 and not self.follow.isChecked():
            self.follow.setChecked(True)

    def _choose_severities(self) -> None:
        self.model.set_severities(severity for severity, chip in self.chips.items() if chip.isChecked())

    def _count(self) -> None:
        for severity, chip in self.chips.items():
            chip.show_count(self.model.counts[severity], worded=False, stale=not self._live)

    def _show_empty(self) -> None:
        if self.model.rowCount():
            self.empty.hide()
        elif self.model.total:
            text = self.tr("The filter hides all {0} events.").format(self.model.total)
            self.empty.say(text, self.tr("Clear filter"), self.clear_filter)
        else:
            self.empty.say(self.tr("Nothing has happened yet that this window has heard of."), "", lambda: None)
        top = self.view.horizontalHeader().height() + 1
        self.empty.setGeometry(0, top, self.view.width(), max(0, self.view.height() - top))

    def clear_filter(self) -> None:
        """Show all events again."""
        self.filter.clear()
        for chip in self.chips.values():
            chip.setChecked(False)
        self.model.set_filter("")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_empty()

    def _menu(self, where: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        index = self.view.indexAt(where)
        entry = self.model.entry_at(index.row()) if index.isValid() else None
        if entry is not None and entry.object is not None:
            go = menu.addAction(self.tr("Go to {0}").format(entry.object_name))
            go.triggered.connect(lambda: self.object_wanted.emit(entry.object))
            menu.addSeparator()
        menu.addAction(self._copy_action)
        menu.addAction(self.tr("Save Events As…")).triggered.connect(self.save_as)
        menu.popup(self.view.viewport().mapToGlobal(where))

    def _double_clicked(self, index: QModelIndex) -> None:
        if index.column() == OBJECT and (entry := self.model.entry_at(index.row())) and entry.object is not None:
            self.object_wanted.emit(entry.object)
        elif index.column() != 0:
            self.unfold(index.row())

    # Parts

    def _prepare_view(self) -> None:
        self.view.setModel(self.model)
        dress_view(self.view, row=Height.EVENT_ROW)
        self.view.setAccessibleName(self.tr("Events"))
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.set_widths(WIDTHS)
        self._copy_action = QAction(self.tr("Copy"), self.view)
        self._copy_action.setShortcut(QKeySequence.StandardKey.Copy)
        self._copy_action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.view.addAction(self._copy_action)
        self._newest_action = QAction(self.tr("Newest"), self.view)
        self._newest_action.setShortcut(Qt.Key.Key_Home)
        self._newest_action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.view.addAction(self._newest_action)

    def _connect(self) -> None:
        self._copy_action.triggered.connect(self.copy)
        self._newest_action.triggered.connect(lambda: self.follow.setChecked(True))
        self.view.unfold_wanted.connect(self.unfold)
        self.view.doubleClicked.connect(self._double_clicked)
        self.view.customContextMenuRequested.connect(self._menu)
        self.view.verticalScrollBar().valueChanged.connect(self._scrolled)
        self.follow.toggled.connect(self._follow)
        self.pause.toggled.connect(self._pause)
        self.save_button.clicked.connect(self.save_as)
        self.filter.textChanged.connect(lambda _text: self._typing.start())
        self._said.timeout.connect(self._say_usual)
        self._typing.timeout.connect(lambda: self.model.set_filter(self.filter.text()))
        self.model.counted.connect(self._count)
        for changed in (self.model.modelReset, self.model.rowsInserted, self.model.rowsRemoved):
            changed.connect(lambda *_: self._show_empty())
        for chip in self.chips.values():
            chip.toggled.connect(self._choose_severities)

    def _lay_out(self) -> None:
        for widget in (*self.chips.values(), self.follow, self.pause, self.save_button):
            self.header.add_widget(widget)
        self.header.add_filter(self.filter)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(self.view, 1)
