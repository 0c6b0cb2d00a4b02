"""The columns of each list, in the original's order, and what a row shows in them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from PySide6.QtCore import QCoreApplication

from nodeagent.api.objects import (
    ClusterObject,
    Interface,
    Network,
    NodeState,
    ObjectRef,
    Resource,
    ResourceState,
    ResourceType,
    kind_of,
    ref,
)
from ui.models.information import information, pending
from ui.models.picture import Picture
from ui.models.places import Branch, Place
from ui.models.roles import Cell, Tone
from ui.words import QT_TRANSLATE_NOOP, english_state, role_word, state_of, state_word

_tr = partial(QCoreApplication.translate, "columns")

Row = ClusterObject | Place
RowId = ObjectRef | Place

FOLDER_TITLES = {
    Branch.GROUPS: QT_TRANSLATE_NOOP("columns", "Groups"),
    Branch.RESOURCES: QT_TRANSLATE_NOOP("columns", "Resources"),
    Branch.CONFIGURATION: QT_TRANSLATE_NOOP("columns", "Cluster Configuration"),
    Branch.TYPES: QT_TRANSLATE_NOOP("columns", "Resource Types"),
    Branch.NETWORKS: QT_TRANSLATE_NOOP("columns", "Networks"),
    Branch.INTERFACES: QT_TRANSLATE_NOOP("columns", "Network Interfaces"),
    Branch.ACTIVE_GROUPS: QT_TRANSLATE_NOOP("columns", "Active Groups"),
    Branch.ACTIVE_RESOURCES: QT_TRANSLATE_NOOP("columns", "Active Resources"),
    Branch.NODE_INTERFACES: QT_TRANSLATE_NOOP("columns", "Network Interfaces"),
}
FOLDER_DRAWINGS = {
    Branch.RESOURCES: "resources",
    Branch.ACTIVE_RESOURCES: "resources",
    Branch.TYPES: "resource-types",
    Branch.INTERFACES: "interface",
    Branch.NODE_INTERFACES: "interface",
}
_NUMBERS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        key: its name in settings and filters.
        width: default, in logical pixels.
        text: what it says about a row; filters look in it.
        cell: what is drawn, when that is more than the text.
        order: what rows are sorted by, when that is not the text.
        search: what its filter looks in, when that is more than the text.
        wide: shown by default only where there is much room.
    """

    key: str
    title: str
    width: int
    text: Callable[[Any, Picture], str]
    cell: Callable[[Any, Picture], Cell] | None = None
    order: Callable[[Any, Picture], Any] | None = None
    search: Callable[[Any, Picture], str] | None = None
    wide: bool = False

    def header(self) -> str:
        return _tr(self.title)

    def cell_of(self, row: Row, picture: Picture) -> Cell:
        if self.cell is not None:
            return self.cell(row, picture)
        return Cell(self.text(row, picture), tone=tone_of(row, picture, Tone.TEXT2))

    def searched(self, row: Row, picture: Picture) -> str:
        return (self.text if self.search is None else self.search)(row, picture).casefold()

    def order_of(self, row: Row, picture: Picture) -> Any:
        return natural(self.text(row, picture)) if self.order is None else self.order(row, picture)


@lru_cache(maxsize=65_536)  # names are sorted again at every change, and hardly ever change
def natural(text: str) -> tuple[str | int, ...]:
    """Return what makes node2 come before node10."""
    return tuple(int(part) if number else part for number, part in _parts(text))


def _parts(text: str) -> list[tuple[int, str]]:
    return [(place % 2, part) for place, part in enumerate(_NUMBERS.split(text.casefold()))]


def row_id(row: Row) -> RowId:
    return row if isinstance(row, Place) else ref(row)


def tone_of(row: Row, picture: Picture, usual: Tone = Tone.TEXT) -> Tone:
    """Return STALE for what is not known to be current, else *usual*."""
    if isinstance(row, Place):
        return usual if picture.live else Tone.STALE
    return usual if picture.stale_since(row) is None else Tone.STALE


def drawing_of(row: Row) -> str:
    """Return the name of the row's kind icon: a resource has its type's."""
    if isinstance(row, Place):
        return FOLDER_DRAWINGS.get(row.branch, "folder")
    if isinstance(row, Resource):
        return row.type
    return row.name if isinstance(row, ResourceType) else kind_of(row).value


def name_of(row: Row, picture: Picture) -> str:
    del picture
    if isinstance(row, Place):
        return _tr(FOLDER_TITLES[row.branch])
    if isinstance(row, ResourceType):
        return row.display_name or row.name
    return row.name


def _name_cell(row: Row, picture: Picture) -> Cell:
    return Cell(name_of(row, picture), kind=drawing_of(row), tone=tone_of(row, picture))


def state_text(row: Row, picture: Picture) -> str:
    del picture
    state = None if isinstance(row, Place) else state_of(row)
    return "" if state is None else state_word(state)


def glyph_of(item: ClusterObject, picture: Picture) -> str | None:
    """Return the name of the state's glyph: the clock for a single object not heard of, else that of its state."""
    state = state_of(item)
    if state is None:
        return None
    if picture.live and picture.stale_since(item) is not None:
        return "stale"
    return english_state(state)


def _state_cell(row: Row, picture: Picture) -> Cell:
    if isinstance(row, Place):
        return Cell()
    return Cell(state_text(row, picture), state=glyph_of(row, picture), tone=tone_of(row, picture))


def _state_search(row: Row, picture: Picture) -> str:
    """The state's word, and "stale" for what is not known to be in it any more."""
    stale = not isinstance(row, Place) and glyph_of(row, picture) == "stale"
    return f"{state_text(row, picture)} {_tr('stale') if stale else ''}"


def _state_order(row: Row, picture: Picture) -> tuple[int, str]:
    """Exceptions first: that is what people sort by state for."""
    text = state_text(row, picture)
    glyph = "" if isinstance(row, Place) else (glyph_of(row, picture) or "").casefold()
    ranks = ("failed", "down", "unknown", "stale", "pending", "parti", "paused", "joining", "initializing")
    rank = next((place for place, word in enumerate(ranks) if word in glyph), len(ranks))
    return (rank, text)


def owner_text(row: Row, picture: Picture) -> str:
    if isinstance(row, Interface):
        return picture.snapshot.node_name(row.node)
    node = None if isinstance(row, Place) else picture.owner_of(row)
    return node.name if node else ""


def _owner_cell(row: Row, picture: Picture) -> Cell:
    node = None if isinstance(row, Place) else picture.owner_of(row)
    normal = node is None or node.state is NodeState.UP
    return Cell(
        owner_text(row, picture),
        owner_glyph=None if normal or node is None else glyph_of(node, picture),
        tone=tone_of(row, picture),
    )


def _information_text(row: Row, picture: Picture) -> str:
    return "" if isinstance(row, Place) else information(row, picture)


def _information_cell(row: Row, picture: Picture) -> Cell:
    bar = pending(row, picture) if isinstance(row, Resource) else None
    late = bar is not None and bar[0] > bar[1] / 2
    failed = isinstance(row, Resource) and row.state is ResourceState.FAILED
    usual = Tone.WARN if late else Tone.TEXT if failed else Tone.TEXT2
    return Cell(_information_text(row, picture), pending=bar, tone=tone_of(row, picture, usual))


def _description(row: Row, picture: Picture) -> str:
    del picture
    return "" if isinstance(row, Place) else row.description


def _type(row: Resource, picture: Picture) -> str:
    kind = picture.snapshot.types.get(row.type)
    return kind.display_name or kind.name if kind else row.type


def _group(row: Resource, picture: Picture) -> str:
    return picture.group_name(row.group)


def _group_cell(row: Resource, picture: Picture) -> Cell:
    return Cell(_group(row, picture), tone=tone_of(row, picture))


def _network(row: Interface, picture: Picture) -> str:
    found = picture.snapshot.networks.get(row.network)
    return found.name if found else ""


def _interface_node_cell(row: Interface, picture: Picture) -> Cell:
    return Cell(owner_text(row, picture), kind="interface", tone=tone_of(row, picture))


def _type_name(row: ResourceType, picture: Picture) -> str:
    del picture
    return row.name


def _type_owners(row: ResourceType, picture: Picture) -> str:
    if set(row.possible_owners) >= set(picture.snapshot.nodes):
        return _tr("every node")
    return ", ".join(picture.snapshot.node_name(node) for node in row.possible_owners)


def _role(row: Network, picture: Picture) -> str:
    del picture
    return role_word(row.role)


def _mask(row: Network, picture: Picture) -> str:
    del picture
    return " / ".join(part for part in (row.address, row.mask) if part)


def _adapter(row: Interface, picture: Picture) -> str:
    del picture
    return row.adapter


def _address(row: Interface, picture: Picture) -> str:
    del picture
    return row.address


NAME = Column("name", QT_TRANSLATE_NOOP("columns", "Name"), 142, name_of, _name_cell)
STATE = Column(
    "state", QT_TRANSLATE_NOOP("columns", "State"), 136, state_text, _state_cell, _state_order, _state_search
)
OWNER = Column("owner", QT_TRANSLATE_NOOP("columns", "Owner"), 86, owner_text, _owner_cell)
GROUP = Column("group", QT_TRANSLATE_NOOP("columns", "Group"), 164, _group, _group_cell)
TYPE = Column("type", QT_TRANSLATE_NOOP("columns", "Resource Type"), 142, _type)
DESCRIPTION = Column("description", QT_TRANSLATE_NOOP("columns", "Description"), 180, _description)
WIDE_DESCRIPTION = Column("description", QT_TRANSLATE_NOOP("columns", "Description"), 150, _description, wide=True)
INFORMATION = Column(
    "information", QT_TRANSLATE_NOOP("columns", "Information"), 300, _information_text, _information_cell
)
NETWORK = Column("network", QT_TRANSLATE_NOOP("columns", "Network"), 120, _network)
ADAPTER = Column("adapter", QT_TRANSLATE_NOOP("columns", "Adapter"), 100, _adapter)
ADDRESS = Column("address", QT_TRANSLATE_NOOP("columns", "Address"), 140, _address)
INTERFACE_NODE = Column("node", QT_TRANSLATE_NOOP("columns", "Node"), 120, owner_text, _interface_node_cell)

_GROUP_COLUMNS = (NAME, STATE, OWNER, WIDE_DESCRIPTION, INFORMATION)
_FOLDER_COLUMNS = (NAME,)
COLUMNS: dict[Branch, tuple[Column, ...]] = {
    Branch.CLUSTER: (NAME, STATE, DESCRIPTION, INFORMATION),
    Branch.GROUPS: _GROUP_COLUMNS,
    Branch.GROUP: (NAME, STATE, OWNER, TYPE, WIDE_DESCRIPTION, INFORMATION),
    Branch.ACTIVE_GROUP: (NAME, STATE, OWNER, TYPE, WIDE_DESCRIPTION, INFORMATION),
    Branch.RESOURCES: (NAME, STATE, OWNER, GROUP, TYPE, WIDE_DESCRIPTION, INFORMATION),
    Branch.CONFIGURATION: _FOLDER_COLUMNS,
    Branch.TYPES: (
        NAME,
        Column("type", QT_TRANSLATE_NOOP("columns", "Type Name"), 164, _type_name),
        Column("owner", QT_TRANSLATE_NOOP("columns", "Possible Owners"), 180, _type_owners),
        DESCRIPTION,
    ),
    Branch.NETWORKS: (
        NAME,
        STATE,
        Column("role", QT_TRANSLATE_NOOP("columns", "Role"), 86, _role),
        Column("mask", QT_TRANSLATE_NOOP("columns", "Address and Mask"), 200, _mask),
        DESCRIPTION,
    ),
    Branch.NETWORK: (INTERFACE_NODE, NAME, STATE, ADAPTER, ADDRESS, DESCRIPTION),
    Branch.INTERFACES: (INTERFACE_NODE, NETWORK, STATE, ADAPTER, ADDRESS, DESCRIPTION),
    Branch.NODE: _FOLDER_COLUMNS,
    Branch.ACTIVE_GROUPS: (NAME, STATE, WIDE_DESCRIPTION, INFORMATION),
    Branch.ACTIVE_RESOURCES: (NAME, STATE, GROUP, TYPE, WIDE_DESCRIPTION, INFORMATION),
    Branch.NODE_INTERFACES: (NETWORK, NAME, STATE, ADAPTER, ADDRESS, DESCRIPTION),
}


def default_sort(branch: Branch) -> str:
    """Return the key of the column that a list is sorted by at first."""
    return "group" if branch is Branch.RESOURCES else COLUMNS[branch][0].key
