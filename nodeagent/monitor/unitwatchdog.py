"""The watchdog of a monitor's unit: systemd kills the monitor, and all that it holds, when the loop hangs.

It is bound to the permission, as safety rule P10 asks: a sign of life lets it fire shortly after the moment at which
everything exclusive must have stopped, and not its whole time-out later. So no time of its own adds to the sum.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from nodeagent.system.clock import Clock
from nodeagent.system.supervisor import Supervisor
from nodeagent.system.urgency import LastResort

AFTER: Final = 0.1  # seconds for the kernel's timer to come first
SHORTEST: Final = 0.05  # seconds; 0 would switch it off


class UnitWatchdog(LastResort):
    """The kernel's timer, and systemd's watchdog behind it.

    Args:
        time_out: seconds; the unit's own, in force while there is no deadline.
    """

    def __init__(self, clock: Clock, supervisor: Supervisor, time_out: float) -> None:
        super().__init__(clock)
        self._now = clock.steady
        self._supervisor = supervisor
        self._time_out = time_out
        self._moment = math.inf

    def arm(self, moment: float) -> None:
        """Set both to *moment*."""
        super().arm(moment)
        self._moment = moment
        self.live()

    def disarm(self) -> None:
        """Let the process live, as long as it gives signs of life."""
        super().disarm()
        self._moment = math.inf
        self.live()

    def live(self) -> None:
        """Give a sign of life."""
        seconds = self._time_out
        if math.isfinite(self._moment):  # a profile that survives long pauses has a longer one than the unit
            seconds = max(SHORTEST, self._moment - self._now() + AFTER)
        self._supervisor.say(f"WATCHDOG_USEC={int(seconds * 1_000_000)}\nWATCHDOG=1")

    def live_on(self, later: Callable[[float, Callable[[], None]], object]) -> None:
        """Give signs of life from now on, whenever *later* says so."""
        self.live()
        later(self._time_out / 4, lambda: self.live_on(later))
