"""What a property sheet changes: from the object as it was loaded to requests, while others may change it too."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from nodeagent.api.commonproperties import COMMON
from nodeagent.api.objects import (
    Cluster,
    ClusterObject,
    Group,
    Network,
    NodeId,
    ObjectKind,
    Resource,
    ResourceId,
    ResourceType,
    Snapshot,
    kind_of,
)
from nodeagent.api.problems import Problem, problem
from nodeagent.api.properties import PropertySpec, Value, by_name, check
from nodeagent.api.requests import (
    Rename,
    Request,
    SetDependencies,
    SetPossibleOwners,
    SetPreferredOwners,
    SetProperties,
)
from nodeagent.api.rules.dependencies import dependencies_problem
from nodeagent.api.rules.names import name_problem
from nodeagent.api.rules.networks import role_problem
from nodeagent.api.rules.owners import owners_problem

# None: a property's default, and of possible owners every node.
Held = Value | tuple[NodeId, ...] | tuple[ResourceId, ...] | None


class Part(enum.StrEnum):
    """What of an object is changed; each part but the first two has a request of its own."""

    PROPERTY = "property"
    PARAMETER = "parameter"
    PREFERRED_OWNERS = "preferred_owners"
    POSSIBLE_OWNERS = "possible_owners"
    DEPENDENCIES = "dependencies"
    NAME = "name"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """One thing that can be edited; *name* is that of a property or parameter."""

    part: Part
    name: str = ""


NAME = Key(Part.NAME)
PREFERRED_OWNERS = Key(Part.PREFERRED_OWNERS)
POSSIBLE_OWNERS = Key(Part.POSSIBLE_OWNERS)
DEPENDENCIES = Key(Part.DEPENDENCIES)

# Properties that only describe: they are no deviation from how the cluster behaves by default.
DESCRIBING = frozenset({"Description", "DisplayName"})
_OWN_FIELDS = {
    "name": NAME,
    "preferred_owners": PREFERRED_OWNERS,
    "possible_owners": POSSIBLE_OWNERS,
    "dependencies": DEPENDENCIES,
    "providers": DEPENDENCIES,
}


def prop(name: str) -> Key:
    """Return the key of a common property."""
    return Key(Part.PROPERTY, name)


def parameter(name: str) -> Key:
    """Return the key of a private property of a resource."""
    return Key(Part.PARAMETER, name)


def schema_of(part: Part, item: ClusterObject, cluster: Snapshot) -> tuple[PropertySpec, ...]:
    """Return the properties that *item* has in that part."""
    if part is Part.PROPERTY:
        return COMMON[kind_of(item)]
    if part is Part.PARAMETER and isinstance(item, Resource) and item.type in cluster.types:
        return cluster.types[item.type].schema
    return ()


def held(item: ClusterObject, cluster: Snapshot) -> dict[Key, Held]:
    """Return what *item* has now; a property at its default is None, however it came to be so."""
    values: dict[Key, Held] = {}
    stored = {**_attributes(item), **item.properties}
    for spec in schema_of(Part.PROPERTY, item, cluster):
        values[prop(spec.name)] = _or_default(spec, stored.get(spec.name))
    if isinstance(item, Resource):
        for spec in schema_of(Part.PARAMETER, item, cluster):
            values[parameter(spec.name)] = _or_default(spec, item.parameters.get(spec.name))
        values[POSSIBLE_OWNERS] = item.possible_owners
        values[DEPENDENCIES] = item.dependencies
    if isinstance(item, Group):
        values[PREFERRED_OWNERS] = item.preferred_owners
    if isinstance(item, Cluster | Group | Resource | Network):
        values[NAME] = item.name
    return values


def _attributes(item: ClusterObject) -> dict[str, Value]:
    """Return the properties that objects carry as attributes of their own."""
    values: dict[str, Value] = {"Description": item.description}
    if isinstance(item, Resource):
        values["SeparateMonitor"] = item.separate_monitor
    if isinstance(item, ResourceType):
        values["DisplayName"] = item.display_name
    if isinstance(item, Network):
        values["Role"] = item.role
    return values


def _or_default(spec: PropertySpec, value: Value | None) -> Value | None:
    unset = spec.default is None and value in ("", ())
    return None if unset or (value == spec.default and type(value) is type(spec.default)) else value


@dataclass(frozen=True, slots=True)
class Meeting:
    """What somebody else changed: what was taken over, and what both changed to different values."""

    adopted: tuple[Key, ...] = ()
    conflicting: tuple[Key, ...] = ()


class Edits:
    """What a person has changed in a sheet and not applied yet.

    The object goes on living meanwhile: `meet` compares three ways, as it was loaded, as it is, as the person wants.
    """

    def __init__(self, item: ClusterObject, cluster: Snapshot) -> None:
        self.item = item
        self._loaded = held(item, cluster)
        self._mine: dict[Key, Held] = {}
        self._cluster = cluster

    @property
    def dirty(self) -> bool:
        """Whether there is anything to apply."""
        return bool(self._mine)

    @property
    def changed(self) -> Mapping[Key, Held]:
        """What was changed and not applied yet."""
        return self._mine

    def keys(self) -> tuple[Key, ...]:
        """Return all that can be edited."""
        return tuple(self._loaded)

    def value(self, key: Key) -> Held:
        """Return the value as the person wants it; None is the default."""
        return self._mine[key] if key in self._mine else self._loaded.get(key)

    def loaded(self, key: Key) -> Held:
        """Return the value as the cluster has it."""
        return self._loaded.get(key)

    def effective(self, key: Key) -> Held:
        """Return the value that counts: the default where none is set."""
        value = self.value(key)
        spec = self.spec(key)
        return spec.default if value is None and spec is not None else value

    def spec(self, key: Key) -> PropertySpec | None:
        """Return the schema of a property or parameter."""
        return by_name(schema_of(key.part, self.item, self._cluster), key.name) if key.name else None

    def put(self, key: Key, value: Held) -> None:
        """Take what the person wants; what equals the default is stored as the default."""
        spec = self.spec(key)
        if spec is not None and value is not None:
            value = _or_default(spec, value)  # type: ignore[arg-type]  # a property holds a Value
        if value == self._loaded.get(key) and isinstance(value, type(self._loaded.get(key))):
            self._mine.pop(key, None)
        else:
            self._mine[key] = value

    def discard(self, keys: tuple[Key, ...]) -> None:
        """Forget what the person wanted for *keys*: the cluster's values stand."""
        for key in keys:
            self._mine.pop(key, None)

    def differing(self) -> tuple[Key, ...]:
        """Return the properties and parameters that differ from their defaults, as the person wants them."""
        return tuple(
            key
            for key in self._loaded
            if key.name
            and key.name not in DESCRIBING
            and self.value(key) is not None
            and (spec := self.spec(key)) is not None
            and spec.default is not None
        )

    def meet(self, item: ClusterObject, cluster: Snapshot) -> Meeting:
        """Go on from *item* as it is now. What the person has not touched is taken over."""
        now = held(item, cluster)
        theirs = [key for key in now if now[key] != self._loaded.get(key)]
        conflicting = tuple(key for key in theirs if key in self._mine and self._mine[key] != now[key])
        self.item, self._loaded, self._cluster = item, now, cluster
        self._mine = {key: value for key, value in self._mine.items() if key in now and now[key] != value}
        return Meeting(tuple(key for key in theirs if key not in conflicting), conflicting)

    def problems(self, cluster: Snapshot) -> dict[Key, Problem]:
        """Return what is wrong with what was changed."""
        found = {key: self._problem(key, value, cluster) for key, value in self._mine.items()}
        return {key: bad for key, bad in found.items() if bad is not None}

    def _problem(self, key: Key, value: Held, cluster: Snapshot) -> Problem | None:
        match key.part:
            case Part.NAME:
                return name_problem(kind_of(self.item), str(value), cluster, renamed=str(self.item.id))
            case Part.PREFERRED_OWNERS | Part.POSSIBLE_OWNERS:
                return owners_problem(value, cluster, field=key.part.value)  # type: ignore[arg-type]  # node ids
            case Part.DEPENDENCIES:
                assert isinstance(self.item, Resource)
                return dependencies_problem(self.item, value, cluster)  # type: ignore[arg-type]  # resource ids
        spec = self.spec(key)
        if spec is None:
            return None
        if value is None:
            missing = spec.required and spec.default is None
            return problem("value_required", spec.name, name=spec.name) if missing else None
        if bad := check(spec, value):  # type: ignore[arg-type]  # a property holds a Value
            return bad
        if isinstance(self.item, Network) and spec.name == "Role":
            return role_problem(self.item, value, cluster)  # type: ignore[arg-type]  # checked above
        return None

    def key_of(self, problem: Problem) -> Key | None:
        """Return the field that a refusal of the cluster names, or None when it names none that is here."""
        wanted = problem.field.casefold()
        own = _OWN_FIELDS.get(wanted)
        if own is not None and own in self._loaded:
            return own
        return next((key for key in self._loaded if wanted and key.name.casefold() == wanted), None)

    def requests(self) -> tuple[Request, ...]:
        """Return what Apply sends, in this order: properties first, because they tell whether somebody was faster."""
        kind, identity = kind_of(self.item), str(self.item.id)
        found: list[Request] = []
        properties, parameters = self._values(Part.PROPERTY), self._values(Part.PARAMETER)
        if properties or parameters:
            found.append(
                SetProperties(
                    kind=kind,
                    id=identity,
                    properties=properties,
                    parameters=parameters,
                    expected=self.item.revision,
                )
            )
        if PREFERRED_OWNERS in self._mine:
            found.append(SetPreferredOwners(group=identity, nodes=self._mine[PREFERRED_OWNERS]))  # type: ignore[arg-type]  # ids
        if POSSIBLE_OWNERS in self._mine:
            found.append(SetPossibleOwners(resource=identity, nodes=self._mine[POSSIBLE_OWNERS]))  # type: ignore[arg-type]  # ids
        if DEPENDENCIES in self._mine:
            found.append(SetDependencies(resource=identity, providers=self._mine[DEPENDENCIES]))  # type: ignore[arg-type]  # ids
        if NAME in self._mine:
            found.append(Rename(kind=kind, id=identity, name=str(self._mine[NAME])))
        return tuple(found)

    def _values(self, part: Part) -> dict[str, Value | None]:
        mine = self._mine.items()
        return {k.name: v for k, v in mine if k.part is part}  # type: ignore[misc]  # these parts hold Values


def can_rename(kind: ObjectKind) -> bool:
    """Tell whether objects of that kind have a name that a person gives."""
    return kind in (ObjectKind.CLUSTER, ObjectKind.GROUP, ObjectKind.RESOURCE, ObjectKind.NETWORK)
