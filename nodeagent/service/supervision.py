"""Telling the supervisor (systemd, or the demo) that this service lives."""

from __future__ import annotations

import asyncio
from typing import Final

from nodeagent.system.supervisor import Supervisor

EVERY: Final = 1.0  # seconds between two signs of life


class Supervision(Supervisor):
    """Sends READY, signs of life and STOPPING."""

    async def run(self) -> None:
        """Give signs of life for ever: they stop when this loop hangs."""
        while self.listens:
            self.say("WATCHDOG=1")
            await asyncio.sleep(EVERY)  # the interval of the signs of life
