"""What goes along: the best possible owner by the planner's own rule, and the order of stopping and starting."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nodeagent.api.objects import Group, NodeId, Resource, ResourceId, ResourceState, Snapshot, Wanted
from nodeagent.api.states import all_dependents_of, providers_of, wanted
from nodeagent.planner import placement

_RUNNING = (ResourceState.ONLINE, ResourceState.ONLINE_PENDING)


@dataclass(frozen=True, slots=True)
class Best:
    """The node that Move Group takes when none is named (None: no node can), and why that one."""

    node: NodeId | None
    why: str


def best_owner(group: Group, cluster: Snapshot) -> Best:
    """Return where *group* would go, by the rule that the leader follows."""
    choice = placement.best_owner(group, cluster)
    return Best(choice.node, choice.why)


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
    running = [r for r in members if r.state in _RUNNING]
    starting = [r for r in members if wanted(r, group) is Wanted.ONLINE]
    ids = {r.id for r in starting}
    return MovePlan(
        stops=start_order(running)[::-1],
        starts=start_order(starting),
        stays=tuple(r for r in members if r.id not in ids),
    )


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
    return [r for r in providers_of(resource, cluster) if r.state not in _RUNNING]


def stopped_with(resource: Resource, cluster: Snapshot) -> list[Resource]:
    """Return what taking *resource* offline stops besides it: the running dependents."""
    return [r for r in all_dependents_of(resource, cluster) if r.state in _RUNNING]
