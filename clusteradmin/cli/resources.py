"""The verbs of a resource."""

from __future__ import annotations

from clusteradmin.cli.grammar import Option, UsageError, seconds
from clusteradmin.cli.propertylists import properties
from clusteradmin.cli.session import Session
from clusteradmin.client import commands
from nodeagent.api.objects import NodeId, ObjectKind, Resource
from nodeagent.api.problems import refuse
from nodeagent.api.requests import (
    BringOnline,
    ChangeGroup,
    CreateResource,
    Delete,
    InitiateFailure,
    Rename,
    SetDependencies,
    SetPossibleOwners,
    TakeOffline,
)
from nodeagent.api.rules.owners import possible_owners
from nodeagent.api.states import all_dependents_of

KIND = ObjectKind.RESOURCE
EVERY_NODE = "*"


async def run(session: Session, verb: Option) -> None:
    """Do one verb. Raises ClusterError and UsageError."""
    if verb.name == "status":
        return
    if verb.name == "create":
        await _create(session)
        return
    resource = session.resource(session.name())
    match verb.name:
        case "delete":
            await _delete(session, resource)
        case "rename":
            await session.do(Rename(kind=KIND, id=resource.id, name=verb.value or ""))
        case "properties" | "privproperties":
            await properties(session, resource, verb)
        case "moveto":
            await session.do(ChangeGroup(resource=resource.id, group=session.group(verb.value or "").id))
        case "online" | "offline" | "fail":
            await _state_verb(session, resource, verb)
        case "listowners" | "setowners" | "addowner" | "removeowner":
            await _owners(session, resource, verb)
        case _:
            await _dependencies(session, resource, verb)


async def _create(session: Session) -> None:
    name, group, kind = session.name(), session.line.get("group"), session.line.get("type")
    if group is None or kind is None:
        raise UsageError(f'--create needs group and type: clusteradmin resource "{name}" --create --group:G --type:T')
    found = session.find(ObjectKind.RESOURCE_TYPE, kind.value or "")
    await session.do(
        CreateResource(
            name=name,
            type=found.name,
            group=session.group(group.value or "").id,
            separate_monitor=session.line.has("separate"),
        )
    )


async def _delete(session: Session, resource: Resource) -> None:
    dependents = all_dependents_of(resource, session.snapshot)
    names = ", ".join(r.name for r in dependents)
    also = f" and {names}, which depend on it" if dependents else ""
    await session.meant(f"Delete {resource.name}{also}?", needs_yes=bool(dependents))
    await session.do(Delete(kind=KIND, id=resource.id, with_dependents=tuple(r.id for r in dependents)))


async def _state_verb(session: Session, resource: Resource, verb: Option) -> None:
    cluster, note = session.cluster, session.note
    wait = seconds(verb) if verb.value else session.line.seconds
    match verb.name:
        case "online":
            await session.do(
                BringOnline(kind=KIND, id=resource.id, note=note),
                lambda: commands.bring_online(cluster, resource, wait=wait, note=note),
            )
        case "offline":
            await session.do(
                TakeOffline(kind=KIND, id=resource.id, note=note),
                lambda: commands.take_offline(cluster, resource, wait=wait, note=note),
            )
        case _:
            await session.do(InitiateFailure(resource=resource.id, note=note))


async def _owners(session: Session, resource: Resource, verb: Option) -> None:
    snapshot, value = session.snapshot, verb.value or ""
    now = sorted(snapshot.nodes) if resource.possible_owners is None else list(resource.possible_owners)
    nodes: tuple[NodeId, ...] | None
    match verb.name:
        case "listowners":
            able = possible_owners(resource, snapshot)
            names = [snapshot.node_name(node) for node in now if node in able]
            session.output.table(("Possible Owner Nodes",), [(name,) for name in names], names)
            return
        case "setowners":
            nodes = None if value.strip() == EVERY_NODE else session.nodes(value)
        case "addowner":
            nodes = tuple(dict.fromkeys((*now, session.node(value).id)))
        case _:
            gone = session.node(value)
            if gone.id not in now:
                raise refuse("not_possible_owner", "possible_owners", node=gone.name, name=resource.name)
            nodes = tuple(node for node in now if node != gone.id)
    await session.do(SetPossibleOwners(resource=resource.id, nodes=nodes))


async def _dependencies(session: Session, resource: Resource, verb: Option) -> None:
    snapshot = session.snapshot
    if verb.name == "listdependencies":
        providers = [snapshot.resources[p] for p in resource.dependencies if p in snapshot.resources]
        names = [provider.name for provider in providers]
        session.output.table(("Depends on", "Type"), [(p.name, p.type) for p in providers], names)
        return
    provider = session.resource(verb.value or "")
    has = provider.id in resource.dependencies
    if verb.name == "adddependency":
        if has:
            raise refuse("already_dependent", "dependencies", name=resource.name, provider=provider.name)
        wanted = (*resource.dependencies, provider.id)
    else:
        if not has:
            raise refuse("not_dependent", "dependencies", name=resource.name, provider=provider.name)
        wanted = tuple(p for p in resource.dependencies if p != provider.id)
    await session.do(SetDependencies(resource=resource.id, providers=wanted))


def show(session: Session) -> None:
    """Print the resource of that name, or all."""
    if session.line.name is not None:
        session.show([session.resource(session.line.name)], Resource, one=True)
        return
    session.show(sorted(session.snapshot.resources.values(), key=lambda r: r.name.casefold()), Resource)
