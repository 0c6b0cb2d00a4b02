"""Names of groups, resources, networks and the cluster: what they may look like, and that they are not taken."""

from __future__ import annotations

import unicodedata
from typing import Final

from nodeagent.api.objects import ObjectKind, Snapshot
from nodeagent.api.problems import Problem, problem
from nodeagent.api.spelling import comparable, normal_form

__all__ = ["MAXIMUM_LENGTH", "name_problem", "normal_form", "shape_problem"]  # normal_form is one of the rules, too

MAXIMUM_LENGTH: Final = 128  # characters

# Joiners are part of Persian and Indian words and of emoji; other format characters (zero-width blanks, marks and
# overrides of the direction of writing) make two names that look the same.
_JOINERS: Final = "\u200c\u200d"

# Names of resources are unique in the cluster, names of groups among groups, as in the original.
_UNIQUE = (ObjectKind.GROUP, ObjectKind.RESOURCE, ObjectKind.NETWORK)


def name_problem(kind: ObjectKind, name: str, cluster: Snapshot, renamed: str = "") -> Problem | None:
    """Say why the name cannot be used, or None when it can.

    Args:
        renamed: id of the object that gets the name; it may keep its own.
    """
    if bad := shape_problem(kind, name):
        return bad
    if kind in _UNIQUE:
        wanted = comparable(name)
        for item in cluster.table(kind).values():
            if comparable(item.name) == wanted and str(item.id) != renamed:
                return problem("name_taken", "name", kind=kind.value, name=item.name)
    return None


def shape_problem(kind: ObjectKind, name: str) -> Problem | None:
    """Say what is wrong with the name itself, whatever else the cluster holds."""
    if not name or name.isspace():
        return problem("name_empty", "name", kind=kind.value)
    # Composing makes four characters one at most. For a long row of marks it takes quadratic time, so look first.
    if (length := len(name) if len(name) > 4 * MAXIMUM_LENGTH else len(normal_form(name))) > MAXIMUM_LENGTH:
        return problem("name_too_long", "name", kind=kind.value, length=length, maximum=MAXIMUM_LENGTH)
    categories = {unicodedata.category(c) for c in name if c not in _JOINERS}
    if categories & {"Cc", "Cs", "Zl", "Zp"}:
        return problem("name_control_characters", "name", kind=kind.value)
    if "Cf" in categories or categories <= {"Zs"}:
        return problem("name_invisible_characters", "name", kind=kind.value)
    if name != name.strip():
        return problem("name_blanks", "name", kind=kind.value)
    return None
