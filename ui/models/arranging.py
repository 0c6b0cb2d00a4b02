"""From one order of rows to another in as few steps as Qt's views need to keep selection and scroll position."""

from collections.abc import Hashable, Sequence, Set

# More runs than this, and starting anew is faster for the views than being told of each.
MOST_RUNS = 200


def runs(places: Sequence[int]) -> list[tuple[int, int]]:
    """Return ascending numbers as runs of neighbours, first and last of each."""
    found: list[tuple[int, int]] = []
    for place in places:
        if found and place == found[-1][1] + 1:
            found[-1] = (found[-1][0], place)
        else:
            found.append((place, place))
    return found


def rows_to_remove(shown: Sequence[Hashable], wanted: Set[Hashable]) -> list[tuple[int, int]]:
    """Return the runs of rows that are not wanted any more, last one first."""
    return runs([row for row, key in enumerate(shown) if key not in wanted])[::-1]


def rows_to_insert(shown: Set[Hashable], wanted: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Return the runs of rows that are new, first one first, by their places among *wanted*."""
    return runs([row for row, key in enumerate(wanted) if key not in shown])
