"""What there is to decide about a group; each decision carries its cause."""

from __future__ import annotations

from dataclasses import dataclass

from nodeagent.api.causes import Cause
from nodeagent.api.objects import GroupId, NodeId


@dataclass(frozen=True, slots=True)
class GiveGroup:
    """Nobody owns the group, or its owner is gone for good: give it to *node* (safety rule O2 b).

    *failover* says that it counts against the failover threshold.
    """

    group: GroupId
    node: NodeId
    cause: Cause
    failover: bool = False


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Tell the living owner to stop the group and release it to *target* (phase Moving)."""

    group: GroupId
    target: NodeId
    cause: Cause
    failover: bool = False


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The group fails over no further: everything of it goes offline where it is."""

    group: GroupId
    cause: Cause


@dataclass(frozen=True, slots=True)
class DropWish:
    """A move that was asked for is done, or can no longer be done."""

    group: GroupId
    cause: Cause
    refused: bool = False


@dataclass(frozen=True, slots=True)
class CannotPlace:
    """No node can take the group now; said once, decided again when something changes."""

    group: GroupId
    cause: Cause


Decision = GiveGroup | TakeBack | GiveUp | DropWish | CannotPlace
