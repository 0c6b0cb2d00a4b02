"""The schema of settings, as data that travels, and the one check of a value against it."""

from __future__ import annotations

import enum
import math
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Final

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


LONGEST: Final = 32_768  # characters of a text, or of all lines of a list; a record must fit into one commit
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}
_UNSET: Final = 0xFFFFFFFF  # the original's unsigned words write -1 so, and its tools print either
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_ENVIRONMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_NEXT_VARIABLE = re.compile(r";(?=\s*[A-Za-z_][A-Za-z0-9_]*=)")
SIGNALS = ("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGKILL")


def check(spec: PropertySpec, value: Value) -> Problem | None:
    """Say why *value* cannot be stored for *spec*, or None when it can."""
    if spec.read_only:
        return problem("property_read_only", spec.name, name=spec.name)
    value = _as_word(spec, value)
    if any(value == choice.value and type(value) is type(choice.value) for choice in spec.special):
        return None
    if spec.required and (value == () or (isinstance(value, str) and not value.strip())):
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
    if isinstance(value, float) and not math.isfinite(value):
        return _wrong_kind(spec, "a number")
    low = -(2**63) if spec.minimum is None else spec.minimum  # what every reader of JSON can hold
    high = 2**63 - 1 if spec.maximum is None else spec.maximum
    if low <= value <= high:
        return None
    shown = number_text(value) if abs(value) < 2**63 else "so large a number" if value > 0 else "so small a number"
    return problem("value_out_of_range", spec.name, name=spec.name, value=shown, range=range_text(spec))


def number_text(number: float) -> str:
    """Write a number as people do: whole ones without point or exponent."""
    return str(int(number)) if isinstance(number, int) or (number.is_integer() and abs(number) < 1e15) else str(number)


def range_text(spec: PropertySpec) -> str:
    """Say in words which numbers are allowed: "from 10 to 4294967295 ms, or -1 (use the type's)"."""
    low = "" if spec.minimum is None else number_text(spec.minimum)
    high = "" if spec.maximum is None else number_text(spec.maximum)
    text = (
        f"from {low} to {high}"
        if low and high
        else f"{low} or more"
        if low
        else f"at most {high}"
        if high
        else "any number that fits into 64 bits"
    )
    text += f" {spec.unit}" if spec.unit else ""
    for choice in spec.special:
        text += f", or {choice.value} ({choice.label})"
    return text


def _check_list(spec: PropertySpec, value: Value) -> Problem | None:
    if not isinstance(value, tuple) or not all(isinstance(line, str) for line in value):
        return _wrong_kind(spec, "a list of strings")
    if bad := _check_length(spec, sum(map(len, value)) + len(value)):
        return bad
    for line in value:
        if bad := _check_characters(spec, line, multi_line=False):
            return bad
        if spec.kind is Kind.ENVIRONMENT and not _ENVIRONMENT.fullmatch(line):
            return problem("environment_malformed", spec.name, name=spec.name, line=line)
    return None


def _check_text(spec: PropertySpec, value: Value) -> Problem | None:
    if not isinstance(value, str):
        return _wrong_kind(spec, "text")
    if bad := _check_length(spec, len(value)) or _check_characters(spec, value, multi_line=spec.kind is Kind.TEXT):
        return bad
    if value == "":
        return None
    if spec.kind in (Kind.DIRECTORY, Kind.FILE) and not value.startswith("/"):
        return problem("path_not_absolute", spec.name, name=spec.name, path=value)
    if spec.kind is Kind.SIGNAL and value not in SIGNALS:
        return problem("value_not_a_choice", spec.name, name=spec.name, allowed=", ".join(SIGNALS))
    if spec.kind is Kind.COMMAND:
        return _check_command(spec, value)
    if spec.kind is Kind.IPV4 and _address(value) is None:
        return _wrong_kind(spec, "an IPv4 address such as 10.0.0.5")
    if spec.kind is Kind.MASK and not _is_mask(value):
        return _wrong_kind(spec, "a subnet mask such as 255.255.255.0, or a prefix length from 0 to 32")
    if spec.pattern and not re.fullmatch(spec.pattern, value):
        return problem("value_does_not_match", spec.name, name=spec.name, wanted=spec.pattern_help or spec.pattern)
    return None


def _check_command(spec: PropertySpec, value: str) -> Problem | None:
    try:
        words = shlex.split(value)
    except ValueError:
        return problem("command_malformed", spec.name, name=spec.name)
    return None if words and words[0] else problem("value_required", spec.name, name=spec.name)


def _address(text: str) -> int | None:
    """Return the number of a dotted IPv4 address; leading zeros, which some read as octal, are refused."""
    parts = text.split(".")
    if len(parts) != 4 or not all(re.fullmatch("0|[1-9][0-9]{0,2}", part) and int(part) < 256 for part in parts):
        return None
    return int.from_bytes(bytes(map(int, parts)))


def _is_mask(text: str) -> bool:
    number = _address(text)
    if number is None:
        return re.fullmatch("[0-9]{1,2}", text) is not None and int(text) <= 32
    hosts = number ^ 0xFFFFFFFF
    return hosts & (hosts + 1) == 0


def _check_length(spec: PropertySpec, length: int) -> Problem | None:
    if length <= LONGEST:
        return None
    return problem("value_too_long", spec.name, name=spec.name, length=length, maximum=LONGEST)


def _check_characters(spec: PropertySpec, text: str, *, multi_line: bool) -> Problem | None:
    if _CONTROL.search(text) or ("\n" in text and not multi_line):
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
        return _parse_list(spec, text)
    return text


def _parse_list(spec: PropertySpec, text: str) -> tuple[str, ...]:
    """Split at ends of line or semicolons; one that no NAME= follows belongs to the value of a variable."""
    if spec.kind is Kind.ENVIRONMENT:
        return tuple(line.lstrip() for line in _NEXT_VARIABLE.sub("\n", text).splitlines() if line.strip())
    return tuple(line.strip() for line in text.replace(";", "\n").splitlines() if line.strip())


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
    return _as_word(spec, number)


def _as_word(spec: PropertySpec, value: Value) -> Value:
    """Return the special value that is meant where -1 and 0xFFFFFFFF are two ways to write it."""
    if not isinstance(value, bool) and value in (-1, _UNSET):
        return next((c.value for c in spec.special if c.value in (-1, _UNSET)), value)
    return value


def normalise(spec: PropertySpec, value: Value) -> Value:
    """Return the stored form of a checked value: a boolean for 0 and 1, a choice and "unset" as the schema has them."""
    if spec.kind is Kind.BOOLEAN:
        return bool(value)
    if spec.kind is Kind.CHOICE:
        return next((choice.value for choice in spec.choices if choice.value == value), value)
    return _as_word(spec, value)


def by_name(schema: Iterable[PropertySpec], name: str) -> PropertySpec | None:
    """Return the property called *name* (case does not matter), or None."""
    wanted = name.casefold()
    return next((spec for spec in schema if spec.name.casefold() == wanted), None)


def spec_of(schema: Iterable[PropertySpec], name: str) -> PropertySpec:
    """Return the property called *name*, which is known to be there."""
    found = by_name(schema, name)
    assert found is not None, name
    return found


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
            known = ", ".join(s.name for s in schema) or "none"
            found.append(problem("property_unknown", name, name=name, known=known))
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
    found = next((spec for spec in schema if spec.name == name), None) or by_name(schema, name)
    return found.default if found else None


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
