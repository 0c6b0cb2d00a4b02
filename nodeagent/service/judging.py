"""What follows from a node's silence: when time may judge it, when a fence device is asked, how many fell silent."""

from __future__ import annotations

from dataclasses import dataclass

from nodeagent.database.records import HeartbeatRecord
from nodeagent.planner.timing import UNBOUNDED, Profile, safe_silence


def judged_by_time(record: HeartbeatRecord) -> bool:
    """Tell whether silence alone can prove that everything exclusive has stopped there (safety rule P7).

    Not where something could not be proven stopped, where a type promises no bound, or where a node announced that it
    does not stop by itself.
    """
    return record.self_stop > 0 and not record.unclean and record.kill_bound < UNBOUNDED


def silence_needed(record: HeartbeatRecord, profile: Profile) -> float:
    """Return the silence after which the node may be declared down, by what *it* announces (safety rule P9)."""
    margin = max(profile.margin, record.margin)
    return max(profile.takeover, safe_silence(record.self_stop, record.kill_bound, margin))


def noticeable_silence(profile: Profile) -> float:
    """Return the silence from which on a node counts as silent for the brake, and is shown so."""
    return profile.takeover / 2


def fence_after(record: HeartbeatRecord, profile: Profile) -> float:
    """Return the silence after which the node's fence device is asked, shorter than what time would need.

    All that fell silent in one event, each in its own turn of the heartbeat, count as silent by then: so the brake is
    asked about the whole event before the first of them is turned off.
    """
    return noticeable_silence(profile) + max(profile.interval, record.interval) + profile.again


@dataclass(frozen=True, slots=True)
class Count:
    """How many of the *members* are silent, those among them that were declared down a short time ago."""

    silent: int
    members: int

    @property
    def too_many(self) -> bool:
        """Whether the brake has to be held: more than half."""
        return self.silent * 2 > self.members
