"""What --help prints: made from the same tables that the grammar reads by."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from clusteradmin.cli.grammar import ObjectSpec, OptionSpec
from clusteradmin.cli.objects import OBJECTS

_INDENT = 28
_WIDTH = 100

_GENERAL = """\
Usage: clusteradmin [--cluster TARGET] OBJECT [NAME] --verb[:value] ...
       clusteradmin                      opens the window
       clusteradmin demo [--help]        a three-node cluster on this machine

TARGET is the name of a saved connection, [user@]host[:port] or an alias of your ssh_config, unix:/path, or "."
for the Cluster Service of this machine (the default). --verb and /verb are the same, and verbs can be abbreviated
as for cluster.exe (/on for /online). Several verbs in one line are done one after the other.

Objects:
{objects}

Everywhere: --json, --yes, --whatif, --help; where something is waited for: --wait[:SECONDS].
Exit codes: 0 done, 1 refused, 2 wrong usage, 3 still pending at the time limit, 4 no connection.
clusteradmin OBJECT --help lists the verbs of an object, with examples."""


def general() -> str:
    """Return the help for the whole program."""
    lines = (_entry(", ".join((spec.name, *spec.aliases)), spec.summary) for spec in OBJECTS)
    return _GENERAL.format(objects="\n".join(lines))


def of(spec: ObjectSpec) -> str:
    """Return the help for one kind of object."""
    argument = f" [{spec.argument}]" if spec.argument else ""
    parts = [
        f"Usage: clusteradmin [--cluster TARGET] {spec.name}{argument} --verb[:value] ...",
        f"{spec.summary[0].upper()}{spec.summary[1:]}. Without a verb: --{spec.default}.",
        "",
        "Verbs:",
        *_entries(option for option in spec.options if option.verb),
        "",
        "Options:",
        *_entries(option for option in spec.options if not option.verb),
        "",
        "Examples:",
        *(f"  {example}" for example in spec.examples),
    ]
    return "\n".join(parts)


def _entries(options: Iterable[OptionSpec]) -> list[str]:
    return [_entry(option.usage, option.help) for option in options]


def _entry(left: str, text: str) -> str:
    lines = textwrap.wrap(text, _WIDTH - _INDENT)
    first = f"  {left:<{_INDENT - 2}}"
    if len(left) > _INDENT - 4:
        return "\n".join((f"  {left}", *(" " * _INDENT + line for line in lines)))
    return "\n".join((first + lines[0], *(" " * _INDENT + line for line in lines[1:])))
