"""The order inside a group: what may start now, what must stop first, and what waits for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nodeagent.api.causes import Cause, cause
from nodeagent.api.objects import Group, Resource, ResourceId, ResourceState, Wanted
from nodeagent.api.states import wanted

_RUNNING = frozenset({ResourceState.ONLINE, ResourceState.ONLINE_PENDING, ResourceState.OFFLINE_PENDING})
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
    started again only while it is not exhausted.

    Args:
        members: the group's resources with their present states.
        stop_all: the group leaves this node or gives up; why.
    """
    keeping = {} if stop_all else _kept(group, members)
    falling = _falling(members, keeping)
    steps: list[Step] = []
    for resource in sorted(members.values(), key=lambda r: r.name.casefold()):
        if any(d.state in _RUNNING for d in members.values() if resource.id in d.dependencies):
            continue
        if resource.id in falling:
            if resource.state is not ResourceState.OFFLINE_PENDING:
                steps.append(StopNext(resource.id, _stop_cause(resource, members, stop_all)))
        elif _may_start(resource, members, keeping):
            steps.append(StartNext(resource.id, cause("cause_wanted_online")))
    return steps


def _kept(group: Group, members: Mapping[ResourceId, Resource]) -> dict[ResourceId, bool]:
    """Tell of each resource whether it is to be online: wanted, and all its providers are to be online too."""
    result: dict[ResourceId, bool] = {}

    def keep(resource: Resource) -> bool:
        if resource.id not in result:
            result[resource.id] = False  # a circle cannot be stored; if one were, nothing of it would start
            result[resource.id] = wanted(resource, group) is Wanted.ONLINE and all(
                provider in members and keep(members[provider]) for provider in resource.dependencies
            )
        return result[resource.id]

    for resource in members.values():
        keep(resource)
    return result


def _may_start(resource: Resource, members: Mapping[ResourceId, Resource], keeping: Mapping[ResourceId, bool]) -> bool:
    return (
        keeping.get(resource.id, False)
        and resource.state in _DOWN
        and not (resource.state is ResourceState.FAILED and resource.exhausted)
        and all(members[p].state is ResourceState.ONLINE for p in resource.dependencies)
    )


def _stop_cause(resource: Resource, members: Mapping[ResourceId, Resource], stop_all: Cause | None) -> Cause:
    if stop_all:
        return stop_all
    for provider in resource.dependencies:
        state = members[provider].state if provider in members else ResourceState.FAILED
        if state is not ResourceState.ONLINE:
            name = members[provider].name if provider in members else provider
            return cause("cause_provider", provider=name, state=state.name.replace("_", " ").title())
    return cause("cause_wanted_offline")


def _falling(members: Mapping[ResourceId, Resource], keeping: Mapping[ResourceId, bool]) -> set[ResourceId]:
    """Return every running resource that has to stop, those included that still wait for their dependents."""
    falling = {r.id for r in members.values() if r.state in _RUNNING and not keeping.get(r.id, False)}
    lost = falling | {r.id for r in members.values() if r.state not in _RUNNING}
    lost |= {r.id for r in members.values() if r.state is ResourceState.OFFLINE_PENDING}
    grown = True
    while grown:
        reached = {
            r.id for r in members.values() if r.id not in falling and r.state in _RUNNING and lost & {*r.dependencies}
        }
        grown = bool(reached)
        falling |= reached
        lost |= reached
    return falling


def all_down(members: Mapping[ResourceId, Resource]) -> bool:
    """Tell whether nothing of the group runs."""
    return all(resource.state in _DOWN for resource in members.values())


def waits_for(resource: Resource, members: Mapping[ResourceId, Resource]) -> Resource | None:
    """Return the provider that an offline resource, which is wanted online, waits for; None when it waits for none."""
    for provider in resource.dependencies:
        if provider in members and members[provider].state is not ResourceState.ONLINE:
            return members[provider]
    return None
