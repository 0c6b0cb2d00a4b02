"""The tree: one Qt model over a picture of the cluster, item by item as the original has it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from PySide6.QtCore import QAbstractItemModel, QMimeData, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from nodeagent.api.objects import (
    ClusterObject,
    Group,
    GroupState,
    Network,
    NetworkState,
    Node,
    NodeState,
    ObjectKind,
    ObjectRef,
    Snapshot,
    ref,
)
from ui.models.arranging import rows_to_insert, rows_to_remove
from ui.models.columns import drawing_of, glyph_of, name_of, natural, tone_of
from ui.models.dragging import MIME_TYPE, drop_of, mime_data
from ui.models.dragging import dragged as dragged_objects
from ui.models.picture import Picture
from ui.models.places import CLUSTER, Branch, Place
from ui.models.roles import Cell, Role

Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()
_Named = TypeVar("_Named", Node, Group, Network)

# What a row's glyph at the right does not show: that all is as it should be.
NORMAL = {(NodeState, NodeState.UP), (GroupState, GroupState.ONLINE), (NetworkState, NetworkState.UP)}
_TABLES = ("cluster", "nodes", "groups", "types", "networks", "interfaces")
# Worst first; a parent shows the worst of what it holds.
WORST_GLYPHS = ("Failed", "Down", "Unknown", "Pending", "Joining", "stale", "Partially Online", "Paused", "Partitioned")


class _Item:
    """One item; Qt knows it by *number*, since it does not keep Python objects alive."""

    __slots__ = ("cell", "children", "number", "parent", "place", "row", "seen")

    def __init__(self, place: Place, parent: "_Item | None", number: int) -> None:
        self.place = place
        self.parent = parent
        self.number = number
        self.row = 0
        self.children: list[_Item] = []
        self.cell = Cell()
        self.seen: ClusterObject | None = None  # the object that the cell was made of


class TreeModel(QAbstractItemModel):
    """The items of one cluster; items that did not change are left alone, so what is unfolded stays so."""

    renamed = Signal(ObjectRef, str)
    dropped = Signal(object)  # a dragging.Drop

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.picture: Picture | None = None
        self._root: _Item | None = None
        self._items: dict[int, _Item] = {}
        self._by_place: dict[Place, _Item] = {}
        self._filter = ""
        self._last_number = 0
        self._same_nodes = False

    # What is shown

    def update(self, picture: Picture) -> None:
        """Show *picture*, changing only what differs from the one before."""
        before, self.picture = self.picture, picture
        self._same_nodes = (
            before is not None and before.live == picture.live and before.snapshot.nodes is picture.snapshot.nodes
        )
        if before is not None and self._same_nodes and _same_tree(before.snapshot, picture.snapshot):
            return
        if self._root is None:
            self.beginInsertRows(QModelIndex(), 0, 0)
            self._root = self._make(CLUSTER, None)
            self._root.cell = self._cell(CLUSTER)
            self.endInsertRows()
        self._show(self._root)

    def set_filter(self, text: str) -> None:
        """Show only items whose name contains *text*, and what leads to them."""
        self._filter = text.strip().casefold()
        if self._root is not None:
            self._show(self._root)

    # Places

    def place_at(self, index: Index) -> Place | None:
        item = self._item(index)
        return item.place if item is not None else None

    def object_at(self, index: Index) -> ClusterObject | None:
        """Return the object that an item stands for; a folder stands for none."""
        place = self.place_at(index)
        if place is None or self.picture is None:
            return None
        return self.object_of(place)

    def object_of(self, place: Place) -> ClusterObject | None:
        if self.picture is None:
            return None
        if place.branch is Branch.CLUSTER:
            return self.picture.snapshot.cluster
        return self.picture.object(place.reference) if place.reference is not None else None

    def index_of(self, place: Place) -> QModelIndex:
        """Return the item's index, or an invalid one when it is not shown."""
        item = self._by_place.get(place)
        return QModelIndex() if item is None else self.createIndex(item.row, 0, item.number)

    # Qt's interface

    def index(self, row: int, column: int, parent: Index = _NO_PARENT) -> QModelIndex:
        children = self._children(parent)
        if column != 0 or not 0 <= row < len(children):
            return QModelIndex()
        return self.createIndex(row, 0, children[row].number)

    def parent(self, index: Index = _NO_PARENT) -> Any:
        item = self._item(index)
        if item is None or item.parent is None:
            return QModelIndex()
        return self.createIndex(item.parent.row, 0, item.parent.number)

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return len(self._children(parent))

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Role.CELL:
            item = self._item(index)
            return item.cell if item else None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            item = self._item(index)
            return item.cell.text if item else None
        if role == Qt.ItemDataRole.AccessibleTextRole:
            item = self._item(index)
            return f"{item.cell.text} {item.cell.right_glyph or item.cell.right_text or ''}".strip() if item else None
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        flags = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled
        item = self.object_at(index)
        if isinstance(item, Group):
            flags |= Qt.ItemFlag.ItemIsDragEnabled
        if isinstance(self._drop_target(index), Group | Node):
            flags |= Qt.ItemFlag.ItemIsDropEnabled
        if item is not None and ref(item).kind in (ObjectKind.CLUSTER, ObjectKind.GROUP, ObjectKind.NETWORK):
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        item = self.object_at(index)
        if role == Qt.ItemDataRole.EditRole and item is not None and str(value) != item.name:
            self.renamed.emit(ref(item), str(value))
        return False

    # Drag and drop

    def mimeTypes(self) -> list[str]:
        return [MIME_TYPE]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        assert self.picture is not None
        items = [item for index in indexes if (item := self.object_at(index)) is not None]
        return mime_data(self.picture.snapshot.cluster.id, [ref(item) for item in items])

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.CopyAction | Qt.DropAction.MoveAction

    def canDropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index) -> bool:
        if self.picture is None:
            return False
        snapshot = self.picture.snapshot
        drop = drop_of(dragged_objects(data, snapshot), self._drop_target(parent), snapshot)
        return drop is not None and drop.problem is None

    def dropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index) -> bool:
        if self.picture is not None:
            snapshot = self.picture.snapshot
            drop = drop_of(dragged_objects(data, snapshot), self._drop_target(parent), snapshot)
            if drop is not None:
                self.dropped.emit(drop)
        return False  # the cluster moves it, not the view

    def _drop_target(self, index: Index) -> ClusterObject | None:
        """Return what a drop on an item means: a node's folders mean the node."""
        place = self.place_at(index)
        if place is not None and place.branch in (Branch.ACTIVE_GROUPS, Branch.ACTIVE_RESOURCES):
            return self.object_of(Place(Branch.NODE, place.id))
        return self.object_at(index)

    # Items

    def _item(self, index: Index) -> _Item | None:
        return self._items.get(index.internalId()) if index.isValid() else None

    def _children(self, parent: Index) -> list[_Item]:
        if not parent.isValid():
            return [self._root] if self._root is not None else []
        item = self._item(parent)
        return item.children if item is not None else []

    def _make(self, place: Place, parent: _Item | None) -> _Item:
        self._last_number += 1
        item = _Item(place, parent, self._last_number)
        self._items[item.number] = item
        self._by_place[place] = item
        return item

    def _drop_item(self, item: _Item) -> None:
        for child in item.children:
            self._drop_item(child)
        del self._items[item.number]
        if self._by_place.get(item.place) is item:
            del self._by_place[item.place]

    def _show(self, item: _Item) -> None:
        """Bring *item* and all below it in line with the picture."""
        found = self.object_of(item.place)
        unchanged = found is not None and found is item.seen and self._same_nodes
        cell = item.cell if unchanged and item.parent is not None else self._cell(item.place)
        item.seen = found
        if cell != item.cell:
            item.cell = cell
            index = self.createIndex(item.row, 0, item.number)
            self.dataChanged.emit(index, index)
        wanted = [place for place in self._below(item.place) if self._passes(place)]
        if wanted != [child.place for child in item.children]:
            self._arrange(item, wanted)
        for child in item.children:
            self._show(child)

    def _arrange(self, item: _Item, wanted: list[Place]) -> None:
        index = self.createIndex(item.row, 0, item.number)
        for first, last in rows_to_remove([child.place for child in item.children], set(wanted)):
            self.beginRemoveRows(index, first, last)
            for child in item.children[first : last + 1]:
                self._drop_item(child)
            del item.children[first : last + 1]
            _number(item.children)
            self.endRemoveRows()
        have = {child.place for child in item.children}
        self._reorder(item, [place for place in wanted if place in have])
        for first, last in rows_to_insert(have, wanted):
            self.beginInsertRows(index, first, last)
            made = [self._make(place, item) for place in wanted[first : last + 1]]
            for child in made:
                child.cell = self._cell(child.place)
            item.children[first:first] = made
            _number(item.children)
            self.endInsertRows()

    def _reorder(self, item: _Item, wanted: list[Place]) -> None:
        index = self.createIndex(item.row, 0, item.number)
        for row, place in enumerate(wanted):
            now = next(n for n, child in enumerate(item.children) if child.place == place)
            if now != row:  # always later: what is before has its place
                self.beginMoveRows(index, now, now, index, row)
                item.children.insert(row, item.children.pop(now))
                _number(item.children)
                self.endMoveRows()

    # What the cluster has

    def _below(self, place: Place) -> Iterator[Place]:
        assert self.picture is not None
        snapshot = self.picture.snapshot
        match place.branch:
            case Branch.CLUSTER:
                yield from map(Place, (Branch.GROUPS, Branch.RESOURCES, Branch.CONFIGURATION))
                yield from (Place(Branch.NODE, str(node.id)) for node in _by_name(snapshot.nodes.values()))
            case Branch.GROUPS:
                yield from (Place(Branch.GROUP, group.id) for group in _by_name(snapshot.groups.values()))
            case Branch.CONFIGURATION:
                yield from map(Place, (Branch.TYPES, Branch.NETWORKS, Branch.INTERFACES))
            case Branch.NETWORKS:
                yield from (Place(Branch.NETWORK, network.id) for network in _by_name(snapshot.networks.values()))
            case Branch.NODE:
                for branch in (Branch.ACTIVE_GROUPS, Branch.ACTIVE_RESOURCES, Branch.NODE_INTERFACES):
                    yield Place(branch, place.id)
            case Branch.ACTIVE_GROUPS:
                for group in _by_name(self.picture.groups_on.get(int(place.id), ())):
                    yield Place(Branch.ACTIVE_GROUP, group.id, place.id)

    def _passes(self, place: Place) -> bool:
        if not self._filter or self._filter in self._name(place).casefold():
            return True
        return any(self._passes(below) for below in self._below(place))

    def _name(self, place: Place) -> str:
        assert self.picture is not None
        item = self.object_of(place)
        return name_of(place if item is None else item, self.picture)

    def _cell(self, place: Place) -> Cell:
        picture = self.picture
        assert picture is not None
        if place.branch is Branch.CLUSTER:
            return Cell(
                picture.snapshot.cluster.name,
                kind="cluster",
                strong=True,
                right_glyph=worst_glyph(picture),
                tone=tone_of(place, picture),
            )
        item = self.object_of(place)
        if item is None:
            count = self._count(place)
            return Cell(
                name_of(place, picture),
                kind=drawing_of(place),
                right_text=None if count is None else str(count),
                tone=tone_of(place, picture),
            )
        normal = isinstance(item, Node | Group | Network) and (type(item.state), item.state) in NORMAL
        shown = not normal or (picture.live and picture.stale_since(item) is not None)
        return Cell(
            item.name,
            kind=drawing_of(item),
            right_glyph=glyph_of(item, picture) if shown else None,
            tone=tone_of(item, picture),
        )

    def _count(self, place: Place) -> int | None:
        picture = self.picture
        assert picture is not None
        snapshot = picture.snapshot
        match place.branch:
            case Branch.GROUPS:
                return len(snapshot.groups)
            case Branch.RESOURCES:
                return len(snapshot.resources)
            case Branch.TYPES:
                return len(snapshot.types)
            case Branch.NETWORKS:
                return len(snapshot.networks)
            case Branch.INTERFACES:
                return len(snapshot.interfaces)
            case Branch.ACTIVE_GROUPS:
                return len(picture.groups_on.get(int(place.id), ()))
            case Branch.ACTIVE_RESOURCES:
                groups = picture.groups_on.get(int(place.id), ())
                return sum(len(picture.resources_in.get(group.id, ())) for group in groups)
            case Branch.NODE_INTERFACES:
                return len(picture.interfaces_of.get(int(place.id), ()))
        return None


def _same_tree(old: Snapshot, new: Snapshot) -> bool:
    """Tell whether nothing that the tree shows can differ: resources changed at most, and none came, went or moved."""
    if any(getattr(old, table) is not getattr(new, table) for table in _TABLES):
        return False
    if old.resources is new.resources:
        return True
    if len(old.resources) != len(new.resources):
        return False
    return all(
        (was := old.resources.get(key)) is item or (was is not None and was.group == item.group)
        for key, item in new.resources.items()
    )


def worst_glyph(picture: Picture) -> str | None:
    """Return the glyph of the worst that the cluster has; None when all is as it should be."""
    snapshot = picture.snapshot
    items: list[ClusterObject] = [*snapshot.nodes.values(), *snapshot.groups.values(), *snapshot.networks.values()]
    found = {glyph_of(item, picture) for item in items}
    return next((glyph for glyph in WORST_GLYPHS if glyph in found), None)


def _by_name(items: Iterable[_Named]) -> list[_Named]:
    return sorted(items, key=lambda item: natural(item.name))


def _number(children: list[_Item]) -> None:
    for row, child in enumerate(children):
        child.row = row
