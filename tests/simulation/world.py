"""A simulated cluster: nodes with production services and monitors, one database, faults, and a witness."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import shutil
import signal
import tempfile
import traceback
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path as Folder
from types import SimpleNamespace
from typing import Any
from unittest import mock

import msgspec

from nodeagent.api.causes import cause
from nodeagent.api.objects import GroupId, NodeId, Phase, ResourceId, ResourceState, Wanted
from nodeagent.api.properties import Value
from nodeagent.database.records import (
    CLUSTER,
    ClusterRecord,
    GroupRecord,
    HeartbeatRecord,
    NodeRecord,
    NodeReport,
    Order,
    OrderRecord,
    OwnerRecord,
    ResourceRecord,
    StateRecord,
    TypeReport,
    WishRecord,
    decode,
    encode,
    group_key,
    heartbeat_key,
    node_key,
    order_key,
    owner_key,
    resource_key,
    state_key,
    wish_key,
)
from nodeagent.database.store import Transaction
from nodeagent.monitor import entrypoints
from nodeagent.monitor import process as monitor_process
from nodeagent.monitor.messages import Permit
from nodeagent.monitor.process import Monitor, Places
from nodeagent.planner.timing import PROFILES, Profile
from nodeagent.service import monitors as service_monitors
from nodeagent.service.monitors import MonitorFailed, Monitors, News
from nodeagent.service.parts import NodeParts
from nodeagent.settings import AgentSettings
from nodeagent.system import processes
from nodeagent.system.processes import ExitStatus, ProcessIdentity
from tests.simulation import machine, wires
from tests.simulation.machine import TYPES, FakeContainer, FakeContainers, KernelProcess, NodeClock
from tests.simulation.network import Network, NodeStore, Path
from tests.simulation.virtualtime import PROCESS, Process, VirtualLoop
from tests.simulation.witness import Interval, Witness

REAPED_WITHIN = (0.01, 0.15)  # seconds until init has ended what a dead monitor held
RESTARTED_WITHIN = (0.2, 1.0)  # seconds until the supervisor has started a dead service again
BORN_WITHIN = (0.03, 0.2)  # seconds until a new monitor listens
MARGIN = 0.3  # seconds that the check of the deadline allows beyond T + k: m of the default profile


class BrokenPromise(AssertionError):
    """Something happened that must never happen."""


class SimulatedMonitor(Monitor):
    """The production's monitor; only what would ask the real system of itself is simulated."""

    node: Node

    def open_output(self, resource: ResourceId) -> int | None:
        """Write no output."""
        del resource
        return None

    def _permit(self, order: Permit) -> None:
        self.node.permitted(order)
        super()._permit(order)


class LastResort:
    """The kernel's promise to kill a monitor at a moment (safety rule P8)."""

    def __init__(self, node: Node, monitor: MonitorProcess) -> None:
        self._node = node
        self._monitor = monitor
        self._timer: asyncio.TimerHandle | None = None

    def arm(self, moment: float) -> None:
        """Set it."""
        self.disarm()
        if moment != float("inf"):
            wait = max(0.0, self._node.clock.true_until(moment))
            self._timer = self._node.kernel.later(wait, self._monitor.die, "killed by the kernel's timer")

    def disarm(self) -> None:
        """Let it live."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class MonitorProcess(Process):
    """A process in which a Monitor runs."""

    def __init__(self, node: Node, name: str) -> None:
        super().__init__(f"{node.name}/{name}")
        self.node = node
        self.monitor_name = name
        self.wake = self._wake
        self._turning = False
        self._monitor: SimulatedMonitor | None = None
        self.handle = KernelProcess(node.loop, node.new_pid(), self._signalled)
        self.last_resort = LastResort(node, self)
        self.later(node.world.network.draw(BORN_WITHIN), self._begin)

    def _begin(self) -> None:
        if not self.alive:
            return
        settings = self.node.settings
        folder = settings.monitors
        places = Places(
            self.monitor_name, folder / f"{self.monitor_name}.sock", folder / f"{self.monitor_name}.json", settings.logs
        )
        monitor = SimulatedMonitor(places, TYPES, self.node.containers, self.node.clock, self.last_resort)  # type: ignore[arg-type]
        monitor.node = self.node
        monitor._notes.process, monitor._notes.started = self.handle.pid, 1
        monitor._note_down()
        self._monitor = monitor
        self._wake()

    def _wake(self) -> None:
        if not self._turning and self.alive:
            self._turning = True
            self.soon(self._turn)

    def _turn(self) -> None:
        self._turning = False
        monitor = self._monitor
        if monitor is None or not self.alive:
            return
        try:
            monitor.turn()
        except Exception as exc:
            self.node.world.violate(f"{self.name} died of {exc!r}")
            raise
        if monitor._ending:
            monitor._end()
            self.die("quit")
        elif monitor._arm_alarm() == 0 or monitor._selector.select():
            self._wake()

    def _signalled(self, number: int) -> None:
        if number == signal.SIGKILL:
            self.die("killed")

    def die(self, why: str) -> None:
        """End; init ends what it held (safety rule P8)."""
        if not self.alive:
            return
        node = self.node
        node.say(f"the monitor {self.monitor_name} dies: {why}")
        self.last_resort.disarm()
        held = [held.id for held in self._monitor._held.values()] if self._monitor else []
        inside = [(where, process) for where in map(node.container, held) for process in where.inside]
        self.kill()
        node.monitors.pop(self.handle.pid, None)
        self.handle.end(ExitStatus(signal=9))
        if node.world.init_reaps:
            node.kernel.later(node.world.network.draw(REAPED_WITHIN), _reap, inside)


def _reap(processes_: list[tuple[FakeContainer, KernelProcess]]) -> None:
    for container, process in processes_:
        if process in container.inside:
            container.gone(process, ExitStatus(signal=9))


class Node:
    """One machine: its kernel, its monitors, its service."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.loop = world.loop
        self.chance = world.chance
        self.name = f"node{number}"
        self.path = Path()
        home = world.folder / self.name
        self.settings = AgentSettings(name=self.name, cluster="WORLD", home=home, run=home / "run", database="memory:")
        self.clock = NodeClock(self.loop, self.chance, world.rate(number))
        self.kernel = Process(f"{self.name}/kernel")
        self.containers = FakeContainers(self)
        self.monitors: dict[int, MonitorProcess] = {}  # by their process numbers
        self.service: Process | None = None
        self.parts: NodeParts | None = None
        self.on = False
        self.boots = 0
        self._pids = 100
        self._until: float | None = None
        self._awake_at = 0.0

    # --- what happens on it -------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Write into the world's timeline."""
        self.world.say(self.name, text)

    def new_pid(self) -> int:
        """Return a process number."""
        self._pids += 1
        return self._pids

    def app_runs(self, resource: str, pid: int) -> None:
        """See machine.Kernel."""
        self.say(f"{resource} runs ({pid})")
        self.world.judge(self.world.witness.started(self.loop.time(), self.name, resource, pid))

    def app_asked(self, resource: str) -> None:
        """See machine.Kernel."""
        self.world.judge(self.world.witness.asked(self.loop.time(), self.name, resource))

    def app_ended(self, resource: str, pid: int) -> None:
        """See machine.Kernel."""
        self.say(f"{resource} has ended ({pid})")
        self.world.witness.ended(self.loop.time(), self.name, pid)

    def permitted(self, permit: Permit) -> None:
        """Note a permission, and look after T + k whether it was kept."""
        self._until = permit.until
        if permit.until is not None:
            self.world.kernel.later(max(0.0, self._until_stopped(permit.until)), self._check_deadline)

    def _until_stopped(self, until: float) -> float:
        profile = self.world.profile
        return self.clock.true_until(until + profile.kill_bound + profile.margin) + 0.001

    def _check_deadline(self) -> None:
        if self._until is None or self.kernel.frozen or self.loop.time() < self._awake_at:
            return
        if self._until_stopped(self._until) <= 0.002:
            self.world.judge(
                f"{interval.resource} runs on {self.name} beyond the deadline"
                for interval in self.world.witness.running(node=self.name)
            )

    def container(self, resource: ResourceId) -> FakeContainer:
        """Return a resource's container."""
        return self.containers.all.setdefault(resource, FakeContainer(self, resource))

    # --- power and processes ------------------------------------------------------------------------------------

    def power_on(self) -> None:
        """Boot: a new life of the machine."""
        assert not self.on
        self.boots += 1
        self.on = True
        self._until, self._awake_at = None, 0.0
        self.kernel = Process(f"{self.name}/kernel")
        self.clock = NodeClock(self.loop, self.chance, self.clock.rate)
        self.containers = FakeContainers(self)
        self.say("power on")
        self.start_service()

    def power_off(self) -> None:
        """Cut the power."""
        if not self.on:
            return
        self.say("power off")
        self.on = False
        self.thaw()
        self._kill_service()
        for monitor in list(self.monitors.values()):
            monitor.last_resort.disarm()
            monitor.kill()
            monitor.handle.end(ExitStatus(signal=9))
        self.monitors.clear()
        for container in list(self.containers.all.values()):
            container.end_all()
        self.kernel.kill()
        shutil.rmtree(self.settings.run, ignore_errors=True)

    def start_service(self) -> None:
        """Start the service."""
        if not self.on or self.service is not None:
            return
        self.service = service = Process(f"{self.name}/service")
        self.say("the service starts")
        self.settings.run.mkdir(parents=True, exist_ok=True)  # where the process would put its lock
        store = NodeStore(self.world.network, self.path, self.name, service)

        def make() -> None:
            self.parts = NodeParts(
                self.settings,
                store,
                "memory",
                self.clock,
                (f"boot {self.name} {self.boots}", self.name),
                TYPES,
                self._make_monitors,
                self._part_died,
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
        kinds = tuple(TypeReport(name=kind.name, exclusive=kind.exclusive) for kind in TYPES.values())
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
            self._awake_at = self.loop.time() + self.world.profile.kill_bound + self.world.profile.margin
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


class World:
    """See the module. All randomness comes from *seed*; the same seed gives the same story."""

    def __init__(
        self, seed: int, nodes: int, folder: Folder, *, profile: str = "default", rates: dict[int, float] | None = None
    ) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop = loop
        self.seed = seed
        self.folder = folder
        self.chance = random.Random(seed)
        self.profile: Profile = PROFILES[profile]
        self.network = Network(loop, self.chance)
        self.network.committed = self._committed
        self.kernel = Process("world")
        self.witness = Witness(self.profile)
        self.timeline: list[str] = []
        self.broken: list[str] = []
        self.init_reaps = True
        self._rates = rates or {}
        self._stop = asyncio.Event()
        self._lives: dict[str, object] = {}
        self.groups: dict[GroupId, list[ResourceId]] = {}
        record = ClusterRecord(id="world", name="WORLD", properties={"Profile": profile})
        self.network.database.apply(Transaction(put={CLUSTER: encode(record)}))
        self.nodes = {number: Node(self, number) for number in range(1, nodes + 1)}
        loop.set_exception_handler(self._uncaught)

    # --- what is said and judged --------------------------------------------------------------------------------

    def rate(self, number: int) -> float | None:
        """Return the rate of a node's clock; None for a random one."""
        return self._rates.get(number)

    def say(self, who: str, text: str) -> None:
        """Write into the timeline."""
        self.timeline.append(f"{self.loop.time():9.3f} {who:8} {text}")

    def judge(self, wrong: Any) -> None:
        """Take note of what must never be."""
        for text in wrong:
            self.violate(text)

    def violate(self, text: str) -> None:
        """Break the story off: something happened that must never happen."""
        self.say("WRONG", text)
        self.broken.append(text)
        self._stop.set()

    def look_for_overlaps(self) -> None:
        """Look at everything that runs."""
        self.judge(self.witness.overlaps(self.loop.time()))

    def _uncaught(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        del loop
        self.violate(f"uncaught: {context.get('message')} {context.get('exception')!r} {context.get('task')!r}")

    def _committed(self, who: str, transaction: Transaction) -> None:
        for key, value in transaction.put.items():
            prefix = key.partition("/")[0]
            if prefix == "owners":
                owner = decode(value, OwnerRecord)
                target = f" -> {owner.target}" if owner.target is not None else ""
                self.say(
                    who, f"commits {key}: {owner.phase} {owner.node}/{owner.incarnation}{target}, epoch {owner.epoch}"
                )
            elif prefix == "heartbeats":
                beat = decode(value, HeartbeatRecord)
                if self._lives.get(key) != (beat.life, beat.incarnation):
                    self._lives[key] = (beat.life, beat.incarnation)
                    self.say(who, f"commits {key}: {beat.life}, incarnation {beat.incarnation} {beat.reason}")
            elif prefix in ("leader", "wishes", "verdicts"):
                self.say(who, f"commits {key}: {value.decode()[:120]}")

    # --- the database, as an administrator would use it ---------------------------------------------------------

    def put(self, key: str, value: bytes) -> None:
        """Write into the database."""
        self.network.apply("admin", Transaction(put={key: value}))

    def add_group(
        self,
        group: GroupId,
        resources: dict[ResourceId, tuple[ResourceId, ...]],
        *,
        preferred: tuple[NodeId, ...] = (),
        properties: dict[str, Value] | None = None,
        policy: dict[str, Value] | None = None,
        parameters: dict[str, Value] | None = None,
        possible: tuple[NodeId, ...] | None = None,
    ) -> None:
        """Make a group that is wanted online; each resource with its providers."""
        self.groups[group] = list(resources)
        for resource, providers in resources.items():
            self.witness.providers[resource] = providers
            record = ResourceRecord(
                id=resource,
                name=resource,
                type="Application",
                group=group,
                dependencies=providers,
                possible_owners=possible,
                properties=policy or {},
                parameters=parameters or {},
            )
            self.put(resource_key(resource), encode(record))
        self.put(
            group_key(group),
            encode(
                GroupRecord(
                    id=group,
                    name=group,
                    preferred_owners=preferred,
                    properties=properties or {},
                    persistent_state=Wanted.ONLINE,
                )
            ),
        )

    def want(self, group: GroupId, wanted: Wanted) -> None:
        """Bring a group online, or take it offline."""
        record = decode(self.network.database.entries[group_key(group)].value, GroupRecord)
        self.say("admin", f"wants {group} {wanted}")
        self.put(group_key(group), encode(msgspec.structs.replace(record, persistent_state=wanted)))

    def move(self, group: GroupId, node: NodeId) -> None:
        """Ask for a move."""
        self.say("admin", f"moves {group} to {node}")
        self.put(wish_key(group), encode(WishRecord(node=node, cause=cause("cause_asked"))))

    def pause(self, node: NodeId, *, paused: bool) -> None:
        """Pause or resume a node."""
        entry = self.network.database.entries.get(node_key(node))
        if entry is not None:
            self.say("admin", f"{'pauses' if paused else 'resumes'} {node}")
            self.put(node_key(node), encode(msgspec.structs.replace(decode(entry.value, NodeRecord), paused=paused)))

    def retry(self, resource: ResourceId) -> None:
        """Bring a failed resource online."""
        self.put(order_key(resource), encode(OrderRecord(order=Order.RETRY, cause=cause("cause_asked"))))

    def owner(self, group: GroupId) -> OwnerRecord:
        """Return who owns a group."""
        entry = self.network.database.entries.get(owner_key(group))
        return decode(entry.value, OwnerRecord) if entry else OwnerRecord(phase=Phase.FREE)

    def beat(self, node: NodeId) -> HeartbeatRecord:
        """Return a node's heartbeat."""
        return decode(self.network.database.entries[heartbeat_key(node)].value, HeartbeatRecord)

    def record(self, resource: ResourceId) -> StateRecord | None:
        """Return what was reported of a resource."""
        entry = self.network.database.entries.get(state_key(resource))
        return decode(entry.value, StateRecord) if entry else None

    def number_of(self, node: Node) -> NodeId:
        """Return the number that a node was given when it joined."""
        assert node.parts is not None
        return node.parts.membership.node

    def runs(self, resource: ResourceId) -> Interval | None:
        """Return where a resource runs."""
        found = self.witness.running(resource)
        return found[0] if found else None

    def home_of(self, group: GroupId) -> Node:
        """Return the node on which the first resource of a group runs."""
        found = self.runs(self.groups[group][0])
        assert found is not None, f"{group} does not run"
        return next(node for node in self.nodes.values() if node.name == found.node)

    def others(self, node: Node) -> list[Node]:
        """Return all nodes but one."""
        return [other for other in self.nodes.values() if other is not node]

    def unsettled(self) -> list[str]:
        """Say what is not as it is wanted."""
        found = [f"{node.name} is not up" for node in self.nodes.values() if node.on and node.parts is None]
        for group, resources in self.groups.items():
            record = decode(self.network.database.entries[group_key(group)].value, GroupRecord)
            owner = self.owner(group)
            wanted = record.persistent_state is Wanted.ONLINE
            if wanted and owner.phase is not Phase.CLAIMED:
                found.append(f"{group} is {owner.phase}")
            for resource in resources:
                state = self.record(resource)
                right = ResourceState.ONLINE if wanted else ResourceState.OFFLINE
                running = self.witness.running(resource)
                if len(running) != wanted:
                    found.append(f"{resource} runs {len(running)} times")
                elif (wanted or state) and (state is None or state.state is not right):
                    found.append(f"{resource} is said to be {state.state.name if state else 'nothing'}")
        return found

    def cut_everybody(self) -> None:
        """Take the database away."""
        for node in self.nodes.values():
            node.path.cut()

    def heal_everybody(self) -> None:
        """Make all ways to the database good again."""
        for node in self.nodes.values():
            node.path.heal()

    # --- time ---------------------------------------------------------------------------------------------------

    async def boot(self) -> None:
        """Switch all nodes on and wait until everything is as it is wanted."""
        for node in self.nodes.values():
            node.power_on()
            await self.pass_time(0.05)  # so that their numbers are those of their names
        await self.settled(30.0)

    async def pass_time(self, seconds: float) -> None:
        """Let the world go on. Raises BrokenPromise."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)
        if self.broken:
            raise BrokenPromise("; ".join(self.broken))

    async def until(self, test: Callable[[], Any], within: float, what: str = "") -> float:
        """Let the world go on until *test* holds; returns how long that took.

        Raises:
            BrokenPromise: it does not within that time, or something worse happened.
        """
        began = self.loop.time()
        while not test():
            if self.loop.time() - began > within:
                self.say("WRONG", f"not within {within:g} s: {what}")
                raise BrokenPromise(f"not within {within:g} s: {what}")
            await self.pass_time(0.02)
        return self.loop.time() - began

    async def settled(self, within: float) -> float:
        """Let the world go on until everything is as it is wanted."""
        try:
            return await self.until(lambda: not self.unsettled(), within, "everything is as it is wanted")
        except BrokenPromise as exc:
            raise BrokenPromise(f"{exc} ({'; '.join(self.unsettled())})") from None

    def end(self) -> None:
        """Switch everything off."""
        for node in self.nodes.values():
            node.power_off()


# --- the simulated system ---------------------------------------------------------------------------------------


def _node() -> Node:
    process = PROCESS.get()
    world = _worlds[-1]
    assert process is not None
    return next(node for node in world.nodes.values() if node.service is process)


_worlds: list[World] = []


def _spawn_detached(arguments: tuple[str, ...], output: int) -> KernelProcess:
    del output
    node, name = _node(), arguments[-1]
    node.say(f"a monitor is started: {name}")
    monitor = MonitorProcess(node, name)
    node.monitors[monitor.handle.pid] = monitor
    return monitor.handle


def _adopt(identity: ProcessIdentity) -> KernelProcess | None:
    handles = [monitor.handle for monitor in _node().monitors.values()]
    return next((handle for handle in handles if handle.pid == identity.pid), None)


def _kill_resources(containers: FakeContainers, resources: list[ResourceId]) -> bool:
    for resource in resources:
        containers.open(resource).kill(float("inf"))
    return True


@contextlib.contextmanager
def simulated_system() -> Iterator[None]:
    """Put simulated processes, sockets and containers in the place of the system's."""
    with contextlib.ExitStack() as stack:
        for where, name, what in (
            (monitor_process, "selectors", SimpleNamespace(DefaultSelector=wires.VirtualSelector, EVENT_READ=1)),
            (monitor_process, "MonotonicTimer", wires.Alarm),
            (monitor_process, "ServiceLine", wires.Line),
            (entrypoints, "begin", machine.begin_call),
            (service_monitors, "_spawn_detached", _spawn_detached),
            (service_monitors, "containers_of", lambda _settings: _node().containers),
            (service_monitors, "kill_resources", _kill_resources),
            (processes, "adopt", _adopt),
        ):
            stack.enter_context(mock.patch.object(where, name, what))
        yield


class _IntoTimeline(logging.Handler):
    """What the product logs belongs into the timeline."""

    def emit(self, record: logging.LogRecord) -> None:
        process = PROCESS.get()
        if _worlds:
            _worlds[-1].say(process.name if process else "?", f"({record.getMessage()})")


@contextlib.contextmanager
def _logged() -> Iterator[None]:
    logger, handler = logging.getLogger("nodeagent"), _IntoTimeline(logging.WARNING)
    logger.addHandler(handler)
    propagated, logger.propagate = logger.propagate, False
    try:
        yield
    finally:
        logger.propagate = propagated
        logger.removeHandler(handler)


Story = Callable[[World], Awaitable[None]]


def simulate(
    story: Story,
    *,
    seed: int = 1,
    nodes: int = 3,
    profile: str = "default",
    rates: dict[int, float] | None = None,
    prepare: Callable[[World], None] = lambda _world: None,
) -> World:
    """Run *story* in a world of its own.

    Raises:
        BrokenPromise: with the timeline, when something happened that must never happen.
    """

    async def run(folder: Folder) -> World:
        world = World(seed, nodes, folder, profile=profile, rates=rates)
        _worlds.append(world)
        prepare(world)
        try:
            await story(world)
            await world.pass_time(0.0)
        except AssertionError as exc:
            timeline = "\n".join(world.timeline)
            raise BrokenPromise(f"{exc}\nseed {seed}\n{timeline}") from exc
        finally:
            world.end()
            await asyncio.sleep(1.0)  # what was cancelled comes to its end
            _worlds.remove(world)
        return world

    with (
        tempfile.TemporaryDirectory(prefix="world") as folder,
        simulated_system(),
        _logged(),
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
    ):
        return runner.run(run(Folder(folder)))
