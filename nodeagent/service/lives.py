"""Which life of this node the run directory belongs to: a service that finds it gone does not go on under that life.

With the run directory go the notes of the Resource Monitors: closed epochs, what they hold, where they listen. So the
heartbeat alone, which may still say ALIVE, is not enough to re-attach by (safety rule M5).
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from nodeagent.api.objects import NodeId


class LifeNote(msgspec.Struct, frozen=True, kw_only=True):
    """One life of a node: its number, its incarnation, and the boot of the machine."""

    node: NodeId
    incarnation: int
    boot: str


def read(run: Path) -> LifeNote | None:
    """Return the life that is noted in the run directory *run*; None when there is none that can be read."""
    try:
        return msgspec.json.decode(_place(run).read_bytes(), type=LifeNote)
    except (OSError, msgspec.DecodeError):
        return None


def write(run: Path, note: LifeNote) -> None:
    """Note a life, in one step."""
    run.mkdir(parents=True, exist_ok=True)  # users go through it to the socket
    fresh = _place(run).with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(note))
    os.replace(fresh, _place(run))  # noqa: PTH105 - the one call that replaces atomically


def _place(run: Path) -> Path:
    return run / "life.json"
