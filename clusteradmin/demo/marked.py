"""Processes that carry a demo's mark in their environment: found and killed, whoever their parent is now."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MARK: Final = "CLUSTERADMIN_DEMO"

_EMPTY_LOOKS: Final = 2
"""One look may miss a child that was born with a number that it had passed."""


def carriers(mark: str) -> Iterator[int]:
    """Yield the processes marked with *mark* or with a part of it ("MARK/NODE1"), this one excepted."""
    for folder in Path("/proc").glob("[0-9]*"):
        if (pid := int(folder.name)) != os.getpid() and _carries(pid, mark):
            yield pid


def _carries(pid: int, mark: str) -> bool:
    """Tell whether the process is marked; one that has ended, or is another user's, is not."""
    whole, part = f"{MARK}={mark}".encode(), f"{MARK}={mark}/".encode()
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        return any(word == whole or word.startswith(part) for word in words)
    return False


def kill_marked(mark: str, patience: float = 5.0) -> bool:
    """Kill all carriers of *mark* and wait, *patience* seconds at most; tell whether none is left. Blocks."""
    until = time.monotonic() + patience
    empty = 0
    while empty < _EMPTY_LOOKS:
        killed = [pidfd for pid in carriers(mark) if (pidfd := _kill(pid, mark)) is not None]
        empty = 0 if killed else empty + 1
        try:
            if not _wait_for(killed, until):
                return False
        finally:
            for pidfd in killed:
                os.close(pidfd)
    return True


def _kill(pid: int, mark: str) -> int | None:
    """Kill it and return its pidfd; None when the number has become another's."""
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return None
    with contextlib.suppress(OSError):
        if _carries(pid, mark):  # the descriptor came first, so that both speak of the same process
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            return pidfd
    os.close(pidfd)
    return None


def _wait_for(pidfds: list[int], until: float) -> bool:
    """Wait for the end of all; False when *until* (monotonic) came first."""
    for pidfd in pidfds:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
            return False
    return True
