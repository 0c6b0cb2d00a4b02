"""Judging the others: who is silent, who leads, who is declared down, and the brake (rules M2, M3, O6)."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from nodeagent.api.events import Severity
from nodeagent.api.objects import NodeId, ObjectKind, ObjectRef
from nodeagent.database.records import (
    LEADER,
    HeartbeatRecord,
    LeaderRecord,
    Life,
    encode,
    heartbeat_key,
)
from nodeagent.database.store import Conflict, Transaction, Unavailable, Unknown
from nodeagent.database.view import Delta
from nodeagent.planner.timing import safe_silence
from nodeagent.service.eventlog import EventLog, put
from nodeagent.service.following import Following
from nodeagent.service.membership import Membership
from nodeagent.system.clock import Clock

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 0.5  # seconds at most between two looks; a look is planned for the moment a node may be judged


class Leadership:
    """Counts every node's silence, takes the lead when nobody has it, and declares nodes down while it leads."""

    def __init__(self, following: Following, membership: Membership, clock: Clock, events: EventLog) -> None:
        self._following = following
        self._membership = membership
        self._clock = clock
        self._events = events
        self._seen: dict[NodeId, tuple[int, float]] = {}
        self._declared: deque[float] = deque()
        self._braking = False
        self._brake_opened = float("-inf")
        self.took_lead: Callable[[], None] = lambda: None
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

    def _confirmed(self) -> bool:
        return self._clock.steady() - self._membership.confirmed_at < self._membership.profile.self_stop

    def _settled(self) -> bool:
        """Whether own beats have been confirmed for long enough after a gap to judge others by their silence."""
        return self._clock.steady() >= self._membership.settled_at

    def _observe(self, delta: Delta) -> None:
        """Begin a node's count anew when a changed heartbeat was received, never before (safety rule M3)."""
        if not any(key == "*" or key.startswith("heartbeats/") for key in delta.keys):
            return
        now = self._clock.steady()
        for node in self._following.snapshot.nodes:
            revision = self._following.view.revision_of(heartbeat_key(node))
            if node not in self._seen or self._seen[node][0] != revision:
                self._seen[node] = (revision, now)

    def count_anew(self) -> None:
        """This node itself stood still: whatever it has not heard meanwhile says nothing about the others."""
        now = self._clock.steady()
        self._seen = {node: (revision, now) for node, (revision, _) in self._seen.items()}

    def silence(self, node: NodeId) -> float:
        """Return for how many seconds nothing was heard of the node."""
        return self._clock.steady() - self._seen[node][1] if node in self._seen else 0.0

    async def run(self) -> None:
        """Look for ever."""
        self._observe(Delta(keys=frozenset({"*"})))
        while True:
            await asyncio.sleep(max(0.01, min(LOOK_EVERY, self._next_look())))  # until somebody may be judged
            if not self._confirmed():
                continue
            try:
                await self._take_lead()
                if self.leads and self._settled():
                    await self._judge()
            except (Conflict, Unknown, Unavailable) as exc:
                log.info("looking again: %s", exc)

    def _next_look(self) -> float:
        left = [self._needed(record) - self.silence(node) for node, record in self._others_alive()]
        return min(left, default=LOOK_EVERY)

    def _others_alive(self) -> list[tuple[NodeId, HeartbeatRecord]]:
        view, me = self._following.view, self._membership.node
        found = ((node, view.heartbeat(node)) for node in self._following.snapshot.nodes if node != me)
        return [(node, pair[0]) for node, pair in found if pair is not None and pair[0].life is Life.ALIVE]

    def _needed(self, record: HeartbeatRecord) -> float:
        """Return the silence after which the node may be declared down, by what *it* announces (safety rule P9)."""
        profile = self._membership.profile
        margin = max(profile.margin, record.margin)
        return max(profile.takeover, safe_silence(record.self_stop, record.kill_bound, margin))

    # --- the lead -----------------------------------------------------------------------------------------------

    async def _take_lead(self) -> None:
        view, me = self._following.view, self._membership
        found = view.leader()
        if found is not None and not self._vacant(found[0]):
            return
        term = found[0].term + 1 if found else 1
        record = LeaderRecord(node=me.node, incarnation=me.incarnation, term=term)
        name, reference = self._following.snapshot.node_name(me.node), ObjectRef(ObjectKind.NODE, str(me.node))
        entry = self._events.entry(Severity.INFORMATION, "event_leader", reference=reference, name=name)
        revision = await self._following.store.commit(
            Transaction(expect={LEADER: view.revision_of(LEADER)}, put={LEADER: encode(record), **put(entry)})
        )
        await self._following.reached(revision)
        self.took_lead()

    def _vacant(self, leader: LeaderRecord) -> bool:
        me = self._membership
        if leader.node == me.node:
            return leader.incarnation != me.incarnation
        found = self._following.view.heartbeat(leader.node)
        if found is None or found[0].life is not Life.ALIVE or found[0].incarnation != leader.incarnation:
            return True
        return self.silence(leader.node) > me.profile.takeover

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
        silent = [node for node, record in self._others_alive() if self._may_declare(node, record)]
        if silent and not await self._braked():
            for node in silent:
                await self._declare(node)
        elif not silent and self._braking:
            await self._braked()

    def _may_declare(self, node: NodeId, record: HeartbeatRecord) -> bool:
        guarded = record.self_stop > 0 and not record.unclean
        return guarded and self.silence(node) >= self._needed(record)

    async def _braked(self) -> bool:
        """Tell whether too many fell silent at once; says so once, and once when it is over."""
        now = self._clock.steady()
        takeover = self._membership.profile.takeover
        while self._declared and now - self._declared[0] > 2 * takeover:
            self._declared.popleft()
        alive = self._others_alive()
        silent = sum(1 for node, _ in alive if self.silence(node) > takeover / 2) + len(self._declared)
        members = len(alive) + 1 + len(self._declared)
        braking = silent * 2 > members
        if braking != self._braking:
            self._braking = braking
            if not braking:
                self._brake_opened = now
            code = "event_brake" if braking else "event_brake_open"
            severity = Severity.ERROR if braking else Severity.INFORMATION
            entry = self._events.entry(severity, code, silent=silent, members=members)
            await self._following.store.commit(Transaction(put=put(entry)))
        # The first that comes back opens it: the others, who were away for the same reason, get time to follow.
        return braking or now - self._brake_opened < 3 * self._membership.profile.interval

    async def _declare(self, node: NodeId) -> None:
        """Commit DEAD into the very heartbeat whose silence was measured (safety rule M2)."""
        found, leader = self._following.view.heartbeat(node), self._following.view.leader()
        if found is None or leader is None or found[1] != self._seen[node][0]:
            return
        record, revision = found
        silence = round(self.silence(node), 1)
        dead = replace(record, life=Life.DEAD, reason="silence", silence=silence, since=self._clock.wall())
        name = self._following.snapshot.node_name(node)
        entry = self._events.entry(
            Severity.ERROR,
            "event_node_down",
            self._following.snapshot.nodes[node],
            reason=f"nothing heard for {silence:g} s",
        )
        key = heartbeat_key(node)
        self._declared.append(self._clock.steady())
        await self._following.store.commit(
            Transaction(expect={key: revision, LEADER: leader[1]}, put={key: encode(dead), **put(entry)})
        )
        log.warning("%s was declared down", name)
