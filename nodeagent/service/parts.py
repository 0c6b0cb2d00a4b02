"""The working parts of one node's service: built, started in order, ended in order. Knows no sockets and no signals.

Clock, store and monitors are arguments, so that a simulation runs these very parts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from nodeagent.api.causes import cause
from nodeagent.api.events import Severity
from nodeagent.api.objects import Phase
from nodeagent.api.rules.owners import hosts
from nodeagent.database.records import NodeReport, WishRecord, encode, wish_key
from nodeagent.database.store import ClusterStore, Conflict, Restored, Transaction, Unavailable, Unknown
from nodeagent.monitor.messages import Permit
from nodeagent.resourcetypes.base import ResourceType
from nodeagent.service.attendance import Attendance, Standing
from nodeagent.service.eventlog import EventLog
from nodeagent.service.executor import Executor
from nodeagent.service.fencing import FenceRunner, Fencing
from nodeagent.service.following import Following
from nodeagent.service.handlers import Handlers
from nodeagent.service.leadership import Leadership
from nodeagent.service.maintenance import MaintenanceEnds
from nodeagent.service.membership import ACKNOWLEDGED_WITHIN, WOKE, Membership, NotProven
from nodeagent.service.monitors import SHARED, News, ResourceMonitors
from nodeagent.service.questions import Questions
from nodeagent.service.reconciler import Reconciler
from nodeagent.service.reporting import Reporting
from nodeagent.service.restoration import Restoration
from nodeagent.service.schema import SchemaRaising
from nodeagent.service.storecare import StoreCare
from nodeagent.service.upkeep import Upkeep
from nodeagent.service.watchdog import WatchdogCare
from nodeagent.settings import AgentSettings
from nodeagent.system.clock import Clock
from nodeagent.system.fenceagents import FenceAgents

log = logging.getLogger(__name__)

LEAVE_PATIENCE: Final = 20.0  # seconds for this node's groups to go elsewhere or offline
VOTERS_EVERY: Final = 15.0  # seconds; voters are added and removed by hand
RETRY: Final = 0.5  # seconds between attempts to join
UNHURRIED: Final = 10.0  # seconds that a monitor may stand still where nobody could take over what it holds


class NodeParts:
    """One node's parts. *fatal* is called with the name and error of a part that ended by itself."""

    def __init__(
        self,
        settings: AgentSettings,
        store: ClusterStore,
        backend: str,
        clock: Clock,
        identity: tuple[str, str],
        types: Mapping[str, ResourceType[Any]],
        make_monitors: Callable[[News], ResourceMonitors],
        fatal: Callable[[str, BaseException], None],
        fence: FenceRunner | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._fatal = fatal
        self.events = EventLog(clock, settings.name)
        self.following = Following(store, backend)
        self.membership = Membership(
            settings, self.following, clock, self.events, identity, self._permit, self._stop_all, types
        )
        self.questions = Questions(self.following, types, clock)
        self.reporting = Reporting(self.following, self.membership, clock, self.events, settings.logs)
        self.executor = Executor(self.following, self.membership, self.reporting, clock)
        self.monitors = make_monitors(self.executor)
        self.executor.held.monitors = self.monitors
        self.monitors.fatal = fatal
        enforcement = self.monitors.enforcement
        self.membership.unclean = lambda: bool(enforcement.resisting)
        self.membership.held_bound = lambda: enforcement.longest_bound
        enforcement.changed = self.executor.resisted
        self.membership.watchdog = lambda: enforcement.watchdog
        self.watchdog = WatchdogCare(settings, self.monitors, self.membership, self.reporting)
        self.membership.may_host = self.watchdog.may_host
        self.fencing = Fencing(self.following, clock, self.events, fence or FenceAgents())
        self.leadership = Leadership(self.following, self.membership, clock, self.events, self.fencing)
        self.reconciler = Reconciler(self.following, self.leadership, clock, self.events)
        self.handlers = Handlers(
            self.following, self.membership, self.questions, self.events, self.leadership, self.fencing
        )
        self.attendance = Attendance(self.following, settings.name)
        self.standing = Standing.MEMBER
        self.restoration = Restoration(settings, self.following, self.events, self._stop_for_good)
        self.stopping = asyncio.Event()
        self._left = False
        self._tasks: dict[str, asyncio.Task[None]] = {}

    # --- what membership needs ----------------------------------------------------------------------------------

    async def _permit(self, permission: Permit) -> bool:
        if permission.shorten:
            self.watchdog.before_shorter()
        self.monitors.permit(permission)
        if not permission.shorten:
            self.watchdog.after_confirmed()
        if permission.until is None and not permission.shorten:
            self.monitors.replace_hung(UNHURRIED)
            return True
        # What safety needs is done at the deadline: see `enforcing`. A monitor that does not answer for a third of s
        # is replaced before that, so that its applications do not wait for the deadline.
        self.monitors.replace_hung(max(0.3, self.membership.profile.self_stop / 3))
        return await self.monitors.acknowledged(ACKNOWLEDGED_WITHIN)

    async def _stop_all(self) -> bool:
        return await self.monitors.stop_all()

    # --- starting -----------------------------------------------------------------------------------------------

    async def start(self, report: NodeReport) -> bool:
        """Attach, join and start all parts; False when told to stop before that.

        A node that was stopped or evicted does not join: `standing` says so, and only its desk is open.
        """
        self.monitors.keep_former_deadline()  # the cluster database may be long in answering
        self.begin("restoration", self.restoration.run())
        if not await self._load():
            return False
        self.standing = self.attendance.standing()
        if self.standing is not Standing.MEMBER:
            return await self._stand_by()
        held = await self.monitors.attach_all()
        same = await self._join(report) if await self._watchdog_is_ready() else None
        if same is None:
            return False
        self.questions.node = self.membership.node
        await self.monitors.ensure(SHARED)
        self.membership.rejoined = self.executor.forget_everything
        self.membership.woke = self._woke
        if not same:
            self.executor.forget_everything()  # what was heard since it attached, too: all of that was stopped
        self.executor.attached(held if same else [])
        self.watchdog.joined()
        member = self.membership
        for name, work in (
            ("following", self.following.run()),
            ("membership", self.membership.run()),
            ("leadership", self.leadership.run()),
            ("fence devices", self.fencing.watch_devices(lambda: self.leadership.leads)),
            ("reconciler", self.reconciler.run()),
            ("executor", self.executor.run()),
            ("reporting", self.reporting.run()),
            ("questions", self.questions.run()),
            ("voters", self._count_voters()),
            ("upkeep", Upkeep(self.following, self.leadership).run()),
            ("store care", StoreCare(self.following, self.leadership, self.events, lambda: member.profile).run()),
            ("maintenance", MaintenanceEnds(self.following, self.leadership, self._clock, self.events).run()),
            ("attendance", self.attendance.run(self.standing)),
            ("schema", SchemaRaising(self.following, self.leadership, self.events).run()),
        ):
            self.begin(name, work)
        log.info("%s is up, incarnation %d", self._settings.name, self.membership.incarnation)
        return True

    async def _stand_by(self) -> bool:
        """Hold nothing, and answer: what is asked goes through the database, as on every node."""
        while not self.stopping.is_set():
            await self.monitors.attach_all()
            if await self.monitors.stop_all():
                break
            log.error("something of a former life cannot be stopped yet")
            await asyncio.sleep(RETRY)  # what still runs here has to come to an end first
        await self.monitors.close(quit_monitors=True)
        self.membership.node = self.events.node = self.attendance.node
        self.begin("following", self.following.run())
        self.begin("attendance", self.attendance.run(self.standing))
        log.info("%s is %s and stands by", self._settings.name, self.standing.value)
        return not self.stopping.is_set()

    async def _load(self) -> bool:
        while not self.stopping.is_set():
            try:
                await self.following.load()
            except Restored:
                await self.stopping.wait()  # what that means is `restoration`'s to say and do
            except Unavailable as exc:
                log.warning("the cluster database does not answer: %s", exc)
                await asyncio.sleep(RETRY)  # nothing tells when it does
            else:
                return True
        return False

    async def _watchdog_is_ready(self) -> bool:
        """Open the watchdog, if one is wanted; without a required one the node does not join. False: told to stop."""
        while self.watchdog.wanted and not self.stopping.is_set():
            await self.monitors.ensure(SHARED)
            if await self.watchdog.prepare():
                break
            log.error("not joined yet: this node requires a watchdog")
            await asyncio.sleep(RETRY)  # somebody has to set it up
        return not self.stopping.is_set()

    async def _count_voters(self) -> None:
        """Know how many members of the database vote: of two nodes with two voters neither can take over."""
        while True:
            with contextlib.suppress(Unavailable):
                health = await self.following.store.health()
                if health is None:
                    return
                self.membership.voters = len(health.voters)
            await asyncio.sleep(VOTERS_EVERY)  # the interval of these looks

    async def _join(self, report: NodeReport) -> bool | None:
        while not self.stopping.is_set():
            try:
                return await self.membership.join(report)
            except (Unavailable, Conflict, Unknown, NotProven) as exc:
                log.warning("not joined yet: %s", exc)
                await asyncio.sleep(RETRY)  # the store, or what still runs here, has to come to an end first
        return None

    def begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Start a part that runs until the end."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._part_ended)
        self._tasks[name] = task

    def _part_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fatal(task.get_name(), error)

    def _woke(self, seconds: float) -> None:
        self.monitors.fresh_patience()
        self.leadership.count_anew()
        self.reporting.woke()
        if seconds >= WOKE and self.leadership.holds_lead:
            self.reporting.say(Severity.WARNING, "event_woke", seconds=round(seconds))

    # --- leaving ------------------------------------------------------------------------------------------------

    async def leave(self) -> None:
        """Let the groups go elsewhere, or offline; then leave (drain, clean stop, host shutdown; safety rule M4)."""
        if self.restoration.found is not None:
            return  # nothing runs here any more, and the database takes no last word
        log.info("leaving")
        self._left = True
        self.executor.leaving = True
        try:
            async with asyncio.timeout(LEAVE_PATIENCE):
                await self._give_groups_away()
                await self._take_rest_offline()
        except TimeoutError:
            log.warning("not all groups could be given away")
        # No heartbeat after the last word, no start and no judgement either.
        await self._end_parts("leadership", "reconciler", "executor", "membership")
        await self.fencing.end()
        if not await self.membership.stopped_all(self.membership.profile.self_stop / 2):
            log.error("something does not stop; this node does not say that it has left")
            return
        await self._end_parts("reporting")
        await self.reporting.flush()
        await self.leadership.resign()
        await self.membership.leave()

    async def _give_groups_away(self) -> None:
        while groups := self.executor.owned():
            snapshot, me = self.following.snapshot, self.membership.node
            movable = [group for group in groups if any(node.id != me for node in hosts(group, snapshot))]
            if not movable:
                return
            for group in movable:
                if group.wish is None and group.phase is Phase.CLAIMED:
                    await self._wish_away(group.id)
            await self.following.next(1.0)

    async def _wish_away(self, group: str) -> None:
        key = wish_key(group)
        why = cause("cause_node_leaves", node=self._settings.name)
        wish = encode(WishRecord(node=0, cause=why))
        with contextlib.suppress(Conflict, Unknown, Unavailable):
            await self.following.store.commit(Transaction(expect={key: 0}, put={key: wish}))

    async def _take_rest_offline(self) -> None:
        self.executor.stopping = True
        self.executor.look_at_everything()
        while not self.executor.quiet():
            await self.following.next(0.2)

    async def _stop_for_good(self) -> None:
        """End everything but what shows the cluster, and all that runs here (safety rule O7)."""
        await self._end_parts(*(self._tasks.keys() - {"restoration", "following", "supervision"}))
        await self.fencing.end()
        while True:
            await self.monitors.attach_all()
            if await self.monitors.stop_all():
                return
            log.error("something does not stop, and the cluster database is not what it was")
            await asyncio.sleep(RETRY)  # what still runs here has to come to an end

    # --- the end ------------------------------------------------------------------------------------------------

    async def _end_parts(self, *names: str) -> None:
        tasks = [self._tasks.pop(name) for name in names if name in self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def end(self) -> None:
        """End everything that still runs in this process; the applications go on unless `leave` was called."""
        await self.monitors.close(quit_monitors=self.stopping.is_set() or self._left)
        await self._end_parts(*self._tasks)
        await self.fencing.end()
        await self.following.store.close()
