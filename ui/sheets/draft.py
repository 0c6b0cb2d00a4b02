"""What the pages of one sheet share: the live cluster, the object, and what the person has changed of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from clusteradmin.wizards.edits import Edits, Held, Key
from nodeagent.api.objects import ClusterObject, ObjectRef, Snapshot
from nodeagent.api.problems import Problem
from nodeagent.api.texts import sentence

if TYPE_CHECKING:
    from clusteradmin.client.cluster import Cluster


class Draft(QObject):
    """One object's changes. `changed` comes when the person changed something, or the cluster did."""

    changed = Signal()
    wanted = Signal(object)  # a Key: the person is to be brought to that field

    def __init__(self, cluster: Cluster, snapshot: Snapshot, item: ClusterObject, reference: ObjectRef) -> None:
        super().__init__()
        self.cluster = cluster
        self.snapshot = snapshot
        self.reference = reference
        self.edits = Edits(item, snapshot)
        self.forbidden = ""
        """Why nothing of it may be edited; empty when it may."""
        self._refused: dict[Key, str] = {}

    @property
    def item(self) -> ClusterObject:
        """The object as the cluster has it."""
        return self.edits.item

    def put(self, key: Key, value: Held) -> None:
        """Take what the person wants for *key*."""
        self.edits.put(key, value)
        self._refused.pop(key, None)
        self.changed.emit()

    def refuse(self, key: Key, problem: Problem) -> None:
        """Show the cluster's refusal at its field, until that is changed."""
        self._refused[key] = sentence(problem)
        self.changed.emit()

    def problems(self) -> dict[Key, str]:
        """Return what is wrong, in sentences, in the order of the object's fields."""
        found = {key: sentence(problem) for key, problem in self.edits.problems(self.snapshot).items()}
        return {key: both for key in self.edits.keys() if (both := found.get(key) or self._refused.get(key))}  # noqa: SIM118 - not a mapping
