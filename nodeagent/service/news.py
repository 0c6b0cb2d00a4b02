"""News in lines: a snapshot in pages, changes in pieces; no line is longer than a workstation takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from nodeagent.api.events import Changes, LogEntry, Page
from nodeagent.api.objects import ClusterObject, ObjectRef, Snapshot, ref
from nodeagent.api.wire import PAGE_SIZE, encode
from nodeagent.database.view import Delta

LONGEST: Final = 1024 * 1024  # bytes of a line that holds more than one item; the wire allows 16 times as many
LOG_ENTRIES: Final = 10_000  # that a workstation gets at most at once: as many as the database keeps

N = TypeVar("N", Page, Changes)


class Gathered:
    """What changed since a workstation was last told: each object once, in its newest form."""

    def __init__(self) -> None:
        """Begin empty."""
        self._objects: dict[ObjectRef, ClusterObject | None] = {}
        self._logged: list[LogEntry] = []

    def __bool__(self) -> bool:
        """Tell whether there is anything."""
        return bool(self._objects or self._logged)

    def add(self, news: Delta | Changes) -> None:
        """Take what is newer than all that came before."""
        for item in news.changed:
            self._objects[ref(item)] = item
        self._objects.update(dict.fromkeys(news.removed))
        self._logged += news.logged
        del self._logged[:-LOG_ENTRIES]

    def clear(self) -> None:
        """Forget everything."""
        self._objects, self._logged = {}, []

    def take(self, after: int, revision: int) -> Changes:
        """Return everything as Changes from revision *after* to *revision*, and begin empty."""
        objects, logged = self._objects, self._logged
        self.clear()
        return Changes(
            after=after,
            revision=revision,
            changed=tuple(item for item in objects.values() if item is not None),
            removed=tuple(reference for reference, item in objects.items() if item is None),
            logged=tuple(logged),
        )


def page_lines(snapshot: Snapshot, logged: Sequence[LogEntry]) -> Iterator[bytes]:
    """Yield the snapshot in lines, made one by one as they are wanted; the log comes with the last ones."""
    objects = tuple(snapshot.everything())
    pages = [Page(revision=snapshot.revision, objects=part) for part in _parts(objects)]
    pages += [Page(revision=snapshot.revision, logged=part) for part in _parts(tuple(logged))]
    pages[-1] = replace(pages[-1], last=True)
    for page in pages:
        yield from _fitting(page)


def change_lines(changes: Changes) -> Iterator[bytes]:
    """Yield the changes in lines; several of them name the same revisions, and belong together."""
    yield from _fitting(changes)


T = TypeVar("T")


def _parts(items: tuple[T, ...]) -> list[tuple[T, ...]]:
    return [items[start : start + PAGE_SIZE] for start in range(0, len(items), PAGE_SIZE)]


def _fitting(frame: N) -> Iterator[bytes]:
    fields = ("objects", "logged") if isinstance(frame, Page) else ("changed", "removed", "logged")
    items = [(field, item) for field in fields for item in getattr(frame, field)]
    if len(items) <= PAGE_SIZE:
        line = encode(frame)
        if len(line) <= LONGEST or len(items) < 2:
            yield line
            return
    middle = min(len(items) // 2, PAGE_SIZE)
    for half in (items[:middle], items[middle:]):
        part: dict[str, Any] = {field: tuple(item for of, item in half if of == field) for field in fields}
        if isinstance(frame, Page):
            part["last"] = frame.last and half[-1] is items[-1]
        yield from _fitting(replace(frame, **part))
