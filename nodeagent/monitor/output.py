"""Output logs: one file per resource, limited in size, written by the application itself.

The application gets the file itself, opened for appending: no copier stands between, whose death would be a broken
pipe for it. When the file has grown past the limit its newest part is kept and the file is cut to nothing; opened for
appending, every writer goes on at the new end.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

LIMIT: Final = 4 * 1024 * 1024  # bytes; beside it one older piece of the same size is kept
LOOK_INTERVAL: Final = 2.0  # seconds between looks at the sizes
BUSY_INTERVAL: Final = 0.2  # the same while some application writes much


def log_path(folder: Path, resource: str) -> Path:
    """Return the output log of a resource."""
    return folder / f"{resource}.log"


def older_path(path: Path) -> Path:
    """Return where the piece before the present one is kept."""
    return path.with_suffix(".log.1")


def open_log(folder: Path, resource: str) -> int | None:
    """Open the log for appending; returns the file descriptor, which is the caller's to close.

    None when it cannot be opened, on a full disk for instance: an application is started all the same.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    path = log_path(folder, resource)
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return os.open(path, flags, 0o600)
    except OSError:
        pass
    return None


def outgrown(folder: Path, resources: Iterable[str], maximum: int = LIMIT) -> list[str]:
    """Return those whose log is larger than *maximum* bytes."""
    found = []
    for resource in resources:
        with contextlib.suppress(OSError):
            if os.stat(f"{folder}/{resource}.log").st_size > maximum:  # noqa: PTH116 - for each resource all the time
                found.append(resource)
    return found


def limit(folder: Path, resource: str, maximum: int = LIMIT) -> bool:
    """Put the present piece aside when it has outgrown *maximum* bytes; True when that was done.

    What is written between the copy and the cut is lost: some milliseconds of output per piece. On a full disk the
    former piece makes room, and if that is not enough the present one is lost too: the disk matters more.
    """
    path = log_path(folder, resource)
    if not outgrown(folder, [resource], maximum):
        return False
    older = older_path(path)
    older.unlink(missing_ok=True)
    try:
        with path.open("rb") as source, older.open("wb") as target:
            source.seek(-maximum, os.SEEK_END)
            left = maximum  # a fast writer would keep a copy to the end busy for ever
            while left > 0 and (piece := source.read(min(left, 1 << 18))):
                target.write(piece)
                left -= len(piece)
    except OSError:
        older.unlink(missing_ok=True)
    os.truncate(path, 0)
    return True
