"""A simulated machine's watchdog device: it counts whatever stands still, and cuts the power when nobody pats it."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.node import Node

BOOT = 5.0  # seconds until a machine that was reset is on again


class SimulatedWatchdog:
    """See `nodeagent.system.watchdog`. It belongs to the machine: who opens it finds it as the last one left it.

    Attributes:
        present: whether the machine has one.
        shortest: seconds; what it rounds a shorter time-out up to.
        resets: how often it fired.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._timeout = 60.0
        self._timer: asyncio.TimerHandle | None = None
        self.present = True
        self.shortest = 1.0
        self.resets = 0

    def open(self) -> SimulatedWatchdog:
        """Open it: from now on it counts."""
        if not self.present:
            raise OSError(errno.ENOENT, "No such file or directory")
        self.pat()
        return self

    def set_timeout(self, seconds: float) -> float:
        """Set the time-out; returns what it became."""
        self._timeout = max(seconds, self.shortest)
        self.pat()
        return self._timeout

    def pat(self) -> None:
        """Count anew."""
        self.power_off()
        self._timer = self._node.world.kernel.later(self._timeout, self._fire)

    def disarm(self) -> None:
        """Count no more."""
        self.power_off()

    def leave(self) -> None:
        """Go on counting, though nobody has it open."""

    def power_off(self) -> None:
        """A machine without power counts nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._node.say("the watchdog resets the machine")
        self.resets += 1
        self._node.reset()
