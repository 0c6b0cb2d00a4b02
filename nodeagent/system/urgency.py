"""Being on time: a monitor runs before ordinary programs, is never swapped out, and is killed rather than late."""

import contextlib
import ctypes
import math
import os
import signal
import time

from nodeagent.system.clock import Clock
from nodeagent.system.kerneltimers import TimerSpec, checked, libc

_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4  # mlockall(2)
_SIGEV_SIGNAL = 0  # sigevent(7)
_NANO = 1_000_000_000
_CHILD, _OWN = 1, 2  # real-time priorities: who lends must be there in time to take back


def run_before_others() -> bool:
    """Take a low real-time priority, lock what memory is used, and tell whether both were allowed.

    Children inherit neither.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(_OWN))
    except PermissionError:
        return False
    return bool(libc().mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) == 0)


def lend(pid: int, *, children: bool = False) -> bool:
    """Let a child that is on its way to exec run before others too; tell whether that was done.

    On a busy node it waits for the processor for 5 to 20 ms otherwise, which is most of the time that a restart takes.

    Args:
        children: what it forks has this from birth; take it back from them too.
    """
    if os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK != os.SCHED_RR:
        return False
    try:
        policy = os.SCHED_RR if children else os.SCHED_RR | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(pid, policy, os.sched_param(_CHILD))
    except (PermissionError, ProcessLookupError):
        return False
    return True


def take_back(pid: int) -> None:
    """Give it the ordinary priority; it must not have been reaped, or the number may be another's."""
    with contextlib.suppress(ProcessLookupError):
        os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))


class LastResort:
    """Kills this very process at a moment, by the kernel's hand: also when it is stopped or hangs (safety rule P8)."""

    def __init__(self, clock: Clock, number: int = signal.SIGKILL) -> None:
        self._clock = clock
        self._timer = ctypes.c_void_p()
        event = _SigEvent(value=0, signo=number, notify=_SIGEV_SIGNAL)
        # CLOCK_BOOTTIME counts suspend; a time daemon may slew it by a tenth, which each renewal takes back.
        checked(libc().timer_create(time.CLOCK_BOOTTIME, ctypes.byref(event), ctypes.byref(self._timer)))

    def arm(self, moment: float) -> None:
        """Set it to *moment*, seconds on the steady clock, in the place of the former one; infinite: never."""
        if math.isinf(moment) and moment > 0:
            self.disarm()
        else:
            self._set(max(1, int((moment - self._clock.steady()) * _NANO)))  # 0 would disarm

    def disarm(self) -> None:
        """Let the process live."""
        self._set(0)

    def close(self) -> None:
        """Give the timer back."""
        checked(libc().timer_delete(self._timer))

    def _set(self, wait: int) -> None:
        checked(libc().timer_settime(self._timer, 0, ctypes.byref(TimerSpec.once(wait)), None))


class _SigEvent(ctypes.Structure):
    """struct sigevent: 64 bytes in all."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("rest", ctypes.c_char * 48),
    )
