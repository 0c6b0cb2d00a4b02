"""Names of groups, resources, networks and the cluster: what they may look like, and that they are not taken."""

from __future__ import annotations

import unicodedata
from typing import Final

from nodeagent.api.objects import ObjectKind, Snapshot
from nodeagent.api.problems import Problem, problem

MAXIMUM_LENGTH: Final = 128  # characters

# Names of resources are unique in the cluster, names of groups among groups, as in the original.
_UNIQUE = (ObjectKind.GROUP, ObjectKind.RESOURCE, ObjectKind.NETWORK)


def normal_form(name: str) -> str:
    """Return the form in which names are stored and compared: Unicode NFC."""
    return unicodedata.normalize("NFC", name)


def name_problem(kind: ObjectKind, name: str, cluster: Snapshot, renamed: str = "") -> Problem | None:
    """Say why the name cannot be used, or None when it can.

    Args:
        renamed: id of the object that gets the name; it may keep its own.
    """
    if bad := shape_problem(kind, name):
        return bad
    if kind in _UNIQUE:
        wanted = normal_form(name).casefold()
        for item in cluster.table(kind).values():
            if normal_form(item.name).casefold() == wanted and str(item.id) != renamed:
                return problem("name_taken", "name", kind=kind.value, name=item.name)
    return None


def shape_problem(kind: ObjectKind, name: str) -> Problem | None:
    """Say what is wrong with the name itself, whatever else the cluster holds."""
    if not name or name.isspace():
        return problem("name_empty", "name", kind=kind.value)
    if len(normal_form(name)) > MAXIMUM_LENGTH:
        return problem("name_too_long", "name", kind=kind.value, length=len(name), maximum=MAXIMUM_LENGTH)
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name):
        return problem("name_control_characters", "name", kind=kind.value)
    if name != name.strip():
        return problem("name_blanks", "name", kind=kind.value)
    return None
