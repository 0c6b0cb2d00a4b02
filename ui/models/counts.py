"""How many nodes, groups and resources are in each state: what the strip above a cluster says."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QCoreApplication

from nodeagent.api.objects import Group, Node, NodeState, Resource
from ui.models.columns import glyph_of
from ui.models.picture import Picture
from ui.models.places import CLUSTER, GROUPS, RESOURCES, Place
from ui.words import QT_TRANSLATE_NOOP

_tr = partial(QCoreApplication.translate, "counts")


@dataclass(frozen=True, slots=True)
class Kind:
    """One state of the strip. *glyph* is its drawing, *word* its name, *filter* what shows only these."""

    glyph: str
    word: str
    filter: str
    normal: bool = False

    def text(self) -> str:
        return _tr(self.word)


@dataclass(frozen=True, slots=True)
class Section:
    """Nodes, groups or resources; *place* lists them."""

    key: str
    title: str
    place: Place
    kinds: tuple[Kind, ...]

    def text(self) -> str:
        return _tr(self.title)


_STALE = Kind("stale", QT_TRANSLATE_NOOP("counts", "Stale"), "state:stale")
_PENDING = Kind("pending", QT_TRANSLATE_NOOP("counts", "Pending"), "state:pending")
_FAILED = Kind("failed", QT_TRANSLATE_NOOP("counts", "Failed"), "state:failed")
_UNKNOWN = Kind("unknown", QT_TRANSLATE_NOOP("counts", "Unknown"), "state:unknown")
_OFFLINE = Kind("offline", QT_TRANSLATE_NOOP("counts", "Offline"), "state:offline")
SECTIONS = (
    Section(
        "nodes",
        QT_TRANSLATE_NOOP("counts", "Nodes"),
        CLUSTER,
        (
            Kind("up", QT_TRANSLATE_NOOP("counts", "Up"), "state:up", normal=True),
            Kind("paused", QT_TRANSLATE_NOOP("counts", "Paused"), "state:paused"),
            Kind("joining", QT_TRANSLATE_NOOP("counts", "Joining"), "state:joining"),
            Kind("down", QT_TRANSLATE_NOOP("counts", "Down"), "state:down"),
            _STALE,
        ),
    ),
    Section(
        "groups",
        QT_TRANSLATE_NOOP("counts", "Groups"),
        GROUPS,
        (
            Kind("online", QT_TRANSLATE_NOOP("counts", "Online"), "state:online", normal=True),
            Kind("partially online", QT_TRANSLATE_NOOP("counts", "Partial"), "state:partially"),
            _OFFLINE,
            _PENDING,
            _FAILED,
            _UNKNOWN,
            _STALE,
        ),
    ),
    Section(
        "resources",
        QT_TRANSLATE_NOOP("counts", "Resources"),
        RESOURCES,
        (
            Kind("online", QT_TRANSLATE_NOOP("counts", "Online"), "state:online", normal=True),
            _OFFLINE,
            _PENDING,
            _FAILED,
            _UNKNOWN,
            _STALE,
        ),
    ),
)
# Glyphs that the strip counts together with another.
_TOGETHER = {"online pending": "pending", "offline pending": "pending", "initializing": "pending"}


def counts(picture: Picture) -> dict[str, Counter[str]]:
    """Return for each section how many objects have each glyph."""
    snapshot = picture.snapshot
    silent = any(node.state is NodeState.UNKNOWN for node in snapshot.nodes.values())
    return {
        "nodes": _count(snapshot.nodes.values(), picture, by_state=False),
        "groups": _count(snapshot.groups.values(), picture, by_state=not silent),
        "resources": _count(snapshot.resources.values(), picture, by_state=not silent),
    }


def _count(
    items: Iterable[Node] | Iterable[Group] | Iterable[Resource], picture: Picture, *, by_state: bool
) -> Counter[str]:
    found: Counter[str] = Counter()
    if by_state:  # no object is stale by its node's silence: count the states, not object by object
        examples = {item.state: item for item in items}
        for state, number in Counter(item.state for item in items).items():
            found[_glyph(examples[state], picture)] += number
    else:
        for item in items:
            found[_glyph(item, picture)] += 1
    return found


def _glyph(item: Node | Group | Resource, picture: Picture) -> str:
    glyph = (glyph_of(item, picture) or "unknown").casefold()
    return _TOGETHER.get(glyph, glyph)
