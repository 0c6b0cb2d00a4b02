"""A process of a simulated machine in which the production's Resource Monitor runs: it is born, turns, and dies."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from nodeagent.api.objects import ResourceId
from nodeagent.monitor import notes
from nodeagent.monitor.backstop import Machine
from nodeagent.monitor.messages import Permit
from nodeagent.monitor.process import Monitor, Places
from nodeagent.service.monitors import SHARED
from nodeagent.system.processes import ExitStatus
from tests.simulation.lastresort import LastResort
from tests.simulation.machine import FakeContainer, KernelProcess
from tests.simulation.virtualtime import Process

if TYPE_CHECKING:
    from tests.simulation.node import Node

REAPED_WITHIN = (0.01, 0.15)  # seconds until init has ended what a dead monitor held
BORN_WITHIN = (0.03, 0.2)  # seconds until a new monitor listens


class SimulatedMonitor(Monitor):
    """The production's monitor; only what would ask the real system of itself is simulated."""

    node: Node
    monitor_name: str

    def open_output(self, resource: ResourceId) -> int | None:
        """Write no output."""
        del resource
        return None

    def _permit(self, order: Permit) -> None:
        self.node.permitted(self.monitor_name, order)
        super()._permit(order)


class NodeProcess(Process):
    """A process of a node."""

    def __init__(self, node: Node, name: str) -> None:
        super().__init__(f"{node.name}/{name}")
        self.node = node


class MonitorProcess(NodeProcess):
    """A process in which a Monitor runs."""

    def __init__(self, node: Node, name: str) -> None:
        super().__init__(node, name)
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
        if not self.node.monitors_start:
            self.die("it cannot be started")
            return
        settings = self.node.settings
        folder = settings.monitors
        name = self.monitor_name
        places = Places(name, folder / f"{name}.sock", notes.path_of(folder, name), settings.logs)
        monitor = SimulatedMonitor(places, self.node.types, self.node.containers, self.node.clock, self._machine())
        monitor.node, monitor.monitor_name = self.node, name
        monitor._notes.process, monitor._notes.started = self.handle.pid, 1
        monitor._note_down()
        self._monitor = monitor
        self._wake()

    def _machine(self) -> Machine:
        node = self.node
        opens = node.settings.watchdog != "off" and self.monitor_name == SHARED
        return Machine(
            watchdog=node.watchdog.open if opens else None,
            device="/dev/watchdog",
            reset=node.reset if node.settings.reset == "sysrq" else None,
            others_run=self._others_run,
            killer=self.last_resort if node.kernel_kills else None,
        )

    def _others_run(self) -> bool:
        mine = self._monitor._held if self._monitor else {}
        return any(name not in mine for name in self.node.containers.leftovers())

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

    def ask_to_end(self) -> None:
        """Let it end what it holds, unless it stands still."""
        if self._monitor is not None and not self.frozen:
            self.context.run(self._monitor._kill_all)

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
        if process not in container.inside:
            continue
        if container.excused:  # killed all the same: what is slow to die dies in its own time
            process.signal(signal.SIGKILL)
        else:
            container.gone(process, ExitStatus(signal=9))
