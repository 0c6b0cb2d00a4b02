"""The note of the latest permission: who has to end what service or monitor left behind knows T + k by it.

It is written only where the settings let the machine be reset, and lies in the run directory.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from nodeagent.system.clock import boot_identity


class Permitted(msgspec.Struct, frozen=True, kw_only=True):
    """Until when this node's monitors may run what is exclusive.

    Attributes:
        until: T, on the steady clock; None: for ever.
        bound: k, seconds.
        boot: the machine's life in which that clock counts.
    """

    until: float | None
    bound: float
    boot: str


def write(run: Path, until: float | None, bound: float) -> None:
    """Note a permission, in one step; where that fails, the machine is reset by an older one: earlier."""
    fresh = _place(run).with_suffix(".new")
    try:
        fresh.write_bytes(msgspec.json.encode(Permitted(until=until, bound=bound, boot=boot_identity())))
        os.replace(fresh, _place(run))  # noqa: PTH105 - the one call that replaces atomically
    except OSError as exc:
        sys.stderr.write(f"{_place(run)} cannot be written: {exc.strerror}\n")


def read(run: Path) -> Permitted | None:
    """Return the permission that is noted; None when there is none of this life of the machine."""
    try:
        found = msgspec.json.decode(_place(run).read_bytes(), type=Permitted)
    except (OSError, msgspec.DecodeError):
        return None
    return found if found.boot == boot_identity() else None


def _place(run: Path) -> Path:
    return run / "permission.json"
