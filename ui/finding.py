"""What Ctrl+K finds: every object of the current cluster, every verb for the selection, every command of the window."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QCoreApplication

from nodeagent.api.objects import Resource, kind_of, ref
from nodeagent.api.requests import Verb
from ui.actions import WindowActions
from ui.clusterarea import ClusterArea
from ui.dialogs.palette import Entry
from ui.models.columns import drawing_of, glyph_of, state_text
from ui.words import kind_word, verb_title

VERBS, OBJECTS, COMMANDS, VERBS_OFF = range(4)


def entries(area: ClusterArea | None, actions: WindowActions, do: Callable[[Verb], object]) -> list[Entry]:
    """Return all that can be found now.

    Args:
        do: does a verb to the selection.
    """
    found = [*_verbs(area, do), *_objects(area)] if area is not None else []
    return found + _commands(actions)


def _verbs(area: ClusterArea, do: Callable[[Verb], object]) -> list[Entry]:
    if area.picture is None:
        return []
    found = []
    for verb, offer in area.offers(area.selection()).items():
        title = verb_title(verb)
        if len(offer.items) == 1:
            title = f"{title}: {offer.items[0].name}"
        found.append(
            Entry(
                title,
                offer.consequence,
                partial(do, verb),
                reason=offer.reason,
                rank=VERBS if offer.possible else VERBS_OFF,
            )
        )
    return found


def _objects(area: ClusterArea) -> list[Entry]:
    picture = area.picture
    if picture is None:
        return []
    found = []
    for item in picture.snapshot.everything():
        where = picture.group_name(item.group) if isinstance(item, Resource) else kind_word(kind_of(item))
        state = state_text(item, picture)
        reference = ref(item)
        found.append(
            Entry(
                item.name,
                ", ".join(part for part in (state, where) if part),
                partial(area.go_to_object, reference),
                kind=drawing_of(item),
                state=glyph_of(item, picture),
                rank=OBJECTS,
            )
        )
    return found


def _commands(actions: WindowActions) -> list[Entry]:
    off = QCoreApplication.translate("finding", "Not now")
    return [
        Entry(
            action.text().replace("…", "").replace("&", ""),
            action.statusTip(),
            action.trigger,
            reason="" if action.isEnabled() else off,
            rank=COMMANDS,
        )
        for action in actions.commands.values()
        if action.isVisible() and action.text()
    ]
