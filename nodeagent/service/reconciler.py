"""On the leader: snapshot -> plan -> one commit per decision (rules O1 and O6, docs/safety.md)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Final

from msgspec.structs import replace

from nodeagent.api.causes import Cause
from nodeagent.api.events import Severity
from nodeagent.api.objects import Group, GroupId, NodeId, Phase
from nodeagent.api.texts import because
from nodeagent.database.records import (
    LEADER,
    OwnerRecord,
    VerdictRecord,
    encode,
    group_key,
    owner_key,
    verdict_key,
    wish_key,
)
from nodeagent.database.store import Conflict, Transaction, Unavailable, Unknown
from nodeagent.planner.decisions import CannotPlace, Decision, DropWish, GiveGroup, GiveUp, TakeBack
from nodeagent.planner.plan import Observations, plan
from nodeagent.service.eventlog import EventLog, put
from nodeagent.service.following import Following
from nodeagent.service.leadership import Leadership
from nodeagent.service.patience import Patience
from nodeagent.service.timeofday import hours, is_known
from nodeagent.system.clock import Clock

log = logging.getLogger(__name__)

REPLAN: Final = 30.0  # seconds; failback windows open by the clock alone


class Reconciler:
    """Plans whenever something changed and this node leads."""

    def __init__(self, following: Following, leadership: Leadership, clock: Clock, events: EventLog) -> None:
        self._following = following
        self._leadership = leadership
        self._clock = clock
        self._events = events
        self._patience = Patience(following, clock)
        self._wake = asyncio.Event()
        self._unplaced: dict[GroupId, Cause] = {}
        self._told_zone = ""
        following.listen(lambda delta: self._wake.set() if delta.changed or delta.removed else None)
        leadership.took_lead = self._wake.set

    async def run(self) -> None:
        """Plan for ever."""
        due = 0.0
        while True:
            await self._wait()
            if self._wake.is_set() or self._clock.steady() >= due:
                self._wake.clear()
                due = self._clock.steady() + REPLAN
                while self._leadership.leads and await self._plan_once():
                    pass
                await self._tell_zone()
            self._leadership.note_planned()

    async def _wait(self) -> None:
        """Wait for changes; a leader does not wait for long, so that its heartbeats show that it would plan."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._leadership.between_marks or REPLAN):
                await self._wake.wait()

    async def _plan_once(self) -> bool:
        """Carry out one plan; True when it changed something, so that another look is due."""
        view = self._following.view
        wishes = {g: w[0].cause for g in self._following.snapshot.groups if (w := view.wish(g)) is not None}
        now = self._clock.wall()
        hour, skipped = hours(now, self._zone())
        seen = Observations(now=now, hour=hour, wishes=wishes, skipped=skipped, unclaimed=self._patience.unclaimed())
        decisions = plan(self._following.snapshot, seen)
        waiting = {decision.group for decision in decisions if isinstance(decision, CannotPlace)}
        self._unplaced = {group: why for group, why in self._unplaced.items() if group in waiting}
        # All commits are made before the first is sent, so that each expects what its decision was made from: while
        # one waits for its answer another node may take the lead and give the next group away, as this view then shows.
        commits = [(decision, self._commit_of(decision)) for decision in decisions]
        reached = 0
        for decision, commit in commits:
            if commit is None:
                continue
            try:
                reached = max(reached, await self._following.store.commit(commit))
            except (Conflict, Unknown) as exc:
                log.info("plan anew: %s", exc)
                reached = max(reached, 1)
            except Unavailable as exc:
                log.warning("not decided: %s", exc)
                return False
            else:
                if isinstance(decision, CannotPlace):
                    self._unplaced[decision.group] = decision.cause
            self._leadership.note_planned()
        if reached:
            await self._following.reached(reached)
        return reached > 1

    def _zone(self) -> str:
        return str(self._following.snapshot.cluster.properties.get("TimeZone") or "")

    async def _tell_zone(self) -> None:
        """Say once that failback windows are not where they were set to be: this node does not know the stored zone."""
        zone = self._zone()
        if not self._leadership.leads or zone == self._told_zone:
            return
        if is_known(zone):
            self._told_zone = ""
            return
        me = self._following.snapshot.nodes.get(self._events.node)
        entry = self._events.entry(Severity.WARNING, "event_time_zone_unknown", me, zone=zone)
        try:
            await self._following.store.commit(Transaction(put=put(entry)))
        except (Conflict, Unknown, Unavailable) as exc:
            log.warning("the time zone %s is not known here, and the event log does not say so yet: %s", zone, exc)
        else:
            self._told_zone = zone

    def _commit_of(self, decision: Decision) -> Transaction | None:
        """Return what carries the decision out; None when there is nothing to commit."""
        if isinstance(decision, GiveGroup):
            return self._give(decision)
        if isinstance(decision, TakeBack):
            return self._take_back(decision)
        if isinstance(decision, GiveUp):
            return self._give_up(decision)
        if isinstance(decision, DropWish):
            return self._drop_wish(decision)
        return self._say_unplaced(decision)

    def _expect(self, group: GroupId) -> dict[str, int]:
        view = self._following.view
        return {key: view.revision_of(key) for key in (owner_key(group), LEADER)}

    def _owner(self, group: GroupId) -> OwnerRecord:
        found = self._following.view.owner(group)
        return found[0] if found else OwnerRecord(phase=Phase.FREE)

    def _incarnation(self, node: NodeId) -> int:
        found = self._following.view.heartbeat(node)
        return found[0].incarnation if found else 0

    def _lives(self, group: Group) -> dict[NodeId, int]:
        return {node: self._incarnation(node) for node in group.preferred_owners}

    def _give(self, decision: GiveGroup) -> Transaction:
        former, group = self._owner(decision.group), self._following.snapshot.groups[decision.group]
        now = self._clock.wall()
        same = decision.node == former.node
        record = OwnerRecord(
            phase=Phase.ASSIGNED,
            node=decision.node,
            incarnation=self._incarnation(decision.node),
            epoch=former.epoch + 1,
            given=former.epoch + 1,
            failovers=(*former.failovers, now)[-100:] if decision.failover else former.failovers,
            cause=decision.cause,
            since=former.since if same else now,
            lives=former.lives if same else self._lives(group),
        )
        node = self._following.snapshot.node_name(decision.node)
        entry = self._events.entry(
            Severity.WARNING, "event_group_assigned", group, cause=decision.cause, epoch=record.epoch, node=node
        )
        config = group_key(decision.group)
        return Transaction(
            expect={**self._expect(decision.group), config: self._following.view.revision_of(config)},
            put={owner_key(decision.group): encode(record), **put(entry)},
            delete=(verdict_key(decision.group), *self._wish_that_ends(decision)),
        )

    def _wish_that_ends(self, decision: GiveGroup) -> tuple[str, ...]:
        """A wish for this very node, or for any, is fulfilled by giving the group away at all."""
        found = self._following.view.wish(decision.group)
        return (wish_key(decision.group),) if found and found[0].node in (0, decision.node) else ()

    def _take_back(self, decision: TakeBack) -> Transaction:
        former, group = self._owner(decision.group), self._following.snapshot.groups[decision.group]
        now = self._clock.wall()
        record = replace(
            former,
            phase=Phase.MOVING,
            epoch=former.epoch + 1,
            target=decision.target,
            failovers=(*former.failovers, now)[-100:] if decision.failover else former.failovers,
            cause=decision.cause,
            lives=self._lives(group),
        )
        names = self._following.snapshot.node_name
        entry = self._events.entry(
            Severity.WARNING if decision.failover else Severity.INFORMATION,
            "event_group_moving",
            group,
            cause=decision.cause,
            epoch=record.epoch,
            node=names(former.node),
            target=names(decision.target),
        )
        return Transaction(
            expect=self._expect(decision.group),
            put={owner_key(decision.group): encode(record), **put(entry)},
            delete=(wish_key(decision.group),),
        )

    def _give_up(self, decision: GiveUp) -> Transaction:
        group = self._following.snapshot.groups[decision.group]
        verdict = VerdictRecord(epoch=self._owner(decision.group).epoch, cause=decision.cause)
        entry = self._events.entry(
            Severity.ERROR, "event_group_gave_up", group, cause=decision.cause, detail=because(decision.cause)
        )
        return Transaction(
            expect=self._expect(decision.group),
            put={verdict_key(decision.group): encode(verdict), **put(entry)},
        )

    def _drop_wish(self, decision: DropWish) -> Transaction:
        key = wish_key(decision.group)
        entries = {}
        if decision.refused:
            group = self._following.snapshot.groups[decision.group]
            said = self._events.entry(
                Severity.WARNING, "event_group_gave_up", group, cause=decision.cause, detail=because(decision.cause)
            )
            entries = put(said)
        expect = {key: self._following.view.revision_of(key)}
        return Transaction(expect=expect, put=entries, delete=(key,))

    def _say_unplaced(self, decision: CannotPlace) -> Transaction | None:
        if self._unplaced.get(decision.group) == decision.cause:
            return None
        group = self._following.snapshot.groups[decision.group]
        entry = self._events.entry(
            Severity.ERROR, "event_group_gave_up", group, cause=decision.cause, detail=because(decision.cause)
        )
        return Transaction(put=put(entry))
