"""Telling the supervisor (systemd, or the demo) that this service lives: the sd_notify datagrams."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Final

EVERY: Final = 1.0  # seconds between two signs of life


class Supervision:
    """Sends READY, signs of life and STOPPING to $NOTIFY_SOCKET; does nothing where there is none.

    Source: sd_notify(3).
    """

    def __init__(self, address: str | None = None) -> None:
        path = os.environ.get("NOTIFY_SOCKET", "") if address is None else address
        self._address = "\0" + path[1:] if path.startswith("@") else path

    def say(self, text: str) -> None:
        """Send one datagram; a supervisor that is gone or busy is no error."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sender:
            try:
                sender.sendto(text.encode(), self._address)
            except OSError:
                return

    async def run(self) -> None:
        """Give signs of life for ever: they stop when this loop hangs."""
        while self._address:
            self.say("WATCHDOG=1")
            await asyncio.sleep(EVERY)  # the interval of the signs of life
