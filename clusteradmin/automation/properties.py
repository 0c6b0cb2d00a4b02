"""Property collections: a local copy that is written back by `save_changes`, as in the original."""

from __future__ import annotations

import enum
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING

from clusteradmin.client import commands
from clusteradmin.client.propertyvalues import read_only, values_of
from clusteradmin.wizards.edits import Part
from nodeagent.api.objects import ClusterObject, ObjectRef
from nodeagent.api.problems import Problem, problem, refuse
from nodeagent.api.properties import Kind, PropertySpec, Value, by_name, check, normalise, parse

if TYPE_CHECKING:
    from clusteradmin.automation.cluster import Cluster

Assigned = Value | list[str]


class Which(enum.Enum):
    """The four collections of an object."""

    COMMON = "common"
    COMMON_READ_ONLY = "common, read-only"
    PRIVATE = "private"
    PRIVATE_READ_ONLY = "private, read-only"


_PARTS = {Which.COMMON: Part.PROPERTY, Which.PRIVATE: Part.PARAMETER}


class Property:
    """One property of a collection."""

    def __init__(self, collection: Properties, spec: PropertySpec) -> None:
        self._collection = collection
        self._spec = spec

    @property
    def name(self) -> str:
        """Its name, the original's."""
        return self._spec.name

    @property
    def value(self) -> Value | None:
        """Its value: what was assigned here, else what is stored, else the default; None when there is none."""
        return self._collection.value_of(self._spec)

    @value.setter
    def value(self, value: Assigned) -> None:
        self._collection[self.name] = value

    @property
    def modified(self) -> bool:
        """Whether something was assigned that is not saved."""
        return self._collection.is_modified(self.name)

    @property
    def kind(self) -> Kind:
        """What it holds."""
        return self._spec.kind

    @property
    def default(self) -> Value | None:
        """The value that counts when none is set."""
        return self._spec.default

    @property
    def unit(self) -> str:
        """The unit of a number, such as "ms"."""
        return self._spec.unit

    @property
    def read_only(self) -> bool:
        """Whether it can only be read."""
        return self._collection.read_only

    def use_default_value(self) -> None:
        """Go back to the default, with the next `save_changes`."""
        self._collection.use_default_value(self.name)

    def __repr__(self) -> str:
        return f"<Property {self.name} = {self.value!r}{' (not saved)' if self.modified else ''}>"


class Properties(MutableMapping[str, "Value | None"]):
    """Properties of one object: ``properties["CommandLine"] = "xedit"``, then ``properties.save_changes()``.

    Also ``properties.item("CommandLine").value``. Case does not matter in names; numbers count from 1. Deleting a
    key goes back to the default.
    """

    def __init__(self, cluster: Cluster, reference: ObjectRef, which: Which) -> None:
        self._cluster = cluster
        self._reference = reference
        self._which = which
        self._assigned: dict[str, Value | None] = {}  # None: back to the default

    @property
    def _object(self) -> ClusterObject:
        return self._cluster.object_of(self._reference)

    def _held(self) -> dict[str, tuple[PropertySpec, Value | None]]:
        """Return what is stored now, by name."""
        item, snapshot = self._object, self._cluster.snapshot
        if part := _PARTS.get(self._which):
            return {held.spec.name: (held.spec, held.value) for held in values_of(part, item, snapshot)}
        if self._which is Which.PRIVATE_READ_ONLY:
            return {}
        return {name: (_describe(name, value), value) for name, value in read_only(item, snapshot).items()}

    def _spec(self, name: str) -> PropertySpec:
        held = self._held()
        spec = by_name((spec for spec, _ in held.values()), name)
        if spec is None:
            raise refuse("property_unknown", name, name=name, known=", ".join(held) or "none")
        return spec

    # --- as the original has it

    @property
    def common(self) -> bool:
        """Whether these are common properties."""
        return self._which in (Which.COMMON, Which.COMMON_READ_ONLY)

    @property
    def private(self) -> bool:
        """Whether these are private properties."""
        return not self.common

    @property
    def read_only(self) -> bool:
        """Whether they can only be read."""
        return self._which not in _PARTS

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._held())

    def item(self, key: str | int) -> Property:
        """Return the property of that name or number. Raises ClusterError."""
        if isinstance(key, int):
            names = list(self._held())
            if not 1 <= key <= len(names):
                raise refuse("property_unknown", str(key), name=str(key), known=", ".join(names) or "none")
            key = names[key - 1]
        return Property(self, self._spec(key))

    def create_item(self, name: str, value: Assigned) -> Property:
        """Assign a value and return the property: which properties there are is decided by the type's schema."""
        self[name] = value
        return self.item(name)

    def use_default_value(self, name: str) -> None:
        """Go back to the default, with the next `save_changes`. Raises ClusterError."""
        spec = self._spec(name)
        if self.read_only:
            raise refuse("property_read_only", spec.name, name=spec.name)
        self._assigned[spec.name] = None

    @property
    def modified(self) -> bool:
        """Whether anything was assigned that is not saved."""
        return bool(self._assigned)

    @property
    def modified_names(self) -> tuple[str, ...]:
        """Names of what was assigned and is not saved."""
        return tuple(self._assigned)

    def refresh(self) -> None:
        """Drop what was assigned and is not saved."""
        self._assigned.clear()

    def save_changes(self) -> tuple[Problem, ...]:
        """Write what was assigned; return what is worth knowing although it was done.

        That is, of a resource that is online: its settings are stored and count from the next time it goes online
        (the original's 5024).

        Raises:
            ClusterError: it was refused; nothing is written, and what was assigned is kept.
        """
        if not self._assigned:
            return ()
        values = dict(self._assigned)
        common = self._which is Which.COMMON
        done = self._cluster.run(
            commands.set_properties(
                self._cluster.client,
                self._reference,
                properties=values if common else None,
                parameters=None if common else values,
            )
        )
        self._assigned.clear()
        return done.notices

    # --- as a Python mapping

    def __getitem__(self, name: str) -> Value | None:
        return self.value_of(self._spec(name))

    def __setitem__(self, name: str, value: Assigned | None) -> None:
        spec = self._spec(name)
        if self.read_only:
            raise refuse("property_read_only", spec.name, name=spec.name)
        if value is None:
            self._assigned[spec.name] = None
            return
        wanted = _converted(spec, value)
        if bad := check(spec, wanted):
            raise refuse(bad.code, bad.field, **bad.parameters)
        self._assigned[spec.name] = normalise(spec, wanted)

    def __delitem__(self, name: str) -> None:
        self.use_default_value(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._held())

    def __len__(self) -> int:
        return self.count

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and by_name((spec for spec, _ in self._held().values()), name) is not None

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={self[name]!r}" for name in self)
        return f"<Properties ({self._which.value}): {shown}>"

    # --- for Property

    def value_of(self, spec: PropertySpec) -> Value | None:
        """Return the value that would count after `save_changes`."""
        if spec.name in self._assigned:
            assigned = self._assigned[spec.name]
            return spec.default if assigned is None else assigned
        return self._held()[spec.name][1]

    def is_modified(self, name: str) -> bool:
        """Tell whether the property of that name was assigned and is not saved."""
        return name in self._assigned


def _converted(spec: PropertySpec, value: Assigned) -> Value:
    """Return lists as the tuples that travel, and read texts for numbers and switches as the command line does."""
    if isinstance(value, list):
        return tuple(value)
    return parse(spec, value) if isinstance(value, str) else value


def _describe(name: str, value: Value) -> PropertySpec:
    kind = Kind.STRINGS if isinstance(value, tuple) else Kind.INTEGER if isinstance(value, int) else Kind.STRING
    return PropertySpec(name=name, kind=kind, read_only=True)


def unsaved(name: str, names: tuple[str, ...]) -> Problem:
    """Return the problem that says what was assigned and not saved."""
    return problem("unsaved_changes", name=name, names=names)
