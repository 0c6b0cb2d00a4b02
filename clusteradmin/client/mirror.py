"""The workstation's copy of the cluster: pages make it, changes carry it on, a gap asks for it anew. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from nodeagent.api.events import Changes, LogEntry, Page
from nodeagent.api.objects import (
    Cluster,
    ClusterObject,
    ObjectKind,
    ObjectRef,
    Snapshot,
    kind_of,
)

_TABLES: Mapping[ObjectKind, str] = {
    ObjectKind.NODE: "nodes",
    ObjectKind.GROUP: "groups",
    ObjectKind.RESOURCE: "resources",
    ObjectKind.RESOURCE_TYPE: "types",
    ObjectKind.NETWORK: "networks",
    ObjectKind.INTERFACE: "interfaces",
}


MOST_KNOWN: Final = 20_000
"""Entries of the event log that are remembered as seen: twice what a cluster keeps, so a snapshot brings none anew."""


class IncompleteSnapshot(ValueError):
    """The pages hold no cluster object, so there is nothing to show."""


def assemble(objects: Iterable[ClusterObject], revision: int) -> Snapshot:
    """Build a snapshot at *revision* from all of its objects.

    Raises:
        IncompleteSnapshot: the cluster itself is not among them.
    """
    tables: dict[str, dict[Any, ClusterObject]] = {name: {} for name in _TABLES.values()}
    cluster: Cluster | None = None
    for item in objects:
        if isinstance(item, Cluster):
            cluster = item
        else:
            tables[_TABLES[kind_of(item)]][item.id] = item
    if cluster is None:
        raise IncompleteSnapshot("The snapshot holds no cluster.")
    return msgspec.structs.replace(Snapshot(cluster=cluster, revision=revision), **tables)


def has_gap(snapshot: Snapshot, changes: Changes) -> bool:
    """Tell whether something between *snapshot* and *changes* was missed."""
    return changes.after > snapshot.revision


def apply(snapshot: Snapshot, changes: Changes) -> Snapshot:
    """Return the snapshot after *changes*; tables that did not change are the same dicts as before.

    Changes of a lower revision than the snapshot's say nothing new. Those of the same revision may be the second part
    of one that was sent in two, and say it again otherwise.

    Raises:
        ValueError: changes are missing before these (`has_gap`).
    """
    if has_gap(snapshot, changes):
        raise ValueError(f"changes after {changes.after} do not follow revision {snapshot.revision}")
    if changes.revision < snapshot.revision or not (
        changes.changed or changes.removed or changes.revision > snapshot.revision
    ):
        return snapshot
    cluster = snapshot.cluster
    tables: dict[str, dict[Any, ClusterObject]] = {}

    def table(kind: ObjectKind) -> dict[Any, ClusterObject]:
        name = _TABLES[kind]
        if name not in tables:
            tables[name] = dict(getattr(snapshot, name))
        return tables[name]

    for reference in changes.removed:
        if reference.kind in _TABLES:
            table(reference.kind).pop(_key(reference), None)
    for item in changes.changed:
        if isinstance(item, Cluster):
            cluster = item
        else:
            table(kind_of(item))[item.id] = item
    return msgspec.structs.replace(snapshot, cluster=cluster, revision=changes.revision, **tables)


def _key(reference: ObjectRef) -> int | str:
    if reference.kind is ObjectKind.NODE and reference.id.isdigit():
        return int(reference.id)
    return reference.id


@dataclass(frozen=True, slots=True)
class Taken:
    """What a frame did to the mirror.

    Attributes:
        replaced: the whole snapshot is new; look at everything again.
        gap: something was missed; a snapshot must be asked for.
    """

    changed: tuple[ClusterObject, ...] = ()
    removed: tuple[ObjectRef, ...] = ()
    logged: tuple[LogEntry, ...] = ()
    replaced: bool = False
    gap: bool = False


class _SeenEntries:
    """Tells entries of the event log that are new from those that a snapshot brings again.

    Each is remembered by itself: an entry is numbered by the clock of the node that makes it and comes when it is
    committed, so one with a lower number than the newest may still come.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._forgotten = -1  # all up to here were seen, or are older than what was

    def new(self, entries: Iterable[LogEntry]) -> list[LogEntry]:
        """Return those that were not seen before."""
        found: list[LogEntry] = []
        for entry in entries:
            if entry.sequence > self._forgotten and entry.sequence not in self._seen:
                self._seen.add(entry.sequence)
                found.append(entry)
        if len(self._seen) > MOST_KNOWN:
            ordered = sorted(self._seen)
            self._forgotten = ordered[MOST_KNOWN // 2]
            self._seen = set(ordered[MOST_KNOWN // 2 + 1 :])
        return found


class Mirror:
    """Takes frames in the order in which they come.

    Changes that arrive between the pages of a snapshot are kept until its last page.
    """

    def __init__(self) -> None:
        self.snapshot: Snapshot | None = None
        self._pages: list[Page] = []
        self._kept: list[Changes] = []
        self._asked = True  # a snapshot is on its way
        self._entries = _SeenEntries()

    def expect_snapshot(self) -> None:
        """Say that a snapshot was asked for: until it is there, changes are kept."""
        self._pages.clear()
        self._kept.clear()
        self._asked = True

    def take(self, frame: Page | Changes) -> Taken:
        """Bring the mirror up to date with *frame*.

        Raises:
            IncompleteSnapshot: a last page came and no cluster with it.
        """
        return self._page(frame) if isinstance(frame, Page) else self._changes(frame)

    def _page(self, page: Page) -> Taken:
        if self._pages and page.revision != self._pages[0].revision:
            self._pages.clear()  # the node began anew
        self._pages.append(page)
        if not page.last:
            return Taken()
        objects = [item for each in self._pages for item in each.objects]
        logged = [entry for each in self._pages for entry in each.logged]
        snapshot = assemble(objects, page.revision)
        if self.snapshot is not None and self.snapshot.cluster.id != snapshot.cluster.id:
            self._entries = _SeenEntries()
        self.snapshot, kept = snapshot, self._kept
        self._pages, self._kept, self._asked = [], [], False
        later = [self._changes(changes) for changes in kept]
        entries = [*self._entries.new(logged), *(entry for taken in later for entry in taken.logged)]
        return Taken(logged=tuple(entries), replaced=True, gap=any(taken.gap for taken in later))

    def _changes(self, changes: Changes) -> Taken:
        if self._asked or self.snapshot is None:
            self._kept.append(changes)
            return Taken()
        if has_gap(self.snapshot, changes):
            return Taken(gap=True)
        before = self.snapshot
        self.snapshot = apply(before, changes)
        logged = tuple(self._entries.new(changes.logged))
        if self.snapshot is before:
            return Taken(logged=logged)
        return Taken(changed=changes.changed, removed=changes.removed, logged=logged)
