"""Maintenance: put into, ended by hand, ended by the leader when its time is up."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from nodeagent.api import requests as r
from nodeagent.api.causes import Cause, cause
from nodeagent.api.events import LogEntry, Severity
from nodeagent.api.freezing import Maintenance
from nodeagent.api.objects import Cluster, ClusterObject, Group, Node
from nodeagent.api.requests import Done, Verb
from nodeagent.api.rules.maintenance import duration_problem, maintenance_of
from nodeagent.database.records import (
    CLUSTER,
    LEADER,
    ClusterRecord,
    GroupRecord,
    NodeRecord,
    encode,
    group_key,
    node_key,
)
from nodeagent.database.store import Conflict, Transaction, Unavailable, Unknown
from nodeagent.database.view import ClusterView
from nodeagent.service.desk import Desk, refuse_first
from nodeagent.service.eventlog import EventLog, put
from nodeagent.service.following import Following
from nodeagent.service.leadership import Leadership
from nodeagent.system.clock import Clock

log = logging.getLogger(__name__)

LONGEST_WAIT: Final = 5.0  # seconds; a wall clock that is set moves the end, and nothing tells of that

Frozen = ClusterRecord | NodeRecord | GroupRecord


def _record_of(item: ClusterObject, view: ClusterView) -> tuple[str, Frozen, int] | None:
    """Return key, record and revision of what can be put into maintenance; None when it is gone."""
    found: tuple[Frozen, int] | None = None
    key = CLUSTER
    if isinstance(item, Cluster):
        found = view.cluster()
    elif isinstance(item, Node):
        key, found = node_key(item.id), view.node(item.id)
    elif isinstance(item, Group):
        key, found = group_key(item.id), view.group(item.id)
    return None if found is None else (key, *found)


class MaintenanceDesk:
    """Works on the requests."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def begin(self, request: r.BeginMaintenance, why: Cause) -> Done:
        item = self._desk.item(request.kind, request.id)
        self._desk.check(Verb.BEGIN_MAINTENANCE, item)
        refuse_first(duration_problem(request.seconds))
        now, former = self._desk.events.now(), maintenance_of(item)
        since = former.since if former else now
        frozen = Maintenance(since=since, until=now + request.seconds, user=why.user, reason=request.note)
        entry = self._desk.entry("event_maintenance", item, why, until=local_time(frozen.until))
        return await self._write(item, frozen, entry)

    async def end(self, request: r.EndMaintenance, why: Cause) -> Done:
        item = self._desk.item(request.kind, request.id)
        self._desk.check(Verb.END_MAINTENANCE, item)
        return await self._write(item, None, self._desk.entry("event_maintenance_over", item, why))

    async def _write(self, item: ClusterObject, frozen: Maintenance | None, entry: LogEntry) -> Done:
        found = _record_of(item, self._desk.following.view)
        if found is None:
            raise Conflict
        key, record, _ = found
        return await self._desk.commit(
            self._desk.expect(key), {key: encode(replace(record, maintenance=frozen))}, entry
        )


class MaintenanceEnds:
    """On the leader: ends what has lasted its time, by its wall clock."""

    def __init__(self, following: Following, leadership: Leadership, clock: Clock, events: EventLog) -> None:
        self._following = following
        self._leadership = leadership
        self._clock = clock
        self._events = events
        self._wake = asyncio.Event()
        following.listen(lambda delta: self._wake.set() if delta.changed or delta.removed else None)

    async def run(self) -> None:
        """Look for ever."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._wait()):
                    await self._wake.wait()
            self._wake.clear()
            if not self._leadership.leads:
                continue
            for item in list(self._frozen()):
                with contextlib.suppress(Conflict, Unknown, Unavailable):  # it is looked at again
                    await self._end(item)

    def _wait(self) -> float:
        ends = [found.until - self._clock.wall() for item in self._frozen() if (found := maintenance_of(item))]
        return max(0.05, min([LONGEST_WAIT, *ends]))

    def _frozen(self) -> Iterator[ClusterObject]:
        now = self._following.snapshot
        items: tuple[Cluster | Node | Group, ...] = (now.cluster, *now.nodes.values(), *now.groups.values())
        return (item for item in items if item.maintenance is not None)

    async def _end(self, item: ClusterObject) -> None:
        found, leader = _record_of(item, self._following.view), self._following.view.leader()
        if found is None or leader is None:
            return
        key, record, revision = found
        frozen = record.maintenance  # another one, perhaps, than when the item was found
        if frozen is None or frozen.until > self._clock.wall():
            return
        why = replace(cause("cause_expired"), user=frozen.user, note=frozen.reason)
        entry = self._events.entry(Severity.INFORMATION, "event_maintenance_over", item, cause=why)
        over = encode(replace(record, maintenance=None))
        reached = await self._following.store.commit(
            Transaction(expect={key: revision, LEADER: leader[1]}, put={key: over, **put(entry)})
        )
        await self._following.reached(reached)
        log.info("maintenance of %s is over", item.name)


def local_time(wall: float) -> str:
    """Return wall-clock seconds as this node's local time."""
    return datetime.datetime.fromtimestamp(wall, datetime.UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
