"""The order inside a group: what may start now, what must stop first, and what waits for what."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from msgspec.structs import replace

from nodeagent.api.causes import Cause, cause
from nodeagent.api.objects import Group, Resource, ResourceId, ResourceState, Wanted
from nodeagent.api.states import state_words, wanted

# What is Unknown may run.
_RUNNING = frozenset(
    {ResourceState.ONLINE, ResourceState.ONLINE_PENDING, ResourceState.OFFLINE_PENDING, ResourceState.UNKNOWN}
)
_DOWN = frozenset({ResourceState.OFFLINE, ResourceState.FAILED, ResourceState.INITIALIZING})


@dataclass(frozen=True, slots=True)
class StartNext:
    """Everything it needs is online: start it."""

    resource: ResourceId
    cause: Cause


@dataclass(frozen=True, slots=True)
class StopNext:
    """Nothing that depends on it runs: stop it."""

    resource: ResourceId
    cause: Cause


Step = StartNext | StopNext


def next_steps(group: Group, members: Mapping[ResourceId, Resource], *, stop_all: Cause | None = None) -> list[Step]:
    """Return what the owner of *group* does now; called again after every change of a state.

    Providers start first and dependents stop first; independent branches go on in parallel. A resource whose provider
    failed or goes offline is stopped, and starts again by itself once the provider is online. A failed resource is
    started again only while it is not exhausted. What is Unknown may run: it is stopped where it has to be, and
    nothing is started on it.

    Args:
        members: the group's resources with their present states.
        stop_all: the group leaves this node or gives up; why.
    """
    dependents = _dependents(members)
    keeping: Set[ResourceId] = frozenset() if stop_all else _kept(group, members, dependents)
    falling = _falling(members, keeping, dependents)
    steps: list[Step] = []
    for resource in sorted(members.values(), key=lambda r: (r.name.casefold(), r.id)):
        if any(members[d].state in _RUNNING for d in dependents[resource.id]):
            continue
        if resource.id in falling:
            if resource.state is not ResourceState.OFFLINE_PENDING:
                steps.append(StopNext(resource.id, _stop_cause(resource, members, falling, stop_all)))
        elif _may_start(resource, members, keeping):
            steps.append(StartNext(resource.id, cause("cause_wanted_online")))
    return steps


def starts_with(resource: ResourceId, group: Group, members: Mapping[ResourceId, Resource]) -> list[ResourceId]:
    """Return what may start as soon as *resource*, which starts now, is online, and needs nothing else."""
    if not any(resource in one.dependencies for one in members.values()):
        return []
    there = {**members, resource: replace(members[resource], state=ResourceState.ONLINE)}
    steps = [step for step in next_steps(group, there) if isinstance(step, StartNext)]
    return [step.resource for step in steps if resource in members[step.resource].dependencies]


def _dependents(members: Mapping[ResourceId, Resource]) -> dict[ResourceId, list[ResourceId]]:
    found: dict[ResourceId, list[ResourceId]] = {resource: [] for resource in members}
    for resource in members.values():
        for provider in dict.fromkeys(resource.dependencies):
            if provider in found:
                found[provider].append(resource.id)
    return found


def _kept(
    group: Group, members: Mapping[ResourceId, Resource], dependents: Mapping[ResourceId, list[ResourceId]]
) -> set[ResourceId]:
    """Return the resources that are to be online: wanted, and all their providers are to be online too.

    Grown from those that need nothing, so a circle, which cannot be stored, would just never start.
    """
    lacking = {resource.id: len(set(resource.dependencies)) for resource in members.values()}
    ready = [resource for resource, missing in lacking.items() if not missing]
    kept: set[ResourceId] = set()
    while ready:
        current = ready.pop()
        if wanted(members[current], group) is not Wanted.ONLINE:
            continue
        kept.add(current)
        for dependent in dependents[current]:
            lacking[dependent] -= 1
            if not lacking[dependent]:
                ready.append(dependent)
    return kept


def _may_start(resource: Resource, members: Mapping[ResourceId, Resource], keeping: Set[ResourceId]) -> bool:
    return (
        resource.id in keeping
        and resource.state in _DOWN
        and not (resource.state is ResourceState.FAILED and resource.exhausted)
        and all(members[p].state is ResourceState.ONLINE for p in resource.dependencies)
    )


def _stop_cause(
    resource: Resource, members: Mapping[ResourceId, Resource], falling: Set[ResourceId], stop_all: Cause | None
) -> Cause:
    if stop_all:
        return stop_all
    for provider in resource.dependencies:
        if provider not in members:
            return cause("cause_provider_gone", provider=provider)
        name, state = members[provider].name, members[provider].state
        if provider in falling and state is ResourceState.ONLINE:
            return cause("cause_provider_stops", provider=name)
        if state not in (ResourceState.ONLINE, ResourceState.ONLINE_PENDING):
            return cause("cause_provider", provider=name, state=state_words(state))
    return cause("cause_wanted_offline")


def _falling(
    members: Mapping[ResourceId, Resource],
    keeping: Set[ResourceId],
    dependents: Mapping[ResourceId, list[ResourceId]],
) -> set[ResourceId]:
    """Return every running resource that has to stop, those included that still wait for their dependents."""
    falling = {r.id for r in members.values() if r.state in _RUNNING and r.id not in keeping}
    ended = _DOWN | {ResourceState.OFFLINE_PENDING}
    lost = [r.id for r in members.values() if r.id in falling or r.state in ended]
    while lost:
        for dependent in dependents[lost.pop()]:
            if dependent not in falling and members[dependent].state in _RUNNING:
                falling.add(dependent)
                lost.append(dependent)
    return falling


def all_down(members: Mapping[ResourceId, Resource]) -> bool:
    """Tell whether nothing of the group runs: only then it may be handed on (safety rule O2)."""
    return all(resource.state in _DOWN for resource in members.values())


def waits_for(resource: Resource, members: Mapping[ResourceId, Resource]) -> Resource | None:
    """Return the provider that an offline resource, which is wanted online, waits for; None when it waits for none."""
    for provider in resource.dependencies:
        if provider in members and members[provider].state is not ResourceState.ONLINE:
            return members[provider]
    return None
