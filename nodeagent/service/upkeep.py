"""Keeping the database small: the event log is a ring, old questions go."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from nodeagent.database.store import Conflict, Transaction, Unavailable, Unknown
from nodeagent.service.eventlog import KEEP
from nodeagent.service.following import Following
from nodeagent.service.leadership import Leadership

log = logging.getLogger(__name__)

EVERY: Final = 60.0  # seconds
PIECE: Final = 100  # entries deleted per commit


class Upkeep:
    """Done by the leader, so that it is done once."""

    def __init__(self, following: Following, leadership: Leadership) -> None:
        self._following = following
        self._leadership = leadership
        self._seen: set[str] = set()

    async def run(self) -> None:
        """Tidy up for ever."""
        while True:
            await asyncio.sleep(EVERY)  # nothing waits for it
            if self._leadership.leads:
                try:
                    await self.tidy()
                except (Conflict, Unknown, Unavailable) as exc:
                    log.info("tidying up later: %s", exc)

    async def tidy(self) -> None:
        """Delete the oldest entries of the event log above the limit, and questions that nobody waits for any more."""
        entries = self._following.view.log_keys()
        await self._delete(entries[: max(0, len(entries) - KEEP)])
        await self._delete(await self._left_behind())

    async def _left_behind(self) -> list[str]:
        """Return the questions and answers that were there at the last look too: far longer than anybody waits."""
        present: set[str] = set()
        for prefix in ("asks/", "answers/"):
            present |= set((await self._following.store.read(prefix)).entries)
        before, self._seen = self._seen, present
        return sorted(present & before)

    async def _delete(self, keys: list[str]) -> None:
        for start in range(0, len(keys), PIECE):
            await self._following.store.commit(Transaction(delete=tuple(keys[start : start + PIECE])))
