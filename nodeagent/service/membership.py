"""This node as a member: joining, heartbeats, permissions, leaving. Rules P1 to P9 and M1 to M6 (docs/safety.md)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from msgspec.structs import replace

from nodeagent.api.events import LogEntry, Severity
from nodeagent.api.objects import NodeId, ObjectKind, ObjectRef
from nodeagent.api.problems import Parameter, Problem
from nodeagent.api.texts import render
from nodeagent.database.records import (
    HeartbeatRecord,
    Life,
    NodeReport,
    decode,
    encode,
    heartbeat_key,
    node_key,
)
from nodeagent.database.store import ABSENT, ClusterStore, Conflict, Transaction, Unavailable, Unknown
from nodeagent.monitor.messages import Permit
from nodeagent.planner.timing import Profile
from nodeagent.resourcetypes.base import ResourceType
from nodeagent.service import lives
from nodeagent.service.announcing import Times, announced, bound_of, longest_bound, profile_of, unguarded_because
from nodeagent.service.attempts import Attempts, patience_to_read, patience_to_write
from nodeagent.service.clones import OtherMachine
from nodeagent.service.eventlog import EventLog, put
from nodeagent.service.following import Following
from nodeagent.service.joining import form, may_join, own_record, say_report
from nodeagent.service.judging import judged_by_time, silence_needed
from nodeagent.settings import AgentSettings
from nodeagent.system.clock import Clock

log = logging.getLogger(__name__)

STALL: Final = 0.5  # seconds by which a wake-up may be late before it counts as a pause of this node
ACKNOWLEDGED_WITHIN: Final = 0.3  # seconds that the monitors get to acknowledge a permission
WOKE: Final = 5.0  # seconds of pause that are told as an event
LAST_WORDS: Final = 3  # attempts at what is said of a life that ends; no heartbeat comes after them

StopAll = Callable[[], Awaitable[bool]]
Give = Callable[[Permit], Awaitable[bool]]


class NotProven(Exception):
    """Something of a former life may still run here: this node must not join."""


class Membership:
    """The life of this node as a member.

    Attributes:
        node: its id, 0 before it has joined.
        incarnation: its present life.
        confirmed_at: stamp of the newest confirmed heartbeat, steady seconds; minus infinity before the first.
        settled_at: from when on this node may judge others (rule "settle").
        voters: how many members of the cluster database vote; 0 for one without any.
        unclean: tells whether something exclusive could not be proven stopped (P7).
        held_bound: returns the longest k of what the monitors hold.
        watchdog: returns the watchdog's time-out as read back, 0 for none.
        may_host: tells whether this node may start exclusive resources at all (P10).
    """

    def __init__(
        self,
        settings: AgentSettings,
        following: Following,
        clock: Clock,
        events: EventLog,
        identity: tuple[str, str],
        permit: Give,
        stop_all: StopAll,
        types: Mapping[str, ResourceType[Any]] | None = None,
    ) -> None:
        self._settings = settings
        self._following = following
        self._store: ClusterStore = following.store
        self._clock = clock
        self._events = events
        self._boot, self._machine = identity
        self._permit = permit
        self._stop_all = stop_all
        self._types = types or {}
        self._other = OtherMachine(self._boot, self._machine, clock)
        self._told_of_other = False
        self._attempts = Attempts(clock)
        self._revision = ABSENT
        self._record: HeartbeatRecord | None = None
        self.node: NodeId = 0
        self.incarnation = 0
        self.confirmed_at = float("-inf")
        self.settled_at = float("inf")
        self.planned = 0
        self.voters = 0
        self.unclean: Callable[[], bool] = lambda: False
        self.held_bound: Callable[[], float] = lambda: 0.0
        self.watchdog: Callable[[], float] = lambda: 0.0
        self.may_host: Callable[[], bool] = lambda: True
        self.rejoined: Callable[[], None] = lambda: None
        self.woke: Callable[[float], None] = lambda _seconds: None
        self._resting = 0.0  # for how many seconds it waits between two heartbeats at present
        self._hurry = asyncio.Event()
        following.listen(lambda _: self._hurry.set() if self.profile.interval < self._resting else None)

    # --- profile ------------------------------------------------------------------------------------------------

    @property
    def profile(self) -> Profile:
        """Return the cluster's times as they are now."""
        return profile_of(self._following.snapshot)

    @property
    def guarded(self) -> bool:
        """Whether another node could take over, so that this one must stop by itself when it is cut off."""
        return self.unguarded_because() is None

    def unguarded_because(self) -> Problem | None:
        """Say why nobody could take over from this node; None when somebody could."""
        return unguarded_because(self.node, self._following.snapshot, self.voters)

    def _wanted_times(self) -> Times:
        """Return the times that this node would announce now."""
        profile = self.profile
        longest = longest_bound(self.node, self._following.snapshot, self._types, profile)
        self_stop = profile.self_stop if self.guarded else 0.0
        return Times(self_stop, max(longest, self.held_bound()), profile.margin)

    def covers(self, kind: str) -> bool:
        """Tell whether a confirmed heartbeat has announced the k of that resource type: else it must not start (P9)."""
        if self._record is None or not self.may_host():
            return False
        return bound_of(self._types.get(kind), self.profile) <= self._record.kill_bound

    @property
    def announces_profile(self) -> bool:
        """Whether the newest heartbeat announces the cluster's present times."""
        return self._record is not None and self._record.self_stop in (0.0, self.profile.self_stop)

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
        await form(self._store, self._settings)
        self.node = await own_record(self._store, self._settings)
        self._events.node = self.node
        await say_report(self._store, self.node, report)
        await self._following.load()
        found = self._following.view.heartbeat(self.node)
        if found is not None:
            self._record, self._revision = found
            if self._record.life is Life.ALIVE and self._record.boot == self._boot and self._is_noted(self._record):
                self.incarnation = self._record.incarnation
                return True
        await self._new_life()
        return False

    def _is_noted(self, record: HeartbeatRecord) -> bool:
        """Tell whether the run directory is of that very life: one that was wiped knows no closed epoch any more."""
        return lives.read(self._settings.run) == self._life(record.incarnation)

    def _life(self, incarnation: int) -> lives.LifeNote:
        return lives.LifeNote(node=self.node, incarnation=incarnation, boot=self._boot)

    async def _new_life(self) -> None:
        """Prove that nothing of a former life runs, then commit the next incarnation (safety rule M5)."""
        if not await self.stopped_all(self.profile.self_stop / 4):
            raise NotProven("something of a former life of this node is still here and cannot be ended")
        while True:
            if self._other.wrote(self._record):
                await self._outwait_other()
            former, membership = self._record, await may_join(self._store, self._settings, self.node)
            attempt, stamp = self._attempts.begin()
            incarnation = former.incarnation + 1 if former else 1
            record = self._beat_record(attempt, incarnation, self._wanted_times(), since=self._clock.wall())
            entry = self._own_entry("event_node_up")
            key = heartbeat_key(self.node)
            expect = {key: self._revision, node_key(self.node): membership}
            joining = Transaction(expect=expect, put={key: encode(record), **put(entry)})
            try:
                revision = await self._store.commit(joining)
            except (Conflict, Unknown, Unavailable):
                await self._reread()
                if not (self._record and self._record.attempt == attempt):
                    continue
                revision = self._revision
            self.incarnation = record.incarnation
            lives.write(self._settings.run, self._life(record.incarnation))
            await self._confirmed(record, revision, stamp)
            return

    async def stopped_all(self, patience: float) -> bool:
        """Stop everything; True when that is proven. No heartbeat is sent meanwhile: this is how a life ends.

        What takes longer than *patience* seconds is said while there still is time (safety rule P7).
        """
        stopping = asyncio.ensure_future(self._stop_all())
        try:
            in_time, _ = await asyncio.wait({stopping}, timeout=patience)
            if not in_time or not stopping.result():
                await self._say_unclean()
            return await stopping
        finally:
            stopping.cancel()

    async def _say_unclean(self) -> None:
        """Say of the life that ends, as long as it is not declared dead, that something of it cannot be stopped."""
        for _ in range(LAST_WORDS):
            former = self._record
            if former is None or former.life is not Life.ALIVE or former.unclean or self._other.wrote(former):
                return
            attempt, _stamp = self._attempts.begin()
            key = heartbeat_key(self.node)
            said = {key: encode(replace(former, attempt=attempt, unclean=True))}
            with contextlib.suppress(Conflict, Unknown, Unavailable):
                await self._store.commit(Transaction(expect={key: self._revision}, put=said))
            with contextlib.suppress(Unavailable):
                await self._reread()

    async def _outwait_other(self) -> None:
        """Join under a name that another machine used only when that one has been silent for d (safety rule M6).

        Raises:
            NotProven: it is heard, or its silence would prove nothing.
        """
        if not self._told_of_other:
            self._told_of_other = True
            entry = replace(self._own_entry("event_clone"), severity=Severity.ERROR)
            with contextlib.suppress(Unknown):
                await self._store.commit(Transaction(put=put(entry)))
        record, before = self._record, self._revision
        by_time = record is not None and judged_by_time(record)
        # The rule's wait: what would tell that the other one is heard is the record that is read afterwards.
        await asyncio.sleep(silence_needed(record, self.profile) if record and by_time else self.profile.takeover)
        await self._reread()
        alone = len(self._following.snapshot.nodes) <= 1  # then there is nobody who could be asked
        if self._revision != before or not (by_time or alone):
            raise NotProven("another machine lives under this node's name, or may still run what it had")

    def _own_entry(self, code: str, **parameters: Parameter) -> LogEntry:
        me = ObjectRef(ObjectKind.NODE, str(self.node))
        entry = self._events.entry(Severity.INFORMATION, code, reference=me, name=self._settings.name)
        return replace(entry, parameters={**entry.parameters, **parameters})

    # --- heartbeats ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Send heartbeats for ever."""
        due = self._clock.steady()
        while True:
            self._resting = due - self._clock.steady()
            if self._resting > 0:
                self._hurry.clear()
                # Until the next heartbeat, or others have come: asyncio's timers count no suspend, which shows below.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._resting):
                        await self._hurry.wait()
            late = self._clock.steady() - due
            if late > STALL:
                self._paused(late)
            began, life = self._clock.steady(), self.incarnation
            confirmed = await self._beat()
            due = began + (self.profile.interval if confirmed else self.profile.again)
            ended = self._clock.steady()
            if ended - began < self._longest_beat() or self.incarnation != life:
                due = max(due, ended)  # an answer, or a new life, that is long in coming is no pause of ours

    def _longest_beat(self) -> float:
        """Return how many seconds an attempt may take without this node having stood still."""
        return patience_to_write(self.profile) + patience_to_read(self.profile) + 2 * ACKNOWLEDGED_WITHIN + STALL

    def _paused(self, seconds: float) -> None:
        """This node stood still: judge nobody before it is clear who else did."""
        log.warning("this node stood still for %.1f s", seconds)
        self.settled_at = float("inf")
        self.woke(seconds)

    async def _beat(self) -> bool:
        """Send one attempt; True when it is confirmed and the next is due after the whole interval."""
        times = await self._next_times()
        attempt, stamp = self._attempts.begin()
        since = self._record.since if self._record else 0.0
        record = self._beat_record(attempt, self.incarnation, times, since=since)
        key = heartbeat_key(self.node)
        try:
            revision = await self._store.commit(
                Transaction(expect={key: self._revision}, put={key: encode(record), **self._changes(record)}),
                timeout=patience_to_write(self.profile),
            )
        except Conflict:
            return await self._conflict()
        except (Unknown, Unavailable) as exc:
            log.warning("heartbeat not confirmed: %s", exc)
            return await self._look_for_own()
        await self._confirmed(record, revision, stamp)
        return True

    async def _next_times(self) -> Times:
        """Return what the next heartbeat announces (safety rule P9).

        What is longer counts from the heartbeat on that has announced it. What is shorter is first acknowledged by
        every monitor; until then the heartbeats go on announcing what they did. An older attempt that is applied all
        the same makes the newer one void, as both expect the same revision.
        """
        wanted = self._wanted_times()
        if self._record is None or not wanted.shortens(former := announced(self._record)):
            return wanted
        until = self._clock.steady() + wanted.self_stop if wanted.self_stop else None
        bound = min(wanted.bound(self.profile), former.bound(self.profile))
        shorter = Permit(incarnation=self.incarnation, until=until, bound=bound, shorten=True)
        if await self._permit(shorter) and self._wanted_times() == wanted:
            return wanted
        return former

    def _changes(self, record: HeartbeatRecord) -> dict[str, bytes]:
        """Return the event log's entries for what this heartbeat announces and the one before did not."""
        former = self._record
        if former is None or former.life is not Life.ALIVE:
            return {}
        entries = []
        if bool(former.self_stop) != bool(record.self_stop):
            why = self.unguarded_because()
            detail = render(why.code, why.parameters) if why else ""
            entries.append(self._own_entry("event_guarded" if record.self_stop else "event_unguarded", detail=detail))
        if former.unclean and not record.unclean:
            entries.append(self._own_entry("event_clean"))
        return put(*entries) if entries else {}

    def _beat_record(self, attempt: str, incarnation: int, times: Times, *, since: float) -> HeartbeatRecord:
        return HeartbeatRecord(
            incarnation=incarnation,
            life=Life.ALIVE,
            attempt=attempt,
            boot=self._boot,
            machine=self._machine,
            interval=self.profile.interval,
            self_stop=times.self_stop,
            kill_bound=times.kill_bound,
            margin=times.margin,
            watchdog=self.watchdog(),
            unclean=self.unclean(),
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
        until = stamp + record.self_stop if record.self_stop else None
        bound = announced(record).bound(profile)
        await self._permit(Permit(incarnation=record.incarnation, until=until, bound=bound))

    async def _look_for_own(self) -> bool:
        """After an unknown result: an attempt of ours that is in the store confirms itself, no other (P2).

        What was there before confirms nothing anew: shorter times may have been sent since (P9).
        """
        before = self._revision
        try:
            await self._reread()
        except Unavailable:
            return False
        return self._revision != before and await self._conflict(reread=False)

    async def _conflict(self, *, reread: bool = True) -> bool:
        if reread:
            try:
                await self._reread()
            except Unavailable:
                return False
        record = self._record
        lost = record is None or record.life is not Life.ALIVE or record.incarnation != self.incarnation
        if record is None or lost or self._other.met_again(record, self.profile.self_stop):
            log.error("this node was declared down; it stops everything and joins again")
            await self._rejoin()
            return True
        if (stamp := self._attempts.stamp_of(record.attempt)) is not None:
            await self._confirmed(record, self._revision, stamp)
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
        entry = (await self._store.read(key, timeout=patience_to_read(self.profile))).entries.get(key)
        self._revision = entry.revision if entry else ABSENT
        self._record = decode(entry.value, HeartbeatRecord) if entry else None

    # --- leaving ------------------------------------------------------------------------------------------------

    async def leave(self) -> None:
        """Say that this life has ended; nothing exclusive runs and nothing is owned any more."""
        key = heartbeat_key(self.node)
        for _ in range(LAST_WORDS):
            if self._record is not None and self._record.life is not Life.ALIVE:
                return  # its life has ended already
            attempt, _stamp = self._attempts.begin()
            record = replace(
                self._beat_record(attempt, self.incarnation, self._wanted_times(), since=self._clock.wall()),
                life=Life.LEFT,
                self_stop=0.0,
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
