"""Answers of a scripted agent that does at once what it is asked, without rules, processes or a second node.

Enough for what the workstation makes of requests and answers; what a cluster really does with them is tested against
real agents.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from nodeagent.api.events import LogEntry, Severity
from nodeagent.api.objects import (
    ClusterObject,
    Group,
    ObjectKind,
    ObjectRef,
    Resource,
    ResourceState,
    Snapshot,
    Wanted,
    ref,
)
from nodeagent.api.problems import ClusterError, Problem, problem
from nodeagent.api.properties import Value
from nodeagent.api.requests import (
    BringOnline,
    ChangeGroup,
    CreateGroup,
    CreateResource,
    Delete,
    Done,
    InitiateFailure,
    MoveGroup,
    PauseNode,
    Rename,
    Reply,
    Request,
    ResumeNode,
    SetDependencies,
    SetPossibleOwners,
    SetPreferredOwners,
    SetProperties,
    TakeOffline,
)
from nodeagent.api.rules.names import name_problem
from nodeagent.api.states import group_state
from tests.builders import identifier
from tests.support.scriptedagent import ScriptedAgent, with_objects

replace = msgspec.structs.replace


def obey(agent: ScriptedAgent, request: Request) -> Reply | Problem | None:
    """Do it, tell the workstations, answer Done."""
    try:
        after, identity, notices = _done(request, agent.snapshot)
    except ClusterError as exc:
        return exc.problem
    entry = LogEntry(
        sequence=len(agent.log) + 1,
        at=1_000_000_000.0,
        node=agent.snapshot.node_name(agent.node),
        severity=Severity.INFORMATION,
        code="event_notice",
        parameters={"detail": type(request).__name__},
    )
    return Done(revision=agent.move_on(after, entry), id=identity, notices=notices)


def postpone(agent: ScriptedAgent, request: Request) -> Reply | Problem | None:
    """Take the wish down, answer Done, and never act on it."""
    now = agent.snapshot
    if isinstance(request, MoveGroup):
        wished = replace(now.group(request.group), wish=request.node or 0)
        return Done(revision=agent.move_on(with_objects(now, wished)))
    return Done(revision=now.revision)


def _done(request: Request, now: Snapshot) -> tuple[Snapshot, str, tuple[Problem, ...]]:
    match request:
        case CreateGroup(name=name):
            _refuse(name_problem(ObjectKind.GROUP, name, now))
            group = Group(id=identifier(name), name=name, owner=1, description=request.description)
            return with_objects(now, group), group.id, ()
        case CreateResource(name=name):
            _refuse(name_problem(ObjectKind.RESOURCE, name, now))
            resource = Resource(
                id=identifier(name),
                name=name,
                type=request.type,
                group=request.group,
                separate_monitor=request.separate_monitor,
                parameters=request.parameters,
            )
            return _with_resource(now, resource), resource.id, ()
        case Delete(kind=kind, id=identity):
            return _without(now, kind, (identity, *request.with_dependents)), "", ()
        case SetProperties():
            return _set_properties(request, now)
        case _:
            return _simple(request, now), "", ()


def _simple(request: Request, now: Snapshot) -> Snapshot:
    match request:
        case Rename(kind=kind, id=identity, name=name):
            return with_objects(now, replace(_get(now, kind, identity), name=name))
        case SetPreferredOwners(group=group, nodes=nodes):
            return with_objects(now, replace(now.group(group), preferred_owners=nodes))
        case SetPossibleOwners(resource=resource, nodes=owners):
            return with_objects(now, replace(now.resource(resource), possible_owners=owners))
        case SetDependencies(resource=resource, providers=providers):
            return with_objects(now, replace(now.resource(resource), dependencies=providers))
        case ChangeGroup(resource=resource, group=group):
            return _with_resource(now, replace(now.resource(resource), group=group))
        case PauseNode(node=node):
            return with_objects(now, replace(now.node(node), paused=True, state=2))
        case ResumeNode(node=node):
            return with_objects(now, replace(now.node(node), paused=False, state=0))
        case MoveGroup(group=group, node=node):
            item = now.group(group)
            target = node or next(n for n in sorted(now.nodes) if n != item.owner)
            return with_objects(now, replace(item, owner=target))
        case BringOnline(kind=kind, id=identity):
            return _states(now, kind, identity, ResourceState.ONLINE)
        case TakeOffline(kind=kind, id=identity):
            return _states(now, kind, identity, ResourceState.OFFLINE)
        case InitiateFailure(resource=resource):
            return _states(now, ObjectKind.RESOURCE, resource, ResourceState.FAILED)
        case _:
            raise ClusterError(problem("internal_error", detail=f"no answer for {type(request).__name__}"))


def _refuse(bad: Problem | None) -> None:
    if bad:
        raise ClusterError(bad)


def _get(now: Snapshot, kind: ObjectKind, identity: str) -> Any:
    found = now.get(ObjectRef(kind, identity))
    if found is None:
        raise ClusterError(problem("object_unknown", kind=kind.value, id=identity))
    return found


def _with_resource(now: Snapshot, resource: Resource) -> Snapshot:
    """Return *now* with the resource, and the states of all groups that follow from it."""
    resources = {**now.resources, resource.id: resource}
    changed: list[ClusterObject] = [resource]
    for group in now.groups.values():
        state = group_state(r.state for r in resources.values() if r.group == group.id)
        if state is not group.state:
            changed.append(replace(group, state=state))
    return with_objects(now, *changed)


def _states(now: Snapshot, kind: ObjectKind, identity: str, state: ResourceState) -> Snapshot:
    wanted = Wanted.ONLINE if state is ResourceState.ONLINE else Wanted.OFFLINE
    if kind is ObjectKind.GROUP:
        group = replace(now.group(identity), persistent_state=wanted)
        members = [replace(r, state=state, since=r.since + 1) for r in now.resources_of(identity)]
        state_now = group_state(r.state for r in members)
        return with_objects(now, replace(group, state=state_now), *members)
    resource = now.resource(identity)
    return _with_resource(now, replace(resource, state=state, since=resource.since + 1, persistent_state=wanted))


def _without(now: Snapshot, kind: ObjectKind, identities: tuple[str, ...]) -> Snapshot:
    _get(now, kind, identities[0])
    name = "groups" if kind is ObjectKind.GROUP else "resources"
    left = {key: item for key, item in getattr(now, name).items() if key not in identities}
    return replace(now, revision=now.revision + 1, **{name: left})


def _set_properties(request: SetProperties, now: Snapshot) -> tuple[Snapshot, str, tuple[Problem, ...]]:
    item = _get(now, request.kind, request.id)
    changes: dict[str, Any] = {"properties": _merged(item.properties, request.properties)}
    if "Description" in request.properties:
        changes["description"] = request.properties["Description"] or ""
        changes["properties"].pop("Description", None)
    notices: tuple[Problem, ...] = ()
    if isinstance(item, Resource):
        changes["parameters"] = _merged(item.parameters, request.parameters)
        if request.parameters and item.state is ResourceState.ONLINE:
            names = ", ".join(request.parameters)
            notices = (problem("stored_for_next_online", names=names, name=item.name),)
    return with_objects(now, replace(item, **changes, revision=now.revision + 1)), str(ref(item).id), notices


def _merged(before: Mapping[str, Value], changes: Mapping[str, Value | None]) -> dict[str, Value]:
    merged = {**before, **changes}
    return {key: value for key, value in merged.items() if value is not None}
