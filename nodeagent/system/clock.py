"""Time on this node: a clock nobody can slew, its timer, and which life of the machine this is."""

import contextlib
import ctypes
import functools
import math
import os
import time
from pathlib import Path
from typing import Protocol

from nodeagent.system.closing import Closing
from nodeagent.system.kerneltimers import TimerSpec, checked, libc

_NANO = 1_000_000_000
_MILLI = 1_000_000  # in nanoseconds
_TFD_NONBLOCK = os.O_NONBLOCK
_TFD_CLOEXEC = os.O_CLOEXEC
# A time daemon may make CLOCK_BOOTTIME up to 10 % (and 500 ppm) slower than the steady clock: adjtimex(2), tick.
# A timer armed for this share of what remains is never late; the rest is armed again.
_SURE_SHARE = 0.85
_EXACT_BELOW = 0.010  # seconds; what the slew adds to so little is below the timer's own lateness


class Clock(Protocol):
    """Seconds. The service, its monitors and the simulation each take one."""

    def steady(self) -> float:
        """Return the steady clock: it counts suspend, nobody sets or slews it, and it means nothing elsewhere."""
        ...

    def wall(self) -> float:
        """Return the time of day since 1970 UTC, for people; nothing is decided by it."""
        ...


class SystemClock:
    """This node's clocks.

    Steady is CLOCK_MONOTONIC_RAW plus what CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC, the time spent suspended.
    CLOCK_BOOTTIME alone is slewed by time daemons by as much as 10 %.
    """

    def __init__(self) -> None:
        self._suspended = _suspended()

    def steady(self) -> float:
        suspended = _suspended()
        # Two readings of the same offset differ by what passed between two calls: only a suspend moves it.
        if abs(suspended - self._suspended) > _MILLI:
            self._suspended = suspended
        return (time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW) + self._suspended) / _NANO

    def wall(self) -> float:
        return time.time()


def _suspended() -> int:
    """Return for how many nanoseconds this machine has slept since it booted; at most 1 ms off."""
    while True:
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        boot = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        if after - before <= _MILLI:
            return boot - (before + after) // 2


class MonotonicTimer(Closing):
    """A file descriptor that becomes readable when a deadline on the steady clock is near or past; for epoll.

    An epoll time-out does not count suspend; this does. The kernel has no timer on the steady clock, so
    readable means "look": ask `due`, which arms the rest when it is too early.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._deadline = math.inf
        self._fd = checked(libc().timerfd_create(time.CLOCK_BOOTTIME, _TFD_NONBLOCK | _TFD_CLOEXEC))

    def fileno(self) -> int:
        return self._fd

    @property
    def deadline(self) -> float | None:
        return None if math.isinf(self._deadline) else self._deadline

    def arm(self, deadline: float) -> None:
        """Wait for *deadline* on the steady clock; it replaces the earlier one, and may lie in the past."""
        self._deadline = deadline
        self._set_rest()

    def disarm(self) -> None:
        self._deadline = math.inf
        self._set(0)

    def due(self) -> bool:
        """Tell whether the deadline has passed. Not before it, and as long as it is not disarmed or moved."""
        with contextlib.suppress(BlockingIOError):  # asked before the timer fired
            os.read(self._fd, 8)
        if math.isinf(self._deadline):
            return False
        if self._clock.steady() >= self._deadline:
            return True
        self._set_rest()
        return False

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _set_rest(self) -> None:
        rest = self._deadline - self._clock.steady()
        wait = rest if rest <= _EXACT_BELOW else rest * _SURE_SHARE
        self._set(max(1, math.ceil(wait * _NANO)))  # 0 would disarm

    def _set(self, wait: int) -> None:
        checked(libc().timerfd_settime(self._fd, 0, ctypes.byref(TimerSpec.once(wait)), None))


@functools.cache
def boot_identity() -> str:
    """Name this life of the machine: the kernel's boot id and the start of process 1.

    The boot id alone stays the same when a container restarts.
    """
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    started = Path("/proc/1/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    return f"{boot}/{started}"


def machine_identity() -> str:
    """Name this machine as "machine-id/product_uuid": clones of one image share the first, not the second.

    The second is known to root only, and not on every machine; it is empty then.
    """
    try:
        product = Path("/sys/class/dmi/id/product_uuid").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        product = ""
    return f"{machine_id() or ''}/{product}"


def machine_id() -> str | None:
    """Return machine-id(5), or None where the image has none; clones of one image may share it."""
    for path in (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id")):
        try:
            found = path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if found and found != "uninitialized":
            return found
    return None
