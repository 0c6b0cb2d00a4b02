"""This node as a member: joining, heartbeats, permissions, leaving. Rules P1 to P9 and M1 to M6 (docs/safety.md)."""

from __future__ import annotations

import asyncio
import logging
import secrets
import uuid
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec.structs import replace

from nodeagent.api.commonproperties import COMMON
from nodeagent.api.events import LogEntry, Severity
from nodeagent.api.objects import NodeId, ObjectKind, ObjectRef
from nodeagent.api.properties import effective
from nodeagent.database.records import (
    CLUSTER,
    SCHEMA,
    ClusterRecord,
    HeartbeatRecord,
    Life,
    NodeRecord,
    NodeReport,
    decode,
    encode,
    heartbeat_key,
    node_key,
    report_key,
)
from nodeagent.database.store import ABSENT, ClusterStore, Conflict, Transaction, Unavailable, Unknown
from nodeagent.planner.timing import PROFILES, Profile
from nodeagent.service.eventlog import EventLog, put
from nodeagent.service.following import Following
from nodeagent.settings import AgentSettings
from nodeagent.system.clock import Clock

log = logging.getLogger(__name__)

STALL: Final = 0.5  # seconds by which a wake-up may be late before it counts as a pause of this node
ACKNOWLEDGED_WITHIN: Final = 0.3  # seconds that the monitors get to acknowledge a permission
WOKE: Final = 5.0  # seconds of pause that are told as an event

StopAll = Callable[[], Awaitable[bool]]
Permit = Callable[[int, float | None], Awaitable[bool]]


class NotProven(Exception):
    """Something of a former life may still run here: this node must not join."""


class Membership:
    """The life of this node as a member.

    Attributes:
        node: its id, 0 before it has joined.
        incarnation: its present life.
        confirmed_at: stamp of the newest confirmed heartbeat, steady seconds; minus infinity before the first.
        settled_at: from when on this node may judge others (rule "settle").
    """

    def __init__(
        self,
        settings: AgentSettings,
        following: Following,
        clock: Clock,
        events: EventLog,
        identity: tuple[str, str],
        permit: Permit,
        stop_all: StopAll,
    ) -> None:
        self._settings = settings
        self._following = following
        self._store: ClusterStore = following.store
        self._clock = clock
        self._events = events
        self._boot, self._machine = identity
        self._permit = permit
        self._stop_all = stop_all
        self._process = secrets.token_hex(8)
        self._attempts = 0
        self._stamps: dict[str, float] = {}
        self._revision = ABSENT
        self._record: HeartbeatRecord | None = None
        self.node: NodeId = 0
        self.incarnation = 0
        self.confirmed_at = float("-inf")
        self.settled_at = float("inf")
        self.planned = 0
        self.rejoined: Callable[[], None] = lambda: None
        self.woke: Callable[[float], None] = lambda _seconds: None

    # --- profile ------------------------------------------------------------------------------------------------

    @property
    def profile(self) -> Profile:
        """Return the cluster's times."""
        name = effective(COMMON[ObjectKind.CLUSTER], self._following.snapshot.cluster.properties, "Profile")
        return PROFILES.get(str(name), PROFILES["default"])

    @property
    def guarded(self) -> bool:
        """Whether another node could take over, so that this one must stop by itself when it is cut off."""
        return len(self._following.snapshot.nodes) > 1

    @property
    def revision(self) -> int:
        """Return the revision of the own heartbeat as it was last known."""
        return self._revision

    # --- joining ------------------------------------------------------------------------------------------------

    async def join(self, report: NodeReport) -> bool:
        """Become a member; True when the former life of this node goes on (safety rule M5).

        Raises:
            NotProven: something of a former life cannot be stopped.
            Unavailable: the store does not answer.
        """
        await self._form()
        self.node = await self._own_record()
        self._events.node = self.node
        await self._say_report(report)
        await self._following.load()
        found = self._following.view.heartbeat(self.node)
        if found is not None:
            self._record, self._revision = found
            if self._record.life is Life.ALIVE and self._record.boot == self._boot:
                self.incarnation = self._record.incarnation
                return True
        await self._new_life()
        return False

    async def _form(self) -> None:
        """Create the cluster when the database is empty."""
        while (await self._store.read(CLUSTER)).entries.get(CLUSTER) is None:
            record = ClusterRecord(id=uuid.uuid4().hex, name=self._settings.cluster)
            try:
                await self._store.commit(Transaction(expect={CLUSTER: ABSENT}, put={CLUSTER: encode(record)}))
            except (Conflict, Unknown):
                continue

    async def _own_record(self) -> NodeId:
        """Find or make this node's own record; its number is given in the order of joining."""
        while True:
            contents = await self._store.read("")
            entry = contents.entries[CLUSTER]
            cluster = decode(entry.value, ClusterRecord)
            if cluster.schema > SCHEMA:
                raise Unavailable(f"the cluster database has schema {cluster.schema}, this agent knows {SCHEMA}")
            for key, value in contents.entries.items():
                if key.startswith("nodes/"):
                    node = decode(value.value, NodeRecord)
                    if node.name.casefold() == self._settings.name.casefold():
                        return node.id
            number = cluster.next_node
            record = NodeRecord(id=number, name=self._settings.name)
            made = Transaction(
                expect={CLUSTER: entry.revision, node_key(number): ABSENT},
                put={CLUSTER: encode(replace(cluster, next_node=number + 1)), node_key(number): encode(record)},
            )
            try:
                await self._store.commit(made)
            except (Conflict, Unknown):
                continue

    async def _say_report(self, report: NodeReport) -> None:
        key, value = report_key(self.node), encode(report)
        present = (await self._store.read(key)).entries.get(key)
        if present is None or present.value != value:
            await self._store.commit(Transaction(put={key: value}))

    async def _new_life(self) -> None:
        """Prove that nothing of a former life runs, then commit the next incarnation (safety rule M5)."""
        if not await self._stop_all():
            raise NotProven
        while True:
            former = self._record
            attempt, stamp = self._attempt()
            record = self._beat_record(attempt, former.incarnation + 1 if former else 1, since=self._clock.wall())
            entry = self._own_entry("event_node_up")
            key = heartbeat_key(self.node)
            joining = Transaction(expect={key: self._revision}, put={key: encode(record), **put(entry)})
            try:
                revision = await self._store.commit(joining)
            except (Conflict, Unknown, Unavailable):
                await self._reread()
                if not (self._record and self._record.attempt == attempt):
                    continue
                revision = self._revision
            self.incarnation = record.incarnation
            await self._confirmed(record, revision, stamp)
            return

    def _own_entry(self, code: str) -> LogEntry:
        me = ObjectRef(ObjectKind.NODE, str(self.node))
        return self._events.entry(Severity.INFORMATION, code, reference=me, name=self._settings.name)

    # --- heartbeats ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Send heartbeats for ever."""
        due = self._clock.steady()
        while True:
            wait = due - self._clock.steady()
            if wait > 0:
                # The heartbeat interval itself; asyncio's timers do not count suspend, so a pause shows below.
                await asyncio.sleep(wait)
            late = self._clock.steady() - due
            if late > STALL:
                self._paused(late)
            began = self._clock.steady()
            confirmed = await self._beat()
            due = began + (self.profile.interval if confirmed else self.profile.again)
            ended = self._clock.steady()
            if ended - began < self._longest_beat():
                due = max(due, ended)  # an answer that is long in coming is no pause of ours

    def _longest_beat(self) -> float:
        """Return how many seconds an attempt may take without this node having stood still."""
        return self._patience_to_write() + self._patience_to_read() + ACKNOWLEDGED_WITHIN + STALL

    def _patience_to_write(self) -> float:
        return max(self.profile.again, 0.1)

    def _patience_to_read(self) -> float:
        """A store that does not answer must not hold up the next attempt."""
        return max(2 * self.profile.again, 0.2)

    def _paused(self, seconds: float) -> None:
        """This node stood still: judge nobody before it is clear who else did."""
        log.warning("this node stood still for %.1f s", seconds)
        self.settled_at = float("inf")
        self.woke(seconds)

    async def _beat(self) -> bool:
        """Send one attempt; True when it is confirmed and the next is due after the whole interval."""
        announced = self._record.self_stop if self._record else 0.0
        wanted = self.profile.self_stop if self.guarded else 0.0
        shorter = wanted and (not announced or wanted < announced)
        # Shorter: first the monitors acknowledge, then it is announced (safety rule P9).
        if shorter and not await self._permit(self.incarnation, self._clock.steady() + wanted):
            return False
        attempt, stamp = self._attempt()
        record = self._beat_record(attempt, self.incarnation, since=self._record.since if self._record else 0.0)
        key = heartbeat_key(self.node)
        try:
            revision = await self._store.commit(
                Transaction(expect={key: self._revision}, put={key: encode(record)}),
                timeout=self._patience_to_write(),
            )
        except Conflict:
            return await self._conflict()
        except (Unknown, Unavailable) as exc:
            log.warning("heartbeat not confirmed: %s", exc)
            return await self._look_for_own()
        await self._confirmed(record, revision, stamp)
        return True

    def _attempt(self) -> tuple[str, float]:
        """Return an attempt's id and its stamp, read before anything is encoded or sent (rules P1 and P2)."""
        self._attempts += 1
        attempt, stamp = f"{self._process}-{self._attempts}", self._clock.steady()
        self._stamps[attempt] = stamp
        oldest = stamp - 10 * self.profile.takeover
        while self._stamps[first := next(iter(self._stamps))] < oldest:  # they lie in the order of their stamps
            del self._stamps[first]
        return attempt, stamp

    def _beat_record(self, attempt: str, incarnation: int, *, since: float) -> HeartbeatRecord:
        profile = self.profile
        return HeartbeatRecord(
            incarnation=incarnation,
            life=Life.ALIVE,
            attempt=attempt,
            boot=self._boot,
            machine=self._machine,
            interval=profile.interval,
            self_stop=profile.self_stop if self.guarded else 0.0,
            kill_bound=profile.kill_bound,
            planned=self.planned,
            since=since,
        )

    async def _confirmed(self, record: HeartbeatRecord, revision: int, stamp: float) -> None:
        """Give the permission that the confirmed attempt proves: until its own stamp + s."""
        gap = stamp - self.confirmed_at
        self._record, self._revision = record, revision
        self.confirmed_at = stamp
        profile = self.profile
        if self.settled_at == float("inf") or gap >= profile.self_stop:
            waiting = profile.takeover if gap >= profile.self_stop else 3 * profile.interval
            self.settled_at = self._clock.steady() + waiting
        await self._permit(record.incarnation, stamp + record.self_stop if record.self_stop else None)

    async def _look_for_own(self) -> bool:
        """After an unknown result: an attempt of ours that is in the store confirms itself, no other (P2)."""
        try:
            await self._reread()
        except Unavailable:
            return False
        return await self._conflict(reread=False)

    async def _conflict(self, *, reread: bool = True) -> bool:
        if reread:
            try:
                await self._reread()
            except Unavailable:
                return False
        record = self._record
        if record is None or record.life is not Life.ALIVE or record.incarnation != self.incarnation:
            log.error("this node was declared down; it stops everything and joins again")
            await self._rejoin()
            return True
        if record.attempt in self._stamps:
            await self._confirmed(record, self._revision, self._stamps[record.attempt])
            return True
        return False  # same life, somebody else's attempt: beat again at once with the revision just read

    async def _rejoin(self) -> None:
        """Begin a new life, however long that takes: until then there is none that could send a heartbeat."""
        while True:
            try:
                await self._new_life()
            except (Unavailable, NotProven) as exc:
                log.warning("not joined again yet: %s", exc or "something still runs")
                await asyncio.sleep(self.profile.again)  # the store, or what still runs here, has to come to an end
            else:
                break
        self.rejoined()

    async def _reread(self) -> None:
        key = heartbeat_key(self.node)
        entry = (await self._store.read(key, timeout=self._patience_to_read())).entries.get(key)
        self._revision = entry.revision if entry else ABSENT
        self._record = decode(entry.value, HeartbeatRecord) if entry else None

    # --- leaving ------------------------------------------------------------------------------------------------

    async def leave(self) -> None:
        """Say that this life has ended; nothing exclusive runs and nothing is owned any more."""
        key = heartbeat_key(self.node)
        for _ in range(3):
            attempt, _stamp = self._attempt()
            record = replace(
                self._beat_record(attempt, self.incarnation, since=self._clock.wall()), life=Life.LEFT, self_stop=0.0
            )
            entry = self._own_entry("event_node_left")
            try:
                await self._store.commit(
                    Transaction(expect={key: self._revision}, put={key: encode(record), **put(entry)})
                )
            except (Conflict, Unknown, Unavailable):
                try:
                    await self._reread()
                except Unavailable:
                    return
                if self._record and (self._record.life is not Life.ALIVE or self._record.attempt == attempt):
                    return
            else:
                return
