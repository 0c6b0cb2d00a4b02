"""A lock that is a name and no file, so that nobody can remove it under its holder: a Unix socket of the abstract kind.

It holds in one network namespace, and ends with the process.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import Final

_CREDENTIALS: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid
_WAITING: Final = 16  # who asks is never answered; that many may have asked


class HeldError(Exception):
    """Another process of ours, or of root's, holds it."""


def take(name: str) -> socket.socket | None:
    """Hold the lock until the socket is closed; None when a stranger sits on the name, whom we need not mind.

    Raises:
        HeldError: it is held.
        OSError: no socket can be had.
    """
    place = b"\0" + name.encode()
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        lock.bind(place)
        lock.listen(_WAITING)
    except OSError as exc:
        lock.close()
        if exc.errno != errno.EADDRINUSE:
            raise
        if _holder(place) in (0, os.geteuid()):
            raise HeldError from None
        return None
    return lock


def _holder(place: bytes) -> int:
    """Return the user who holds it; our own when so many have asked that it does not say."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.setblocking(False)
        try:
            asking.connect(place)
        except OSError:  # it does not listen yet, or to no more
            return os.geteuid()
        found = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(found)[1])
