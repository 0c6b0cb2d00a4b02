"""The event log: one Qt model, newest entry first, whose entries unfold to their causes."""

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from nodeagent.api.events import LogEntry, Severity
from nodeagent.api.objects import Resource, Snapshot
from ui.models.eventlines import Line, lines_of, what_happened
from ui.models.filters import Filter, parse_filter
from ui.models.roles import Cell, Role, Tone
from ui.words import clock_with_milliseconds, local_time

Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()

KEYS = frozenset({"node", "object", "text"})
MOST_ENTRIES = 100_000
DROPPED_AT_ONCE = 10_000
TIME, NODE, OBJECT, TEXT = range(4)


class EventModel(QAbstractTableModel):
    """Entries of one cluster's event log; a row is an entry or one of the lines below an unfolded one."""

    counted = Signal()  # how many entries there are of each severity

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._entries: list[LogEntry] = []  # newest first
        self._known: set[int] = set()
        self._rows: list[tuple[LogEntry, Line | None]] = []
        self._unfolded: set[int] = set()
        self._filter = Filter()
        self._severities: frozenset[Severity] = frozenset()
        self._snapshot: Snapshot | None = None
        self._live = True
        self.counts: Counter[Severity] = Counter()

    # What is shown

    def add(self, entries: Iterable[LogEntry]) -> int:
        """Add entries, in any order, and return how many rows that put on top. Known ones are left out."""
        new = sorted((e for e in entries if e.sequence not in self._known), key=lambda e: e.sequence, reverse=True)
        if not new:
            return 0
        self._known.update(entry.sequence for entry in new)
        self.counts.update(entry.severity for entry in new)
        newer = not self._entries or new[-1].sequence > self._entries[0].sequence
        added = 0
        if newer:
            self._entries[:0] = new
            added = self._put_on_top([entry for entry in new if self._passes(entry)])
        else:
            self._entries = sorted([*self._entries, *new], key=lambda e: e.sequence, reverse=True)
            self._rebuild()
        self._drop_oldest()
        self.counted.emit()
        return added

    def show_objects(self, snapshot: Snapshot | None, *, live: bool) -> None:
        """Take the icons of objects from *snapshot*; while the cluster is not heard nothing has colour."""
        self._snapshot = snapshot
        if live != self._live:
            self._live = live
            if self._rows:
                self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, TEXT))

    def set_filter(self, text: str) -> None:
        """Show only entries with these words; ``node:`` and ``object:`` look in one column."""
        wanted = parse_filter(text, KEYS)
        if wanted != self._filter:
            self._filter = wanted
            self._rebuild()

    def set_severities(self, severities: Iterable[Severity]) -> None:
        """Show only entries of these severities; none means all."""
        self._severities = frozenset(severities)
        self._rebuild()

    @property
    def total(self) -> int:
        return len(self._entries)

    @property
    def shown(self) -> int:
        """How many entries pass the filter."""
        return sum(line is None for _, line in self._rows)

    def entry_at(self, row: int) -> LogEntry | None:
        """Return the entry that a row is, or belongs to."""
        return self._rows[row][0] if 0 <= row < len(self._rows) else None

    def entries_shown(self) -> list[LogEntry]:
        """Return the entries that pass the filter, newest first."""
        return [entry for entry, line in self._rows if line is None]

    def is_unfolded(self, row: int) -> bool:
        entry = self.entry_at(row)
        return entry is not None and entry.sequence in self._unfolded

    def unfold(self, row: int, unfolded: bool) -> None:
        """Show or hide the lines below the entry in *row*, or whose line *row* is."""
        entry = self.entry_at(row)
        if entry is None or (entry.sequence in self._unfolded) is unfolded:
            return
        head = self.head_of(row)
        lines = lines_of(entry)
        if unfolded:
            self._unfolded.add(entry.sequence)
            self.beginInsertRows(QModelIndex(), head + 1, head + len(lines))
            self._rows[head + 1 : head + 1] = [(entry, line) for line in lines]
            self.endInsertRows()
        else:
            self._unfolded.discard(entry.sequence)
            self.beginRemoveRows(QModelIndex(), head + 1, head + len(lines))
            del self._rows[head + 1 : head + 1 + len(lines)]
            self.endRemoveRows()
        self.dataChanged.emit(self.index(head, TIME), self.index(head, TIME))

    def head_of(self, row: int) -> int:
        """Return the row of the entry to which *row* belongs."""
        while row > 0 and self._rows[row][1] is not None:
            row -= 1
        return row

    # Qt's interface

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else 4

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Role.CELL:
            return self._cell(index.row(), index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return self._cell(index.row(), index.column()).text
        if role == Qt.ItemDataRole.AccessibleTextRole and index.column() == TIME:
            entry, line = self._rows[index.row()]
            return "" if line else f"{entry.severity.value} {clock_with_milliseconds(entry.at)}"
        if role == Role.OBJECT_REF:
            return self._rows[index.row()][0].object
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            titles = (self.tr("Time"), self.tr("Node"), self.tr("Object"), self.tr("What happened, and why"))
            return titles[section] if section < len(titles) else None
        return None

    def _cell(self, row: int, column: int) -> Cell:
        entry, line = self._rows[row]
        tone = Tone.TEXT if self._live else Tone.STALE
        if line is not None:
            return _cell_of_line(line, column, tone)
        match column:
            case 0:  # TIME
                unfolded = entry.sequence in self._unfolded
                state = entry.severity.value
                usual = Tone.TEXT2 if self._live else Tone.STALE
                return Cell(self._time(entry), state=state, twist=unfolded, mono=True, tone=usual)
            case 1:  # NODE
                return Cell(entry.node, tone=tone)
            case 2:  # OBJECT
                return Cell(entry.object_name, kind=self._kind(entry), tone=tone)
        failed = entry.severity is Severity.ERROR and self._live
        return Cell(what_happened(entry), tone=Tone.FAILED if failed else tone)

    def _time(self, entry: LogEntry) -> str:
        """Return the time of day, or for an entry of another day than today its day."""
        when = local_time(entry.at)
        if when.date() == local_time(time.time()).date():
            return clock_with_milliseconds(entry.at)
        return when.strftime("%d %b %H:%M")

    def _kind(self, entry: LogEntry) -> str | None:
        if entry.object is None:
            return None
        if self._snapshot is not None and isinstance(found := self._snapshot.get(entry.object), Resource):
            return found.type
        return entry.object.kind.value

    # Order, filter, bound

    def _passes(self, entry: LogEntry) -> bool:
        if self._severities and entry.severity not in self._severities:
            return False
        if not self._filter:
            return True
        return self._filter.matches(lambda: _everything(entry), lambda key: _part(entry, key))

    def _put_on_top(self, entries: list[LogEntry]) -> int:
        if not entries:
            return 0
        self.beginInsertRows(QModelIndex(), 0, len(entries) - 1)
        self._rows[:0] = [(entry, None) for entry in entries]
        self.endInsertRows()
        return len(entries)

    def _rebuild(self) -> None:
        self.beginResetModel()
        rows: list[tuple[LogEntry, Line | None]] = []
        for entry in self._entries:
            if self._passes(entry):
                rows.append((entry, None))
                if entry.sequence in self._unfolded:
                    rows += ((entry, line) for line in lines_of(entry))
        self._rows = rows
        self.endResetModel()

    def _drop_oldest(self) -> None:
        if len(self._entries) <= MOST_ENTRIES:
            return
        dropped = self._entries[MOST_ENTRIES - DROPPED_AT_ONCE :]
        del self._entries[MOST_ENTRIES - DROPPED_AT_ONCE :]
        gone = {entry.sequence for entry in dropped}
        self._known -= gone
        self._unfolded -= gone
        self.counts.subtract(entry.severity for entry in dropped)
        first = next((row for row, (entry, _) in enumerate(self._rows) if entry.sequence in gone), len(self._rows))
        if first < len(self._rows):
            self.beginRemoveRows(QModelIndex(), first, len(self._rows) - 1)
            del self._rows[first:]
            self.endRemoveRows()


def _cell_of_line(line: Line, column: int, tone: Tone) -> Cell:
    if column == OBJECT:
        return Cell(line.label, tone=Tone.TEXT2, align_right=True, unfolded=True)
    if column == TEXT:
        return Cell(line.text, tone=tone, mono=line.mono, unfolded=True)
    return Cell(unfolded=True)


def _part(entry: LogEntry, key: str) -> str:
    match key:
        case "node":
            return entry.node.casefold()
        case "object":
            return entry.object_name.casefold()
    return what_happened(entry).casefold()


def _everything(entry: LogEntry) -> str:
    lines = "\n".join(line.text for line in lines_of(entry))
    return f"{entry.node}\n{entry.object_name}\n{what_happened(entry)}\n{lines}".casefold()
