"""Telling the supervisor (systemd, or the demo) that this service lives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from nodeagent.system.supervisor import Supervisor, watchdog_timeout

EVERY: Final = 1.0  # seconds between two signs of life


class Supervision(Supervisor):
    """Sends READY, signs of life and STOPPING.

    Args:
        address: where to, instead of $NOTIFY_SOCKET.
        time_out: the unit's own, seconds, after which it ends a silent service; 0 when it never does.
    """

    def __init__(self, address: str | None = None, time_out: float | None = None) -> None:
        super().__init__(address)
        self._time_out = watchdog_timeout() if time_out is None else time_out

    async def run(self, self_stop: Callable[[], float]) -> None:
        """Give signs of life for ever: they stop when this loop hangs.

        A pause of the whole machine that *self_stop*, s of the cluster's profile, survives must not end with the death
        of the service: after it the supervisor may look at its clock before this loop runs. A service that hangs for
        longer keeps no application running in any case.
        """
        while self.listens:
            self.live(self_stop())
            await asyncio.sleep(EVERY)  # the interval of the signs of life

    def live(self, self_stop: float) -> None:
        """Give one sign of life."""
        longer = f"WATCHDOG_USEC={int(max(self._time_out, self_stop + EVERY) * 1e6)}\n" if self._time_out else ""
        self.say(f"{longer}WATCHDOG=1")
