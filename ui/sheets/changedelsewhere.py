"""What somebody else changed while a sheet was open, in a sentence that names who and when, if the log knows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QCoreApplication

from clusteradmin.wizards.edits import Held, Key, Part
from ui import words
from ui.forms.row import value_text
from ui.sheets.draft import Draft

_translated = partial(QCoreApplication.translate, "changed elsewhere")
_RECENT = 300.0  # seconds: an older entry of the log is not about what just changed


def key_label(key: Key, draft: Draft) -> str:
    """Return how the window calls what *key* stands for."""
    spec = draft.edits.spec(key)
    if spec is not None:
        return spec.label or spec.name
    return {
        Part.NAME: _translated("Name"),
        Part.PREFERRED_OWNERS: _translated("Preferred owners"),
        Part.POSSIBLE_OWNERS: _translated("Possible owners"),
        Part.DEPENDENCIES: _translated("Dependencies"),
    }.get(key.part, key.name)


def short_text(key: Key, value: Held, draft: Draft) -> str:
    """Return a value in a word or two; an empty text where it is too long for a line."""
    spec = draft.edits.spec(key)
    if spec is None:
        return str(value) if key.part is Part.NAME else ""
    given = spec.default if value is None else value
    text = value_text(spec, given)  # type: ignore[arg-type]  # a property holds a Value
    return text if len(text) <= 32 and "\n" not in text else ""


def conflict_text(keys: Sequence[Key], draft: Draft) -> tuple[str, str]:
    """Return what they changed, and what stands here instead."""
    if len(keys) > 1:
        names = words.listed([key_label(key, draft) for key in keys])
        return _changed(draft, names), _translated("You changed them too.")
    key = keys[0]
    mine = short_text(key, draft.edits.value(key), draft)
    here = _translated("Here: {0}.").format(mine) if mine else _translated("You changed it too.")
    return _changed(draft, key_label(key, draft), short_text(key, draft.edits.loaded(key), draft)), here


def adopted_text(keys: Sequence[Key], draft: Draft) -> tuple[str, str]:
    """Return what they changed, and that it is shown."""
    names = words.listed([key_label(key, draft) for key in keys])
    value = short_text(keys[0], draft.edits.loaded(keys[0]), draft) if len(keys) == 1 else ""
    return _changed(draft, names, value), _translated("Shown here.")


def _changed(draft: Draft, what: str, value: str = "") -> str:
    who, at = _who(draft)
    if who:
        if value:
            return _translated("{0} changed {1} to {2} at {3}.").format(who, what, value, at)
        return _translated("{0} changed {1} at {2}.").format(who, what, at)
    if value:
        return _translated("{0} was changed to {1} elsewhere.").format(what, value)
    return _translated("{0}: changed elsewhere.").format(what)


def _who(draft: Draft) -> tuple[str, str]:
    """Return who changed the object last and when, by the log; empty texts when it does not say."""
    newest = draft.cluster.log[-1].at if draft.cluster.log else 0.0
    for entry in reversed(draft.cluster.log):
        if newest - entry.at > _RECENT:
            break
        if entry.object == draft.reference and entry.code in ("event_changed", "event_renamed"):
            if entry.cause is not None and entry.cause.user:
                return entry.cause.user, words.clock(entry.at)
            break
    return "", ""
