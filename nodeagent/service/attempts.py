"""The attempts at a heartbeat: each with an id and a stamp of its own (safety rules P1 and P2)."""

from __future__ import annotations

import secrets
from typing import Final

from nodeagent.planner.timing import Profile
from nodeagent.system.clock import Clock

REMEMBERED: Final = 600.0  # seconds; longer than any permission lasts


class Attempts:
    """Those of this process. Another process's, or another attempt's, success confirms nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._process = secrets.token_hex(8)
        self._count = 0
        self._stamps: dict[str, float] = {}

    def begin(self) -> tuple[str, float]:
        """Return an attempt's id and its stamp, read before anything is encoded or sent."""
        self._count += 1
        attempt, stamp = f"{self._process}-{self._count}", self._clock.steady()
        self._stamps[attempt] = stamp
        while self._stamps[first := next(iter(self._stamps))] < stamp - REMEMBERED:  # in the order of their stamps
            del self._stamps[first]
        return attempt, stamp

    def stamp_of(self, attempt: str) -> float | None:
        """Return the stamp of an attempt of this process; None for any other."""
        return self._stamps.get(attempt)


def patience_to_write(profile: Profile) -> float:
    """Return the seconds after which an attempt without an answer is followed by another one."""
    return max(profile.again, 0.1)


def patience_to_read(profile: Profile) -> float:
    """Return how long it is looked for: a store that does not answer must not hold up the next attempt."""
    return max(2 * profile.again, 0.2)
