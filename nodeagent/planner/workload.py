"""Where all groups are or go: what placing one group has to know of the others, kept up while a plan is made."""

from __future__ import annotations

from collections import Counter

from nodeagent.api.objects import Group, GroupId, NodeId, Phase, Snapshot
from nodeagent.api.rules.owners import affinity_classes, places, runs, separation_enforced


class Workload:
    """Counts groups per node and finds those of an anti-affinity class on a node.

    The same answers as `rules.owners.anti_affine`, without looking at all groups each time.
    """

    def __init__(self, cluster: Snapshot) -> None:
        self.enforced = separation_enforced(cluster)
        self._cluster = cluster
        self._groups: Counter[NodeId] = Counter()
        self._classes: dict[tuple[str, NodeId], dict[GroupId, Group]] = {}
        for group in cluster.groups.values():
            self._count(group, 1)

    def changed(self, before: Group, after: Group) -> None:
        """Take over a decision about a group."""
        self._count(before, -1)
        self._count(after, 1)

    def groups_on(self, node: NodeId) -> int:
        """Return how many groups are on *node* or on their way to it."""
        return self._groups[node]

    def clash(self, group: Group, node: NodeId) -> Group | None:
        """Return a group on *node* that shares an anti-affinity class name with *group*."""
        for name in sorted(affinity_classes(group)):
            for other in self._classes.get((name, node), {}).values():
                if other.id != group.id:
                    return other
        return None

    def _count(self, group: Group, by: int) -> None:
        if (node := destination(group)) is not None:
            self._groups[node] += by
        names = affinity_classes(group)
        if not names or not runs(group, self._cluster):
            return
        for node in places(group, enforced=self.enforced):
            for name in names:
                there = self._classes.setdefault((name, node), {})
                if by > 0:
                    there[group.id] = group
                else:
                    there.pop(group.id, None)


def destination(group: Group) -> NodeId | None:
    """Return the node where *group* will be when its move has ended."""
    return group.target if group.phase is Phase.MOVING and group.target is not None else group.owner
