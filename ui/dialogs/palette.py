"""Find object or command: one field for every object of the open cluster and every verb, with reasons for those off."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QDialog, QTableView, QVBoxLayout, QWidget

from ui.models.roles import Cell, Role, Tone
from ui.skins import dress_view
from ui.theme import Space
from ui.widgets.fields import FilterField

Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()

WIDTH, HEIGHT = 680, 420
MOST_RESULTS = 60
NAME_WIDTH = 300


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that can be found. *reason* says why it is off; then choosing it does nothing.

    Attributes:
        rank: lower comes first among equally good matches.
    """

    title: str
    detail: str
    choose: Callable[[], object]
    kind: str | None = None
    state: str | None = None
    reason: str = ""
    rank: int = 0


def find(entries: Sequence[Entry], text: str) -> list[Entry]:
    """Return the entries that have all words of *text*: those whose title begins with it first."""
    words = text.casefold().split()
    found: list[tuple[int, int, str, Entry]] = []
    for entry in entries:
        title = entry.title.casefold()
        everything = f"{title} {entry.detail.casefold()}"
        if all(word in everything for word in words):
            quality = 0 if title.startswith(text.casefold().strip()) else 1 if all(w in title for w in words) else 2
            found.append((quality, entry.rank, title, entry))
    found.sort(key=lambda one: one[:3])
    return [entry for *_, entry in found[:MOST_RESULTS]]


class _Results(QAbstractTableModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.entries: list[Entry] = []

    def show_entries(self, entries: list[Entry]) -> None:
        self.beginResetModel()
        self.entries = entries
        self.endResetModel()

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.entries)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else 2

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        entry = self.entries[index.row()]
        if role == Role.CELL:
            tone = Tone.TEXT2 if entry.reason else Tone.TEXT
            if index.column() == 0:
                return Cell(entry.title, kind=entry.kind, tone=tone)
            return Cell(entry.reason or entry.detail, state=entry.state, tone=Tone.TEXT2)
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.title if index.column() == 0 else entry.reason or entry.detail
        return None


class Palette(QDialog):
    """Type, go down, Enter."""

    def __init__(self, entries: Sequence[Entry], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Find Object or Command"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._entries = entries
        self._model = _Results(self)
        self.field = FilterField(
            self.tr("Name of an object, or a command"), self.tr("Find"), icon="search", parent=self
        )
        self.field.textChanged.connect(self._find)
        self.field.installEventFilter(self)
        self.view = QTableView(self)
        self.view.setModel(self._model)
        dress_view(self.view, framed=True)
        self.view.horizontalHeader().hide()
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.view.setAccessibleName(self.tr("Found"))
        self.view.setColumnWidth(0, NAME_WIDTH)
        self.view.clicked.connect(self._choose)
        self.view.activated.connect(self._choose)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.MEDIUM, Space.MEDIUM, Space.MEDIUM, Space.MEDIUM)
        column.setSpacing(Space.SMALL)
        column.addWidget(self.field)
        column.addWidget(self.view, 1)
        self.resize(WIDTH, HEIGHT)
        self._find("")

    @property
    def found(self) -> list[Entry]:
        """What is listed now."""
        return self._model.entries

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let arrow keys and Enter in the field move in the list."""
        if watched is self.field and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 10, Qt.Key.Key_PageUp: -10}
            step = steps.get(Qt.Key(event.key()))
            if step is not None:
                row = max(0, min(self._model.rowCount() - 1, self.view.currentIndex().row() + step))
                self.view.selectRow(row)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._choose(self.view.currentIndex())
                return True
        return super().eventFilter(watched, event)

    def _find(self, text: str) -> None:
        self._model.show_entries(find(self._entries, text))
        if self._model.rowCount():
            self.view.selectRow(0)

    def _choose(self, index: QModelIndex) -> None:
        if not index.isValid():
            return
        entry = self._model.entries[index.row()]
        if entry.reason:
            return
        self.accept()
        entry.choose()
