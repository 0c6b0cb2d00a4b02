"""Resource types: the built-in ones, and those that installed packages add."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, Final

from nodeagent.resourcetypes.address import IPAddress
from nodeagent.resourcetypes.application import GenericApplication
from nodeagent.resourcetypes.base import ResourceType

ENTRY_POINTS: Final = "clusteradmin.resource_types"
BUILT_IN: Final[tuple[type[ResourceType[Any]], ...]] = (GenericApplication, IPAddress)


def installed() -> tuple[Mapping[str, ResourceType[Any]], dict[str, str]]:
    """Return the types of this node by name, and what could not be loaded: name -> why.

    A package's type that has a built-in one's name is left out, and said.
    """
    types: dict[str, ResourceType[Any]] = {kind.name: kind() for kind in BUILT_IN}
    failed: dict[str, str] = {}
    for point in entry_points(group=ENTRY_POINTS):
        try:
            kind = point.load()
            if why := _refusal(kind, types):
                failed[point.name] = why
            else:
                types[kind.name] = kind()
        except (Exception, SystemExit) as exc:  # noqa: BLE001 - others' code must not keep the agent from starting
            failed[point.name] = f"{type(exc).__name__}: {exc}"
    return types, failed


def _refusal(kind: object, types: Mapping[str, ResourceType[Any]]) -> str:
    """Say why *kind* cannot be used; an attribute or a schema that is missing is found out here, not at a start."""
    if not (isinstance(kind, type) and issubclass(kind, ResourceType)):
        return f"{kind!r} is not a resource type"
    kind.schema()
    taken = {name.casefold() for name in types}
    return f"the name {kind.name} is taken" if kind.name.casefold() in taken else ""
