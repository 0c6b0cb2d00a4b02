"""What is frozen: a group in maintenance, or whose owner or whole cluster is; and for how long that may last."""

from __future__ import annotations

from nodeagent.api.freezing import LONGEST, SHORTEST, Maintenance
from nodeagent.api.objects import Cluster, ClusterObject, Group, Node, Snapshot
from nodeagent.api.problems import Problem, problem


def maintenance_of(item: ClusterObject) -> Maintenance | None:
    """Return the maintenance that *item* itself was put into."""
    return item.maintenance if isinstance(item, Cluster | Node | Group) else None


def group_maintenance(group: Group, cluster: Snapshot) -> Maintenance | None:
    """Return the maintenance under which *group* is: its own, its owner's or the cluster's, whichever ends last."""
    owner = cluster.nodes.get(group.owner) if group.owner is not None else None
    found = (group.maintenance, owner.maintenance if owner else None, cluster.cluster.maintenance)
    return max((one for one in found if one is not None), key=lambda one: one.until, default=None)


def frozen(group: Group, cluster: Snapshot) -> bool:
    """Tell whether nothing is restarted, failed over, failed back or declared failed for *group* by itself."""
    return group_maintenance(group, cluster) is not None


def duration_problem(seconds: float) -> Problem | None:
    """Say why maintenance cannot last that long."""
    if SHORTEST <= seconds <= LONGEST:
        return None
    return problem("maintenance_too_long", "seconds", days=int(LONGEST / 86400))


def begin_problem(item: ClusterObject, cluster: Snapshot) -> Problem | None:
    """Maintenance can always be begun; begun again it lasts that long from now on."""
    del item, cluster
    return None


def end_problem(item: ClusterObject, cluster: Snapshot) -> Problem | None:
    """Say why maintenance cannot be ended."""
    del cluster
    return None if maintenance_of(item) else problem("not_in_maintenance", name=item.name)
