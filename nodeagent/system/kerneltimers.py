"""What the kernel's timers need of the C library and Python does not offer."""

import ctypes
import errno
import functools
import os
from typing import Self

_NANO = 1_000_000_000


class TimerSpec(ctypes.Structure):
    """struct itimerspec: the interval (unused), then the first expiry; all zero disarms."""

    _fields_ = (
        ("interval_seconds", ctypes.c_long),
        ("interval_nanoseconds", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("nanoseconds", ctypes.c_long),
    )

    @classmethod
    def once(cls, nanoseconds: int) -> Self:
        """Return what fires once, so long from now."""
        return cls(0, 0, nanoseconds // _NANO, nanoseconds % _NANO)


@functools.cache
def libc() -> ctypes.CDLL:
    """Load the C library, and before glibc 2.34 the one that has the timers."""
    found = ctypes.CDLL(None, use_errno=True)
    return found if hasattr(found, "timer_create") else ctypes.CDLL("librt.so.1", use_errno=True)


def checked(result: int) -> int:
    """Return what a call of the C library returned. Raises OSError when that is a failure."""
    if result < 0:
        number = ctypes.get_errno() or errno.EINVAL
        raise OSError(number, os.strerror(number))
    return result
