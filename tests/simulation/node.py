"""A simulated machine: power, and the production's service in a process that can crash and stand still."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nodeagent.api.objects import ResourceId
from nodeagent.database.records import NodeReport, TypeReport
from nodeagent.monitor.messages import Permit
from nodeagent.resourcetypes.base import ResourceType
from nodeagent.service.monitors import SHARED, MonitorFailed, Monitors, News
from nodeagent.service.parts import NodeParts
from nodeagent.settings import AgentSettings
from nodeagent.system.processes import ExitStatus
from tests.simulation.address import Answering
from tests.simulation.machine import FakeContainer, FakeContainers, NodeClock
from tests.simulation.monitorprocess import MonitorProcess, NodeProcess
from tests.simulation.network import NodeStore, Path
from tests.simulation.virtualtime import Process
from tests.simulation.watchdog import BOOT, SimulatedWatchdog

if TYPE_CHECKING:
    from tests.simulation.world import World

RESTARTED_WITHIN = (0.2, 1.0)  # seconds until the supervisor has started a dead service again


class Node:
    """One machine: its kernel, its monitors, its service."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.loop = world.loop
        self.chance = world.chance
        self.name = self.machine = f"node{number}"
        self.path = Path()
        home = world.folder / self.name
        self.settings = AgentSettings(name=self.name, cluster="WORLD", home=home, run=home / "run", database="memory:")
        self.clock = NodeClock(self.loop, self.chance, world.rate(number))
        self.kernel = Process(f"{self.name}/kernel")
        self.containers = FakeContainers(self)
        self.monitors: dict[int, MonitorProcess] = {}  # by their process numbers
        self.service: NodeProcess | None = None
        self.parts: NodeParts | None = None
        self.on = False
        self.boots = 0
        self.broken: set[ResourceId] = set()  # what cannot be started here
        self.sick: set[ResourceId] = set()  # what no check finds alive here
        self.slow: set[ResourceId] = set()  # what takes as long to die as its type allows
        self.without: set[str] = set()  # types that are not installed here
        self.kills_slowly = False  # whatever is killed here takes as long as it may
        self._start_again = False
        self._pids = 100
        self._untils: dict[str, float | None] = {}  # of each monitor
        self._blamed_from = 0.0
        self.bound = world.profile.kill_bound
        self.watchdog = SimulatedWatchdog(self)
        self.answering = Answering(self)
        self.kernel_kills = True
        self.monitors_start = True
        self._awake_at = 0.0

    # --- what happens on it -------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Write into the world's timeline."""
        self.world.say(self.name, text)

    def new_pid(self) -> int:
        """Return a process number."""
        self._pids += 1
        return self._pids

    def app_can_start(self, resource: str) -> bool:
        """See machine.Kernel."""
        return resource not in self.broken

    def is_well(self, resource: str) -> bool:
        """See machine.Kernel."""
        return resource not in self.sick

    @property
    def types(self) -> dict[str, ResourceType[Any]]:
        """Return the resource types that are installed here."""
        return {name: kind for name, kind in self.world.types.items() if name not in self.without}

    def app_runs(self, resource: str, pid: int) -> None:
        """See machine.Kernel."""
        self.say(f"{resource} runs ({pid})")
        wrong = self.world.witness.started(self.loop.time(), self.name, resource, pid, self._awake_at)
        if self.loop.time() >= self._awake_at:
            self.world.judge(wrong)

    def app_asked(self, resource: str) -> None:
        """See machine.Kernel."""
        self.world.judge(self.world.witness.asked(self.loop.time(), self.name, resource))

    def app_ended(self, resource: str, pid: int) -> None:
        """See machine.Kernel."""
        self.say(f"{resource} has ended ({pid})")
        self.world.witness.ended(self.loop.time(), self.name, pid)

    def permitted(self, monitor: str, permit: Permit) -> None:
        """Note a monitor's permission, and look after T + k whether it was kept."""
        former, until, self.bound = self._untils.get(monitor), permit.until, permit.bound
        if permit.shorten and former is not None and until is not None:
            until = min(former, until)
        self._untils[monitor] = until
        if former is None or permit.shorten:  # it may be heard late: nobody counts on it before it is acknowledged
            self._blamed_from = self.loop.time() + self.bound + self.world.profile.margin
        if until is not None:
            wait = max(0.0, self._until_stopped(until), self._blamed_from - self.loop.time())
            self.world.kernel.later(wait, self._check_deadline)

    def _until_stopped(self, until: float) -> float:
        return self.clock.true_until(until + self.bound + self.world.profile.margin) + 0.001

    def _check_deadline(self) -> None:
        if self.kernel.frozen or self.loop.time() < max(self._awake_at, self._blamed_from):
            return
        self.world.judge(
            f"{interval.resource} runs on {self.name} beyond the deadline"
            for interval in self.world.witness.running(node=self.name)
            if self._is_forbidden(interval.resource) and not self.container(interval.resource).excused
        )

    def _is_forbidden(self, resource: ResourceId) -> bool:
        until = self._untils.get(resource, self._untils.get(SHARED))  # one of its own has the resource's name
        return until is not None and self._until_stopped(until) <= 0.002

    def container(self, resource: ResourceId) -> FakeContainer:
        """Return a resource's container."""
        self.containers.open(resource)
        return self.containers.all[resource]

    # --- power and processes ------------------------------------------------------------------------------------

    def power_on(self) -> None:
        """Boot: a new life of the machine."""
        assert not self.on
        self.boots += 1
        self.on = True
        self._untils, self._awake_at = {}, 0.0
        self.kernel = Process(f"{self.name}/kernel")
        former, self.clock = self.clock, NodeClock(self.loop, self.chance, self.clock.rate)
        self.clock.set_ahead = former.set_ahead
        self.containers = FakeContainers(self)
        self.say("power on")
        self.start_service()

    def power_off(self) -> None:
        """Cut the power."""
        if not self.on:
            return
        self.say("power off")
        self.on = False
        self.watchdog.power_off()
        self.thaw()
        self._kill_service()
        for monitor in list(self.monitors.values()):
            monitor.last_resort.disarm()
            monitor.kill()
            monitor.handle.end(ExitStatus(signal=9))
        self.monitors.clear()
        for container in list(self.containers.all.values()):
            container.end_all()
        self.answering.silence_all()
        self.kernel.kill()
        shutil.rmtree(self.settings.run, ignore_errors=True)

    def reset(self) -> None:
        """Lose power and boot again."""
        self.power_off()
        self.world.kernel.later(BOOT, lambda: None if self.on else self.power_on())

    def wipe(self) -> None:
        """Lose the agent's directories while everything runs; its supervisor starts the service again."""
        self.say("its directories are wiped")
        self._kill_service()
        shutil.rmtree(self.settings.home)
        for path in [path for path in self.loop.sockets if path.startswith(str(self.settings.home))]:
            del self.loop.sockets[path]
        self.start_service()

    def start_service(self) -> None:
        """Start the service; one that is about to leave is started again when it has left."""
        if self.parts is not None and self.parts.stopping.is_set():
            self._start_again = True
        if not self.on or self.service is not None:
            return
        self._start_again = False
        self.service = service = NodeProcess(self, "service")
        self.say("the service starts")
        self.settings.run.mkdir(parents=True, exist_ok=True)  # where the process would put its lock
        store = NodeStore(self.world.network, self.path, self.name, service)

        def make() -> None:
            self.parts = NodeParts(
                self.settings,
                store,
                "memory",
                self.clock,
                (f"boot {self.machine} {self.boots}", self.machine),
                self.types,
                self._make_monitors,
                self._part_died,
                self.world.switch,
            )
            service.start(self._serve(self.parts), f"{self.name} serves")

        service.context.run(make)

    def _part_died(self, part: str, error: BaseException) -> None:
        for line in traceback.format_exception(error):
            self.say(line)
        self.world.violate(f"{self.name}: {part} died of {error!r}")

    def _make_monitors(self, news: News) -> Monitors:
        return Monitors(self.settings, self.settings.home / "agent.toml", self.clock, news)

    async def _serve(self, parts: NodeParts) -> None:
        kinds = tuple(
            TypeReport(
                name=kind.name,
                schema=kind.schema(),
                exclusive=kind.exclusive,
                required_dependencies=kind.required_dependencies,
            )
            for kind in self.types.values()
        )
        try:
            started = await parts.start(NodeReport(version="1.0", protocol=(1, 1), types=kinds))
        except MonitorFailed as exc:  # the process ends with it, and its supervisor starts another one
            self.say(str(exc))
            self.kernel.soon(self.crash_service)
            return
        if started:
            self.say(f"is up, incarnation {parts.membership.incarnation}")
            await parts.stopping.wait()
            await parts.leave()
        await parts.end()
        self.say("the service has ended")
        if self.parts is parts:
            service, self.service, self.parts = self.service, None, None
            if service is not None:
                self.kernel.soon(service.kill)
            if self._start_again:
                self.kernel.later(self.world.network.draw(RESTARTED_WITHIN), self.start_service)

    def stop_service(self) -> None:
        """Ask the service to leave the cluster."""
        if self.parts is not None:
            self.say("is asked to leave")
            self.parts.stopping.set()

    def _kill_service(self) -> None:
        if self.service is not None:
            service, self.service, self.parts = self.service, None, None
            service.kill()

    def crash_service(self, *, restart: bool = True) -> None:
        """Kill the service; its supervisor starts it again."""
        if self.service is None:
            return
        self.say("the service crashes")
        self._kill_service()
        if restart:
            self.kernel.later(self.world.network.draw(RESTARTED_WITHIN), self.start_service)

    def crash_monitor(self) -> None:
        """Kill all monitors."""
        for monitor in list(self.monitors.values()):
            monitor.die("crashes")

    def crash_app(self, resource: ResourceId) -> None:
        """Let an application end by itself."""
        container = self.containers.all.get(resource)
        for process, runs in list(container.inside.items()) if container else []:
            if runs:
                self.say(f"{resource} crashes")
                self.world.witness.crashed[resource] = self.loop.time()
                container.gone(process, ExitStatus(code=1))  # type: ignore[union-attr]

    def freeze(self, *, service: bool = False, monitor: bool = False, whole: bool = False) -> None:
        """Let processes, or the whole machine, stand still; its clock goes on."""
        self.say(f"stands still: {'all' if whole else 'service' if service else ''} {'monitor' if monitor else ''}")
        for process in self._processes(service=service or whole, monitor=monitor or whole, kernel=whole):
            process.frozen = True
        if whole:
            for interval in self.world.witness.running(node=self.name):
                interval.asleep = True

    def thaw(self) -> None:
        """Let everything go on. What ran in a machine that slept is not blamed for m + k (docs/safety.md, limit 1)."""
        if self.kernel.frozen:
            self._awake_at = self.loop.time() + self.bound + self.world.profile.margin
            for interval in self.world.witness.running(node=self.name):
                interval.asleep, interval.excused_until = False, self._awake_at
            for look in (self.world.look_for_overlaps, self._check_deadline):
                self.world.kernel.later(self._awake_at - self.loop.time() + 0.001, look)
        for process in self._processes(service=True, monitor=True, kernel=True):
            if process.frozen:
                self.say(f"{process.name} goes on")
                process.thaw()

    def _processes(self, *, service: bool, monitor: bool, kernel: bool) -> Iterator[Process]:
        if kernel:
            yield self.kernel
        if monitor:
            yield from list(self.monitors.values())
        if service and self.service is not None:
            yield self.service
