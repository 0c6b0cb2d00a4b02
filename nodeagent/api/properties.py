"""The schema of settings, as data that travels, and the one check of a value against it."""

from __future__ import annotations

import enum
import re
import shlex
from collections.abc import Iterable, Mapping

import msgspec

from nodeagent.api.problems import Problem, problem

Value = bool | int | float | str | tuple[str, ...]


class Kind(enum.StrEnum):
    """What a property holds, and so which field shows it."""

    STRING = "string"
    TEXT = "text"  # several lines
    COMMAND = "command"  # a command line, split as a shell would
    DIRECTORY = "directory"  # an absolute path on the node
    FILE = "file"  # an absolute path on the node
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    STRINGS = "strings"  # a list, one per line
    ENVIRONMENT = "environment"  # a list of NAME=value
    USER = "user"  # an account of the node
    SIGNAL = "signal"  # SIGTERM, SIGINT, …
    IPV4 = "ipv4"
    MASK = "mask"
    NETWORK = "network"  # a network of the cluster, by name


class Choice(msgspec.Struct, frozen=True):
    """One allowed value and how it is shown."""

    value: Value
    label: str


class PropertySpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One property: how it is called on the wire, what it may hold, how it is shown.

    Attributes:
        name: on the wire, in files and on the command line ("RestartThreshold").
        label: how the window calls it ("Threshold").
        unit: of the stored number: "ms", "s", "h", "restarts", …
        minimum, maximum: inclusive bounds of a number.
        choices: allowed values of a CHOICE; *special* values of a number besides the range (-1 = "use the type's").
        pattern: regular expression that a whole STRING must match, and *pattern_help* what that means in words.
        next_online: a change of it takes effect when the resource next goes online.
    """

    name: str
    kind: Kind
    label: str = ""
    help: str = ""
    default: Value | None = None
    required: bool = False
    read_only: bool = False
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Choice, ...] = ()
    special: tuple[Choice, ...] = ()
    pattern: str = ""
    pattern_help: str = ""
    next_online: bool = False


_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}
_TEXT_KINDS = frozenset(Kind) - {Kind.INTEGER, Kind.NUMBER, Kind.BOOLEAN, Kind.STRINGS, Kind.ENVIRONMENT, Kind.CHOICE}
SIGNALS = ("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGKILL")


def check(spec: PropertySpec, value: Value) -> Problem | None:
    """Say why *value* cannot be stored for *spec*, or None when it can."""
    if spec.read_only:
        return problem("property_read_only", spec.name, name=spec.name)
    if any(value == choice.value and type(value) is type(choice.value) for choice in spec.special):
        return None
    if spec.required and value in ("", ()):
        return problem("value_required", spec.name, name=spec.name)
    if spec.kind is Kind.CHOICE:
        return _check_choice(spec, value)
    if spec.kind is Kind.BOOLEAN:
        return None if isinstance(value, bool) or value in (0, 1) else _wrong_kind(spec, "0 or 1")
    if spec.kind in (Kind.INTEGER, Kind.NUMBER):
        return _check_number(spec, value)
    if spec.kind in (Kind.STRINGS, Kind.ENVIRONMENT):
        return _check_list(spec, value)
    return _check_text(spec, value)


def _wrong_kind(spec: PropertySpec, wanted: str) -> Problem:
    return problem("value_of_wrong_kind", spec.name, name=spec.name, wanted=wanted)


def _check_choice(spec: PropertySpec, value: Value) -> Problem | None:
    if any(value == choice.value for choice in spec.choices):
        return None
    allowed = tuple(f"{c.value} ({c.label})" if c.label else str(c.value) for c in spec.choices)
    return problem("value_not_a_choice", spec.name, name=spec.name, allowed=", ".join(allowed))


def _check_number(spec: PropertySpec, value: Value) -> Problem | None:
    whole = spec.kind is Kind.INTEGER
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        return _wrong_kind(spec, "a whole number" if whole else "a number")
    assert isinstance(value, (int, float))
    if (spec.minimum is not None and value < spec.minimum) or (spec.maximum is not None and value > spec.maximum):
        return problem("value_out_of_range", spec.name, name=spec.name, value=value, range=range_text(spec))
    return None


def range_text(spec: PropertySpec) -> str:
    """Say in words which numbers are allowed: "from 10 to 4294967295 ms, or -1 (use the type's)"."""
    low = "" if spec.minimum is None else f"{spec.minimum:g}" if spec.minimum < 1e6 else f"{spec.minimum:.0f}"
    high = "" if spec.maximum is None else f"{spec.maximum:.0f}"
    text = (
        f"from {low} to {high}" if low and high else f"{low} or more" if low else f"at most {high}" if high else "any"
    )
    text += f" {spec.unit}" if spec.unit else ""
    for choice in spec.special:
        text += f", or {choice.value} ({choice.label})"
    return text


def _check_list(spec: PropertySpec, value: Value) -> Problem | None:
    if not isinstance(value, tuple):
        return _wrong_kind(spec, "a list of strings")
    for line in value:
        if bad := _check_characters(spec, line, multi_line=False):
            return bad
        if spec.kind is Kind.ENVIRONMENT and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*=.*", line, re.DOTALL):
            return problem("environment_malformed", spec.name, name=spec.name, line=line)
    return None


def _check_text(spec: PropertySpec, value: Value) -> Problem | None:
    if not isinstance(value, str):
        return _wrong_kind(spec, "text")
    if bad := _check_characters(spec, value, multi_line=spec.kind is Kind.TEXT):
        return bad
    if value == "":
        return None
    if spec.kind in (Kind.DIRECTORY, Kind.FILE) and not value.startswith("/"):
        return problem("path_not_absolute", spec.name, name=spec.name, path=value)
    if spec.kind is Kind.SIGNAL and value not in SIGNALS:
        return problem("value_not_a_choice", spec.name, name=spec.name, allowed=", ".join(SIGNALS))
    if spec.kind is Kind.COMMAND:
        return _check_command(spec, value)
    if spec.pattern and not re.fullmatch(spec.pattern, value):
        return problem("value_does_not_match", spec.name, name=spec.name, wanted=spec.pattern_help or spec.pattern)
    return None


def _check_command(spec: PropertySpec, value: str) -> Problem | None:
    try:
        words = shlex.split(value)
    except ValueError:
        return problem("command_malformed", spec.name, name=spec.name)
    return None if words and words[0] else problem("value_required", spec.name, name=spec.name)


def _check_characters(spec: PropertySpec, text: str, *, multi_line: bool) -> Problem | None:
    allowed = "\n\t" if multi_line else "\t"
    if any((ord(c) < 32 and c not in allowed) or ord(c) == 127 or 0xD800 <= ord(c) <= 0xDFFF for c in text):
        return problem("control_characters", spec.name, name=spec.name)
    return None


def parse(spec: PropertySpec, text: str) -> Value:
    """Read what was typed on a command line or in a field; what cannot be read is returned as text for `check`."""
    stripped = text.strip()
    if spec.kind is Kind.BOOLEAN:
        lowered = stripped.casefold()
        return True if lowered in _TRUE else False if lowered in _FALSE else text
    if spec.kind in (Kind.INTEGER, Kind.NUMBER):
        return _parse_number(spec, stripped)
    if spec.kind is Kind.CHOICE:
        for choice in spec.choices:
            if stripped in (str(choice.value), choice.label):
                return choice.value
        return text
    if spec.kind in (Kind.STRINGS, Kind.ENVIRONMENT):
        return tuple(line for line in text.replace(";", "\n").splitlines() if line.strip())
    return text


def _parse_number(spec: PropertySpec, text: str) -> Value:
    try:
        number: int | float = int(text, 0)
    except ValueError:
        try:
            number = float(text)
        except ValueError:
            return text
        if spec.kind is Kind.INTEGER and number.is_integer():
            number = int(number)
    # The original's unsigned words write "unset" as 0xFFFFFFFF, which its tools print as -1 too.
    if any(choice.value == -1 for choice in spec.special) and number == 0xFFFFFFFF:
        return -1
    return number


def normalise(spec: PropertySpec, value: Value) -> Value:
    """Return the stored form of a checked value: a boolean for 0 and 1."""
    return bool(value) if spec.kind is Kind.BOOLEAN else value


def by_name(schema: Iterable[PropertySpec], name: str) -> PropertySpec | None:
    """Return the property called *name* (case does not matter), or None."""
    wanted = name.casefold()
    return next((spec for spec in schema if spec.name.casefold() == wanted), None)


def check_all(
    schema: tuple[PropertySpec, ...], values: Mapping[str, Value | None], *, complete: bool = False
) -> list[Problem]:
    """Return what is wrong with *values*; None stands for "back to the default".

    Args:
        complete: also miss required properties that are not among the values.
    """
    found: list[Problem] = []
    for name, value in values.items():
        spec = by_name(schema, name)
        if spec is None:
            found.append(problem("property_unknown", name, name=name, known=", ".join(s.name for s in schema)))
        elif value is None:
            if spec.read_only:
                found.append(problem("property_read_only", name, name=name))
            elif spec.required:
                found.append(problem("value_required", name, name=name))
        elif bad := check(spec, value):
            found.append(bad)
    if complete:
        given = {name.casefold() for name in values}
        found += [
            problem("value_required", spec.name, name=spec.name)
            for spec in schema
            if spec.required and spec.name.casefold() not in given
        ]
    return found


def effective(schema: Iterable[PropertySpec], values: Mapping[str, Value], name: str) -> Value | None:
    """Return the value that counts: what was set, else the default."""
    if name in values:
        return values[name]
    spec = by_name(schema, name)
    return spec.default if spec else None


def merge(
    schema: tuple[PropertySpec, ...], stored: Mapping[str, Value], changes: Mapping[str, Value | None]
) -> dict[str, Value]:
    """Return the stored values after *changes* (checked before); None removes, names get the schema's spelling."""
    result = dict(stored)
    for name, value in changes.items():
        spec = by_name(schema, name)
        key = spec.name if spec else name
        if value is None:
            result.pop(key, None)
        else:
            result[key] = normalise(spec, value) if spec else value
    return result
