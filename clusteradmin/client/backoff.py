"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import random
from typing import Final

# Seconds. The first is short: a Cluster Service that was restarted is back within a second.
DELAYS: Final = (0.3, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
JITTER: Final = 0.25  # of the delay, both ways, so that many windows do not come back in step


class Backoff:
    """Delays that grow with each failure, up to 15 s."""

    def __init__(self) -> None:
        self._failures = 0

    def reset(self) -> None:
        """Begin anew: the connection stood."""
        self._failures = 0

    def next(self) -> float:
        """Return the seconds to wait after one more failure."""
        delay = DELAYS[min(self._failures, len(DELAYS) - 1)]
        self._failures += 1
        return delay * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret depends on it
