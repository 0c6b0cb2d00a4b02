"""Which columns a list shows in the room it has, and how wide: names and states last give way."""

from collections.abc import Mapping, Sequence

from ui.models.columns import Column
from ui.settings import ListLayout

# Widths of one cluster's area, in logical pixels, from which on a list shows more.
WIDE = 1500
MEDIUM = 1100
NARROW = 900

LAST_COLUMN = 150  # what the last column, which takes the rest, should have at least
LAST_COLUMN_ENOUGH = 400  # what most of its sentences need
LAST_COLUMN_LEAST = 90  # and what it keeps before name and state give way
NAME_LEAST, NAME_MOST, STATE_LEAST = 96, 230, 92
LEAST = {"owner": 64, "group": 84, "type": 84, "network": 80, "adapter": 64, "address": 90, "description": 70}
SHRINKS = 60  # any other column but name and state


def hidden_columns(columns: Sequence[Column], layout: ListLayout, width: int, *, described: bool = True) -> set[str]:
    """Return the keys of the columns that are not shown in an area of that *width*.

    Args:
        layout: what the person chose to hide or show goes first.
        described: whether any row has a description; a wide column of nothing is not shown.
    """
    hidden = {column.key for column in columns if column.wide and (width < WIDE or not described)}
    keys = {column.key for column in columns}
    if width < MEDIUM and "group" in keys:
        hidden.add("type")  # the row's icon says it
    if width < NARROW:
        hidden.add("group")
    chosen = (hidden | set(layout.hidden)) - set(layout.shown)
    return {key for key in chosen if key in keys and key != columns[0].key}


def fitted(columns: Sequence[Column], widths: Mapping[str, int], room: int) -> dict[str, int]:
    """Return the widths of all shown *columns* but the last, which gets what is left of *room*.

    Where that is more than it needs, names get some of it, unless the person chose their width.
    When it is little, all but name and state shrink, in proportion to what each can give; then the last one; then,
    in a tile beside others, name and state too.
    """
    wanted = {column.key: widths.get(column.key) or column.width for column in columns[:-1]}
    excess = sum(wanted.values()) + LAST_COLUMN - room
    spare = {
        key: max(0, width - LEAST.get(key, SHRINKS)) for key, width in wanted.items() if key not in ("name", "state")
    }
    if "name" in wanted and not widths.get("name"):
        left = LAST_COLUMN - excess - LAST_COLUMN_ENOUGH
        wanted["name"] += min(max(0, left), NAME_MOST - wanted["name"])
    widths_now = _shrunk(wanted, spare, excess)
    excess -= sum(spare.values()) + LAST_COLUMN - LAST_COLUMN_LEAST
    least = {"name": NAME_LEAST, "state": STATE_LEAST}
    return _shrunk(widths_now, {k: max(0, w - least[k]) for k, w in wanted.items() if k in least}, excess)


def _shrunk(widths: Mapping[str, int], spare: Mapping[str, int], excess: int) -> dict[str, int]:
    """Return *widths*, smaller by *excess* in all or by all that is *spare*, each in proportion to what it can give."""
    total = sum(spare.values())
    share = min(1.0, max(0, excess) / total) if total else 0.0
    return {key: width - round(spare.get(key, 0) * share) for key, width in widths.items()}
