"""The programs that a demo consists of, and the environment in which they run."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import clusteradmin
from clusteradmin.demo.marked import MARK

_OWN: Final = frozenset({MARK, "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "CLUSTERAGENT_SOCKET"})

_ROOT: Final = str(Path(clusteradmin.__file__).parent.parent)


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that runs one of our modules; the folder in which the demo was started has no say in it."""
    return (sys.executable, "-P", "-m", module, *arguments)


def agent(config: Path, verb: str, *arguments: str) -> tuple[str, ...]:
    """Return a command of one node's agent."""
    return python("nodeagent", verb, "--config", str(config), *arguments)


def environment(mark: str = "", base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment for a program of the demo; *mark* is that by which it is found again."""
    kept = {name: value for name, value in base.items() if name not in _OWN}
    path = [_ROOT, *filter(None, [kept.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(path), **({MARK: mark} if mark else {})}
