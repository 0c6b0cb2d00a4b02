"""What a restarted monitor, and whoever cleans up after one, must know: closed epochs, and which containers it held.

The notes lie in the run directory and so are gone after a reboot, when nothing of them holds any more.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from nodeagent.api.objects import GroupId, ResourceId
from nodeagent.api.properties import Value
from nodeagent.system import processes


class OutsideNote(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A resource of which something may lie outside its processes: its type and private properties."""

    type: str
    parameters: dict[str, Value] = {}


class Notes(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The notes of one monitor.

    Attributes:
        process, started: the monitor's own identity: pid and start time in ticks.
        held: resources that may have processes.
        promised: those of them that are exclusive and stop within k.
        outside: those of them that have a grip, see `resourcetypes.base.Grip`.
        closed: the highest closed epoch of each group (safety rule O4).
    """

    process: int = 0
    started: int = 0
    held: list[ResourceId] = []
    promised: list[ResourceId] = []
    outside: dict[ResourceId, OutsideNote] = {}
    closed: dict[GroupId, int] = {}


def path_of(folder: Path, monitor: str) -> Path:
    """Return where the monitor of that name keeps its notes."""
    return folder / f"{monitor}.json"


def read(path: Path) -> Notes:
    """Read the notes; a file that is missing or damaged gives empty ones."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Notes)
    except (FileNotFoundError, msgspec.DecodeError):
        return Notes()


def write(path: Path, notes: Notes) -> bool:
    """Replace the notes in one step; False, and a line on standard error, when that cannot be done."""
    fresh = path.with_suffix(".new")
    try:
        fresh.write_bytes(msgspec.json.encode(notes))
        os.replace(fresh, path)  # noqa: PTH105 - the one call that replaces atomically
    except OSError as exc:
        sys.stderr.write(f"{path} cannot be written: {exc.strerror}\n")
        return False
    return True


def own_identity() -> tuple[int, int]:
    """Return this process's number and start time."""
    me = processes.identify(os.getpid())
    return os.getpid(), me.started if me else 0
