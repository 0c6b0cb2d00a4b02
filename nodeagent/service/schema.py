"""The version of the database's records: raised by the leader once every member's software knows the next one."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from msgspec.structs import replace

from nodeagent.api.events import Severity
from nodeagent.database.records import CLUSTER, LEADER, SCHEMA, encode, report_key
from nodeagent.database.store import Conflict, Transaction, Unavailable, Unknown
from nodeagent.service.eventlog import EventLog, put
from nodeagent.service.following import Following
from nodeagent.service.leadership import Leadership

log = logging.getLogger(__name__)

RETRY: Final = 1.0  # seconds until a raise that met another change is tried again


class SchemaRaising:
    """Looks whenever a member's report changed. A member that is down counts: it may come back as it was."""

    def __init__(self, following: Following, leadership: Leadership, events: EventLog) -> None:
        self._following = following
        self._leadership = leadership
        self._events = events
        self._wake = asyncio.Event()
        following.listen(lambda delta: self._wake.set() if delta.changed or delta.removed else None)

    async def run(self) -> None:
        """Look for ever."""
        while True:
            if self._leadership.leads:
                try:
                    await self._raise()
                except (Conflict, Unknown, Unavailable) as exc:
                    log.info("the schema is looked at again: %s", exc)
                    await self._following.next(RETRY)
                    continue
            await self._wake.wait()
            self._wake.clear()

    async def _raise(self) -> None:
        view, cluster = self._following.view, self._following.view.cluster()
        leader, reports = view.leader(), [view.report(node) for node in self._following.snapshot.nodes]
        if cluster is None or leader is None:
            return
        known = min((report[0].schema if report else 1 for report in reports), default=1)
        if not cluster[0].schema < known <= SCHEMA:
            return
        keys = [report_key(node) for node in self._following.snapshot.nodes]
        expect = {CLUSTER: cluster[1], LEADER: leader[1], **{key: view.revision_of(key) for key in keys}}
        entry = self._events.entry(Severity.INFORMATION, "event_schema", self._following.snapshot.cluster, schema=known)
        raised = encode(replace(cluster[0], schema=known))
        reached = await self._following.store.commit(Transaction(expect=expect, put={CLUSTER: raised, **put(entry)}))
        await self._following.reached(reached)
        log.info("the cluster database has schema %d now", known)
