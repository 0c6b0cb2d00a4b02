"""The verbs of the cluster, its resource types, networks and network interfaces."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from clusteradmin.cli import declaring, maintenance
from clusteradmin.cli.describe import maintenance_text
from clusteradmin.cli.grammar import Option
from clusteradmin.cli.propertylists import properties, schema_table
from clusteradmin.cli.session import Session
from clusteradmin.client import nodecommands
from clusteradmin.settings import SavedConnection
from clusteradmin.wizards.profiles import times_of
from nodeagent.api.commonproperties import CLUSTER
from nodeagent.api.objects import ClusterObject, Interface, Network, Node, NodeId, ObjectKind, ResourceType, Snapshot
from nodeagent.api.properties import Value, effective
from nodeagent.api.requests import AdmitNode, Rename, SetProperties
from nodeagent.api.rules.quorum import failover, next_loss, quorum_now, takeover_problem
from nodeagent.api.texts import sentence
from nodeagent.api.wire import SOFTWARE

_ROLES: Final = ("none", "internal", "client", "all")  # in the order of their numbers


async def run_cluster(session: Session, verb: Option) -> None:
    """Do one verb of the cluster. Raises ClusterError and UsageError."""
    cluster = session.snapshot.cluster
    match verb.name:
        case "status":
            return
        case "version":
            nodes = sorted(session.snapshot.nodes.values(), key=lambda node: node.id)
            rows = [("workstation", SOFTWARE), *((node.name, node.version) for node in nodes)]
            session.output.table(("Where", "Version"), rows, dict(rows))
        case "takeover":
            await declaring.take_over_now(session)
        case "quorum":
            await _show_quorum(session)
        case "restartagents":
            await _restart_agents(session)
        case "admit":
            await session.do(AdmitNode(name=verb.value or "", note=session.note))
        case "maintenance" | "endmaintenance":
            await maintenance.run(session, cluster, verb)
        case "rename":
            await session.do(Rename(kind=ObjectKind.CLUSTER, id=cluster.id, name=verb.value or ""))
        case _:
            await properties(session, cluster, verb)


def _names(nodes: Iterable[NodeId], snapshot: Snapshot) -> str:
    return ", ".join(map(snapshot.node_name, nodes))


async def _show_quorum(session: Session) -> None:
    found = await nodecommands.read_quorum(session.cluster)
    said = [sentence(one) for one in (found.now, found.next_loss, found.failover)]
    rows = [(v.name, "answers" if v.answering else "missing", "leads" if v.leader else "") for v in found.voters]
    document = {
        "voters": [{"name": v.name, "answering": v.answering, "leader": v.leader} for v in found.voters],
        "needed": found.needed if found.voters else None,
        "quorum": found.quorum,
        "sentences": said,
    }
    if rows:
        session.output.table(("Voter", "State", "Part"), rows, document)
    else:
        session.output.document(document)
    for one in said:
        session.output.say(one)


async def _restart_agents(session: Session) -> None:
    """Let the agents begin anew, one after the other; without a terminal that needs --yes."""
    if session.whatif:
        session.output.say("The agents of all nodes that are up begin anew, one after the other.")
        session.output.say("No application is restarted, and no group moves.")
        return
    await session.meant("Restart the agents of all nodes, one after the other?", needs_yes=True)

    def told(node: Node) -> None:
        session.output.say(f"{node.name} is back.")

    await nodecommands.restart_agents(session.cluster, told, note=session.note)


def show_cluster(session: Session) -> None:
    """Print what the cluster is, and as whom we are connected to which node."""
    snapshot, connected = session.snapshot, session.cluster
    facts = {
        "name": snapshot.cluster.name,
        "id": snapshot.cluster.id,
        "connected_to": connected.status.node,
        "user": connected.user,
        "right": connected.right.name.lower(),
        "planning_node": snapshot.node_name(snapshot.cluster.leader or None),
        "database": snapshot.cluster.backend,
        "schema": snapshot.cluster.schema,
        "maintenance": maintenance_text(snapshot.cluster.maintenance) or "none",
        "brake": f"held for {held}; see --takeover" if (held := _names(snapshot.cluster.brake, snapshot)) else "open",
        "revision": snapshot.revision,
        "nodes": len(snapshot.nodes),
        "groups": len(snapshot.groups),
        "resources": len(snapshot.resources),
    }
    rows = [(key.replace("_", " ").capitalize(), str(value)) for key, value in facts.items()]
    said = _takeover_sentences(snapshot)
    more = {
        **said,
        "automatic_node_failover": takeover_problem(snapshot) is None,
        "voters": [{"name": voter.name, "answering": voter.answering} for voter in snapshot.cluster.voters],
    }
    session.output.table(("Cluster", snapshot.cluster.name), rows[1:], {**facts, **more})
    for one in said.values():
        session.output.say(one)


def _takeover_sentences(snapshot: Snapshot) -> dict[str, str]:
    """Say how the database stands, and what happens when one more of its voters, or a node, is lost."""
    cluster = snapshot.cluster
    said = {"quorum": quorum_now(cluster), "next_loss": next_loss(cluster), "node_failover": failover(snapshot)}
    times = times_of(str(effective(CLUSTER, cluster.properties, "Profile")), len(snapshot.nodes))
    if times is not None and takeover_problem(snapshot) is None:
        said["takeover_times"] = times.meaning
    return {name: sentence(one) for name, one in said.items()}


def saved_table(saved: Iterable[SavedConnection]) -> tuple[list[tuple[str, str, str]], list[dict[str, object]]]:
    """Return rows and JSON of the saved connections."""
    found = list(saved)
    rows = [(one.name, one.target, one.cluster_name) for one in found]
    documents: list[dict[str, object]] = [
        {
            "name": one.name,
            "target": one.target,
            "cluster": one.cluster_name or None,
            "nodes": [node.name for node in one.nodes],
            "demo_home": one.demo_home or None,
        }
        for one in found
    ]
    return rows, documents


async def run_type(session: Session, verb: Option) -> None:
    """Do one verb of a resource type. Raises ClusterError and UsageError."""
    if verb.name in ("list", "status"):
        return
    kind = session.find(ObjectKind.RESOURCE_TYPE, session.name())
    assert isinstance(kind, ResourceType)
    match verb.name:
        case "listowners":
            names = [session.snapshot.node_name(node) for node in kind.possible_owners]
            session.output.table(("Possible Owner Nodes",), [(name,) for name in names], names)
        case "privproperties":
            schema_table(session, kind.schema)
        case _:
            await properties(session, kind, verb)


def show_type(session: Session) -> None:
    """Print the type of that name, or all."""
    _show(session, ObjectKind.RESOURCE_TYPE, ResourceType)


async def run_network(session: Session, verb: Option) -> None:
    """Do one verb of a network. Raises ClusterError and UsageError."""
    if verb.name == "status":
        return
    network = session.find(ObjectKind.NETWORK, session.name())
    assert isinstance(network, Network)
    match verb.name:
        case "rename":
            await session.do(Rename(kind=ObjectKind.NETWORK, id=network.id, name=verb.value or ""))
        case "setrole":
            role = _role(verb.value or "")
            await session.do(SetProperties(kind=ObjectKind.NETWORK, id=network.id, properties={"Role": role}))
        case "listinterfaces":
            cards = [card for card in session.snapshot.interfaces.values() if card.network == network.id]
            cards.sort(key=lambda card: card.node)
            session.show(cards, Interface)
        case _:
            await properties(session, network, verb)


def _role(word: str) -> Value:
    """Return the role that *word* means; one that is none is left to the rules, which say what there is."""
    if word.lower() in _ROLES:
        return _ROLES.index(word.lower())
    return int(word) if word.isascii() and word.isdecimal() else word


def show_network(session: Session) -> None:
    """Print the network of that name, or all."""
    _show(session, ObjectKind.NETWORK, Network)


async def run_interface(session: Session, verb: Option) -> None:
    """Do one verb of a network interface. Raises ClusterError and UsageError."""
    if verb.name != "status":
        await properties(session, _interface(session), verb)


def _interface(session: Session) -> ClusterObject:
    """Return the interface of that name, or the one that --node and --network leave."""
    if session.line.name is None:
        cards = _chosen(session)
        if len(cards) == 1:
            return cards[0]
    return session.find(ObjectKind.INTERFACE, session.name())


def _chosen(session: Session) -> list[Interface]:
    """Return the interfaces of the node and on the network that the line names, or all."""
    node, network = session.line.get("node"), session.line.get("network")
    cards = list(session.snapshot.interfaces.values())
    if node is not None:
        owner = session.node(node.value or "").id
        cards = [card for card in cards if card.node == owner]
    if network is not None:
        wanted = session.find(ObjectKind.NETWORK, network.value or "").id
        cards = [card for card in cards if card.network == wanted]
    return sorted(cards, key=lambda card: (card.node, card.name))


def show_interface(session: Session) -> None:
    """Print the interface of that name, or all (of a node, of a network)."""
    if session.line.name is not None:
        session.show([session.find(ObjectKind.INTERFACE, session.line.name)], Interface, one=True)
        return
    session.show(_chosen(session), Interface)


def _show(session: Session, kind: ObjectKind, shown: type[ClusterObject]) -> None:
    if session.line.name is not None:
        session.show([session.find(kind, session.line.name)], shown, one=True)
        return
    session.show(sorted(session.snapshot.table(kind).values(), key=lambda item: item.name.casefold()), shown)
