"""The order of going online, as ranks: what is in one rank needs only what is in earlier ones."""

from __future__ import annotations

from nodeagent.api.objects import Resource, ResourceId, Snapshot
from nodeagent.api.states import providers_of


def ranks(resource: Resource, cluster: Snapshot) -> tuple[tuple[Resource, ...], ...]:
    """Return *resource* last, and before it rank by rank all that must be online earlier.

    A resource stands as late as possible, directly before the first one that needs it. *resource* need not be in
    the snapshot, or may have other dependencies there; a circle, which the rules refuse, is cut.
    """
    needed = {one.id: one for one in providers_of(resource, cluster) if one.id != resource.id}
    depth: dict[ResourceId, int] = dict.fromkeys(needed, 1)
    for _ in needed:  # as many rounds as the longest chain can be
        for one in needed.values():
            for provider in one.dependencies:
                if provider in depth and depth[provider] <= depth[one.id] <= len(needed):
                    depth[provider] = depth[one.id] + 1
    rows = [
        tuple(sorted((needed[i] for i in needed if depth[i] == rank), key=lambda one: one.name.casefold()))
        for rank in range(max(depth.values(), default=0), 0, -1)
    ]
    return (*(row for row in rows if row), (resource,))
