"""The verbs of a node."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from clusteradmin.cli import declaring, maintenance
from clusteradmin.cli.grammar import Option, UsageError, seconds
from clusteradmin.cli.propertylists import properties
from clusteradmin.cli.session import Session
from clusteradmin.client import nodecommands as commands
from clusteradmin.client.status import Update
from nodeagent.api.objects import Interface, Node, NodeId
from nodeagent.api.requests import (
    CancelDrain,
    Done,
    EvictNode,
    PauseNode,
    Request,
    RestartNode,
    ResumeNode,
    StartNode,
    StopNode,
)
from nodeagent.api.rules.nodes import groups_on

Doing = Callable[[], Awaitable[Done]]


async def run(session: Session, verb: Option) -> None:
    """Do one verb. Raises ClusterError and UsageError."""
    if verb.name == "status":
        return
    node = _node(session)
    if verb.name == "listinterfaces":
        cards = [card for card in session.snapshot.interfaces.values() if card.node == node.id]
        session.show(sorted(cards, key=lambda card: card.name), Interface)
    elif verb.name in declaring.VERBS:
        await declaring.run(session, node, verb)
    elif verb.name in maintenance.VERBS:
        await maintenance.run(session, node, verb)
    elif verb.name in ("properties", "privproperties"):
        await properties(session, node, verb)
    else:
        await _member_verb(session, node, verb)


async def _member_verb(session: Session, node: Node, verb: Option) -> None:
    request, doing = _verb(session, node, verb)
    if verb.name == "evict":
        await session.meant(f"Evict {node.name} from the cluster?", needs_yes=True)
    if verb.name == "pause" and session.line.has("drain") and not session.whatif:
        async with _told_what_is_left(session, node.id):
            await session.do(request, doing)
    else:
        await session.do(request, doing)


def _verb(session: Session, node: Node, verb: Option) -> tuple[Request, Doing | None]:
    """Return the request, and what sends it and waits."""
    cluster, note = session.cluster, session.note
    wait = seconds(verb) if verb.value and verb.name in ("start", "stop", "restart") else session.line.seconds
    match verb.name:
        case "pause":
            drain = session.line.has("drain")
            pause = PauseNode(node=node.id, drain=drain, note=note)
            return pause, lambda: commands.pause_node(cluster, node, drain=drain, wait=wait, note=note)
        case "resume":
            back = _failback(verb)
            resume = ResumeNode(node=node.id, failback=back, note=note)
            return resume, lambda: commands.resume_node(cluster, node, failback=back, wait=wait, note=note)
        case "stop":
            stop = StopNode(node=node.id, note=note)
            return stop, lambda: commands.stop_node(cluster, node, wait=wait, note=note)
        case "start":
            start = StartNode(node=node.id, note=note)
            return start, lambda: commands.start_node(cluster, node, wait=wait, note=note)
        case "restart":
            restart = RestartNode(node=node.id, note=note)
            return restart, lambda: commands.restart_node(cluster, node, wait=wait, note=note)
        case "canceldrain":
            return CancelDrain(node=node.id, note=note), None
        case _:
            return EvictNode(node=node.id, note=note), None


def _failback(verb: Option) -> bool:
    if not verb.value:
        return False
    if not "failback".startswith(verb.value.lower()):
        raise UsageError(f"--resume:{verb.value}: only --resume and --resume:failback are known.")
    return True


@asynccontextmanager
async def _told_what_is_left(session: Session, node: NodeId) -> AsyncIterator[None]:
    """Say what is left whenever that changes; who stops waiting is told that the drain goes on."""
    said = -1

    def look(_: Update) -> None:
        nonlocal said
        snapshot = session.cluster.snapshot
        left = len(groups_on(snapshot.nodes[node], snapshot)) if snapshot and node in snapshot.nodes else 0
        if left != said and session.line.seconds is not None:
            said = left
            session.output.say(f"{left} {'group is' if left == 1 else 'groups are'} left to move away.")

    stop = session.cluster.listen(look)
    try:
        yield
    except asyncio.CancelledError:
        name = session.snapshot.node_name(node)
        session.output.complain(f"The drain goes on; clusteradmin node {name} --canceldrain calls it off.")
        raise
    finally:
        stop()


def _node(session: Session) -> Node:
    """Return the node of that name; without one it is this machine, where the line speaks to its own service."""
    if session.line.name is None and session.cluster.saved.socket is not None:
        return session.snapshot.node(session.cluster.connected_node)
    return session.node(session.name())


def show(session: Session) -> None:
    """Print the node of that name, or all."""
    if session.line.name is not None:
        if any(verb.name == "evict" for verb in session.line.verbs):
            return  # there is nothing more to show of it
        session.show([session.node(session.line.name)], Node, one=True)
        return
    session.show(sorted(session.snapshot.nodes.values(), key=lambda n: n.id), Node)
