"""Judging the others: who is silent, who leads, who is declared down, and the brake (rules M2, M3, O6)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec.structs import replace

from nodeagent.api.events import LogEntry, Severity
from nodeagent.api.objects import NodeId, ObjectKind, ObjectRef
from nodeagent.database.records import (
    LEADER,
    SILENCE,
    HeartbeatRecord,
    LeaderRecord,
    Life,
    SilenceRecord,
    SilentNode,
    encode,
    heartbeat_key,
)
from nodeagent.database.store import ABSENT, Conflict, Transaction, Unavailable, Unknown
from nodeagent.database.view import Delta
from nodeagent.service.eventlog import EventLog, put
from nodeagent.service.fencing import Fencing
from nodeagent.service.following import Following
from nodeagent.service.judging import Count, fence_after, judged_by_time, noticeable_silence, silence_needed
from nodeagent.service.membership import Membership
from nodeagent.system.clock import Clock

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 0.5  # seconds at most between two looks; a look is planned for the moment a node may be judged
HEARD_WITHIN: Final = 1.0  # seconds within which own heartbeats come back by the watch; else nobody is heard through it


class Leadership:
    """Counts every node's silence, takes the lead when nobody has it, and declares nodes down while it leads."""

    def __init__(
        self, following: Following, membership: Membership, clock: Clock, events: EventLog, fencing: Fencing
    ) -> None:
        self._following = following
        self._membership = membership
        self._clock = clock
        self._events = events
        self._fencing = fencing
        self._seen: dict[NodeId, tuple[int, float]] = {}
        self._plans: tuple[tuple[int, ...], float] = ((), 0.0)
        self._awaited = (0, float("-inf"))
        self._declared: dict[NodeId, float] = {}  # when this node first tried to declare it down
        self._brake_opened = float("-inf")
        self._wake = asyncio.Event()
        self.took_lead: Callable[[], None] = lambda: None
        fencing.ended = self._wake.set
        following.listen(self._observe)

    @property
    def holds_lead(self) -> bool:
        """Whether this node, in its present life, holds the lead."""
        found = self._following.view.leader()
        mine = (self._membership.node, self._membership.incarnation)
        return found is not None and (found[0].node, found[0].incarnation) == mine

    @property
    def leads(self) -> bool:
        """Whether this node holds the lead and may plan now: its own beats are confirmed."""
        return self.holds_lead and self._confirmed()

    @property
    def between_marks(self) -> float:
        """Seconds after which a leader says again how far it has planned; 0 for who does not lead."""
        return self._membership.profile.interval if self.holds_lead else 0.0

    def note_planned(self) -> None:
        """Say with the next heartbeat that everything known here was planned for."""
        if self.holds_lead:
            self._membership.planned = self._following.view.revision

    def _confirmed(self) -> bool:
        return self._clock.steady() - self._membership.confirmed_at < self._membership.profile.self_stop

    def _settled(self) -> bool:
        """Whether own beats have been confirmed for long enough after a gap to judge others by their silence."""
        return self._clock.steady() >= self._membership.settled_at

    def _hears(self) -> bool:
        """Whether the watch is alive: own heartbeats come back through it. If not, all others seem silent as well."""
        now, reached = self._clock.steady(), self._following.view.revision
        if reached >= self._awaited[0]:
            self._awaited = (self._membership.revision, now)
        return reached >= self._awaited[0] or now - self._awaited[1] < HEARD_WITHIN

    def _observe(self, delta: Delta) -> None:
        """Begin a node's count anew when a changed heartbeat was received, never before (safety rule M3)."""
        if SILENCE in delta.keys:
            self._wake.set()  # a person may have opened the brake
        everything = "*" in delta.keys
        beats = {int(key[11:]) for key in delta.keys if key.startswith("heartbeats/") and key[11:].isdecimal()}
        if not (everything or beats or LEADER in delta.keys):
            return
        now = self._clock.steady()
        for node in self._following.snapshot.nodes if everything else beats:
            revision = self._following.view.revision_of(heartbeat_key(node))
            if node not in self._seen or self._seen[node][0] != revision:
                self._seen[node] = (revision, now)
        self._observe_plans(now)

    def _observe_plans(self, now: float) -> None:
        found = self._following.view.leader()
        beat = self._following.view.heartbeat(found[0].node) if found else None
        mark = (found[0].node, found[0].incarnation, found[0].term, beat[0].planned) if found and beat else ()
        if mark != self._plans[0]:
            self._plans = (mark, now)

    def count_anew(self) -> None:
        """This node itself stood still: whatever it has not heard meanwhile says nothing about the others."""
        now = self._clock.steady()
        self._seen = {node: (revision, now) for node, (revision, _) in self._seen.items()}
        self._plans = (self._plans[0], now)

    def silence(self, node: NodeId) -> float:
        """Return for how many seconds nothing was heard of the node."""
        return self._clock.steady() - self._seen[node][1] if node in self._seen else 0.0

    async def run(self) -> None:
        """Look for ever."""
        self._observe(Delta(keys=frozenset({"*"})))
        while True:
            with contextlib.suppress(TimeoutError):  # until somebody may be judged, or a fence device has answered
                async with asyncio.timeout(max(0.01, min(LOOK_EVERY, self._next_look()))):
                    await self._wake.wait()
            self._wake.clear()
            hears = self._hears()
            if not self._confirmed() or not hears:
                continue
            await self._try(self._take_lead())
            if not self.holds_lead:
                self._fencing.forget_all()
            elif self.leads and self._settled():
                await self._try(self._judge())

    async def _try(self, look: Awaitable[None]) -> None:
        try:
            await look
        except (Conflict, Unknown, Unavailable) as exc:
            log.info("looking again: %s", exc)

    def _next_look(self) -> float:
        profile, left = self._membership.profile, [LOOK_EVERY]
        for node, record in self._others_alive():
            silence = self.silence(node)
            left += [self._needed(record) - silence, fence_after(record, profile) - silence]
        return min(seconds for seconds in left if seconds > 0)

    def _others_alive(self) -> list[tuple[NodeId, HeartbeatRecord]]:
        view, me = self._following.view, self._membership.node
        found = ((node, view.heartbeat(node)) for node in self._following.snapshot.nodes if node != me)
        return [(node, pair[0]) for node, pair in found if pair is not None and pair[0].life is Life.ALIVE]

    def _needed(self, record: HeartbeatRecord) -> float:
        """Return the silence after which the node may be declared down."""
        return silence_needed(record, self._membership.profile)

    # --- the lead -----------------------------------------------------------------------------------------------

    async def _take_lead(self) -> None:
        view, me = self._following.view, self._membership
        found = view.leader()
        if found is not None and not self._vacant(found[0]) and not self._stuck(found[0]):
            return
        term = found[0].term + 1 if found else 1
        record = LeaderRecord(node=me.node, incarnation=me.incarnation, term=term)
        entry = self._lead_entry(found[0] if found else None)
        # From its first heartbeat on it can be seen whether this leader plans.
        me.planned = max(1, view.revision)
        revision = await self._following.store.commit(
            Transaction(expect={LEADER: view.revision_of(LEADER)}, put={LEADER: encode(record), **put(entry)})
        )
        await self._following.reached(revision)
        self.took_lead()

    def _lead_entry(self, former: LeaderRecord | None) -> LogEntry:
        me, names = self._membership.node, self._following.snapshot.node_name
        if former is not None and not self._vacant(former):
            stuck, seconds = self._following.snapshot.nodes.get(former.node), self._clock.steady() - self._plans[1]
            return self._events.entry(
                Severity.WARNING, "event_leader_stuck", stuck, seconds=round(seconds, 1), planner=names(me)
            )
        reference = ObjectRef(ObjectKind.NODE, str(me))
        return self._events.entry(Severity.INFORMATION, "event_leader", reference=reference, name=names(me))

    def _vacant(self, leader: LeaderRecord) -> bool:
        me = self._membership
        if leader.node == me.node:
            return leader.incarnation != me.incarnation
        found = self._following.view.heartbeat(leader.node)
        if found is None or found[0].life is not Life.ALIVE or found[0].incarnation != leader.incarnation:
            return True
        # Who can have the leader turned off need not wait as long as for silence alone: the lead is not safety (O6).
        fenced = bool(self._fencing.devices(leader.node))
        return self.silence(leader.node) >= (fence_after(found[0], me.profile) if fenced else me.profile.takeover)

    def _stuck(self, leader: LeaderRecord) -> bool:
        """Whether another leader beats but does not plan, although there is ever more that it could have seen."""
        mark, since = self._plans
        if leader.node == self._membership.node or len(mark) < 4 or not mark[3]:
            return False
        waited = self._clock.steady() - since
        return waited > self._membership.profile.takeover and self._following.view.revision > mark[3]

    async def resign(self) -> None:
        """Give the lead to whoever takes it."""
        found = self._following.view.leader()
        if found is not None and found[0].node == self._membership.node:
            try:
                await self._following.store.commit(Transaction(expect={LEADER: found[1]}, delete=(LEADER,)))
            except (Conflict, Unknown, Unavailable) as exc:
                log.info("the lead is left to run out: %s", exc)

    # --- declaring down -----------------------------------------------------------------------------------------

    async def _judge(self) -> None:
        await self._drop_orders()
        fenced: list[NodeId] = []
        # And the heartbeat whose silence was measured: while others are declared down, a node may be heard again.
        to_fence: dict[NodeId, int] = {}
        to_declare: dict[NodeId, int] = {}
        for node, record in self._others_alive():
            order = self._fencing.order(node)
            if order is not None and order.off:
                fenced.append(node)
            elif order is not None and order.running:
                continue  # what the device says is worth more than the silence; it has a time limit
            elif self._may_fence(node, record):
                to_fence[node] = self._heard(node)
            elif self._may_declare(node, record):
                to_declare[node] = self._heard(node)
        for node in fenced:
            await self._try(self._declare_fenced(node))
        held = await self._braked(asked=bool(to_fence or to_declare))
        for node, revision in to_fence.items():
            if not held or self._opened(node):
                await self._try(self._order_off(node, revision))
        for node, revision in to_declare.items():
            if not held or self._opened(node):
                await self._try(self._declare_silent(node, revision))

    def _may_declare(self, node: NodeId, record: HeartbeatRecord) -> bool:
        return judged_by_time(record) and self.silence(node) >= self._needed(record)

    def _may_fence(self, node: NodeId, record: HeartbeatRecord) -> bool:
        """Whether its device is to be asked: at once where something cannot be stopped, else after some silence."""
        if not self._fencing.devices(node) or not self._fencing.is_due(node, self._revision(node)):
            return False
        item, cluster = self._following.snapshot.nodes[node], self._following.snapshot.cluster
        if item.maintenance is not None or cluster.maintenance is not None:
            return False  # somebody works on it, and nothing is failed over from it
        return record.unclean or self.silence(node) >= fence_after(record, self._membership.profile)

    def _heard(self, node: NodeId) -> int:
        """Return the revision of the heartbeat from which the silence is counted."""
        return self._seen.get(node, (ABSENT, 0.0))[0]

    def _revision(self, node: NodeId) -> int:
        return self._following.view.revision_of(heartbeat_key(node))

    async def _drop_orders(self) -> None:
        """Give up orders for nodes that are down, or that were heard again and are not unclean."""
        for node in self._fencing.ordered:
            order, found = self._fencing.order(node), self._following.view.heartbeat(node)
            ended = found is None or found[0].life is not Life.ALIVE
            heard = order is not None and found is not None and found[1] != order.revision
            if not ended and not (heard and found is not None and not found[0].unclean):
                continue
            if self._fencing.forget(node) and not ended:
                item = self._following.snapshot.nodes.get(node)
                entry = self._events.entry(Severity.WARNING, "event_fence_cancelled", item)
                await self._try(self._say(entry))

    async def _say(self, entry: LogEntry) -> None:
        await self._following.store.commit(Transaction(put=put(entry)))

    async def _order_off(self, node: NodeId, revision: int) -> None:
        """Put the order into the event log, expecting the silent heartbeat; only then is the device asked.

        A watch that lags behind shows silence where there is none: the commit tells before anybody is turned off.
        """
        leader = self._following.view.leader()
        if leader is None or revision != self._revision(node):
            return
        entry = self._events.entry(Severity.WARNING, "event_fence_ordered", self._following.snapshot.nodes.get(node))
        expect = {heartbeat_key(node): revision, LEADER: leader[1]}
        await self._following.store.commit(Transaction(expect=expect, put=put(entry)))
        self._fencing.begin(node, revision)

    # --- the brake ----------------------------------------------------------------------------------------------

    def _opened(self, node: NodeId) -> bool:
        """Whether a person opened the brake for this node and for the silence that it is in."""
        found = self._following.view.silence()
        return found is not None and found[0].opened.get(node) == self._revision(node)

    def _count(self) -> Count:
        now, profile = self._clock.steady(), self._membership.profile
        self._declared = {node: at for node, at in self._declared.items() if now - at <= 2 * profile.takeover}
        alive = [node for node, _ in self._others_alive()]
        silent = sum(1 for node in alive if self.silence(node) > noticeable_silence(profile))
        declared = len(self._declared.keys() - alive)  # who came back, or was heard just before, is one of those
        return Count(silent + declared, len(alive) + 1 + declared)

    async def _braked(self, *, asked: bool) -> bool:
        """Tell whether too many fell silent at once; says so once, and once when it is over.

        Args:
            asked: somebody is to be declared down or turned off; otherwise it is only seen whether it is over.
        """
        found = self._following.view.silence()
        former = found[0] if found else SilenceRecord()
        count = self._count()
        held = count.too_many and (asked or former.held)
        entries = []
        if held != former.held:
            if not held:
                self._brake_opened = self._clock.steady()
            code = "event_brake" if held else "event_brake_open"
            severity = Severity.ERROR if held else Severity.INFORMATION
            entries.append(self._events.entry(severity, code, silent=count.silent, members=count.members))
        await self._tell_silence(former, held=held, members=count.members if held else 0, entries=entries)
        # The first that comes back opens it: the others, who were away for the same reason, get time to follow.
        return held or self._clock.steady() - self._brake_opened < 3 * self._membership.profile.interval

    async def _tell_silence(self, former: SilenceRecord, *, held: bool, members: int, entries: list[LogEntry]) -> None:
        """Let everybody see who is silent; a person may know what time cannot tell."""
        nodes = {
            node: self._silent_node(node, former)
            for node, _ in self._others_alive()
            if self.silence(node) > noticeable_silence(self._membership.profile)
        }
        opened = {node: beat for node, beat in former.opened.items() if self._revision(node) == beat}
        record = SilenceRecord(nodes=nodes, held=held, members=members, opened=opened)
        leader = self._following.view.leader()
        if record == former or leader is None:
            return
        expect = {SILENCE: self._following.view.revision_of(SILENCE), LEADER: leader[1]}
        revision = await self._following.store.commit(
            Transaction(expect=expect, put={SILENCE: encode(record), **put(*entries)})
        )
        await self._following.reached(revision)

    def _silent_node(self, node: NodeId, former: SilenceRecord) -> SilentNode:
        known, revision = former.nodes.get(node), self._revision(node)
        if known is not None and known.heartbeat == revision:
            return known
        return SilentNode(heartbeat=revision, since=self._clock.wall() - self.silence(node))

    # --- the facts ----------------------------------------------------------------------------------------------

    async def _declare_silent(self, node: NodeId, revision: int) -> None:
        silence = round(self.silence(node), 1)
        await self._declare(node, revision, "silence", silence, f"nothing heard for {silence:g} s")

    async def _declare_fenced(self, node: NodeId) -> None:
        order = self._fencing.order(node)
        if order is not None:
            silence = round(self.silence(node), 1)
            await self._declare(node, order.revision, "fenced", silence, "its fence device has turned it off")

    async def _declare(self, node: NodeId, revision: int, reason: str, silence: float, text: str) -> None:
        """Commit DEAD into the very heartbeat whose silence was measured, or that was read before the order (M2)."""
        found, leader = self._following.view.heartbeat(node), self._following.view.leader()
        if found is None or leader is None:
            return
        if found[1] != revision:
            self._fencing.forget(node)  # it was heard in between: nothing is taken
            return
        dead = replace(found[0], life=Life.DEAD, reason=reason, silence=silence, since=self._clock.wall())
        item = self._following.snapshot.nodes[node]
        entry = self._events.entry(Severity.ERROR, "event_node_down", item, reason=text)
        key = heartbeat_key(node)
        self._declared.setdefault(node, self._clock.steady())
        await self._following.store.commit(
            Transaction(expect={key: revision, LEADER: leader[1]}, put={key: encode(dead), **put(entry)})
        )
        log.warning("%s was declared down", item.name)
