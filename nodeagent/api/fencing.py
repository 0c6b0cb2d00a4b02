"""Fence devices as they travel: what is set of them, what is shown, and what is secret."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from nodeagent.api.problems import Problem, problem

MASK: Final = "********"
MOST_DEVICES: Final = 8
MOST_OPTIONS: Final = 64
LONGEST_VALUE: Final = 4096  # characters
SHORTEST_TIMEOUT: Final = 1.0  # seconds
LONGEST_TIMEOUT: Final = 300.0
USUAL_TIMEOUT: Final = 20.0  # seconds; what the fence-agents programs themselves wait for a power state by default

_PROGRAM: Final = re.compile(r"fence_[a-z0-9_]{1,60}")
_OPTION: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_SECRET: Final = re.compile(r"pass|secret|token|community|credential|(?:^|[_-])(?:api_?)?key$", re.IGNORECASE)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")

# What the Cluster Service says itself, and what would make a program write its options into logs and files.
RESERVED: Final = frozenset(
    {"action", "option", "nodename", "verbose", "verbose_level", "debug", "debug_file", "quiet", "help", "version"}
)


def is_secret(name: str) -> bool:
    """Tell whether the option's value must not be shown: the programs' metadata does not say which are."""
    return _SECRET.search(name) is not None and not name.endswith(("_script", "-script"))


class FenceSetting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fence device with everything that its program is told; it never travels to a workstation.

    Attributes:
        program: of the fence-agents, by its name ("fence_ipmilan").
        options: what it is given on its standard input.
        kept: of a request, the secret options whose stored values stay.
        timeout: seconds within which the node must be off.
    """

    program: str
    options: dict[str, str] = {}
    kept: tuple[str, ...] = ()
    timeout: float = USUAL_TIMEOUT

    def __repr__(self) -> str:
        return f"FenceSetting({self.program!r}, {sorted(self.options)})"

    __str__ = __repr__

    def secrets(self) -> dict[str, str]:
        """Return the options that must not be shown."""
        return {name: value for name, value in self.options.items() if is_secret(name)}

    def shown(self) -> FenceDevice:
        """Return what may be seen of it."""
        plain = {name: value for name, value in sorted(self.options.items()) if not is_secret(name)}
        return FenceDevice(
            program=self.program, options=plain, secrets=tuple(sorted(self.secrets())), timeout=self.timeout
        )

    def masked(self, text: str) -> str:
        """Return *text* without the secrets that a program may have repeated in it."""
        for value in sorted(filter(None, self.secrets().values()), key=len, reverse=True):
            text = text.replace(value, MASK)
        return text


class FenceDevice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fence device as it is shown; of *secrets* only the names are known here."""

    program: str
    options: dict[str, str] = {}
    secrets: tuple[str, ...] = ()
    timeout: float = USUAL_TIMEOUT


class FenceOption(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An option of a fence program, from the program's own metadata.

    Attributes:
        kind: "string", "integer", "boolean", "second" or "select".
        required: it must be given; *default* is empty where there is none.
        replaces: the name that the option had before.
        deprecated: it goes by another name now.
    """

    name: str
    help: str = ""
    kind: str = "string"
    default: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    replaces: str = ""
    deprecated: bool = False


def devices_problem(devices: Sequence[FenceSetting]) -> Problem | None:
    """Say what is wrong with fence devices as far as it can be seen without their programs."""
    if len(devices) > MOST_DEVICES:
        return problem("fence_too_many", "devices", maximum=MOST_DEVICES)
    return next((bad for device in devices if (bad := _device_problem(device))), None)


def _device_problem(device: FenceSetting) -> Problem | None:
    if not _PROGRAM.fullmatch(device.program):
        return problem("fence_program_name", "program", program=device.program[:80])
    if not SHORTEST_TIMEOUT <= device.timeout <= LONGEST_TIMEOUT:
        return problem("fence_timeout_range", "timeout", minimum=SHORTEST_TIMEOUT, maximum=LONGEST_TIMEOUT)
    if len(device.options) > MOST_OPTIONS:
        return problem("fence_too_many_options", "options", program=device.program, maximum=MOST_OPTIONS)
    for name, value in device.options.items():
        if name in RESERVED:
            return problem("fence_option_reserved", name, name=name)
        if not _OPTION.fullmatch(name) or len(value) > LONGEST_VALUE or _CONTROL.search(value):
            return problem("fence_option_malformed", name[:64], name=name[:64])
    return None


def options_problem(device: FenceSetting, options: Sequence[FenceOption]) -> Problem | None:
    """Say what is wrong with a device's options, by the metadata of its program."""
    known = {option.name for option in options} - RESERVED
    if unknown := sorted(device.options.keys() - known):
        usual = sorted(option.name for option in options if not option.deprecated and option.name in known)
        return problem(
            "fence_option_unknown", unknown[0], program=device.program, name=unknown[0], known=tuple(usual[:40])
        )
    for option in options:
        needed = option.required and not option.deprecated and not option.default and option.name not in RESERVED
        if needed and not {option.name, option.replaces} & device.options.keys():
            return problem("fence_option_required", option.name, program=device.program, name=option.name)
    return None
