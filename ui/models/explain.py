"""Why is it here: what the Details pane says of one object, from the one record of the last decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QCoreApplication

from nodeagent.api.objects import (
    Cluster,
    ClusterObject,
    Group,
    Interface,
    Network,
    Node,
    Resource,
    ResourceState,
    ResourceType,
    kind_of,
)
from nodeagent.api.rules.owners import host_problem
from nodeagent.api.rules.quorum import failover, quorum_now
from nodeagent.api.texts import because, sentence
from ui.models.columns import drawing_of, glyph_of, owner_text, state_text
from ui.models.eventlines import reason_of
from ui.models.information import as_of, information
from ui.models.picture import Picture
from ui.words import day_and_time, duration, fact_text, kind_word, listed, role_word

_tr = partial(QCoreApplication.translate, "explain")

MOST_NODES = 8


@dataclass(frozen=True, slots=True)
class NodeLine:
    """One node and whether it could take the group, and why not."""

    name: str
    glyph: str
    reason: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is said of a selection. *glyph* is None for what has no state."""

    name: str
    drawing: str
    glyph: str | None
    state: str
    stale: bool = False
    title: str = ""
    sentences: tuple[str, ...] = ()
    nodes_title: str = ""
    nodes: tuple[NodeLine, ...] = ()


def explain(selection: Sequence[ClusterObject], picture: Picture) -> Explanation:
    """Return what is to be said of *selection*: of one object why it is so, of several what they are."""
    if len(selection) != 1:
        return _several(selection)
    item = selection[0]
    return Explanation(
        name=item.name,
        drawing=drawing_of(item),
        glyph=glyph_of(item, picture),
        state=_state_line(item, picture),
        stale=picture.stale_since(item) is not None,
        title=_tr("Why is it here?") if isinstance(item, Group | Resource) else _tr("What it is"),
        sentences=tuple(part for part in _sentences(item, picture) if part),
        nodes_title=_tr("Other nodes:") if isinstance(item, Group | Resource) else "",
        nodes=_nodes(item, picture),
    )


def _several(selection: Sequence[ClusterObject]) -> Explanation:
    kinds: dict[str, list[str]] = {}
    for item in selection:
        kinds.setdefault(kind_word(kind_of(item)), []).append(item.name)
    lines = tuple(f"{len(names)} × {kind}: {listed(names, 6)}" for kind, names in kinds.items())
    return Explanation(
        name=_tr("{0} selected").format(len(selection)), drawing="resources", glyph=None, state="", sentences=lines
    )


def _state_line(item: ClusterObject, picture: Picture) -> str:
    word = state_text(item, picture)
    if not word:
        return kind_word(kind_of(item))
    since = picture.stale_since(item)
    if since is not None:
        return f"{word}, {as_of(since, picture.now)}"
    owner = owner_text(item, picture) if isinstance(item, Group | Resource) else ""
    text = _tr("{0} on {1}").format(word, owner) if owner else word
    began = item.since if isinstance(item, Resource | Node) else 0.0
    if began:
        text = _tr("{0} for {1}").format(text, duration(picture.now - began))
    return text


def _sentences(item: ClusterObject, picture: Picture) -> list[str]:
    if isinstance(item, Resource):
        group = picture.snapshot.groups.get(item.group)
        own = [information(item, picture), because(item.cause) if item.cause else ""]
        here = _here(group, picture) if group else ""
        # What is wrong comes before why it is here; what is well after it.
        well = item.state is ResourceState.ONLINE and picture.stale_since(item) is None
        return [_stop(text) for text in ((here, *own) if well else (*own, here))]
    if isinstance(item, Group):
        return [_stop(_here(item, picture)), _stop(information(item, picture)), item.description]
    if isinstance(item, Node):
        return [_stop(item.information), _load(item, picture), _facts(item), item.description]
    if isinstance(item, Network):
        return [_tr("Carries: {0}. {1} {2}").format(role_word(item.role), item.address, item.mask), item.description]
    if isinstance(item, Interface):
        return [f"{item.adapter} {item.address}".strip(), item.description]
    if isinstance(item, ResourceType):
        needed = _tr("Needs a dependency on: {0}.").format(", ".join(item.required_dependencies))
        return [item.description, needed if item.required_dependencies else ""]
    return _cluster(item, picture)


def _stop(text: str) -> str:
    """End a sentence with a stop; table cells have none."""
    return f"{text}." if text and text[-1] not in ".!?”" else text


def _here(group: Group, picture: Picture) -> str:
    """Say why the group is on its node."""
    owner = picture.owner_of(group)
    if group.cause is None:
        return "" if owner else _tr("No node owns {0}.").format(group.name)
    when = f" ({day_and_time(group.since, picture.now)})" if group.since else ""
    if owner is None:
        return f"{group.name}: {because(group.cause)}"
    return _tr("{0} is on {1}{2}: {3}").format(group.name, owner.name, when, because(group.cause))


def _nodes(item: ClusterObject, picture: Picture) -> tuple[NodeLine, ...]:
    group = picture.snapshot.groups.get(item.group) if isinstance(item, Resource) else item
    if not isinstance(group, Group):
        return ()
    near = picture.around(group)
    lines = []
    for node in sorted(picture.snapshot.nodes.values(), key=lambda n: n.id):
        if node.id == group.owner:
            continue
        bad = host_problem(group, node, near)
        glyph = "online" if bad is None else glyph_of(node, picture) or "unknown"
        lines.append(
            NodeLine(
                node.name,
                "offline" if bad and glyph == "Up" else glyph,
                _tr("can take it") if bad is None else reason_of(node.name, bad),
            )
        )
    return tuple(lines[:MOST_NODES])


def _load(node: Node, picture: Picture) -> str:
    groups = picture.groups_on.get(node.id, ())
    if not groups:
        return _tr("It owns no group.")
    if len(groups) == 1:
        return _tr("It owns 1 group: {0}.").format(groups[0].name)
    return _tr("It owns {0} groups: {1}.").format(len(groups), listed(sorted(g.name for g in groups)))


def _facts(node: Node) -> str:
    return " · ".join(f"{key}: {fact_text(key, value)}" for key, value in node.facts.items() if value)


def _cluster(item: Cluster, picture: Picture) -> list[str]:
    snapshot = picture.snapshot
    size = _tr("{0} nodes, {1} groups, {2} resources.").format(
        len(snapshot.nodes), len(snapshot.groups), len(snapshot.resources)
    )
    leader = _tr("{0} plans for the cluster.").format(snapshot.node_name(item.leader)) if item.leader else ""
    voters = sentence(quorum_now(item)) if item.voters else ""
    return [size, leader, voters, sentence(failover(snapshot)), item.description]
