"""On the leader: which groups have waited for too long to be claimed by the node they were given to."""

from __future__ import annotations

from nodeagent.api.objects import GroupId, Phase
from nodeagent.planner.policies import claim_patience
from nodeagent.service.following import Following
from nodeagent.system.clock import Clock


class Patience:
    """Counts by the leader's own steady clock, from when it first saw the assignment; another epoch counts anew."""

    def __init__(self, following: Following, clock: Clock) -> None:
        self._following = following
        self._clock = clock
        self._seen: dict[GroupId, tuple[int, float]] = {}

    def unclaimed(self) -> frozenset[GroupId]:
        """Look at all groups; return those whose owner has had its time."""
        snapshot, now = self._following.snapshot, self._clock.steady()
        waiting = {group.id: group.epoch for group in snapshot.groups.values() if group.phase is Phase.ASSIGNED}
        self._seen = {
            group: self._seen[group] if self._seen.get(group, (0, 0.0))[0] == epoch else (epoch, now)
            for group, epoch in waiting.items()
        }
        return frozenset(
            group
            for group, (_, since) in self._seen.items()
            if now - since >= claim_patience(snapshot.resources_of(group), snapshot)
        )
