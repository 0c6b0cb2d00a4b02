"""Drag and drop between tree and lists: what is dragged, and what dropping it somewhere would do."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from PySide6.QtCore import QMimeData

from nodeagent.api.objects import ClusterObject, Group, Node, ObjectRef, Resource, Snapshot
from nodeagent.api.problems import Problem
from nodeagent.api.requests import Verb
from nodeagent.api.rules.verbs import change_group_problem, move_problem

MIME_TYPE = "application/x-cluster-administrator-objects"


class _Dragged(msgspec.Struct, frozen=True):
    cluster: str
    objects: tuple[ObjectRef, ...]


def mime_data(cluster: str, references: Sequence[ObjectRef]) -> QMimeData:
    """Return *references* of the cluster with that id, as Qt carries them."""
    data = QMimeData()
    data.setData(MIME_TYPE, msgspec.json.encode(_Dragged(cluster, tuple(references))))
    return data


def dragged(data: QMimeData, snapshot: Snapshot) -> list[ClusterObject]:
    """Return the objects that are dragged; none when they are another cluster's or gone."""
    if not data.hasFormat(MIME_TYPE):
        return []
    try:
        found = msgspec.json.decode(bytes(data.data(MIME_TYPE).data()), type=_Dragged)
    except msgspec.MsgspecError:  # from another program
        return []
    if found.cluster != snapshot.cluster.id:
        return []
    return [item for reference in found.objects if (item := snapshot.get(reference)) is not None]


@dataclass(frozen=True, slots=True)
class Drop:
    """What dropping *items* on *target* means: Move Group of groups to a node, Change Group of a resource.

    Attributes:
        problem: why it cannot be done now, or None when it can.
    """

    verb: Verb
    items: tuple[Group, ...] | tuple[Resource, ...]
    target: Node | Group
    problem: Problem | None = None


def drop_of(items: Sequence[ClusterObject], target: ClusterObject | None, snapshot: Snapshot) -> Drop | None:
    """Return what dropping *items* on *target* would do, or None when it means nothing."""
    if isinstance(target, Node):
        groups = tuple(item for item in items if isinstance(item, Group) and item.owner != target.id)
        if not groups or len(groups) < len(items):
            return None
        problems = (move_problem(group, target.id, snapshot) for group in groups)
        return Drop(Verb.MOVE_GROUP, groups, target, next((p for p in problems if p), None))
    if isinstance(target, Group):
        resources = tuple(item for item in items if isinstance(item, Resource) and item.group != target.id)
        if not resources or len(resources) < len(items):
            return None
        refusals = (change_group_problem(resource, target, snapshot) for resource in resources)
        return Drop(Verb.CHANGE_GROUP, resources, target, next((p for p in refusals if p), None))
    return None
