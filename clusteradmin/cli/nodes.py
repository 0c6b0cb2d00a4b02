"""The verbs of a node."""

from __future__ import annotations

from clusteradmin.cli.grammar import Option
from clusteradmin.cli.propertylists import properties
from clusteradmin.cli.session import Session
from clusteradmin.client import commands
from nodeagent.api.objects import Interface, Node
from nodeagent.api.requests import PauseNode, ResumeNode


async def run(session: Session, verb: Option) -> None:
    """Do one verb. Raises ClusterError and UsageError."""
    if verb.name == "status":
        return
    node = _node(session)
    match verb.name:
        case "pause":
            await session.do(
                PauseNode(node=node.id),
                lambda: commands.pause_node(session.cluster, node, wait=session.line.seconds),
            )
        case "resume":
            await session.do(
                ResumeNode(node=node.id),
                lambda: commands.resume_node(session.cluster, node, wait=session.line.seconds),
            )
        case "listinterfaces":
            cards = [card for card in session.snapshot.interfaces.values() if card.node == node.id]
            session.show(sorted(cards, key=lambda card: card.name), Interface)
        case _:
            await properties(session, node, verb)


def _node(session: Session) -> Node:
    """Return the node of that name; without one it is this machine, where the line speaks to its own service."""
    if session.line.name is None and session.cluster.saved.socket is not None:
        return session.snapshot.node(session.cluster.connected_node)
    return session.node(session.name())


def show(session: Session) -> None:
    """Print the node of that name, or all."""
    if session.line.name is not None:
        session.show([session.node(session.line.name)], Node, one=True)
        return
    session.show(sorted(session.snapshot.nodes.values(), key=lambda n: n.id), Node)
