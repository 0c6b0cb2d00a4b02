"""Use Network Name for computer name: what it needs, and who could give it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from nodeagent.api.objects import GroupId, Resource, ResourceId, Snapshot

NETWORK_NAME: Final = "Network Name"
USE_NETWORK_NAME: Final = "UseNetworkName"


def has_network_name(dependencies: Iterable[ResourceId], cluster: Snapshot) -> bool:
    """Tell whether one of the direct *dependencies* is a Network Name."""
    return any(one in cluster.resources and cluster.resources[one].type == NETWORK_NAME for one in dependencies)


def offered_network_name(group: GroupId, cluster: Snapshot) -> Resource | None:
    """Return a Network Name of the group that could be depended on."""
    return next((one for one in cluster.resources_of(group) if one.type == NETWORK_NAME), None)
