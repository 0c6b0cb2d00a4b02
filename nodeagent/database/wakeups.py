"""One byte to every other process that watches the same SQLite file: something was committed."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

_SUFFIX: Final = ".sock"


class Wakeups:
    """A datagram socket per watching store, all in one folder.

    A wake-up says no more than "look"; one that is lost costs the time until the next poll of the database. `ring`
    may be called from another thread than the rest.
    """

    def __init__(self, folder: Path) -> None:
        """Touch nothing yet.

        Args:
            folder: made when the first store listens; only its owner may enter.
        """
        self._folder = folder
        self._name = ""
        self._receiver: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def listen(self, wake: Callable[[], None]) -> None:
        """Call *wake* in the running loop when another store rings.

        Raises:
            OSError: the socket cannot be made.
        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._name = self._bind(receiver)
        except OSError:
            receiver.close()
            raise
        self._receiver = receiver
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(receiver, self._receive, receiver, wake)

    def ring(self) -> None:
        """Wake all others; nobody is waited for, and nothing that fails here matters to who committed."""
        try:
            with (
                _entered(self._folder) as folder,
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender,
            ):
                for name in os.listdir(folder):  # noqa: PTH208 - after each commit: ten times as fast as a glob
                    if name.endswith(_SUFFIX) and name != self._name:
                        _ring_one(sender, folder, name)
        except OSError:
            return  # nobody has listened yet, or no descriptor is free: the others poll

    def close(self) -> None:
        """Listen no more, and take the socket's name away."""
        if self._receiver is None or self._loop is None:
            return
        self._loop.remove_reader(self._receiver)
        self._receiver.close()
        self._receiver = None
        with contextlib.suppress(FileNotFoundError):
            (self._folder / self._name).unlink()

    def _bind(self, receiver: socket.socket) -> str:
        number = 0
        with _entered(self._folder) as folder:
            while True:
                name = f"{os.getpid()}-{number}{_SUFFIX}"
                try:
                    receiver.bind(_address(folder, name))
                except OSError as error:
                    if error.errno != errno.EADDRINUSE:
                        raise
                    number += 1  # of another store of this process, or of a dead one: whoever rings removes that
                else:
                    return name

    @staticmethod
    def _receive(receiver: socket.socket, wake: Callable[[], None]) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                receiver.recv(16)
        wake()


@contextlib.contextmanager
def _entered(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _address(folder: int, name: str) -> str:
    """Return a short path to *name*: the address of a socket may have 107 bytes, the folder's path may be longer."""
    return f"/proc/self/fd/{folder}/{name}"


def _ring_one(sender: socket.socket, folder: int, name: str) -> None:
    try:
        sender.sendto(b"!", _address(folder, name))
    except ConnectionRefusedError:
        with contextlib.suppress(OSError):  # its process is dead
            os.unlink(name, dir_fd=folder)
    except OSError:
        return  # a full queue already holds a wake-up; a name that has just gone waits for none
