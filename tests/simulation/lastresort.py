"""The kernel's timer that kills a simulated monitor; see `nodeagent.system.urgency.LastResort`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.monitorprocess import MonitorProcess
    from tests.simulation.node import Node


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
