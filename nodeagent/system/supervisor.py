"""What the supervisor of this process (systemd, or the demo) is told: the datagrams of sd_notify(3)."""

from __future__ import annotations

import os
import socket


class Supervisor:
    """Sends to $NOTIFY_SOCKET; does nothing where there is none."""

    def __init__(self, address: str | None = None) -> None:
        path = os.environ.get("NOTIFY_SOCKET", "") if address is None else address
        self._address = "\0" + path[1:] if path.startswith("@") else path

    @property
    def listens(self) -> bool:
        """Whether there is one."""
        return bool(self._address)

    def say(self, text: str) -> None:
        """Send one datagram; a supervisor that is gone or busy is no error."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sender:
            try:
                sender.sendto(text.encode(), self._address)
            except OSError:
                return


def watchdog_timeout() -> float:
    """Return the seconds after which this process's supervisor ends it without a sign of life; 0 when it never does."""
    try:
        seconds = int(os.environ.get("WATCHDOG_USEC", "0")) / 1_000_000
    except ValueError:
        return 0.0
    # Of another process, when the variable was inherited.
    return seconds if os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid()) else 0.0
