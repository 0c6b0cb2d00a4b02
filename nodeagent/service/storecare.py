"""Keeping the store itself in order: old revisions forgotten, its size watched, its missing members told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from nodeagent.api.events import LogEntry, Severity
from nodeagent.api.problems import Parameter
from nodeagent.database.records import encode
from nodeagent.database.store import Conflict, StoreHealth, Transaction, Unavailable, Unknown
from nodeagent.database.voters import VOTERS, VotersRecord
from nodeagent.planner.timing import Profile
from nodeagent.service.eventlog import EventLog, put
from nodeagent.service.following import Following
from nodeagent.service.leadership import Leadership

log = logging.getLogger(__name__)

EVERY: Final = 10.0  # seconds between two looks
SOON: Final = 3.0  # seconds until the next look at a member that did not answer
COMPACT_EVERY: Final = 6  # looks
KEPT: Final = 10_000  # revisions of which the changes stay known, as in the embedded store
FULL: Final = 0.6  # of the quota: from here on it is told
SPARSE: Final = 64 * 1024**2  # unused bytes worth a member's pause, when they are more than half of its file
REWRITTEN: Final = 20 * 1024**2  # bytes per second, counted low: measured 46 to 92 MiB on a busy disk
NO_SPACE: Final = "NOSPACE"


class StoreCare:
    """Done by whoever holds the lead, also while its heartbeats are not confirmed: a full store takes none of them.

    Only a store of several machines needs it; the embedded one forgets by itself and reuses its space.
    """

    def __init__(
        self, following: Following, leadership: Leadership, events: EventLog, profile: Callable[[], Profile]
    ) -> None:
        """Look at nothing yet. *profile* tells how long the store may be away without anybody noticing."""
        self._following = following
        self._profile = profile
        self._leadership = leadership
        self._events = events
        self._looks = 0
        self._silent: set[str] = set()
        self._told_full = False
        self._told_sparse: set[int] = set()

    async def run(self) -> None:
        """Look after it for ever."""
        while True:
            await asyncio.sleep(SOON if self._silent else EVERY)  # nothing waits for it
            if self._leadership.holds_lead:
                try:
                    await self.look()
                except (Conflict, Unknown, Unavailable) as exc:
                    log.info("the cluster database is looked after later: %s", exc)

    async def look(self) -> None:
        """Look once.

        Raises:
            Unavailable, Unknown: the store does not answer; look again later.
        """
        store = self._following.store
        health = await store.health()
        if health is None:
            return
        if NO_SPACE in health.alarms:
            await self._make_room(health)
            return
        if self._looks % COMPACT_EVERY == 0:
            await store.compact(self._following.view.revision - KEPT)
        self._looks += 1
        await self._tell_missing(health)
        await self._tell_size(health)
        await self._defragment(health)

    async def _make_room(self, health: StoreHealth) -> None:
        """Forget all that may be forgotten: nothing can be written, so whoever has to read anew loses nothing."""
        store = self._following.store
        await store.compact(self._following.view.revision)
        for voter in health.voters:
            if voter.answers:
                await store.defragment(voter)
        await store.clear_alarms()
        await self._say(Severity.ERROR, "event_database_full")

    async def _tell_missing(self, health: StoreHealth) -> None:
        """Write down who votes and who is missing, and tell of who went and came.

        One that misses a single look may only be slow, or its answer lost. What was told stands in the database, so
        that the next leader goes on from there.
        """
        view = self._following.view
        known, _ = view.voters() or (VotersRecord(), 0)
        silent = {voter.name for voter in health.missing}
        names = tuple(voter.name for voter in health.voters)
        missing = tuple(name for name in names if name in silent and (name in self._silent or name in known.missing))
        self._silent = silent
        now = VotersRecord(voters=names, missing=missing)
        if now == known:
            return
        lost = [name for name in missing if name not in known.missing]
        back = [name for name in known.missing if name in names and name not in silent]
        entries = [self._entry(Severity.WARNING, "event_voter_lost", member=n, spare=health.spare) for n in lost]
        entries += [self._entry(Severity.INFORMATION, "event_voter_back", member=n, spare=health.spare) for n in back]
        change = Transaction(expect={VOTERS: view.revision_of(VOTERS)}, put={VOTERS: encode(now), **put(*entries)})
        await self._following.store.commit(change)

    async def _tell_size(self, health: StoreHealth) -> None:
        if not health.quota:
            return
        share = health.used / health.quota
        if share >= FULL and not self._told_full:
            await self._say(Severity.WARNING, "event_database_space", percent=round(100 * share))
        self._told_full = share >= FULL

    # --- giving space back ------------------------------------------------------------------------------------------

    async def _defragment(self, health: StoreHealth) -> None:
        """Have one member give its unused space back, the leading one last, when nobody notices its pause."""
        sparse = [v for v in health.voters if v.answers and v.size - v.used > max(SPARSE, v.size // 2)]
        for voter in sorted(sparse, key=lambda voter: voter.leader):
            seconds = voter.used / REWRITTEN
            unused = (voter.size - voter.used) // 1024**2
            if seconds > self._profile().gap / 2:
                if voter.id not in self._told_sparse:
                    self._told_sparse.add(voter.id)
                    told = "event_database_sparse"
                    await self._say(
                        Severity.INFORMATION, told, member=voter.name, size=unused, seconds=round(seconds) or 1
                    )
            elif not health.missing:
                await self._following.store.defragment(voter)
                self._told_sparse.discard(voter.id)
                await self._say(Severity.INFORMATION, "event_database_defragmented", member=voter.name, size=unused)
                return

    async def _say(self, severity: Severity, code: str, **parameters: Parameter) -> None:
        await self._following.store.commit(Transaction(put=put(self._entry(severity, code, **parameters))))

    def _entry(self, severity: Severity, code: str, **parameters: Parameter) -> LogEntry:
        return replace(self._events.entry(severity, code), parameters=parameters)
