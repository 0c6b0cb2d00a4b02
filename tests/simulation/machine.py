"""A simulated node's kernel: its clock, and the processes of its applications in their containers."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from nodeagent.monitor.calls import Entry, Outcome
from nodeagent.planner.timing import RHO
from nodeagent.resourcetypes.base import ApplicationType, Progress, ResourceType, Running, setting
from nodeagent.system.containers import Container
from nodeagent.system.launching import NOWHERE, Launch, Placement
from nodeagent.system.processes import ExitStatus
from nodeagent.system.programs import StartError
from tests.simulation.virtualtime import Descriptor, Process, VirtualLoop

SLOW_KILL = 0.8  # of the time that a kill may take, which is half of k
STANDSTILL = 0.5  # seconds; a `kill` that may wait for so long waits until all is gone
_BEGINNING = 1_800_000_000.0  # time of day at which every world begins


class NodeClock:
    """A node's clocks: steady runs at its own rate within rho, wall is off by some seconds."""

    def __init__(self, loop: asyncio.AbstractEventLoop, chance: random.Random, rate: float | None = None) -> None:
        self._loop = loop
        self._born = loop.time()
        self._offset = chance.uniform(10.0, 100_000.0)
        self._wall = chance.uniform(-2.0, 2.0)
        self.set_ahead = 0.0  # seconds by which somebody set the time of day
        self.rate = chance.uniform(1 - RHO, 1 + RHO) if rate is None else rate

    def steady(self) -> float:
        """Return the steady clock."""
        return self._offset + (self._loop.time() - self._born) * self.rate

    def wall(self) -> float:
        """Return the time of day."""
        return _BEGINNING + self._wall + self.set_ahead + self._loop.time()

    def true_until(self, moment: float) -> float:
        """Return the true seconds from now until *moment* of the steady clock."""
        return (moment - self.steady()) / self.rate


class KernelProcess(Descriptor):
    """A process as whoever watches it sees it; readable once it has ended."""

    def __init__(self, loop: VirtualLoop, pid: int, on_signal: Callable[[int], None]) -> None:
        super().__init__()
        self.pid = pid
        self._on_signal = on_signal
        self.status: ExitStatus | None = None
        loop.descriptors[self.fileno()] = self

    @property
    def readable(self) -> bool:
        """Whether it has ended."""
        return self.status is not None

    def signal(self, number: int) -> bool:
        """Send a signal; False when it has ended."""
        if self.status is not None:
            return False
        self._on_signal(number)
        return True

    def reap(self) -> ExitStatus | None:
        """Return how it ended."""
        return self.status

    def close(self) -> None:
        """Watch it no more."""

    def end(self, status: ExitStatus) -> None:
        """Let it have ended."""
        if self.status is None:
            self.status = status
            self.changed()


class Launched(Descriptor):
    """An application between fork and exec; what `nodeagent.system.launching.Starting` is of the real ones."""

    def __init__(self, process: KernelProcess) -> None:
        super().__init__()
        self.process = process
        self.running = False
        process.listeners[self.changed] = None

    @property
    def readable(self) -> bool:
        """Whether there is something to know."""
        return self.running or self.process.readable

    def ready(self) -> bool:
        """Tell whether the program runs. Raises StartError."""
        if not self.running and self.process.status is not None:
            raise StartError("It was killed before it could start.")
        return self.running

    def close(self) -> None:
        """Watch it no more."""
        self.process.listeners.pop(self.changed, None)


class Kernel(Protocol):
    """What containers need of their node."""

    loop: VirtualLoop
    chance: random.Random
    clock: NodeClock
    kernel: Process
    slow: set[str]
    kills_slowly: bool

    @property
    def bound(self) -> float:
        """The k of the newest permission, seconds."""
        ...

    def new_pid(self) -> int:
        """Return a process number."""
        ...

    def app_can_start(self, resource: str) -> bool:
        """Tell whether the program can be executed here."""
        ...

    def is_well(self, resource: str) -> bool:
        """Tell what a check of it finds here."""
        ...

    def app_runs(self, resource: str, pid: int) -> None:
        """Learn that an application runs."""
        ...

    def app_asked(self, resource: str) -> None:
        """Learn that an application was asked to end."""
        ...

    def app_ended(self, resource: str, pid: int) -> None:
        """Learn that an application has ended."""
        ...


class FakeContainer:
    """Holds the processes of one resource on one node; see `nodeagent.system.containers.Container`."""

    placement: Placement = NOWHERE

    def __init__(self, node: Kernel, name: str) -> None:
        self.node = node
        self.name = name
        self.inside: dict[KernelProcess, bool] = {}
        self._dying: set[KernelProcess] = set()
        self._doomed: set[KernelProcess] = set()  # was killed: runs no program any more, whatever it waits for
        self._waits = False  # its processes wait for a device
        slow = SLOW_KILL * (Slow.kill_bound or 0.0) if name in node.slow else None
        self.dies_in = slow  # seconds that a kill takes; None: a random short time

    @property
    def unkillable(self) -> bool:
        """Whether its processes wait for a device; when they do no longer, those that were killed meanwhile die."""
        return self._waits

    @unkillable.setter
    def unkillable(self, waits: bool) -> None:
        self._waits = waits
        for process in [] if waits else list(self._doomed - self._dying):
            self._dying.add(process)
            self.node.kernel.soon(self.gone, process, ExitStatus(signal=signal.SIGKILL))

    @property
    def excused(self) -> bool:
        """Whether it may take longer to end than a type promises."""
        return self.unkillable or self.dies_in is not None

    def spawn(self, launch: Launch) -> Any:
        """Never used by the monitor."""
        raise NotImplementedError

    def begin(self, launch: Launch) -> Launched:
        """Start an application: it runs after a short while, if nobody kills it before."""
        node = self.node
        process = KernelProcess(node.loop, node.new_pid(), lambda number: self._signalled(process, number, launch))
        self.inside[process] = False
        launched = Launched(process)

        def run() -> None:
            if not node.app_can_start(self.name):
                self.gone(process, ExitStatus(code=127))
            elif process.status is None and process not in self._doomed:
                self.inside[process] = True
                node.app_runs(self.name, process.pid)
                launched.running = True
                launched.changed()

        node.kernel.later(float(launch.environment["start"]), run)
        return launched

    def hold(self, process: KernelProcess) -> None:
        """Count a running entry point as one of these."""
        self.inside[process] = False

    def admit(self, process: Any) -> None:
        """Forked children are in here from the beginning."""

    def pids(self) -> list[int]:
        """Return who is inside."""
        return [process.pid for process in self.inside]

    def is_empty(self) -> bool:
        """Tell whether nobody is inside."""
        return not self.inside

    def signal(self, number: int) -> None:
        """Send a signal to everything inside."""
        for process in list(self.inside):
            process.signal(number)

    def begin_kill(self) -> None:
        """Kill everything; it takes some time to be gone."""
        for process in list(self.inside):
            self._kill(process)

    def kill(self, deadline: float) -> bool:
        """Kill everything; True when it is gone. Who may wait for long is taken to have waited."""
        self.begin_kill()
        if deadline - self.node.clock.steady() > STANDSTILL and not self.excused:
            self.end_all()
        return self.is_empty()

    def end_all(self) -> None:
        """Let everything be gone at once."""
        for process in list(self.inside):
            self.gone(process, ExitStatus(signal=signal.SIGKILL))

    def remove(self) -> None:
        """Leave nothing behind."""

    def gone(self, process: KernelProcess, status: ExitStatus) -> None:
        """Let a process have ended."""
        ran = self.inside.pop(process, None)
        self._dying.discard(process)
        self._doomed.discard(process)
        if ran:
            self.node.app_ended(self.name, process.pid)
        process.end(status)

    def _kill(self, process: KernelProcess) -> None:
        self._doomed.add(process)
        if process not in self._dying and not self.unkillable:
            self._dying.add(process)
            longest = SLOW_KILL * self.node.bound / 2
            usual = self.node.chance.choice((0.0005, 0.001, 0.005, 0.02, min(0.2, longest), longest))
            usual = longest if self.node.kills_slowly else usual
            wait = usual if self.dies_in is None else self.dies_in
            self.node.kernel.later(wait, self.gone, process, ExitStatus(signal=signal.SIGKILL))

    def _signalled(self, process: KernelProcess, number: int, launch: Launch) -> None:
        if number == signal.SIGKILL:
            self._kill(process)
        elif number == signal.SIGTERM and self.inside.get(process) and not self.unkillable:
            self.node.app_asked(self.name)
            self.node.kernel.later(float(launch.environment["stop"]), self.gone, process, ExitStatus(code=0))


class FakeContainers:
    """All containers of a node."""

    def __init__(self, node: Kernel) -> None:
        self._node = node
        self.all: dict[str, FakeContainer] = {}

    def open(self, name: str) -> Container:
        """Return the container of that name."""
        return self.all.setdefault(name, FakeContainer(self._node, name))  # type: ignore[return-value]

    def leftovers(self) -> list[str]:
        """Return those in which something is."""
        return [name for name, container in self.all.items() if container.inside]


# --- entry points -----------------------------------------------------------------------------------------------


class FakeCall(Descriptor):
    """A running entry point; see `nodeagent.monitor.calls.Call`."""

    def __init__(self, process: KernelProcess) -> None:
        super().__init__()
        self.process = process
        self.outcome: Outcome | None = None

    @property
    def readable(self) -> bool:
        """Whether its result has come."""
        return self.outcome is not None

    def read(self) -> tuple[list[str], bool]:
        """Return no progress, and whether it is over."""
        return [], self.outcome is not None or self.process.readable

    def close(self) -> None:
        """End the child."""
        self.process.signal(signal.SIGKILL)


def begin_call(kind: ResourceType[Any], entry: Entry, mine: Any, container: Any, output: int | None) -> FakeCall:
    """Run an entry point in a simulated child; in the place of `nodeagent.monitor.calls.begin`."""
    del output
    assert isinstance(container, FakeContainer)
    node = container.node
    process = KernelProcess(node.loop, node.new_pid(), lambda _: container.gone(process, ExitStatus(signal=9)))
    call = FakeCall(process)
    if entry != "prepare":
        container.hold(process)

    def result() -> None:
        if process.status is not None:
            return
        running = kind.prepare(mine) if isinstance(kind, ApplicationType) and entry == "prepare" else None
        asked = entry in ("looks_alive", "is_alive")
        call.outcome = Outcome(done=True, well=not asked or node.is_well(container.name), running=running)
        call.changed()
        container.gone(process, ExitStatus(code=0))

    node.kernel.later(node.chance.choice((0.002, 0.01, 0.05)), result)
    return call


@dataclass(frozen=True, slots=True)
class Settings:
    start: float = setting("Seconds until it runs", default=0.02)
    stop: float = setting("Seconds that it takes to end", default=0.05)


class Application(ApplicationType[Settings]):
    """What runs in a simulated world."""

    name = "Application"
    settings = Settings

    def prepare(self, mine: Settings) -> Running:
        """See ApplicationType."""
        return Running(Launch(["application"], environment={"start": str(mine.start), "stop": str(mine.stop)}))

    def online(self, mine: Settings, progress: Progress) -> None:
        """Never called: the monitor starts applications itself."""


class Slow(Application):
    """May take five seconds to stop."""

    name: ClassVar[str] = "Slow"
    kill_bound: ClassVar[float | None] = 5.0


TYPES: dict[str, ResourceType[Any]] = {"Application": Application(), "Slow": Slow()}
