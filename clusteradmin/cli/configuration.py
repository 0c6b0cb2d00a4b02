"""The verbs of the cluster, its resource types, networks and network interfaces."""

from __future__ import annotations

from collections.abc import Iterable

from clusteradmin.cli.grammar import Option
from clusteradmin.cli.propertylists import properties, schema_table
from clusteradmin.cli.session import Session
from clusteradmin.settings import SavedConnection
from nodeagent.api.objects import ClusterObject, Interface, Network, ObjectKind, ResourceType
from nodeagent.api.requests import Rename
from nodeagent.api.wire import SOFTWARE


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
        case "rename":
            await session.do(Rename(kind=ObjectKind.CLUSTER, id=cluster.id, name=verb.value or ""))
        case _:
            await properties(session, cluster, verb)


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
        "revision": snapshot.revision,
        "nodes": len(snapshot.nodes),
        "groups": len(snapshot.groups),
        "resources": len(snapshot.resources),
    }
    rows = [(key.replace("_", " ").capitalize(), str(value)) for key, value in facts.items()]
    session.output.table(("Cluster", snapshot.cluster.name), rows[1:], facts)


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
        case "listinterfaces":
            cards = [card for card in session.snapshot.interfaces.values() if card.network == network.id]
            cards.sort(key=lambda card: card.node)
            session.show(cards, Interface)
        case _:
            await properties(session, network, verb)


def show_network(session: Session) -> None:
    """Print the network of that name, or all."""
    _show(session, ObjectKind.NETWORK, Network)


async def run_interface(session: Session, verb: Option) -> None:
    """Do one verb of a network interface. Raises ClusterError and UsageError."""
    if verb.name != "status":
        await properties(session, session.find(ObjectKind.INTERFACE, session.name()), verb)


def show_interface(session: Session) -> None:
    """Print the interface of that name, or all (of a node, of a network)."""
    node, network = session.line.get("node"), session.line.get("network")
    cards = list(session.snapshot.interfaces.values())
    if node is not None:
        owner = session.node(node.value or "").id
        cards = [card for card in cards if card.node == owner]
    if network is not None:
        wanted = session.find(ObjectKind.NETWORK, network.value or "").id
        cards = [card for card in cards if card.network == wanted]
    if session.line.name is not None:
        session.show([session.find(ObjectKind.INTERFACE, session.line.name)], Interface, one=True)
        return
    cards.sort(key=lambda card: (card.node, card.name))
    session.show(cards, Interface)


def _show(session: Session, kind: ObjectKind, shown: type[ClusterObject]) -> None:
    if session.line.name is not None:
        session.show([session.find(kind, session.line.name)], shown, one=True)
        return
    session.show(sorted(session.snapshot.table(kind).values(), key=lambda item: item.name.casefold()), shown)
