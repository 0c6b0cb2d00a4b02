"""Moments that matter to the rules: which step of membership or ownership a commit is."""

from __future__ import annotations

from collections.abc import Mapping

from nodeagent.api.objects import Phase
from nodeagent.database.records import HeartbeatRecord, Life, OwnerRecord, decode

CLAIM, MOVING, HANDOVER, DEAD = "claim", "moving", "handover", "dead"
MOMENTS = (CLAIM, MOVING, HANDOVER, DEAD)

_OF_PHASES = {Phase.CLAIMED: CLAIM, Phase.MOVING: MOVING, Phase.ASSIGNED: HANDOVER, Phase.FREE: HANDOVER}


def steps(put: Mapping[str, bytes]) -> set[str]:
    """Return which steps a commit that puts these values takes; a handover is a release or an assignment."""
    found = set()
    for key, value in put.items():
        if key.startswith("owners/"):
            found.add(_OF_PHASES.get(decode(value, OwnerRecord).phase, ""))
        elif key.startswith("heartbeats/") and decode(value, HeartbeatRecord).life is Life.DEAD:
            found.add(DEAD)
    return found
