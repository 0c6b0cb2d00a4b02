"""States that follow from other states: a group's from its resources, the worst of several."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from nodeagent.api.objects import (
    Group,
    GroupState,
    InterfaceState,
    NetworkState,
    NodeState,
    Resource,
    ResourceState,
    Snapshot,
    Wanted,
)

State = NodeState | GroupState | ResourceState | NetworkState | InterfaceState

# "A parent shows the worst of its children", worst first; a group's own state keeps the engine's rule below.
WORST_FIRST = (
    GroupState.FAILED,
    GroupState.UNKNOWN,
    GroupState.PENDING,
    GroupState.PARTIAL_ONLINE,
    GroupState.ONLINE,
    GroupState.OFFLINE,
)


def state_words(state: State) -> str:
    """Return the original's word for *state* ("Online Pending", "Partially Online")."""
    return "Partially Online" if state is GroupState.PARTIAL_ONLINE else state.name.replace("_", " ").title()


def group_state(states: Iterable[ResourceState]) -> GroupState:
    """Compute a group's state from its resources' states, most exceptional first; an empty group is Offline.

    Source: ApiGetGroupState of the published Cluster Management protocol; CLUSTER_GROUP_STATE.
    """
    found = list(states)
    if ResourceState.FAILED in found:
        return GroupState.FAILED
    if ResourceState.UNKNOWN in found:
        return GroupState.UNKNOWN
    if any(state.pending for state in found):
        return GroupState.PENDING
    online = found.count(ResourceState.ONLINE)
    if online and online == len(found):
        return GroupState.ONLINE
    return GroupState.PARTIAL_ONLINE if online else GroupState.OFFLINE


def wanted(resource: Resource, group: Group) -> Wanted:
    """Return ONLINE or OFFLINE: the resource's own desired state, else its group's."""
    own = resource.persistent_state
    return group.persistent_state if own is Wanted.INHERIT else own


def providers_of(resource: Resource, snapshot: Snapshot) -> list[Resource]:
    """Return all resources that *resource* needs, directly or not, nearest first."""
    found: dict[str, Resource] = {}
    queue = deque(resource.dependencies)
    while queue:
        current = queue.popleft()
        if current in snapshot.resources and current not in found:
            found[current] = snapshot.resources[current]
            queue += snapshot.resources[current].dependencies
    return list(found.values())


def all_dependents_of(resource: Resource, snapshot: Snapshot) -> list[Resource]:
    """Return all resources that need *resource*, directly or not, nearest first."""
    found: dict[str, Resource] = {}
    queue = deque(snapshot.dependents_of(resource.id))
    while queue:
        current = queue.popleft()
        if current.id not in found:
            found[current.id] = current
            queue += snapshot.dependents_of(current.id)
    return list(found.values())
