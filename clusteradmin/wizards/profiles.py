"""The times of a timing profile, for who chooses one."""

from __future__ import annotations

from dataclasses import dataclass

from nodeagent.api.problems import Problem
from nodeagent.planner.timing import PROFILES, scaled


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of silence until takeover, and in one sentence what they mean."""

    takeover: float
    meaning: Problem


def times_of(profile: str, nodes: int) -> Times | None:
    """Return the times of *profile* in a cluster of so many *nodes*; None for one that only a newer cluster knows."""
    if profile not in PROFILES:
        return None
    found = scaled(PROFILES[profile], nodes)
    return Times(found.takeover, found.meaning())
