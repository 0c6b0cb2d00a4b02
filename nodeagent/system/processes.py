"""Processes: who one is across a restart of ours, how it ended, and those that become our children by adoption."""

import ctypes
import errno
import os
import select
import signal
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

import msgspec

from nodeagent.system.clock import boot_identity
from nodeagent.system.closing import Closing

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2), linux/prctl.h
_CORE_DUMPED = os.CLD_DUMPED


class ProcessIdentity(msgspec.Struct, frozen=True):
    """Which process: a number alone is given to another one later.

    Attributes:
        started: field 22 of /proc/PID/stat, in clock ticks since the machine booted; no wall clock in it.
        boot: the life of the machine that the two belong to, see `clock.boot_identity`.
    """

    pid: int
    started: int
    boot: str


class ExitStatus(msgspec.Struct, frozen=True):
    """How a process ended; neither code nor signal when it was no child of ours, so that nobody told us."""

    code: int | None = None
    signal: int | None = None
    core_dumped: bool = False

    @property
    def known(self) -> bool:
        return self.code is not None or self.signal is not None


@dataclass(frozen=True, slots=True)
class Stat:
    """What one line of /proc/PID/stat says of a process, as far as we need it."""

    pid: int
    state: str
    parent: int
    session: int
    started: int

    @property
    def alive(self) -> bool:
        """A zombie runs nothing and holds nothing but its number."""
        return self.state not in "ZX"


class Process(Closing):
    """A process that is watched: its pidfd is readable once it has ended, and never means another process."""

    def __init__(self, identity: ProcessIdentity, pidfd: int) -> None:
        self.identity = identity
        self._pidfd = pidfd

    @property
    def pid(self) -> int:
        return self.identity.pid

    def fileno(self) -> int:
        return self._pidfd

    def signal(self, number: int) -> bool:
        """Send a signal; False when the process has ended already.

        Raises:
            PermissionError: it runs as another user and we are not root.
        """
        try:
            signal.pidfd_send_signal(self._pidfd, number)
        except ProcessLookupError:
            return False
        return True

    def reap(self) -> ExitStatus | None:
        return reap(self._pidfd)

    def close(self) -> None:
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1

    def __repr__(self) -> str:
        return f"Process({self.identity!r})"


def read_stat(pid: int) -> Stat | None:
    """Read /proc/PID/stat; None when there is no such process (any more)."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:  # noqa: PTH123 - read a thousand times in a scan
            text = file.read(4096)
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name stands in parentheses and may itself hold spaces and parentheses.
    fields = text[text.rindex(b")") + 2 :].split()
    return Stat(pid, fields[0].decode("ascii"), int(fields[1]), int(fields[3]), int(fields[19]))


def all_numbers() -> list[int]:
    """Return the numbers of all processes, lowest first as the kernel lists them."""
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]  # noqa: PTH208 - hundreds of names


def all_processes() -> list[Stat]:
    """Read the whole process table; about 20 us each, and no snapshot: what forks meanwhile may be missing."""
    return [stat for number in all_numbers() if (stat := read_stat(number)) is not None]


def identify(pid: int) -> ProcessIdentity | None:
    """Take down who has this number now; None when nobody has."""
    stat = read_stat(pid)
    return None if stat is None else ProcessIdentity(pid, stat.started, boot_identity())


def is_same(identity: ProcessIdentity) -> bool:
    """Tell whether that very process still exists, if only as a zombie."""
    return identify(identity.pid) == identity


def open_pidfd(pid: int) -> int | None:
    """Return a pidfd, close-on-exec, or None when the process is gone; who it is must be compared afterwards."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    except OSError as exc:
        if exc.errno == errno.EINVAL:  # a thread's number, not a process's: the process we mean is gone
            return None
        raise


def adopt(identity: ProcessIdentity) -> Process | None:
    """Watch a process known from an earlier life of ours; None when it is gone or the number is another's.

    The pidfd comes first and the comparison after it: the other way round the number could change hands between.
    """
    pidfd = open_pidfd(identity.pid)
    if pidfd is None:
        return None
    if is_same(identity):
        return Process(identity, pidfd)
    os.close(pidfd)
    return None


def watch_child(pid: int) -> Process:
    """Watch a child just born, which cannot lose its number before we reap it."""
    identity, pidfd = identify(pid), open_pidfd(pid)
    if identity is None or pidfd is None:
        raise ChildProcessError(errno.ECHILD, f"process {pid} is no child that waits to be reaped")
    return Process(identity, pidfd)


def reap(pidfd: int) -> ExitStatus | None:
    """Return how the process ended and let its number go; None while it runs. Never waits.

    A process that is not our child (a daemonised one before adoption, one from a monitor that died) ends with
    an unknown status.
    """
    try:
        result = os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG)
    except ChildProcessError:
        return ExitStatus() if _is_readable(pidfd) else None
    return None if result is None else _status(result)


def describe_exit(status: ExitStatus) -> str:
    """Say how it ended, to go after the name of the program: "ended with exit code 3"."""
    if status.signal is not None:
        core = ", and left a core dump" if status.core_dumped else ""
        return f"was ended by signal {status.signal}{_signal_name(status.signal)}{core}"
    if status.code is not None:
        return f"ended with exit code {status.code}"
    return "ended; its exit code is not known, because another process started it"


def become_subreaper() -> None:
    """Let orphans below us become our children: a program that daemonises stays findable and is reaped."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def children() -> list[int]:
    """Return the numbers of our own children, zombies and adopted ones included."""
    me = os.getpid()
    try:
        return [int(number) for number in Path(f"/proc/{me}/task/{me}/children").read_bytes().split()]
    except FileNotFoundError:  # a kernel without CONFIG_PROC_CHILDREN
        return [stat.pid for stat in all_processes() if stat.parent == me]


def reap_adopted(ours: AbstractSet[int]) -> list[tuple[int, ExitStatus]]:
    """Reap the zombies among our children whose numbers are not in *ours*: orphans that came to us as subreaper.

    Those in *ours* are left to whoever watches them, who would otherwise never learn how they ended.
    """
    found = []
    for pid in children():
        if pid in ours:
            continue
        try:
            result = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)
        except ChildProcessError:
            continue
        if result is not None:
            found.append((pid, _status(result)))
    return found


def _status(result: os.waitid_result) -> ExitStatus:
    if result.si_code == os.CLD_EXITED:
        return ExitStatus(code=result.si_status)
    return ExitStatus(signal=result.si_status, core_dumped=result.si_code == _CORE_DUMPED)


def _is_readable(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))


def _signal_name(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return ""
    text = signal.strsignal(number)
    return f" ({name}, {text.lower()})" if text else f" ({name})"
