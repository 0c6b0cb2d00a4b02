"""The watchdog device: it resets the machine unless it is patted in time (safety rule P10)."""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import stat
import struct
from pathlib import Path

# linux/watchdog.h: _IOWR('W', 6, int) and _IOR('W', 7, int)
_SETTIMEOUT = 0xC0045706
_GETTIMEOUT = 0x80045707
_MAGIC_CLOSE = b"V"
_PAT = b"\0"


class Watchdog:
    """An open watchdog. From the opening on it wants to be patted; only `disarm` ends that, not the end of a process.

    A character device is told its time-out by ioctl, and what it makes of that is read back: it may round. Any other
    path (a FIFO that a program of the administrator's reads, say) gets the line "timeout=SECONDS" instead, is taken to
    obey, and gets one zero byte per pat, or "V", as the device does.

    Source: Documentation/watchdog/watchdog-api.rst of the Linux kernel.
    """

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            OSError: there is none, or somebody else has it (EBUSY).
        """
        self._file = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._is_device = stat.S_ISCHR(os.fstat(self._file).st_mode)

    def set_timeout(self, seconds: float) -> float:
        """Set after how many seconds without a pat it fires; returns what the device made of it.

        Raises:
            OSError: the device cannot do that.
        """
        if not self._is_device:
            os.write(self._file, b"timeout=%g\n" % seconds)
            return seconds
        fcntl.ioctl(self._file, _SETTIMEOUT, struct.pack("i", math.ceil(seconds)))
        answer: bytes = fcntl.ioctl(self._file, _GETTIMEOUT, struct.pack("i", 0))
        return float(struct.unpack("i", answer)[0])

    def pat(self) -> None:
        """Let it count anew. Raises OSError."""
        os.write(self._file, _PAT)

    def disarm(self) -> None:
        """Close it so that it fires no more (unless the kernel was built never to let go)."""
        with contextlib.suppress(OSError):  # then it goes on counting, which is the safe side
            os.write(self._file, _MAGIC_CLOSE)
        os.close(self._file)

    def leave(self) -> None:
        """Close it armed: nobody pats it any more."""
        os.close(self._file)


def reset_host(trigger: Path) -> None:
    """Reset the machine at once, without unmounting anything: for what cannot be stopped in any other way (P7).

    Source: Documentation/admin-guide/sysrq.rst of the Linux kernel; root's writes are obeyed whatever sysctl says.
    """
    trigger.write_bytes(b"b")
