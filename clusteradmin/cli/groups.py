"""The verbs of a group."""

from __future__ import annotations

from clusteradmin.cli import maintenance
from clusteradmin.cli.grammar import Option, seconds
from clusteradmin.cli.propertylists import properties
from clusteradmin.cli.session import Session
from clusteradmin.cli.why import why
from clusteradmin.client import commands
from nodeagent.api.objects import Group, ObjectKind
from nodeagent.api.requests import BringOnline, CreateGroup, Delete, MoveGroup, Rename, SetPreferredOwners, TakeOffline

KIND = ObjectKind.GROUP


async def run(session: Session, verb: Option) -> None:
    """Do one verb. Raises ClusterError and UsageError."""
    if verb.name == "status":
        return
    name = session.name()
    if verb.name == "create":
        await session.do(CreateGroup(name=name))
        return
    group = session.group(name)
    match verb.name:
        case "delete":
            await session.meant(f"Delete the group {group.name}?")
            await session.do(Delete(kind=KIND, id=group.id))
        case "rename":
            await session.do(Rename(kind=KIND, id=group.id, name=verb.value or ""))
        case "properties" | "privproperties":
            await properties(session, group, verb)
        case "listowners":
            names = [session.snapshot.node_name(node) for node in group.preferred_owners]
            session.output.table(("Preferred Owner Nodes",), [(name,) for name in names], names)
        case "maintenance" | "endmaintenance":
            await maintenance.run(session, group, verb)
        case "why":
            why(session, group)
        case "setowners":
            await session.do(SetPreferredOwners(group=group.id, nodes=session.nodes(verb.value or "")))
        case _:
            await _state_verb(session, group, verb)


async def _state_verb(session: Session, group: Group, verb: Option) -> None:
    wait, cluster, note = session.line.seconds, session.cluster, session.note
    if verb.name == "offline":
        limit = seconds(verb) if verb.value else wait
        await session.do(
            TakeOffline(kind=KIND, id=group.id, note=note),
            lambda: commands.take_offline(cluster, group, wait=limit, note=note),
        )
        return
    node = session.node(verb.value).id if verb.value else None
    if verb.name == "online":
        await session.do(
            BringOnline(kind=KIND, id=group.id, node=node, note=note),
            lambda: commands.bring_online(cluster, group, node=node, wait=wait, note=note),
        )
    else:
        await session.do(
            MoveGroup(group=group.id, node=node, note=note),
            lambda: commands.move_group(cluster, group, node, wait=wait, note=note),
        )


def show(session: Session) -> None:
    """Print the group of that name, or all (of a node)."""
    if session.line.name is not None:
        session.show([session.group(session.line.name)], Group, one=True)
        return
    option = session.line.get("node")
    groups = list(session.snapshot.groups.values())
    if option is not None:
        owner = session.node(option.value or "").id
        groups = [group for group in groups if group.owner == owner]
    session.show(sorted(groups, key=lambda group: group.name.casefold()), Group)
