"""The times of a timing profile, for who chooses one."""

from __future__ import annotations

from dataclasses import dataclass

from nodeagent.planner.timing import PROFILES


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds: of silence until takeover, and until a silent node has stopped everything by itself."""

    takeover: float
    stopped: float


def times_of(profile: str) -> Times | None:
    """Return the times of *profile*; None for one that only a newer cluster knows."""
    found = PROFILES.get(profile)
    return Times(found.takeover, found.needed()) if found else None
