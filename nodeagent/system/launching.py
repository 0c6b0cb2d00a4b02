"""Starting programs: environment, user, and birth inside the resource's own cgroup.

Two ways, chosen by what is asked:

- Nothing but a program as our own user: `subprocess.Popen`, which uses vfork (0.53 ms to main(), C floor 0.50).
- A cgroup or another user: clone3 with CLONE_INTO_CGROUP and a short piece of Python up to exec (1.5 ms; after
  some idle time 2.3 ms, C floor 1.1). Joining a cgroup by writing cgroup.procs, before or after, takes 8 ms when nobody
  has written one for a while (the kernel waits for an RCU grace period), a shell or setpriv in between 0.6 to
  1 ms more, and neither tells why exec failed. The write remains where clone3 is forbidden.
"""

import contextlib
import ctypes
import errno
import fcntl
import functools
import gc
import os
import resource
import select
import signal
import struct
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, Self

from nodeagent.system import processes, urgency
from nodeagent.system.accounts import Account
from nodeagent.system.processes import Process
from nodeagent.system.programs import (
    CommandLineError,
    DirectoryMissingError,
    NotExecutableError,
    ProgramNotFoundError,
    StartDeniedError,
    StartError,
    find_program,
    refuse_unusable,
)

_CLONE3 = 435  # the same number on every architecture that has it
_CLONE_INTO_CGROUP = 0x2_0000_0000  # linux/sched.h
_CLONE_CLEAR_SIGHAND = 0x1_0000_0000
_CLONE_ARGS = struct.Struct("11Q")
_REPORT = struct.Struct("=ci")  # at which step, errno
_READY = b"!"  # the last step before exec
_JOIN, _DIRECTORY, _USER, _EXEC = b"j", b"d", b"u", b"x"
# An old kernel or a seccomp filter: the child then joins by itself.
_NO_CLONE3 = (errno.ENOSYS, errno.EPERM, errno.EINVAL, errno.E2BIG)
_ALL_SIGNALS = frozenset(map(int, signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}))
# Python ignores these two at its start, and Popen gives them back to the child.
_RESTORED_BY_POPEN = 1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1)


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


def spawn(launch: Launch, placement: Placement = NOWHERE) -> Process:
    """Start the program in a session of its own; it is in its cgroup before its first instruction.

    Signals are at their defaults, none blocked, and no file is open but the three standard ones. Call from a
    process with one thread, unless it is neither for a cgroup nor for another user.

    Raises:
        StartError: one of its kinds says exactly what is wrong.
    """
    plan = _planned(launch, placement)
    own = _OwnState.read()
    try:
        with _StandardFiles(launch.output) as files:
            if placement.cgroup is None and _is_plain(launch, own):
                return _spawn_plain(plan, files)
            return _spawn_forked(plan, files, placement.cgroup, own)
    except _KilledAtBirthError:
        raise _killed(plan) from None
    except _FailedStepError as exc:
        raise _explain(exc, launch, plan.program, placement) from None


def begin(launch: Launch, placement: Placement = NOWHERE) -> "Starting":
    """Start the program as `spawn` does, and return while it is still on its way; *patience* is the caller's to keep.

    For a process with one thread that must not stand still while a file server does not answer.

    Raises:
        StartError: it is known already that it cannot be started; the rest is said by `Starting.ready`.
    """
    plan = _planned(launch, placement)
    try:
        return Starting(plan, placement, *_fork_there(plan, placement, into=True))
    except _FailedStepError as exc:
        raise _explain(exc, launch, plan.program, placement) from None


class Starting:
    """A program between fork and exec. Readable when there is something to know; nothing in here waits."""

    def __init__(self, plan: "_Plan", placement: Placement, pid: int, reading: int) -> None:
        self._plan = plan
        self._placement = placement
        self._reading = reading
        self._told = b""
        self._may_try_again = placement.cgroup is not None
        os.set_blocking(reading, False)
        self._lent = urgency.lend(pid)
        self.process = processes.watch_child(pid)

    def fileno(self) -> int:
        return self._reading

    def ready(self) -> bool:
        """Tell whether the program runs. After a no, `fileno` and *process* may be others: ask when that is readable.

        Raises:
            StartError: one of its kinds says exactly what is wrong.
        """
        with contextlib.suppress(BlockingIOError):
            while part := os.read(self._reading, 64):
                self._told += part
            if self._told == _READY:
                self._end_loan()
                return True
            self._failed()
        return False

    def close(self) -> None:
        """Give the pipe back; *process* is the caller's."""
        if self._reading >= 0:
            os.close(self._reading)
            self._reading = -1

    def _end_loan(self) -> None:
        if self._lent:
            urgency.take_back(self.process.pid)
            self._lent = False

    def _failed(self) -> None:
        launch, program = self._plan.launch, self._plan.program
        if self._told:
            failed = _FailedStepError(*_REPORT.unpack(self._told.removeprefix(_READY)))
            raise _explain(failed, launch, program, self._placement)
        if not self._may_try_again:
            raise _killed(self._plan)
        self._may_try_again = False  # see _KilledAtBirthError
        try:
            pid, reading = _fork_there(self._plan, self._placement, into=False)
        except _FailedStepError as exc:
            raise _explain(exc, launch, program, self._placement) from None
        self.close()
        self.process.reap()
        self.process.close()
        os.set_blocking(reading, False)
        self._reading, self.process = reading, processes.watch_child(pid)


def _planned(launch: Launch, placement: Placement) -> "_Plan":
    environment = {**launch.environment, **placement.environment}
    refuse_unusable(launch.argv, environment)
    program = launch.program or find_program(launch.argv[0], launch.directory, environment)
    return _Plan(launch, program, [os.fsencode(word) for word in launch.argv], environment)


def _killed(plan: "_Plan") -> StartError:
    return StartError(f"The program {plan.program} was killed before it could start. Try again.")


class _FailedStepError(Exception):
    def __init__(self, step: bytes, number: int) -> None:
        super().__init__(step, number)
        self.step = step
        self.number = number


class _KilledAtBirthError(Exception):
    """The child was killed before it could do anything.

    Linux 6.18 compares how often the child's cgroup was killed with how often its parent's was, and kills what
    CLONE_INTO_CGROUP starts when the two differ. A child that joins by itself is not compared.
    """


@dataclass(frozen=True, slots=True)
class _Plan:
    """All that can be worked out before the fork, so that the child has little to do."""

    launch: Launch
    program: str
    argv: list[bytes]
    environment: dict[str, str]


@dataclass(frozen=True, slots=True)
class _OwnState:
    """What a child would inherit of us and must not; the signals as bit masks, bit 0 is signal 1."""

    threads: int
    blocked: int
    ignored: int
    caught: int

    @classmethod
    def read(cls) -> "_OwnState":
        status = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
        try:
            lines = os.read(status, 8192).split(b"\n")  # some 1,400 bytes; Path takes three times as long
        finally:
            os.close(status)
        found = dict(line.split(b":\t", 1) for line in lines if line.startswith((b"Threads", b"Sig")))
        return cls(
            int(found[b"Threads"]), int(found[b"SigBlk"], 16), int(found[b"SigIgn"], 16), int(found[b"SigCgt"], 16)
        )


def _numbers(mask: int) -> list[int]:
    """Return the signals of a mask, without those that nobody can change and those that the C library keeps."""
    return [bit + 1 for bit in range(mask.bit_length()) if mask >> bit & 1 and bit + 1 in _ALL_SIGNALS]


class _StandardFiles:
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


def _is_plain(launch: Launch, own: _OwnState) -> bool:
    """Tell whether Popen can do it: it cannot reset blocked and ignored signals, and forks for another user."""
    return launch.account is None and not own.blocked and not own.ignored & ~_RESTORED_BY_POPEN


def _spawn_plain(plan: _Plan, files: _StandardFiles) -> Process:
    """Start by vfork: we stand still until the program file is loaded, without a limit to our patience."""
    try:
        child = subprocess.Popen(
            plan.argv,
            executable=plan.program,
            stdin=files.null,
            stdout=files.output,
            stderr=files.output,
            cwd=plan.launch.directory,
            env=plan.environment,
            umask=plan.launch.umask,
            start_new_session=True,
        )
    except OSError as exc:
        step = _DIRECTORY if exc.filename == plan.launch.directory else _EXEC
        raise _FailedStepError(step, exc.errno or 0) from None
    child.returncode = 0  # the pidfd is what waits for it: Popen must neither reap it nor warn
    return processes.watch_child(child.pid)


def _spawn_forked(plan: _Plan, files: _StandardFiles, cgroup: Path | None, own: _OwnState) -> Process:
    if own.threads != 1:
        raise RuntimeError("a cgroup or another user needs a process with one thread: another one may hold a lock")
    if cgroup is None:
        return _fork_and_exec(plan, files, None, own)
    try:
        folder = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as exc:
        raise _FailedStepError(_JOIN, exc.errno or 0) from None
    try:
        return _fork_and_exec(plan, files, folder, own)
    except _KilledAtBirthError:
        return _fork_and_exec(plan, files, folder, own, into=False)
    finally:
        os.close(folder)


def _fork_and_exec(
    plan: _Plan, files: _StandardFiles, folder: int | None, own: _OwnState, *, into: bool = True
) -> Process:
    pid, reading = _fork(plan, files, folder, own, into=into)
    try:
        _await_exec(pid, reading, plan.launch)
        return processes.watch_child(pid)
    finally:
        os.close(reading)


def _fork(plan: _Plan, files: _StandardFiles, folder: int | None, own: _OwnState, *, into: bool) -> tuple[int, int]:
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


def _fork_there(plan: _Plan, placement: Placement, *, into: bool) -> tuple[int, int]:
    own = _OwnState.read()
    if own.threads != 1:
        raise RuntimeError("a fork needs a process with one thread: another one may hold a lock")
    with contextlib.ExitStack() as stack:
        files = stack.enter_context(_StandardFiles(plan.launch.output))
        folder = None
        if placement.cgroup is not None:
            try:
                folder = os.open(placement.cgroup, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError as exc:
                raise _FailedStepError(_JOIN, exc.errno or 0) from None
            stack.callback(os.close, folder)
        return _fork(plan, files, folder, own, into=into)


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
        raise _FailedStepError(_JOIN if join is not None else _EXEC, number)
    try:
        return os.fork(), False, False
    except OSError as exc:
        raise _FailedStepError(_EXEC, exc.errno or 0) from None


@functools.cache
def _libc() -> ctypes.PyDLL:
    """Call without letting the interpreter's lock go: the child would find it taken."""
    libc = ctypes.PyDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc


def _become(
    plan: _Plan, files: _StandardFiles, folder: int | None, *, reset: Sequence[int], report: int, highest: int
) -> NoReturn:
    """Turn the forked child into the program, or report why not, and end."""
    step, problem = _JOIN, 0
    try:
        if folder is not None:
            os.write(os.open("cgroup.procs", os.O_WRONLY, dir_fd=folder), b"0")
        step = _EXEC
        os.setsid()
        os.dup2(files.output, 1)
        os.dup2(files.output, 2)
        os.dup2(files.null, 0)
        os.umask(plan.launch.umask)
        for number in reset:
            signal.signal(number, signal.SIG_DFL)
        step = _USER
        if plan.launch.account is not None:
            _switch_user(plan.launch.account)
        step = _DIRECTORY
        os.chdir(plan.launch.directory)  # after the change of user: it is the user's right to enter that counts
        step = _EXEC
        os.closerange(3, report)
        os.closerange(report + 1, highest)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.write(report, _READY)
        os.execve(plan.program, plan.argv, plan.environment)  # noqa: S606 - no shell is the point
    except OSError as exc:
        problem = exc.errno or 0
    finally:
        os.write(report, _REPORT.pack(step, problem))
        os._exit(127)


def _switch_user(account: Account) -> None:
    if os.geteuid() == 0:
        os.setgroups(account.groups)
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)


def _await_exec(pid: int, reading: int, launch: Launch) -> None:
    """Return when the child has become the program: exec closes the pipe, with nothing said but that it was ready."""
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    until = time.monotonic() + launch.patience
    told = b""
    while poll.poll(max(0.0, until - time.monotonic()) * 1000):
        part = os.read(reading, 64)
        if part:
            told += part
        elif told == _READY:
            return
        else:
            os.waitpid(pid, 0)
            raise _FailedStepError(*_REPORT.unpack(told.removeprefix(_READY))) if told else _KilledAtBirthError
    os.kill(pid, signal.SIGKILL)  # our child and not reaped: the number is still its own
    raise StartError(f"The program {launch.argv[0]} could not be loaded within {launch.patience:g} s.")


def _explain(failed: _FailedStepError, launch: Launch, program: str, placement: Placement) -> StartError:
    user = f"The user {launch.account.name}" if launch.account is not None else "The user of the agent"
    reason = os.strerror(failed.number)
    match failed.step, failed.number:
        case (b"j", _):
            return StartError(f"The program {program} could not be put into the cgroup {placement.cgroup}: {reason}.")
        case (b"u", errno.EPERM):
            return StartDeniedError(f"{user} cannot run {program} here: the agent itself does not run as root.")
        case (b"d", errno.ENOENT):
            return DirectoryMissingError(f"The directory {launch.directory} does not exist on this node.")
        case (b"d", errno.ENOTDIR):
            return DirectoryMissingError(f"{launch.directory} is not a directory.")
        case (b"d", errno.EACCES):
            return StartDeniedError(f"{user} may not enter the directory {launch.directory}.")
        case (b"x", errno.ENOENT):
            return ProgramNotFoundError(
                f"The program {program} or the interpreter it names does not exist on this node."
            )
        case (b"x", errno.EACCES | errno.EPERM):
            return StartDeniedError(f"{user} may not run {program}.")
        case (b"x", errno.ENOEXEC):
            return NotExecutableError(
                f"{program} is neither a program for this machine nor a script that begins with #!."
            )
        case (b"x", errno.E2BIG):
            return CommandLineError(f"The arguments and the environment of {program} are too long.")
    return StartError(f"The program {program} could not be started: {reason}.")
