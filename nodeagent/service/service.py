"""The Cluster Service: builds its parts, starts them in order and ends them in order."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

from nodeagent import resourcetypes
from nodeagent.api.causes import cause
from nodeagent.api.events import Severity
from nodeagent.api.objects import Phase
from nodeagent.api.problems import refuse
from nodeagent.api.rules.owners import hosts
from nodeagent.database.memory import MemoryStore
from nodeagent.database.records import WishRecord, encode, wish_key
from nodeagent.database.sqlite import SqliteStore
from nodeagent.database.store import ClusterStore, Conflict, Transaction, Unavailable, Unknown
from nodeagent.monitor.messages import Permit
from nodeagent.monitor.reaping import has_cgroups
from nodeagent.service.connections import Connections
from nodeagent.service.eventlog import EventLog
from nodeagent.service.executor import Executor
from nodeagent.service.following import Following
from nodeagent.service.handlers import Handlers
from nodeagent.service.leadership import Leadership
from nodeagent.service.membership import WOKE, Membership, NotProven
from nodeagent.service.monitors import SHARED, Monitors
from nodeagent.service.questions import Questions
from nodeagent.service.reconciler import Reconciler
from nodeagent.service.reporting import Reporting
from nodeagent.service.selfreport import node_report
from nodeagent.service.supervision import Supervision
from nodeagent.service.upkeep import Upkeep
from nodeagent.settings import AgentSettings
from nodeagent.system.clock import Clock, boot_identity, machine_id

log = logging.getLogger(__name__)

LEAVE_PATIENCE: Final = 20.0  # seconds for this node's groups to go elsewhere or offline
RETRY: Final = 0.5  # seconds between attempts to join


class AlreadyRunning(Exception):
    """Another service of this node holds the lock."""


class ClusterService:
    """One node's service. Owns nothing that must survive it: the applications belong to the monitors."""

    def __init__(self, settings: AgentSettings, config: Path, store: ClusterStore, backend: str, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._types, self._failed_types = resourcetypes.installed()
        self._events = EventLog(clock, settings.name)
        self._following = Following(store, backend)
        self._membership = Membership(
            settings,
            self._following,
            clock,
            self._events,
            (boot_identity(), machine_id() or ""),
            self._permit,
            self._stop_all,
        )
        self._questions = Questions(self._following, self._types, clock)
        self._reporting = Reporting(self._following, self._membership, clock, self._events, settings.logs)
        self._executor = Executor(self._following, self._membership, self._reporting, clock)
        self._monitors = Monitors(settings, config, clock, self._executor)
        self._executor.monitors = self._monitors
        handlers = Handlers(self._following, self._membership, self._questions, self._events)
        self._connections = Connections(settings, self._following, self._membership, handlers)
        self._supervision = Supervision()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stop = asyncio.Event()

    # --- what membership needs ----------------------------------------------------------------------------------

    async def _permit(self, incarnation: int, until: float | None) -> bool:
        self._monitors.permit(Permit(incarnation=incarnation, until=until))
        if until is None:
            return True
        # A monitor that does not answer for a third of s is replaced (safety rule P8, second enforcer).
        self._monitors.replace_hung(max(0.3, self._membership.profile.self_stop / 3))
        return await self._monitors.acknowledged(0.3)

    async def _stop_all(self) -> bool:
        return await self._monitors.stop_all()

    # --- life ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve until told to stop, then leave the cluster."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        with _lock(self._settings):
            try:
                if await self._start():
                    await self._until_stopped()
                    await self._leave()
            finally:
                await self._end()

    async def _start(self) -> bool:
        """Join and start all parts; False when told to stop before that."""
        await self._following_ready()
        held = await self._monitors.attach_all()
        report = node_report(self._settings, self._types, cgroups=has_cgroups(self._settings))
        while not self._stop.is_set():
            try:
                same = await self._membership.join(report)
                break
            except (Unavailable, Conflict, Unknown, NotProven) as exc:
                log.warning("not joined yet: %s", exc)
                await asyncio.sleep(RETRY)  # the store, or what still runs here, has to come to an end first
        else:
            return False
        self._questions.node = self._membership.node
        if not same:
            held = []
        await self._monitors.ensure(SHARED)
        leadership = Leadership(self._following, self._membership, self._clock, self._events)
        reconciler = Reconciler(self._following, leadership, self._clock, self._events)
        self._leadership = leadership
        self._membership.rejoined = self._executor.forget_everything
        self._membership.woke = self._woke
        self._executor.attached(held)
        for name, work in (
            ("following", self._following.run()),
            ("membership", self._membership.run()),
            ("leadership", leadership.run()),
            ("reconciler", reconciler.run()),
            ("executor", self._executor.run()),
            ("reporting", self._reporting.run()),
            ("questions", self._questions.run()),
            ("upkeep", Upkeep(self._following, leadership).run()),
            ("supervision", self._supervision.run()),
        ):
            self._begin(name, work)
        await self._connections.open()
        self._supervision.say("READY=1")
        log.info("%s is up, incarnation %d", self._settings.name, self._membership.incarnation)
        return True

    async def _following_ready(self) -> None:
        while not self._stop.is_set():
            try:
                await self._following.load()
            except Unavailable as exc:
                log.warning("the cluster database does not answer: %s", exc)
                await asyncio.sleep(RETRY)  # nothing tells when it does
            else:
                return

    def _begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Start a part. One that ends by an error ends the service: its supervisor starts it anew, whole."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._part_ended)
        self._tasks[name] = task

    def _part_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            log.critical("%s failed", task.get_name(), exc_info=task.exception())
            os._exit(70)  # EX_SOFTWARE: leave everything as a crash would; the applications go on

    def _woke(self, seconds: float) -> None:
        self._monitors.fresh_patience()
        self._leadership.count_anew()
        if seconds >= WOKE and self._leadership.holds_lead:
            self._reporting.say(Severity.WARNING, "event_woke", seconds=round(seconds))

    async def _until_stopped(self) -> None:
        await self._stop.wait()
        self._supervision.say("STOPPING=1")

    # --- leaving ------------------------------------------------------------------------------------------------

    async def _leave(self) -> None:
        """Let the groups go elsewhere, or offline; then leave (drain, clean stop, host shutdown)."""
        log.info("leaving")
        self._executor.leaving = True
        try:
            async with asyncio.timeout(LEAVE_PATIENCE):
                await self._give_groups_away()
                await self._take_rest_offline()
        except TimeoutError:
            log.warning("not all groups could be given away")
        # No heartbeat after the last word, no start and no judgement either.
        await self._end_parts("leadership", "reconciler", "executor", "membership")
        if not await self._monitors.stop_all():
            log.error("something does not stop; this node does not say that it has left")
            return
        await self._end_parts("reporting")
        await self._reporting.flush()
        await self._leadership.resign()
        await self._membership.leave()

    async def _give_groups_away(self) -> None:
        while groups := self._executor.owned():
            movable = [
                g for g in groups if any(n.id != self._membership.node for n in hosts(g, self._following.snapshot))
            ]
            if not movable:
                return
            for group in movable:
                if group.wish is None and group.phase is Phase.CLAIMED:
                    await self._wish_away(group.id)
            await self._following.next(1.0)

    async def _take_rest_offline(self) -> None:
        self._executor.stopping = True
        self._executor.look_at_everything()
        while not self._executor.quiet():
            await self._following.next(0.2)

    async def _end_parts(self, *names: str) -> None:
        tasks = [self._tasks.pop(name) for name in names if name in self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wish_away(self, group: str) -> None:
        key = wish_key(group)
        why = cause("cause_node_leaves", node=self._settings.name)
        wish = encode(WishRecord(node=0, cause=why))
        with contextlib.suppress(Conflict, Unknown, Unavailable):
            await self._following.store.commit(Transaction(expect={key: 0}, put={key: wish}))

    async def _end(self) -> None:
        await self._connections.close()
        await self._monitors.close(quit_monitors=self._stop.is_set())
        await self._end_parts(*self._tasks)
        await self._following.store.close()


@contextlib.contextmanager
def _lock(settings: AgentSettings) -> Any:
    """Hold the lock of this node's service for life: one service at a time gives the orders."""
    settings.run.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(settings.run / "service.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise AlreadyRunning from None
    try:
        yield
    finally:
        os.close(file)


def open_store(settings: AgentSettings) -> tuple[ClusterStore, str]:
    """Open the database that the settings name.

    Raises:
        ClusterError: no such kind of database.
    """
    kind, _, place = settings.database.partition(":")
    if kind == "sqlite":
        return SqliteStore(Path(place)), kind
    if kind == "memory":
        return MemoryStore(), kind
    raise refuse("database_unknown", database=settings.database)
