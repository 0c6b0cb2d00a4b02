"""Output logs: one file per resource, limited in size, written by the application itself.

The application gets the file itself, opened for appending: no copier stands between, whose death would be a broken
pipe for it. When the file has grown past the limit its newest part is kept and the file is cut to nothing; opened for
appending, every writer goes on at the new end.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

LIMIT: Final = 4 * 1024 * 1024  # bytes; beside it one older piece of the same size is kept
LOOK_INTERVAL: Final = 2.0  # seconds between looks at the sizes


def log_path(folder: Path, resource: str) -> Path:
    """Return the output log of a resource."""
    return folder / f"{resource}.log"


def older_path(path: Path) -> Path:
    """Return where the piece before the present one is kept."""
    return path.with_suffix(".log.1")


def open_log(folder: Path, resource: str) -> int:
    """Open the log for appending; returns the file descriptor, which is the caller's to close."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    return os.open(log_path(folder, resource), flags, 0o600)


def limit(folder: Path, resource: str, maximum: int = LIMIT) -> bool:
    """Put the present piece aside when it has outgrown *maximum* bytes; True when that was done.

    What is written between the copy and the cut is lost: some milliseconds of output per piece.
    """
    path = log_path(folder, resource)
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return False
    if size <= maximum:
        return False
    with path.open("rb") as source, older_path(path).open("wb") as target:
        source.seek(max(0, size - maximum))
        while piece := source.read(1 << 20):
            target.write(piece)
    os.truncate(path, 0)
    return True
