"""Reading the output logs that this node's monitors keep, and following them while somebody looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from nodeagent.api.objects import ResourceId
from nodeagent.monitor.output import log_path

LOOK_EVERY: Final = 0.2  # seconds between looks at a log that somebody follows
PIECE: Final = 65536  # bytes sent at a time


def read(folder: Path, resource: ResourceId, offset: int, limit: int) -> tuple[bytes, int]:
    """Return up to *limit* bytes from *offset* (negative: from the end) and the offset behind them.

    A log that does not exist yet is empty.
    """
    try:
        with log_path(folder, resource).open("rb") as file:
            size = file.seek(0, 2)
            start = max(0, size + offset) if offset < 0 else min(offset, size)
            file.seek(start)
            data = file.read(max(0, min(limit, PIECE)))
            return data, start + len(data)
    except FileNotFoundError:
        return b"", 0


async def follow(folder: Path, resource: ResourceId, offset: int) -> AsyncIterator[tuple[bytes, int, bool]]:
    """Yield (bytes, offset behind them, cut): what is added from *offset* on; *cut* when the log began anew."""
    while True:
        try:
            size = log_path(folder, resource).stat().st_size
        except FileNotFoundError:
            size = 0
        cut = size < offset
        if cut:
            offset = 0
        data, reached = read(folder, resource, offset, PIECE)
        if data or cut:
            offset = reached
            yield data, offset, cut
        if not data:
            # The application writes its log itself: a look now and then, only while somebody follows, is the way.
            await asyncio.sleep(LOOK_EVERY)
