"""The fork: from a plan to a child that becomes the program, or tells at which step it could not."""

import ctypes
import errno
import fcntl
import functools
import gc
import os
import resource
import signal
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, Self

from nodeagent.system.accounts import Account

_CLONE3 = 435  # the same number on every architecture that has it
_CLONE_INTO_CGROUP = 0x2_0000_0000  # linux/sched.h
_CLONE_CLEAR_SIGHAND = 0x1_0000_0000
_CLONE_ARGS = struct.Struct("11Q")
REPORT = struct.Struct("=ci")  # at which step, errno
READY = b"!"  # the last step before exec
JOIN, DIRECTORY, USER, EXEC = b"j", b"d", b"u", b"x"
# An old kernel or a seccomp filter: the child then joins by itself.
_NO_CLONE3 = (errno.ENOSYS, errno.EPERM, errno.EINVAL, errno.E2BIG)
_ALL_SIGNALS = frozenset(map(int, signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}))


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a program is born: in a cgroup, or with a mark in its environment, or neither."""

    cgroup: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def enter(self) -> None:
        """Move the calling process there, with what it starts from now on: for forked children of our own."""
        if self.cgroup is not None:
            (self.cgroup / "cgroup.procs").write_bytes(b"0")
        os.environ.update(self.environment)


NOWHERE = Placement()


@dataclass(frozen=True, slots=True)
class Launch:
    """What to start.

    Attributes:
        argv: the program and its arguments, see `programs.split_command_line`, `programs.shell_command`.
        environment: all of it; nothing is inherited. See `programs.login_environment`.
        account: the user to run as; None for the one we are.
        output: where standard output and error go; None for /dev/null. Standard input is always /dev/null.
        patience: seconds to wait for the program file to be loaded, where a dead file server would hold us up.
        program: path of the program where it is known already; empty: `find_program` looks for it.
    """

    argv: Sequence[str]
    directory: str = "/"
    environment: Mapping[str, str] = field(default_factory=dict)
    account: Account | None = None
    output: int | None = None
    umask: int = 0o022
    patience: float = 1.0
    program: str = ""


class FailedStepError(Exception):
    def __init__(self, step: bytes, number: int) -> None:
        super().__init__(step, number)
        self.step = step
        self.number = number


class KilledAtBirthError(Exception):
    """The child was killed before it could do anything.

    Linux 6.18 compares how often the child's cgroup was killed with how often its parent's was, and kills what
    CLONE_INTO_CGROUP starts when the two differ. A child that joins by itself is not compared.
    """


@dataclass(frozen=True, slots=True)
class Plan:
    """All that can be worked out before the fork, so that the child has little to do."""

    launch: Launch
    program: str
    argv: list[bytes]
    environment: dict[str, str]


@dataclass(frozen=True, slots=True)
class OwnState:
    """What a child would inherit of us and must not; the signals as bit masks, bit 0 is signal 1."""

    threads: int
    blocked: int
    ignored: int
    caught: int

    @classmethod
    def read(cls) -> "OwnState":
        status = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
        try:
            lines = os.read(status, 8192).split(b"\n")  # some 1,400 bytes; Path takes three times as long
        finally:
            os.close(status)
        found = dict(line.split(b":\t", 1) for line in lines if line.startswith((b"Threads", b"Sig")))
        return cls(
            int(found[b"Threads"]), int(found[b"SigBlk"], 16), int(found[b"SigIgn"], 16), int(found[b"SigCgt"], 16)
        )


class StandardFiles:
    """/dev/null and the output, both numbered above the standard files: no dup2 hits the source of the next."""

    def __init__(self, output: int | None) -> None:
        self.null = self.output = -1
        self._wanted = output

    def __enter__(self) -> Self:
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        try:
            self.null = fcntl.fcntl(null, fcntl.F_DUPFD_CLOEXEC, 3)
            self.output = fcntl.fcntl(null if self._wanted is None else self._wanted, fcntl.F_DUPFD_CLOEXEC, 3)
        except OSError:
            self.__exit__()
            raise
        finally:
            os.close(null)
        return self

    def __exit__(self, *_: object) -> None:
        for fd in (self.null, self.output):
            if fd >= 0:
                os.close(fd)


def fork(plan: Plan, files: StandardFiles, folder: int | None, own: OwnState, *, into: bool) -> tuple[int, int]:
    """Fork a child that becomes the program: its number, and the pipe on which it tells how far it got."""
    reading, writing = os.pipe()
    highest = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    try:
        # A signal would run our handlers in the child, and a collection copy every page of our objects.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _numbers(own.caught))
        collecting = gc.isenabled()
        gc.disable()
        try:
            pid, joined, cleared = _bear(folder, into=into)
            if pid == 0:
                reset = _numbers(own.ignored if cleared else own.ignored | own.caught)
                _become(plan, files, None if joined else folder, reset=reset, report=writing, highest=highest)
        finally:
            if collecting:
                gc.enable()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    return pid, reading


def _bear(folder: int | None, *, into: bool) -> tuple[int, bool, bool]:
    """Fork, into the cgroup when one is given: the child's number (0 in the child), joined, handlers reset.

    The C library does not know of this fork. That is sound with one thread, when the child does nothing but
    system calls and exec.
    """
    join = folder if into else None
    flags = _CLONE_CLEAR_SIGHAND | (_CLONE_INTO_CGROUP if join is not None else 0)
    fields = _CLONE_ARGS.pack(flags, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, join or 0)
    pid = _libc().syscall(_CLONE3, ctypes.create_string_buffer(fields), _CLONE_ARGS.size)
    if pid >= 0:
        return pid, join is not None, True
    number = ctypes.get_errno()
    if number not in _NO_CLONE3:
        raise FailedStepError(JOIN if join is not None else EXEC, number)
    try:
        return os.fork(), False, False
    except OSError as exc:
        raise FailedStepError(EXEC, exc.errno or 0) from None


def _numbers(mask: int) -> list[int]:
    """Return the signals of a mask, without those that nobody can change and those that the C library keeps."""
    return [bit + 1 for bit in range(mask.bit_length()) if mask >> bit & 1 and bit + 1 in _ALL_SIGNALS]


@functools.cache
def _libc() -> ctypes.PyDLL:
    """Call without letting the interpreter's lock go: the child would find it taken."""
    libc = ctypes.PyDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc


def _become(
    plan: Plan, files: StandardFiles, folder: int | None, *, reset: Sequence[int], report: int, highest: int
) -> NoReturn:
    """Turn the forked child into the program, or report why not, and end."""
    step, problem = JOIN, 0
    try:
        if folder is not None:
            os.write(os.open("cgroup.procs", os.O_WRONLY, dir_fd=folder), b"0")
        step = EXEC
        os.setsid()
        os.dup2(files.output, 1)
        os.dup2(files.output, 2)
        os.dup2(files.null, 0)
        os.umask(plan.launch.umask)
        for number in reset:
            signal.signal(number, signal.SIG_DFL)
        step = USER
        if plan.launch.account is not None:
            _switch_user(plan.launch.account)
        step = DIRECTORY
        os.chdir(plan.launch.directory)  # after the change of user: it is the user's right to enter that counts
        step = EXEC
        os.closerange(3, report)
        os.closerange(report + 1, highest)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.write(report, READY)
        os.execve(plan.program, plan.argv, plan.environment)  # noqa: S606 - no shell is the point
    except OSError as exc:
        problem = exc.errno or 0
    finally:
        os.write(report, REPORT.pack(step, problem))
        os._exit(127)


def _switch_user(account: Account) -> None:
    if os.geteuid() == 0:
        os.setgroups(account.groups)
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)
