"""Signs of life from a kept program to who keeps it: systemd's sd_notify, both ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

READY: Final = "READY=1"
ALIVE: Final = "WATCHDOG=1"
SOCKET_VARIABLE: Final = "NOTIFY_SOCKET"


def tell(notice: str, environment: Mapping[str, str] = os.environ) -> None:
    """Say *notice* to whoever started this program and wants to know; never waits."""
    path = environment.get(SOCKET_VARIABLE)
    if not path:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out, contextlib.suppress(OSError):
        out.setblocking(False)
        out.sendto(notice.encode(), path)


class NoticeBoard:
    """The socket to which one life of a program tells; a later life gets another one, so that none speaks for it."""

    def __init__(self, path: Path, hear: Callable[[set[str]], None]) -> None:
        """Listen at *path* in the running loop; *hear* gets what was said, without repetitions."""
        path.unlink(missing_ok=True)
        self._path = path
        self._hear = hear
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        self._socket.bind(str(path))
        self._loop.add_reader(self._socket, self._read)

    def _read(self) -> None:
        said: set[str] = set()
        with contextlib.suppress(BlockingIOError):
            while True:
                said.update(self._socket.recv(4096).decode("utf-8", "replace").split("\n"))
        if said:
            self._hear(said)

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._path.unlink(missing_ok=True)
