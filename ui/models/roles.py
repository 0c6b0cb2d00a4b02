"""What a model tells the item delegate about a cell, beyond Qt's own roles."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt

_FIRST = int(Qt.ItemDataRole.UserRole) + 1


class Tone(StrEnum):
    """How a cell's text is written. STALE also takes the colour out of its glyphs."""

    TEXT = "text"
    TEXT2 = "text2"
    FAILED = "failed"
    WARN = "warn"
    STALE = "stale"
    LINK = "link"


class Role(IntEnum):
    """Item data roles of our models. A view of many rows answers CELL and saves Qt asking for each part alone."""

    OBJECT_REF = _FIRST  # what the row stands for; never drawn
    CELL = _FIRST + 1  # a Cell: all of the following at once
    KIND = _FIRST + 2  # str: kind icon before the text
    STATE = _FIRST + 3  # str: state glyph before the text
    TONE = _FIRST + 4  # Tone
    MONO = _FIRST + 5  # bool: fixed width
    STRONG = _FIRST + 6  # bool: DemiBold
    PENDING = _FIRST + 7  # (elapsed, total) in seconds: a bar before the text
    OWNER_GLYPH = _FIRST + 8  # str: state glyph after the text
    RIGHT_GLYPH = _FIRST + 9  # str: state glyph at the row's right edge
    RIGHT_TEXT = _FIRST + 10  # str: such as a count, at the row's right edge
    TWIST = _FIRST + 11  # bool: a closed (False) or open (True) twist first in the cell
    ALIGN_RIGHT = _FIRST + 12  # bool: the text stands at the right
    UNFOLDED = _FIRST + 13  # bool: part of an unfolded cause, on the alternate background
    SORT_KEY = _FIRST + 14  # what rows are ordered by; never drawn


@dataclass(frozen=True, slots=True)
class Cell:
    """All that is drawn in one cell. The fields mean what the roles of the same name do."""

    text: str = ""
    kind: str | None = None
    state: str | None = None
    tone: Tone = Tone.TEXT
    mono: bool = False
    strong: bool = False
    pending: tuple[float, float] | None = None
    owner_glyph: str | None = None
    right_glyph: str | None = None
    right_text: str | None = None
    twist: bool | None = None
    align_right: bool = False
    unfolded: bool = False


def cell_of(index: QModelIndex | QPersistentModelIndex) -> Cell:
    """Return what is drawn at *index*: the model's CELL, or else its single roles together."""
    cell = index.data(Role.CELL)
    if isinstance(cell, Cell):
        return cell
    text = index.data(Qt.ItemDataRole.DisplayRole)
    return Cell(
        text="" if text is None else str(text),
        kind=index.data(Role.KIND),
        state=index.data(Role.STATE),
        tone=Tone(index.data(Role.TONE) or Tone.TEXT),
        mono=bool(index.data(Role.MONO)),
        strong=bool(index.data(Role.STRONG)),
        pending=_pair(index.data(Role.PENDING)),
        owner_glyph=index.data(Role.OWNER_GLYPH),
        right_glyph=index.data(Role.RIGHT_GLYPH),
        right_text=index.data(Role.RIGHT_TEXT),
        twist=index.data(Role.TWIST),
        align_right=bool(index.data(Role.ALIGN_RIGHT)),
        unfolded=bool(index.data(Role.UNFOLDED)),
    )


def _pair(value: object) -> tuple[float, float] | None:
    """Return *value* as a pair; Qt may have turned the tuple into a list on its way."""
    if isinstance(value, tuple | list) and len(value) == 2:
        return float(value[0]), float(value[1])
    return None
