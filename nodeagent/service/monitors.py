"""This node's Resource Monitors: started, attached to again, given permissions, replaced when they die or hang."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from nodeagent.api.objects import ResourceId
from nodeagent.api.problems import Problem
from nodeagent.monitor import notes
from nodeagent.monitor.messages import (
    Acknowledged,
    Closed,
    Enforced,
    FromMonitor,
    Guard,
    Guarded,
    Permit,
    Quit,
    Renewed,
    Report,
    Resisting,
    Start,
    StopAll,
    StoppedAll,
    ToMonitor,
    decode_news,
)
from nodeagent.service.enforcing import Enforcement
from nodeagent.service.holding import News, ResourceMonitors
from nodeagent.service.monitorlink import Link, greet, kill, wait_end
from nodeagent.service.resetting import Resetting
from nodeagent.service.starting import MonitorFailed, Spawned, Starter, Units, spawn_detached
from nodeagent.service.unheld import KILL_AGAIN, STOP_PATIENCE, Unheld
from nodeagent.settings import AgentSettings
from nodeagent.system import processes
from nodeagent.system.clock import Clock, boot_identity
from nodeagent.system.processes import Process, ProcessIdentity

__all__ = ["SHARED", "MonitorFailed", "Monitors", "News", "ResourceMonitors"]

log = logging.getLogger(__name__)

SHARED: Final = "shared"
ASK_AGAIN: Final = 10.0  # seconds between two permissions without a limit
START_PATIENCE: Final = 10.0  # seconds for a new monitor's socket to answer


class Monitors:
    """All monitors of this node. One service at a time uses them: the caller holds the service's lock."""

    def __init__(self, settings: AgentSettings, config: Path, clock: Clock, news: News) -> None:
        self._settings = settings
        as_units = settings.start_monitors == "units"
        self._starter: Starter = Units() if as_units else Spawned(config, settings.home / "log", spawn_detached)
        self._clock = clock
        self._news = news
        self._links: dict[str, Link] = {}
        self._starting: dict[str, asyncio.Lock] = {}
        self._permission: Permit | None = None
        self._given = float("-inf")  # when, steady seconds
        self._guard: Guard | None = None
        self.enforcement = Enforcement(clock, lambda: self._links, self._end)
        self._resetting = Resetting(settings, clock)
        self._unheld = Unheld(settings, config, self._processes, self.enforcement, self._begin)
        self._tasks: set[asyncio.Task[None]] = set()
        self.fatal: Callable[[str, BaseException], None] = lambda _name, _error: None
        self._closing = False

    def _begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Do it aside. If it failed nobody would notice what becomes of the monitors: that is fatal."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fatal(task.get_name(), error)

    def keep_former_deadline(self) -> None:
        """See to it that what was permitted to a former service, and outlives its monitor, ends by T + k (rule P7)."""
        self._resetting.begin()

    # --- starting and attaching ---------------------------------------------------------------------------------

    async def attach_all(self) -> list[Report]:
        """Attach to every monitor that lives, kill what dead ones left, and return what is held by those found."""
        self._settings.monitors.mkdir(exist_ok=True, mode=0o700)
        reports: list[Report] = []
        for path in sorted(self._settings.monitors.glob("*.json")):
            if path.stem not in self._links and (link := await self._attach(path.stem)) is not None:
                reports += link.attached.held
        await self._unheld.kill_all()
        return reports

    def holder_of(self, resource: ResourceId) -> str:
        """Return the monitor that held the resource when it was attached to, the shared one when none did."""
        holders = (name for name, link in self._links.items() if resource in {one.id for one in link.attached.held})
        return next(holders, SHARED)

    async def ensure(self, name: str) -> str:
        """Start the monitor *name* unless it lives.

        Raises:
            MonitorFailed: it does not answer.
        """
        async with self._starting.setdefault(name, asyncio.Lock()):
            if name not in self._links and await self._attach(name) is None:
                await self._start(name)
        return name

    async def _start(self, name: str) -> None:
        process = await self._starter.start(name)
        deadline = self._clock.steady() + START_PATIENCE
        while (link := await self._attach(name, process, starting=True)) is None:
            if (process is not None and process.reap() is not None) or self._clock.steady() > deadline:
                # One that wakes later must not take over the socket of its successor.
                await (kill(process) if process is not None else self._starter.give_up(name))
                raise MonitorFailed(f"the Resource Monitor {name} does not start; its log says why")
            await asyncio.sleep(0.02)  # its socket appears when it is ready: there is no event for "a file will exist"
        log.info("Resource Monitor %s is process %d", name, link.process.pid)
        self._news.monitor_started(name, link.process.pid)

    async def _attach(self, name: str, process: Process | None = None, *, starting: bool = False) -> Link | None:
        """Attach to the monitor *name*; None when there is none, or none that answers: that one is killed.

        One that is *starting* has time to become ready.
        """
        greeted = await greet(self._settings.monitors / f"{name}.sock", self._settings.name, START_PATIENCE)
        if process is None and (greeted is not None or not starting):
            noted = notes.read(notes.path_of(self._settings.monitors, name))
            process = processes.adopt(ProcessIdentity(noted.process, noted.started, boot_identity()))
            if greeted is None and process is not None:
                # Frozen, perhaps: awake again it would hold its applications beside those of its successor.
                log.error("Resource Monitor %s does not answer; it is killed", name)
                await kill(process)
        if greeted is None:
            return None
        if process is None:  # its notes do not say who it is
            greeted.writer.close()
            return None
        link = Link(name, process, greeted.reader, greeted.writer, greeted.attached)
        self._links[name] = link
        self._begin(self._listen(link), f"monitor {name}")
        if self._permission is not None:  # before the first one nothing is said: what is held runs on
            link.send(self._permission)
        if name == SHARED and self._guard is not None:
            link.send(self._guard)
        return link

    # --- talking ------------------------------------------------------------------------------------------------

    def order(self, name: str, order: ToMonitor) -> bool:
        """Send an order to a monitor that lives; False when it does not."""
        link = self._links.get(name)
        if link is None:
            return False
        link.quits = isinstance(order, Quit)
        if isinstance(order, Start):
            self._unheld.is_held(order.resource.id)
        link.send(order)
        return True

    def process_of(self, name: str) -> int:
        """Return the monitor's process number, 0 when it does not live."""
        link = self._links.get(name)
        return link.process.pid if link else 0

    def order_all(self, order: ToMonitor) -> list[str]:
        """Send an order to all monitors; returns their names."""
        for link in self._links.values():
            link.send(order)
        return list(self._links)

    def permit(self, permission: Permit) -> None:
        """Give all monitors a permission; new ones get the latest.

        One without a limit is given again only now and then: the answer shows that they still live.
        """
        now = self._clock.steady()
        if permission.until is None and permission == self._permission and now - self._given < ASK_AGAIN:
            return
        self._permission, self._given = permission, now
        self.enforcement.permitted(permission)
        self._resetting.permitted(permission)
        for link in self._links.values():
            if link.asked is None:
                link.asked = now
            link.send(permission)

    def guard(self, order: Guard) -> None:
        """Have the shared monitor open the watchdog, or give it other times."""
        self._guard = order
        self.order(SHARED, order)

    async def acknowledged(self, patience: float) -> bool:
        """Wait until all monitors have acknowledged the latest permission."""
        waiting = [link.acknowledged.wait() for link in self._links.values() if link.asked is not None]
        try:
            async with asyncio.timeout(patience):
                await asyncio.gather(*waiting)
        except TimeoutError:
            return False
        return True

    def replace_hung(self, patience: float) -> None:
        """Kill every monitor, and what it holds, that has not acknowledged for *patience* seconds (P8)."""
        now = self._clock.steady()
        for link in list(self._links.values()):
            if link.asked is not None and now - link.asked > patience and not link.renews:
                log.error("Resource Monitor %s does not answer; it is replaced", link.name)
                self._end(link.name)

    def _end(self, name: str) -> None:
        """Kill a monitor; what it holds is killed, and another one started, as soon as its line has ended."""
        link = self._links[name]
        link.process.signal(9)
        link.writer.close()

    def _processes(self) -> dict[str, int]:
        return {name: link.process.pid for name, link in self._links.items()}

    def names(self) -> list[str]:
        """Return the names of the monitors that live."""
        return list(self._links)

    def renewed(self, name: str) -> asyncio.Future[Problem | None]:
        """Return what has a result once the monitor has begun anew (None) or said why not; it may be mute meanwhile."""
        link = self._links[name]
        link.renewed = asyncio.get_running_loop().create_future()
        return link.renewed

    def fresh_patience(self) -> None:
        """Begin to count anew: this process itself stood still."""
        for link in self._links.values():
            if link.asked is not None:
                link.asked = self._clock.steady()

    async def stop_all(self) -> bool:
        """Stop everything at once; True when it is proven (safety rule M5)."""
        self._permission = None
        self.enforcement.permitted(None)
        futures = []
        for link in self._links.values():
            link.stopped = asyncio.get_running_loop().create_future()
            futures.append(link.stopped)
            link.send(StopAll())
        try:
            async with asyncio.timeout(STOP_PATIENCE):
                answers = await asyncio.gather(*futures)
        except TimeoutError:
            answers = [False]
        if not all(answers):
            for link in list(self._links.values()):
                link.process.signal(9)
        return await self._unheld.prove_none()

    async def kill(self, resources: Iterable[ResourceId]) -> bool:
        """Kill what no monitor holds any more, and what it has outside of processes; True when that is proven."""
        return await self._unheld.kill(resources)

    async def close(self, *, quit_monitors: bool) -> None:
        """Detach; *quit_monitors* ends those that hold nothing."""
        self._closing = True
        self.enforcement.close()
        self._resetting.close()
        for link in list(self._links.values()):
            if quit_monitors:
                link.send(Quit())
            try:
                async with asyncio.timeout(1.0):
                    await link.writer.drain()
            except (TimeoutError, OSError):
                log.debug("monitor %s is gone", link.name)
            if quit_monitors:
                await wait_end(link.process)
            link.writer.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for link in self._links.values():
            link.process.reap()
            link.process.close()
        self._links.clear()

    async def _listen(self, link: Link) -> None:
        try:
            while line := await link.reader.readline():
                try:
                    self._heard(link, decode_news(line))
                except msgspec.ValidationError as exc:  # one that began anew before this service did may say more
                    log.warning("monitor %s: %s", link.name, exc)
        except (OSError, ValueError, msgspec.DecodeError) as exc:
            log.warning("monitor %s: %s", link.name, exc)
        if not self._closing:
            self._begin(self._replace(link), f"replace monitor {link.name}")

    def _heard(self, link: Link, said: FromMonitor) -> None:
        if isinstance(said, Report):
            self._news.reported(said)
        elif isinstance(said, Acknowledged):
            self.enforcement.acknowledged(link.name, said.bound)
            given = self._permission
            if given is not None and (said.incarnation, said.until) == (given.incarnation, given.until):
                link.has_acknowledged()
            elif link.asked is not None:
                link.asked = self._clock.steady()
        elif isinstance(said, Closed):
            self._news.closed(link.name, said)
        elif isinstance(said, Enforced | Resisting | Guarded):
            self.enforcement.heard(link.name, said)
        elif isinstance(said, Renewed) and link.renews:
            link.asked = None
            link.has_renewed(said.why)
        elif isinstance(said, StoppedAll):
            link.has_stopped(proven=said.proven)

    # --- a monitor that is gone ---------------------------------------------------------------------------------

    async def _replace(self, link: Link) -> None:
        """Kill what the dead monitor held and start a new one; its death is the death of what it held (P8)."""
        self._links.pop(link.name, None)
        link.lost()
        link.process.signal(9)
        await wait_end(link.process)
        status = link.process.reap()
        link.process.close()
        noted = notes.read(notes.path_of(self._settings.monitors, link.name))
        asked = link.quits and not noted.held
        log.log(logging.INFO if asked else logging.ERROR, "Resource Monitor %s is gone: %s", link.name, status)
        self._news.monitor_gone(tuple(noted.held))
        while not await self.kill(noted.held):
            log.error("what Resource Monitor %s held cannot be killed; trying again", link.name)
            self.enforcement.cannot_kill(link.name, noted.held)
            await asyncio.sleep(KILL_AGAIN)  # nothing tells when a device or file server answers
        self.enforcement.gone(link.name)
        self._news.monitor_died(link.name, tuple(noted.held), asked=asked)
        if link.name == SHARED or noted.held:
            try:
                await self.ensure(link.name)
            except (MonitorFailed, OSError):
                log.exception("no new Resource Monitor %s", link.name)
