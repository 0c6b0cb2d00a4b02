"""What goes along with a verb, and in which order; the best possible owner by the planner's own rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nodeagent.api.objects import Group, Resource, ResourceId, ResourceState, Snapshot, Wanted
from nodeagent.api.states import all_dependents_of, providers_of, wanted
from nodeagent.planner.placement import best_owner

__all__ = ["MovePlan", "best_owner", "move_plan", "running", "start_order", "started_with", "stopped_with"]

_STOPPED = (ResourceState.OFFLINE, ResourceState.FAILED, ResourceState.INITIALIZING)
_STARTED = (ResourceState.ONLINE, ResourceState.ONLINE_PENDING)


@dataclass(frozen=True, slots=True)
class MovePlan:
    """The steps of a move. Each step's resources go together.

    Attributes:
        stops: what goes offline, last needed first.
        starts: what goes online on the new node, first needed first.
        stays: what is offline and stays so.
    """

    stops: tuple[tuple[Resource, ...], ...]
    starts: tuple[tuple[Resource, ...], ...]
    stays: tuple[Resource, ...]


def move_plan(group: Group, cluster: Snapshot) -> MovePlan:
    """Return the steps of moving *group*, whichever node it goes to."""
    members = cluster.resources_of(group.id)
    starting = [r for r in members if wanted(r, group) is Wanted.ONLINE]
    ids = {r.id for r in starting}
    return MovePlan(
        stops=start_order(running(members))[::-1],
        starts=start_order(starting),
        stays=tuple(r for r in members if r.id not in ids),
    )


def running(resources: Iterable[Resource]) -> list[Resource]:
    """Return those of *resources* that run, or may: what is Unknown may."""
    return [resource for resource in resources if resource.state not in _STOPPED]


def start_order(resources: Iterable[Resource]) -> tuple[tuple[Resource, ...], ...]:
    """Return *resources* rank by rank: each needs only what is in earlier ranks, as far as it is among them."""
    left = {resource.id: resource for resource in resources}
    ranks: list[tuple[Resource, ...]] = []
    done: set[ResourceId] = set()
    while left:
        ready = [r for r in left.values() if all(p in done or p not in left for p in r.dependencies)]
        if not ready:  # a circle, which the rules refuse
            ready = list(left.values())
        ranks.append(tuple(sorted(ready, key=lambda r: r.name.casefold())))
        done.update(r.id for r in ready)
        for resource in ready:
            del left[resource.id]
    return tuple(ranks)


def started_with(resource: Resource, cluster: Snapshot) -> list[Resource]:
    """Return what bringing *resource* online starts besides it: the providers that are not online."""
    return [r for r in providers_of(resource, cluster) if r.state not in _STARTED]


def stopped_with(resource: Resource, cluster: Snapshot) -> list[Resource]:
    """Return what taking *resource* offline stops besides it: the running dependents."""
    return running(all_dependents_of(resource, cluster))
