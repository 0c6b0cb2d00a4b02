"""The fork: from a plan to a child that becomes the program, or tells at which step it could not."""

import fcntl
import gc
import os
import resource
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from nodeagent.system.accounts import Account
from nodeagent.system.birth import EXEC, JOIN, Child, FailedStepError, Image, become, clone, is_missing, numbers
from nodeagent.system.launcher import Launcher


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

    @property
    def child(self) -> Child:
        account = self.launch.account
        return Child(
            self.program,
            self.argv,
            {os.fsencode(name): os.fsencode(value) for name, value in self.environment.items()},
            self.launch.directory,
            self.launch.umask,
            None if account is None else (account.uid, account.gid, tuple(account.groups)),
        )


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
    """Fork a child that becomes the program: its number, and the pipe on which it tells how far it got.

    Args:
        into: it is born in the cgroup *folder*; else it joins by itself.

    Raises:
        FailedStepError: it cannot be forked.
    """
    reading, writing = os.pipe()
    try:
        return _fork_here(plan.child, files, folder, own, writing, into=into), reading
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)


def fork_by(launcher: Launcher, plan: Plan, folder: int | None) -> tuple[int, int] | None:
    """Have the launcher do it, into the cgroup *folder*; None when there is no launcher now.

    Raises:
        FailedStepError: it cannot be forked.
        LostError: the launcher died over it.
    """
    output = plan.launch.output
    null = os.open("/dev/null", os.O_WRONLY | os.O_CLOEXEC) if output is None else -1
    reading, writing = os.pipe()
    pid = None
    try:
        pid = launcher.bear(plan.child, null if output is None else output, writing, folder)
    finally:
        for file in (writing, null, reading if pid is None else -1):
            if file >= 0:
                os.close(file)
    return None if pid is None else (pid, reading)


def _fork_here(
    child: Child, files: StandardFiles, folder: int | None, own: OwnState, writing: int, *, into: bool
) -> int:
    highest = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    image = Image(child)
    # A signal would run our handlers in the child, and a collection copy every page of our objects.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers(own.caught))
    collecting = gc.isenabled()
    gc.disable()
    try:
        pid, joined, cleared = _bear(folder, into=into)
        if pid == 0:
            reset = numbers(own.ignored if cleared else own.ignored | own.caught)
            there, standard = None if joined else folder, (files.null, files.output)
            become(child, image, writing, files=standard, folder=there, reset=reset, highest=highest)
        return pid
    finally:
        if collecting:
            gc.enable()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _bear(folder: int | None, *, into: bool) -> tuple[int, bool, bool]:
    """Fork, into the cgroup when one is given: the child's number (0 in the child), joined, handlers reset."""
    join = folder if into else None
    try:
        return clone(join), join is not None, True
    except OSError as exc:
        if not is_missing(exc.errno):
            raise FailedStepError(JOIN if join is not None else EXEC, exc.errno or 0) from None
    try:
        return os.fork(), False, False
    except OSError as exc:
        raise FailedStepError(EXEC, exc.errno or 0) from None
