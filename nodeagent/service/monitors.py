"""This node's Resource Monitors: started, attached to again, given permissions, replaced when they die or hang."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from nodeagent.api.objects import ResourceId
from nodeagent.api.problems import Problem, problem
from nodeagent.monitor import notes
from nodeagent.monitor.messages import (
    Acknowledged,
    Attach,
    Attached,
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
    encode,
)
from nodeagent.monitor.reaping import containers_of, cut_all, kill_resources
from nodeagent.monitor.strays import kill_strays
from nodeagent.service.enforcing import Enforcement
from nodeagent.service.holding import News, ResourceMonitors
from nodeagent.service.starting import MonitorFailed, Spawned, Starter, Units, spawn_detached
from nodeagent.settings import AgentSettings
from nodeagent.system import processes
from nodeagent.system.clock import Clock, boot_identity
from nodeagent.system.processes import Process, ProcessIdentity

__all__ = ["SHARED", "MonitorFailed", "Monitors", "News", "ResourceMonitors"]

log = logging.getLogger(__name__)

SHARED: Final = "shared"
STRAYS: Final = "what nobody holds"
START_PATIENCE: Final = 10.0  # seconds for a new monitor's socket to answer
ATTACH_PATIENCE: Final = 0.3  # seconds for what dead monitors left to end, before heartbeats go on
KILL_AGAIN: Final = 1.0  # seconds between attempts to kill what a dead monitor held
STOP_PATIENCE: Final = 5.0  # seconds for the proof that everything has stopped


@dataclass(slots=True)
class _Link:
    """The connection to one monitor."""

    name: str
    process: Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    attached: Attached
    asked: float | None = None  # steady time of the oldest permission that is not acknowledged
    quits: bool = False  # it was asked to end
    stopped: asyncio.Future[bool] | None = None
    renewed: asyncio.Future[Problem | None] | None = None
    acknowledged: asyncio.Event = field(default_factory=asyncio.Event)


class Monitors:
    """All monitors of this node. One service at a time uses them: the caller holds the service's lock."""

    def __init__(self, settings: AgentSettings, config: Path, clock: Clock, news: News) -> None:
        self._settings = settings
        self._config = config
        as_units = settings.start_monitors == "units"
        self._starter: Starter = Units() if as_units else Spawned(config, settings.home / "log", spawn_detached)
        self._clock = clock
        self._news = news
        self._links: dict[str, _Link] = {}
        self._starting: dict[str, asyncio.Lock] = {}
        self._permission: Permit | None = None
        self._guard: Guard | None = None
        self._strays: set[ResourceId] = set()
        self.enforcement = Enforcement(clock, lambda: self._links, self._end)
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

    # --- starting and attaching ---------------------------------------------------------------------------------

    async def attach_all(self) -> list[Report]:
        """Attach to every monitor that lives, kill what dead ones left, and return what is held by those found."""
        self._settings.monitors.mkdir(exist_ok=True, mode=0o700)
        reports: list[Report] = []
        for path in sorted(self._settings.monitors.glob("*.json")):
            if path.stem not in self._links and (link := await self._attach(path.stem)) is not None:
                reports += link.attached.held
        await self._kill_strays({one for name in self._links for one in notes.read(self._notes_of(name)).held})
        return reports

    def holder_of(self, resource: ResourceId) -> str:
        """Return the monitor that held the resource when it was attached to, the shared one when none did."""
        holders = (name for name, link in self._links.items() if resource in {one.id for one in link.attached.held})
        return next(holders, SHARED)

    def _notes_of(self, name: str) -> Path:
        return self._settings.monitors / f"{name}.json"

    async def _kill_strays(self, held: set[ResourceId]) -> None:
        """Kill what runs without a monitor: nobody would stop it at the deadline (safety rule P8).

        A monitor that nobody knows comes first: it would start again what it holds.
        """
        known = {link.process.pid for link in self._links.values()}
        gone = await asyncio.to_thread(kill_strays, self._config, known)
        self._strays = self._left_behind() - held
        # No heartbeat is sent before this is done: what takes longer is waited for beside them.
        if not (await self.kill(self._strays, ATTACH_PATIENCE) and gone):
            self._say_strays()
            self._begin(self._kill_on(), "kill strays")

    async def _kill_on(self) -> None:
        """Go on until all has ended. What a monitor is ordered to start meanwhile is that monitor's to end first."""
        # Not for long at a time: what has ended belongs to groups that need not wait for the rest.
        while self._strays and not await self.kill(self._strays, KILL_AGAIN):
            log.error("something that a dead Resource Monitor left behind cannot be killed")
            self._say_strays()
            await asyncio.sleep(KILL_AGAIN)  # nothing tells when a device or file server answers
        self.enforcement.gone(STRAYS)

    def _say_strays(self) -> None:
        """This node is unclean, and the groups of what is left are given to nobody, until it has ended."""
        self._strays &= self._left_behind()
        self.enforcement.cannot_kill(STRAYS, self._strays)

    def _left_behind(self) -> set[ResourceId]:
        outside = {name for noted in self._notes_of_dead() for name in noted.outside}
        return outside | set(containers_of(self._settings).leftovers())

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
                await (self._kill(process) if process is not None else self._starter.give_up(name))
                raise MonitorFailed(f"the Resource Monitor {name} does not start; its log says why")
            await asyncio.sleep(0.02)  # its socket appears when it is ready: there is no event for "a file will exist"
        log.info("Resource Monitor %s is process %d", name, link.process.pid)
        self._news.monitor_started(name, link.process.pid)

    async def _attach(self, name: str, process: Process | None = None, *, starting: bool = False) -> _Link | None:
        """Attach to the monitor *name*; None when there is none, or none that answers: that one is killed.

        One that is *starting* has time to become ready.
        """
        greeted = await self._greet(name)
        if process is None and (greeted is not None or not starting):
            noted = notes.read(self._notes_of(name))
            process = processes.adopt(ProcessIdentity(noted.process, noted.started, boot_identity()))
            if greeted is None and process is not None:
                # Frozen, perhaps: awake again it would hold its applications beside those of its successor.
                log.error("Resource Monitor %s does not answer; it is killed", name)
                await self._kill(process)
        if greeted is None:
            return None
        reader, writer, attached = greeted
        if process is None:  # its notes do not say who it is
            writer.close()
            return None
        link = _Link(name, process, reader, writer, attached)
        self._links[name] = link
        self._begin(self._listen(link), f"monitor {name}")
        if self._permission is not None:  # before the first one nothing is said: what is held runs on
            self._send(link, self._permission)
        if name == SHARED and self._guard is not None:
            self._send(link, self._guard)
        return link

    async def _greet(self, name: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, Attached] | None:
        socket = self._settings.monitors / f"{name}.sock"
        try:
            reader, writer = await asyncio.open_unix_connection(str(socket), limit=8 * 1024 * 1024)
        except OSError:  # no such file, nobody listens, or too many wait already
            return None
        try:
            writer.write(encode(Attach(service=self._settings.name)))
            async with asyncio.timeout(START_PATIENCE):
                attached = decode_news(await reader.readline())
        except (TimeoutError, OSError, ValueError, msgspec.DecodeError):
            writer.close()
            return None
        if not isinstance(attached, Attached):
            writer.close()
            return None
        return reader, writer, attached

    async def _kill(self, process: Process) -> None:
        process.signal(9)
        await self._wait_end(process)
        process.reap()
        process.close()

    # --- talking ------------------------------------------------------------------------------------------------

    def order(self, name: str, order: ToMonitor) -> bool:
        """Send an order to a monitor that lives; False when it does not."""
        link = self._links.get(name)
        if link is None:
            return False
        link.quits = isinstance(order, Quit)
        if isinstance(order, Start):
            self._strays.discard(order.resource.id)
        self._send(link, order)
        return True

    def process_of(self, name: str) -> int:
        """Return the monitor's process number, 0 when it does not live."""
        link = self._links.get(name)
        return link.process.pid if link else 0

    def order_all(self, order: ToMonitor) -> list[str]:
        """Send an order to all monitors; returns their names."""
        for link in self._links.values():
            self._send(link, order)
        return list(self._links)

    def permit(self, permission: Permit) -> None:
        """Give all monitors a permission; new ones get the latest. One without a limit need not be given twice."""
        if permission.until is None and permission == self._permission:
            return
        self._permission = permission
        self.enforcement.permitted(permission)
        for link in self._links.values():
            if link.asked is None:
                link.asked = self._clock.steady()
            self._send(link, permission)

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
            renewing = link.renewed is not None and not link.renewed.done()
            if link.asked is not None and now - link.asked > patience and not renewing:
                log.error("Resource Monitor %s does not answer; it is replaced", link.name)
                self._end(link.name)

    def _end(self, name: str) -> None:
        """Kill a monitor; what it holds is killed, and another one started, as soon as its line has ended."""
        link = self._links[name]
        link.process.signal(9)
        link.writer.close()

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
            self._send(link, StopAll())
        try:
            async with asyncio.timeout(STOP_PATIENCE):
                answers = await asyncio.gather(*futures)
        except TimeoutError:
            answers = [False]
        if not all(answers):
            for link in list(self._links.values()):
                link.process.signal(9)
        known = {link.process.pid for link in self._links.values()}
        strays = await asyncio.to_thread(kill_strays, self._config, known)
        proven = await self.kill(containers_of(self._settings).leftovers()) and strays
        if proven:
            self._strays.clear()
            self.enforcement.gone(STRAYS)
        return proven

    async def kill(self, resources: Iterable[ResourceId], patience: float = STOP_PATIENCE) -> bool:
        """Kill what no monitor holds any more, and what it has outside of processes; True when that is proven."""
        names, containers = list(resources), containers_of(self._settings)
        return await asyncio.to_thread(
            lambda: kill_resources(containers, names, patience) and cut_all(self._notes_of_dead())
        )

    def _notes_of_dead(self) -> list[notes.Notes]:
        return [notes.read(path) for path in self._settings.monitors.glob("*.json") if path.stem not in self._links]

    async def close(self, *, quit_monitors: bool) -> None:
        """Detach; *quit_monitors* ends those that hold nothing."""
        self._closing = True
        self.enforcement.close()
        for link in list(self._links.values()):
            if quit_monitors:
                self._send(link, Quit())
            try:
                async with asyncio.timeout(1.0):
                    await link.writer.drain()
            except (TimeoutError, OSError):
                log.debug("monitor %s is gone", link.name)
            if quit_monitors:
                await self._wait_end(link.process)
            link.writer.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for link in self._links.values():
            link.process.reap()
            link.process.close()
        self._links.clear()

    async def _wait_end(self, process: Process) -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(process.fileno(), ended.set)
        try:
            async with asyncio.timeout(STOP_PATIENCE):
                await ended.wait()
        except TimeoutError:
            log.warning("a Resource Monitor does not end")
        finally:
            loop.remove_reader(process.fileno())

    def _send(self, link: _Link, message: ToMonitor) -> None:
        if not link.writer.is_closing():
            link.writer.write(encode(message))

    async def _listen(self, link: _Link) -> None:
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

    def _heard(self, link: _Link, said: FromMonitor) -> None:
        if isinstance(said, Report):
            self._news.reported(said)
        elif isinstance(said, Acknowledged):
            self.enforcement.acknowledged(link.name, said.bound)
            given = self._permission
            if given is not None and (said.incarnation, said.until) == (given.incarnation, given.until):
                link.asked = None
                link.acknowledged.set()
                link.acknowledged = asyncio.Event()
            elif link.asked is not None:
                link.asked = self._clock.steady()
        elif isinstance(said, Closed):
            self._news.closed(link.name, said)
        elif isinstance(said, Enforced | Resisting | Guarded):
            self.enforcement.heard(link.name, said)
        elif isinstance(said, Renewed) and link.renewed is not None and not link.renewed.done():
            link.asked = None
            link.renewed.set_result(said.why)
        elif isinstance(said, StoppedAll) and link.stopped is not None and not link.stopped.done():
            link.stopped.set_result(said.proven)

    # --- a monitor that is gone ---------------------------------------------------------------------------------

    async def _replace(self, link: _Link) -> None:
        """Kill what the dead monitor held and start a new one; its death is the death of what it held (P8)."""
        self._links.pop(link.name, None)
        link.writer.close()
        if link.stopped is not None and not link.stopped.done():
            link.stopped.set_result(False)
        if link.renewed is not None and not link.renewed.done():
            link.renewed.set_result(problem("renewal_silent"))
        link.process.signal(9)
        await self._wait_end(link.process)
        status = link.process.reap()
        link.process.close()
        noted = notes.read(self._notes_of(link.name))
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
