"""What a restarted monitor, and whoever cleans up after one, must know: closed epochs, and which containers it held.

The notes lie in the run directory and so are gone after a reboot, when nothing of them holds any more.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from nodeagent.api.objects import GroupId, ResourceId


class Notes(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The notes of one monitor.

    Attributes:
        process, started: the monitor's own identity: pid and start time in ticks.
        held: resources that may have processes.
        closed: the highest closed epoch of each group (safety rule O4).
    """

    process: int = 0
    started: int = 0
    held: list[ResourceId] = []
    closed: dict[GroupId, int] = {}


def read(path: Path) -> Notes:
    """Read the notes; a file that is missing or damaged gives empty ones."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Notes)
    except (FileNotFoundError, msgspec.DecodeError):
        return Notes()


def write(path: Path, notes: Notes) -> None:
    """Replace the notes in one step."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(notes))
    os.replace(fresh, path)  # noqa: PTH105 - the one call that replaces atomically
