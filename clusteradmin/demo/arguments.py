"""What is said after “clusteradmin demo”: cluster.exe's way of writing options, and the usual one."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_USAGE: Final = """\
clusteradmin demo [--home DIR] [--name NAME] [--empty] [--headless | --stay | --screenshot FILE]
       clusteradmin demo [--home DIR] --status [--json] | --poweroff:NODE | --poweron:NODE | --stop"""

_ABOUT: Final = """\
Runs a cluster of three nodes on this machine until the window is closed, Ctrl-C is pressed or --stop is given.
Nothing of it stays."""

_EXAMPLES: Final = """\
examples:
  clusteradmin demo                       a cluster, and the window on it
  clusteradmin demo --headless            without the window; open it with clusteradmin --cluster demo
  clusteradmin demo --poweroff:NODE1      as if the plug of NODE1 had been pulled
"""

_TAKES_VALUE: Final = ("home", "name", "screenshot", "poweroff", "poweron")
_FLAGS: Final = ("empty", "headless", "stay", "status", "stop", "json", "help")
_OPTION: Final = re.compile(rf"(?:--|/)({'|'.join((*_TAKES_VALUE, *_FLAGS))})(?::(.*))?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for; *power* is None unless a node is to be switched, to the state that *power* says."""

    home: Path | None = None
    name: str = ""
    empty: bool = False
    headless: bool = False
    stay: bool = False
    screenshot: Path | None = None
    status: bool = False
    json: bool = False
    stop: bool = False
    node: str = ""
    power: bool | None = None


def parse(argv: Sequence[str]) -> Options:
    """Understand the arguments. Leaves by SystemExit, 2 for wrong usage and 0 after --help, as argparse does."""
    parser = argparse.ArgumentParser(
        prog="clusteradmin demo",
        usage=_USAGE,
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--home", type=_place, metavar="DIR", help="where the demo keeps its files; an empty directory")
    parser.add_argument("--name", default="", help="name of the saved connection; demo, if that is not taken")
    parser.add_argument("--empty", action="store_true", help="without the group High Availability Notepad")
    parser.add_argument("--headless", action="store_true", help="without a window")
    parser.add_argument("--stay", action="store_true", help="go on when the window is closed")
    parser.add_argument("--screenshot", type=_place, metavar="FILE", help="draw the window into FILE and leave")
    doing = parser.add_mutually_exclusive_group()
    doing.add_argument("--status", action="store_true", help="say how a running demo is")
    doing.add_argument("--poweroff", metavar="NODE", help="cut the power of a node of a running demo")
    doing.add_argument("--poweron", metavar="NODE", help="turn it on again")
    doing.add_argument("--stop", action="store_true", help="end a running demo")
    parser.add_argument("--json", action="store_true", help="with --status: for programs")
    found = parser.parse_args(_usual(argv))
    switched = found.poweroff if found.poweroff is not None else found.poweron
    return Options(
        home=found.home,
        name=found.name,
        empty=found.empty,
        headless=found.headless,
        stay=found.stay,
        screenshot=found.screenshot,
        status=found.status,
        json=found.json,
        stop=found.stop,
        node=switched or "",
        power=found.poweron is not None if switched is not None else None,
    )


def _place(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _usual(argv: Sequence[str]) -> list[str]:
    """Turn /verb and --verb:value into what argparse reads; a word that is the value of the one before stays."""
    usual: list[str] = []
    for word in argv:
        option = _OPTION.fullmatch(word)
        if option is None or (usual and usual[-1] in {f"--{name}" for name in _TAKES_VALUE}):
            usual.append(word)
        else:
            usual.append(f"--{option[1].lower()}" + (f"={option[2]}" if option[2] is not None else ""))
    return usual
