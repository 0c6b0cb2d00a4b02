"""The times that a heartbeat announces, and which bind this node: s, k, m, and whether it is guarded (P9)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nodeagent.api.commonproperties import COMMON
from nodeagent.api.objects import NodeId, ObjectKind, Snapshot
from nodeagent.api.problems import Problem, problem
from nodeagent.api.properties import effective
from nodeagent.database.records import HeartbeatRecord
from nodeagent.planner.timing import PROFILES, UNBOUNDED, Profile, bound_for, scaled
from nodeagent.resourcetypes.base import ResourceType

TWO = 2  # nodes, and voters: of two neither can go on without the other


def profile_of(snapshot: Snapshot) -> Profile:
    """Return the cluster's times: those of its profile, for as many nodes as it has."""
    name = effective(COMMON[ObjectKind.CLUSTER], snapshot.cluster.properties, "Profile")
    return scaled(PROFILES.get(str(name), PROFILES["default"]), len(snapshot.nodes))


@dataclass(frozen=True, slots=True)
class Times:
    """What a heartbeat promises to observers, in seconds.

    Attributes:
        self_stop: s; 0 for a node that is not guarded: nobody may count on its stopping by itself.
        kill_bound: k; UNBOUNDED where something is held whose type promises none.
        margin: m.
    """

    self_stop: float
    kill_bound: float
    margin: float

    def shortens(self, announced: Times) -> bool:
        """Tell whether something that others count on becomes shorter: then the monitors come first (P9)."""
        return (
            _stop(self) < _stop(announced) or self.kill_bound < announced.kill_bound or self.margin < announced.margin
        )

    def bound(self, profile: Profile) -> float:
        """Return the k after which this node itself acts: a finite one, also where it promises none."""
        return self.kill_bound if self.kill_bound < UNBOUNDED else profile.kill_bound


def _stop(times: Times) -> float:
    return times.self_stop or math.inf


def announced(record: HeartbeatRecord) -> Times:
    """Return what a heartbeat announces."""
    return Times(record.self_stop, record.kill_bound, record.margin)


def bound_of(kind: ResourceType[Any] | None, profile: Profile) -> float:
    """Return the k of a resource type: never below the profile's."""
    if kind is None or not kind.exclusive:
        return profile.kill_bound
    return max(profile.kill_bound, bound_for(kind.kill_bound))


def longest_bound(node: NodeId, cluster: Snapshot, types: Mapping[str, ResourceType[Any]], profile: Profile) -> float:
    """Return the longest k of what *node* owns or is to own."""
    longer = {name: bound for name, kind in types.items() if (bound := bound_of(kind, profile)) > profile.kill_bound}
    found = [profile.kill_bound]
    for resource in cluster.resources.values() if longer else ():
        group = cluster.groups.get(resource.group)
        if resource.type in longer and group is not None and node in (group.owner, group.target):
            found.append(longer[resource.type])
    return max(found)


def unguarded_because(node: NodeId, cluster: Snapshot, voters: int) -> Problem | None:
    """Say why nobody could take over from *node*, so that it need not stop by itself; None when somebody could.

    Args:
        voters: members of the cluster database that vote; 0 for a database without any.
    """
    if len(cluster.nodes) <= 1:
        return problem("unguarded_alone")
    if len(cluster.nodes) == voters == TWO:
        return problem("unguarded_two_voters")
    if cluster.resources and all(resource.possible_owners == (node,) for resource in cluster.resources.values()):
        return problem("unguarded_only_owner")
    return None
