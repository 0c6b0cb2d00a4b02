"""What a resource type is: its settings, and the entry points that the Resource Monitor calls.

docs/resource-types.md is the guide for writing one.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar, cast, get_type_hints

from nodeagent.api.problems import Parameter, Problem, problem
from nodeagent.api.properties import Choice, Kind, PropertySpec, Value, by_name, normalise
from nodeagent.system.launching import Launch

S = TypeVar("S")
Progress = Callable[[str], None]

_SPEC: Final = "spec"
_KINDS: Final[dict[object, Kind]] = {str: Kind.STRING, int: Kind.INTEGER, float: Kind.NUMBER, bool: Kind.BOOLEAN}


def setting(
    text: str,
    *,
    default: Any = dataclasses.MISSING,
    kind: Kind | None = None,
    label: str = "",
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Mapping[Value, str] | None = None,
    pattern: str = "",
    pattern_help: str = "",
    name: str = "",
) -> Any:
    """Describe one setting of a type; without *default* it is required.

    Args:
        text: what it is, for the help line below its field.
        kind: what it holds; taken from the annotation when not given.
        label: how the window calls it; made from the attribute's name when not given.
        name: how it is called on the wire; made from the attribute's name when not given ("command_line" ->
            "CommandLine").
    """
    extra = {
        "text": text,
        "kind": kind,
        "label": label,
        "unit": unit,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
        "pattern": pattern,
        "pattern_help": pattern_help,
        "name": name,
    }
    return dataclasses.field(default=default, metadata={_SPEC: extra}, kw_only=True)


@functools.cache
def schema_of(settings: Any) -> tuple[PropertySpec, ...]:
    """Return the schema of a settings dataclass: one property per field, in their order."""
    hints = get_type_hints(settings)
    return tuple(_property(field, hints[field.name]) for field in dataclasses.fields(settings))


def _property(field: dataclasses.Field[Any], hint: object) -> PropertySpec:
    extra = field.metadata.get(_SPEC, {})
    required = field.default is dataclasses.MISSING
    kind = extra.get("kind") or (Kind.CHOICE if extra.get("choices") else _KINDS.get(hint, Kind.STRINGS))
    words = field.name.split("_")
    return PropertySpec(
        name=extra.get("name") or "".join(word.capitalize() for word in words),
        kind=kind,
        label=extra.get("label") or " ".join(words).capitalize(),
        help=extra.get("text", ""),
        default=None if required else cast("Value", field.default),
        required=required,
        unit=extra.get("unit", ""),
        minimum=extra.get("minimum"),
        maximum=extra.get("maximum"),
        choices=tuple(Choice(value, text) for value, text in (extra.get("choices") or {}).items()),
        pattern=extra.get("pattern", ""),
        pattern_help=extra.get("pattern_help", ""),
        next_online=True,
    )


class Grip(Protocol):
    """What the monitor itself does for a resource of which something lies outside its processes, such as an address.

    All is called in the monitor's loop, which keeps the deadline of everything it holds: single, short system calls
    only (safety rule P6), a few thousandths of a second together.

    Attributes:
        weakness: what is less sure on this node than it should be, shown with the state Online; None for nothing.
    """

    weakness: Problem | None

    def permit(self, until: float) -> None:
        """Let it work until *until*, seconds on the monitor's clock; called with each permission while it is online.

        Read the clock before and after, and take back what came too late (safety rule P4).

        Raises:
            ResourceError: it cannot work: it has failed.
        """
        ...

    def cut(self) -> bool:
        """End what lies outside the processes, at once; what is ended already is no error.

        Returns True when nothing of it is left, for certain: then `terminate` need not follow.

        Raises:
            OSError: it is not sure to have ended; `terminate` follows.
        """
        ...

    def fileno(self) -> int:
        """Return what becomes readable when something happens that may concern it."""
        ...

    def look(self) -> None:
        """See what has happened.

        Raises:
            ResourceError: it has failed.
        """
        ...

    def close(self) -> None:
        """Let go; what is in force stays so."""
        ...


class TakingGrip(Grip, Protocol):
    """A grip that also brings its resource online and takes it offline; no child process is needed for that."""

    def take(self) -> bool:
        """Go on with bringing it online; called first of all, and whenever `fileno` is readable, until it is.

        Returns whether it is. As long as nobody has called `permit` it must not work for long.

        Raises:
            ResourceError: it cannot be online here; `cut` follows.
        """
        ...


class ResourceType(Generic[S]):
    """A kind of resource. Entry points may block: the monitor runs them in a child and keeps the time limits.

    Attributes:
        name: as it is registered; never changes once resources of it exist.
        settings: frozen dataclass whose fields are made by `setting`.
        required_dependencies: names of types that a resource must depend on to go online.
        exclusive: online on one node at most.
        by_grip: `grip` returns a `TakingGrip`: its `take` and `cut` are called instead of `online` and `offline`.
        looks_alive_interval, is_alive_interval: defaults, seconds (the original's: 5 and 60).
        kill_bound: seconds within which everything of it is certainly stopped once that is enforced at the self-stop
            deadline; None when that cannot be promised. What is ended by killing its processes keeps half of the
            shortest profile's k.
    """

    name: ClassVar[str]
    description: ClassVar[str] = ""
    settings: type[S]
    required_dependencies: ClassVar[tuple[str, ...]] = ()
    exclusive: ClassVar[bool] = True
    by_grip: ClassVar[bool] = False
    looks_alive_interval: ClassVar[float] = 5.0
    is_alive_interval: ClassVar[float] = 60.0
    kill_bound: ClassVar[float | None] = 0.15

    @classmethod
    def schema(cls) -> tuple[PropertySpec, ...]:
        """Return the private properties as data that travels."""
        return schema_of(cast("Any", cls.settings))

    @classmethod
    def read(cls, parameters: Mapping[str, Value]) -> S:
        """Make the settings from stored private properties.

        Raises:
            ResourceError: a required one is missing.
        """
        schema = cls.schema()
        values: dict[str, Any] = {}
        fields = dataclasses.fields(cls.settings)  # type: ignore[arg-type]  # a dataclass, which S cannot be bound to
        for field, spec in zip(fields, schema, strict=True):
            stored = next((v for k, v in parameters.items() if by_name((spec,), k)), None)
            if stored is not None:
                values[field.name] = normalise(spec, stored)
            elif spec.required:
                raise ResourceError(problem("value_required", spec.name, name=spec.name))
        return cls.settings(**values)

    def validate(self, mine: S) -> list[Problem]:
        """Return what on this node speaks against running it; asked when settings are saved."""
        del mine
        return []

    def online(self, mine: S, progress: Progress) -> None:
        """Bring it online; return when it is. Being online already is not an error.

        Raises:
            ResourceError: it cannot.
        """
        raise NotImplementedError  # each type has its own, or never needs it

    def offline(self, mine: S, progress: Progress) -> None:
        """Take it offline gracefully; being offline already is not an error.

        Raises:
            ResourceError: it does not stop; `terminate` follows.
        """
        raise NotImplementedError  # each type has its own, or never needs it

    def terminate(self, mine: S) -> None:
        """Stop it now. What its own processes are is killed by the monitor besides."""

    def looks_alive(self, mine: S) -> bool:
        """Tell cheaply whether it seems to work; a no leads to `is_alive` at once."""
        return self.is_alive(mine)

    def is_alive(self, mine: S) -> bool:
        """Tell thoroughly whether it works; a no means that it has failed."""
        raise NotImplementedError  # each type has its own, or never needs it

    def grip(self, mine: S, now: Callable[[], float]) -> Grip | None:
        """Return the monitor's own hand on what lies outside the processes; None when nothing does.

        Args:
            now: the clock of the permissions.
        """
        del mine, now
        return None

    def cut_orphans(self) -> None:
        """End what of this kind is on the node though no living process holds it, whoever brought it online.

        Called where nothing may be left: of what was online under a former life of the node, notes may be lost.

        Raises:
            ResourceError: something of it stays.
            OSError: that cannot be found out.
        """


@dataclasses.dataclass(frozen=True, slots=True)
class Running:
    """How an application is started and stopped.

    Attributes:
        stop_signal: name of the signal that asks it to end.
        stop_timeout: seconds until it is killed.
    """

    launch: Launch
    stop_signal: str = "SIGTERM"
    stop_timeout: float = 10.0


class ApplicationType(ResourceType[S]):
    """A type whose working is a process that the monitor starts, holds and watches: its end is noticed at once.

    Starting and stopping are the monitor's own. A type that can say more than "its process exists" has `is_alive` too.
    """

    def prepare(self, mine: S) -> Running:
        """Say what to start; the monitor adds where its output goes.

        It runs in a child and may block; where the resource waits for an address, already while that is asked for. So
        it only looks. The answer is used again for restarts in place, until the resource is brought online by an order
        or its program ends at once.

        Raises:
            ResourceError: it cannot be started here.
        """
        raise NotImplementedError  # each type has its own, or never needs it


class ResourceError(Exception):
    """A resource could not be brought online or offline; the Problem says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


def failure(code: str, **parameters: Parameter) -> ResourceError:
    """Make the error: ``raise failure("program_not_found", program=...)``."""
    return ResourceError(Problem(code=code, parameters=parameters))
