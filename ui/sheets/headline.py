"""The line under an object's name: its live state in words, with the glyph that belongs to it."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QCoreApplication

from nodeagent.api.objects import (
    Cluster,
    ClusterObject,
    Group,
    Interface,
    Node,
    Resource,
    ResourceState,
    ResourceType,
    Snapshot,
)
from nodeagent.api.rules.quorum import takeover_problem
from nodeagent.api.texts import sentence
from ui import words

_translated = partial(QCoreApplication.translate, "headline")


def headline(item: ClusterObject, cluster: Snapshot) -> tuple[str, str]:
    """Return the name of a state glyph ("" for none) and the sentence beside it."""
    state = words.state_of(item)
    glyph = words.english_state(state) if state is not None else ""
    word = words.state_word(state) if state is not None else ""
    match item:
        case Resource():
            return glyph, _resource(item, word, cluster)
        case Group():
            count = len(cluster.resources_of(item.id))
            where = _on(word, cluster.node_name(item.owner)) if item.owner is not None else word
            return glyph, _counted(where, count, _translated("1 resource"), _translated("{0} resources"))
        case Node():
            count = sum(group.owner == item.id for group in cluster.groups.values())
            return glyph, _counted(word, count, _translated("owns 1 group"), _translated("owns {0} groups"))
        case ResourceType():
            count = sum(resource.type == item.name for resource in cluster.resources.values())
            own = _translated("Resource type")
            return "", _counted(own, count, _translated("1 resource of it"), _translated("{0} resources of it"))
        case Cluster():
            count = len(cluster.nodes)
            text = _counted(_translated("Cluster"), count, _translated("1 node"), _translated("{0} nodes"))
            bad = takeover_problem(cluster) if count > 1 else None
            return "", f"{text}. {sentence(bad)}" if bad else text
        case Interface():
            return glyph, _on(word, cluster.node_name(item.node))
    return glyph, word


def _resource(item: Resource, word: str, cluster: Snapshot) -> str:
    if item.state is ResourceState.OFFLINE or item.state_node is None:
        text = word
    else:
        text = _on(word, cluster.node_name(item.state_node))
    group = cluster.groups.get(item.group)
    if group is not None:
        text = _translated("{0}, in group {1}").format(text, group.name)
    return f"{text} · {item.information}" if item.information else text


def _on(word: str, node: str) -> str:
    return _translated("{0} on {1}").format(word, node)


def _counted(first: str, count: int, one: str, several: str) -> str:
    number = _translated("no") if count == 0 else str(count)
    return f"{first}, {one if count == 1 else several.format(number)}"
