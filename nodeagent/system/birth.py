"""A child between fork and exec: it becomes the program, or tells at which step it could not.

The launcher is a process of its own because a fork costs what the forking process has in memory; so this module
imports little of the standard library and nothing else.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import struct

TYPE_CHECKING = False  # typing itself would be a good part of the launcher's memory
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

REPORT = struct.Struct("=ci")  # at which step, errno
READY = b"!"  # the last step before exec
JOIN, DIRECTORY, USER, EXEC = b"j", b"d", b"u", b"x"

_PR_SET_PDEATHSIG = 1
_CLONE3 = 435  # the same number on every architecture that has it
_CLONE_INTO_CGROUP = 0x2_0000_0000  # linux/sched.h
_CLONE_CLEAR_SIGHAND = 0x1_0000_0000
_CLONE_PARENT = 0x8000
_CLONE_ARGS = struct.Struct("11Q")
_ALL_SIGNALS = frozenset(map(int, signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}))
_libc = ctypes.PyDLL(None, use_errno=True)  # lets the interpreter's lock not go: the child would find it taken
_libc.syscall.restype = ctypes.c_long


class FailedStepError(Exception):
    """A step failed: in the child, or already at the fork."""

    def __init__(self, step: bytes, number: int) -> None:
        super().__init__(step, number)
        self.step = step
        self.number = number


class Child:
    """What a child becomes; it travels to the launcher as bytes.

    Attributes:
        account: uid, gid and groups to take on; None for those that we have.
    """

    __slots__ = ("account", "argv", "directory", "environment", "program", "umask")

    def __init__(
        self,
        program: str,
        argv: list[bytes],
        environment: dict[bytes, bytes],
        directory: str,
        umask: int,
        account: tuple[int, int, tuple[int, ...]] | None,
    ) -> None:
        self.program = program
        self.argv = argv
        self.environment = environment
        self.directory = directory
        self.umask = umask
        self.account = account

    def pack(self) -> bytes:
        """Put it into bytes: no part can hold a zero, see `programs.refuse_unusable`."""
        ids = [] if self.account is None else [self.account[0], self.account[1], *self.account[2]]
        return b"\0".join(
            (
                os.fsencode(self.program),
                os.fsencode(self.directory),
                b"%d" % self.umask,
                b",".join(b"%d" % number for number in ids),
                b"%d" % len(self.argv),
                *self.argv,
                *(name + b"=" + value for name, value in self.environment.items()),
            )
        )

    @classmethod
    def unpack(cls, packed: bytes) -> Child:
        """Read what `pack` has written."""
        program, directory, umask, ids, count, *rest = packed.split(b"\0")
        numbers = [int(number) for number in ids.split(b",") if number]
        words = int(count)
        return cls(
            os.fsdecode(program),
            rest[:words],
            dict(variable.split(b"=", 1) for variable in rest[words:]),
            os.fsdecode(directory),
            int(umask),
            (numbers[0], numbers[1], tuple(numbers[2:])) if numbers else None,
        )


def clone(folder: int | None, *, beside: bool = False) -> int:
    """Fork into the cgroup *folder*, or where we are; the child's number, 0 in the child.

    The C library does not know of this fork. That is sound with one thread, when the child does nothing but
    system calls and exec. Signal handlers are at their defaults in the child; what is ignored stays ignored.

    Args:
        beside: the child becomes one of our parent's, which is told of its end.

    Raises:
        OSError: as clone3(2) says; ENOSYS where it does not exist.
    """
    flags = _CLONE_CLEAR_SIGHAND | (_CLONE_PARENT if beside else 0) | (_CLONE_INTO_CGROUP if folder is not None else 0)
    notice = 0 if beside else signal.SIGCHLD  # the parent's child ends with the notice that we would end with
    fields = _CLONE_ARGS.pack(flags, 0, 0, 0, notice, 0, 0, 0, 0, 0, folder or 0)
    pid: int = _libc.syscall(_CLONE3, ctypes.create_string_buffer(fields), _CLONE_ARGS.size)
    if pid < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return pid


class Image:
    """Program, arguments and environment as execve(2) takes them: made before the fork, where there is time."""

    def __init__(self, child: Child) -> None:
        variables = [name + b"=" + value for name, value in child.environment.items()]
        self._program = os.fsencode(child.program)
        self._argv = (ctypes.c_char_p * (len(child.argv) + 1))(*child.argv)
        self._environment = (ctypes.c_char_p * (len(variables) + 1))(*variables)

    def run(self) -> int:
        """Become the program, or return errno."""
        _libc.execve(self._program, self._argv, self._environment)
        return ctypes.get_errno()


def become(
    child: Child,
    image: Image,
    report: int,
    *,
    files: tuple[int, int] | None = None,
    folder: int | None = None,
    reset: Sequence[int] = (),
    highest: int = 0,
) -> NoReturn:
    """Turn the forked child into the program, or report why not, and end.

    Args:
        report: pipe that exec closes.
        files: what become standard input, and standard output and error, both numbered above these; None: they and
            the umask are what they shall be.
        folder: the cgroup that it has yet to join.
        reset: signals that it would ignore otherwise.
        highest: number above those of all open files; 0: exec closes all that have to be closed, and no signal is
            blocked.
    """
    step, problem = JOIN, 0
    try:
        if folder is not None:
            os.write(os.open("cgroup.procs", os.O_WRONLY, dir_fd=folder), b"0")
        step = EXEC
        os.setsid()
        if files is not None:
            null, output = files
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.dup2(null, 0)
            os.umask(child.umask)
        for number in reset:
            signal.signal(number, signal.SIG_DFL)
        step = USER
        if child.account is not None:
            _switch_user(*child.account)
        die_with_parent()  # after the change of user, which would undo it
        step = DIRECTORY
        os.chdir(child.directory)  # after the change of user: it is the user's right to enter that counts
        step = EXEC
        if highest:
            os.closerange(3, report)
            os.closerange(report + 1, highest)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.write(report, READY)
        problem = image.run()
    except OSError as exc:
        problem = exc.errno or 0
    finally:
        os.write(report, REPORT.pack(step, problem))
        os._exit(127)


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent, the monitor, dies (safety rule P8).

    It does so also while everything else on the machine stands still, as in a frozen virtual machine.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def be_ordinary() -> None:
    """Be killed like any other when memory runs out: a monitor's unit is spared, its applications are not."""
    try:
        with open("/proc/self/oom_score_adj", "r+b", buffering=0) as score:  # noqa: PTH123 - pathlib costs memory
            if int(score.read()) < 0:
                score.write(b"0")
    except OSError:
        return


def _switch_user(uid: int, gid: int, groups: Sequence[int]) -> None:
    if os.geteuid() == 0:
        os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def numbers(mask: int) -> list[int]:
    """Return the signals of a mask, without those that nobody can change and those that the C library keeps."""
    return [bit + 1 for bit in range(mask.bit_length()) if mask >> bit & 1 and bit + 1 in _ALL_SIGNALS]


def is_missing(number: int | None) -> bool:
    """Tell by errno whether clone3 is not to be had here: an old kernel or a seccomp filter."""
    return number in (errno.ENOSYS, errno.EPERM, errno.EINVAL, errno.E2BIG)
