"""A cluster in every state, as the gallery shows it: the rows of a list, of events, and a tree."""

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QTreeView

from ui.models.roles import Cell, Role, Tone
from ui.skins import dress_view

STATES = (
    "Online",
    "Offline",
    "Failed",
    "Online Pending",
    "Offline Pending",
    "Partially Online",
    "Paused",
    "Unknown",
    "Stale",
    "Warning",
    "Partitioned",
    "Progress",
    "Information",
)
ROWS = (
    ("generic-application", "Notepad", "Online", "atlas", None, "Restarted 1 of 3 times in 15 min"),
    ("physical-disk", "Mail Queue Disk", "Unknown", "doris", "down", "doris does not answer; takeover in 2.1 s"),
    ("generic-service", "Metrics Store", "Stale", "eos", "stale", "as of 14:30:29, 38 s ago"),
    ("generic-application", "Orders API", "Offline", "boreas", None, "Waits for PostgreSQL"),
    ("ip-address", "Orders IP", "Online", "boreas", None, "10.20.0.41 on eth1"),
    ("network-name", "Orders Name", "Online", "boreas", None, "orders.example.net"),
    ("generic-service", "PostgreSQL", "Online Pending", "boreas", None, "12 s of 180 s: replaying write-ahead log"),
    ("generic-script", "Nightly Report", "Offline Pending", "atlas", None, "44 s of 60 s: waiting for job 812 to end"),
    ("file-share", "Homes <b>", "Paused", "ceres", "paused", "Taken offline by anna, 13:02: “quota check”"),
    ("witness", "Witness", "Partially Online", "boreas", None, "3 of 5 votes present"),
    ("resource", "Shop Worker", "Failed", "atlas", None, "Exit code 1; 3 of 3 restarts used in 15 min"),
)


class Rows(QAbstractTableModel):
    """Cells as they are."""

    def __init__(self, titles: tuple[str, ...], rows: list[list[Cell]]) -> None:
        super().__init__()
        self._titles, self._rows = titles, rows

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008, N802
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008, N802
        return 0 if parent.isValid() else len(self._titles)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: N802
        shown = role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal
        return self._titles[section] if shown else None

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        cell = self._rows[index.row()][index.column()]
        if role == Role.CELL:
            return cell
        return cell.text if role == Qt.ItemDataRole.DisplayRole else None


def resource_rows() -> Rows:
    rows = []
    for kind, name, state, owner, glyph, note in ROWS:
        stale = Tone.STALE if state == "Stale" else None
        pending = tuple(float(word) for word in note.split() if word.isdecimal())[:2] if "Pending" in state else None
        rows.append(
            [
                Cell(name, kind=kind, tone=stale or Tone.TEXT),
                Cell("Online" if stale else state, state=state, tone=stale or Tone.TEXT),
                Cell(owner, owner_glyph=glyph, tone=stale or Tone.TEXT),
                Cell(kind.replace("-", " ").title(), tone=stale or Tone.TEXT2),
                Cell(note, pending=pending if pending and len(pending) == 2 else None, tone=stale or Tone.TEXT2),
            ]
        )
    return Rows(("Name", "State", "Owner", "Resource Type", "Information"), rows)


def event_rows() -> Rows:
    def event(clock: str, severity: str, node: str, thing: tuple[str, str], what: str) -> list[Cell]:
        kind, name = thing
        tone = Tone.FAILED if severity == "error" else Tone.TEXT
        return [
            Cell(clock, state=severity, twist=name == "Shop Worker", mono=True, tone=Tone.TEXT2),
            Cell(node),
            Cell(name, kind=kind),
            Cell(what, tone=tone),
        ]

    def line(label: str, text: str, *, mono: bool = False) -> list[Cell]:
        first = [
            Cell(unfolded=True),
            Cell(unfolded=True),
            Cell(label, align_right=True, tone=Tone.TEXT2, unfolded=True),
        ]
        return [*first, Cell(text, mono=mono, unfolded=True)]

    rows = [
        event(
            "14:31:07.482",
            "error",
            "atlas",
            ("resource", "Shop Worker"),
            "Failed: exit code 1; no restart left",
        ),
        line("Cause", "IsAlive: the process ended by itself (exit code 1); not stopped by the cluster"),
        line("Last output", "shop-worker[8123]: FATAL cannot open /etc/shop/queue.toml", mono=True),
        event("14:31:05.903", "progress", "boreas", ("generic-service", "PostgreSQL"), "Online Pending: 62 %"),
        event("14:31:02.377", "warning", "atlas", ("generic-application", "Notepad"), "Restarted, 3 of 3 in 15 min"),
        event("14:30:58.011", "information", "ceres", ("node", "ceres"), "Paused by anna: “kernel update”"),
    ]
    return Rows(("Time", "Node", "Object", "What happened, and why"), rows)


def tree() -> QTreeView:
    model = QStandardItemModel()

    def add(parent: QStandardItem, text: str, kind: str, **roles: object) -> QStandardItem:
        item = QStandardItem(text)
        item.setData(kind, Role.KIND)
        for name, value in roles.items():
            item.setData(value, Role[name])
        parent.appendRow(item)
        return item

    cluster = add(model.invisibleRootItem(), "WEBFARM", "cluster", STRONG=True, RIGHT_GLYPH="failed")
    groups = add(cluster, "Groups", "folder", RIGHT_TEXT="8")
    for name, state in (
        ("Cluster Group", None),
        ("File Services", "partially-online"),
        ("High Availability Notepad and more", "stale"),
        ("Mail Relay", "unknown"),
        ("Orders Database", "online-pending"),
        ("Reporting", "offline-pending"),
        ("Web Shop", "failed"),
    ):
        add(groups, name, "group", **({"RIGHT_GLYPH": state} if state else {}))
    resources = add(cluster, "Resources", "resources", RIGHT_TEXT="20")
    networks = add(cluster, "Networks", "folder", RIGHT_TEXT="2")
    add(networks, "Public", "network", RIGHT_GLYPH="partitioned")
    add(cluster, "ceres", "node", RIGHT_GLYPH="paused")
    view = QTreeView()
    model.setParent(view)
    view.setModel(model)
    view.setHeaderHidden(True)
    dress_view(view)
    view.expandAll()
    view.setCurrentIndex(resources.index())
    return view
