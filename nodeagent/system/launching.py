"""Starting programs: environment, user, and birth inside the resource's own cgroup.

Two ways, chosen by what is asked:

- Nothing but a program as our own user: `subprocess.Popen`, which uses vfork (0.53 ms to main(), C floor 0.50).
- A cgroup or another user: clone3 with CLONE_INTO_CGROUP and a short piece of Python up to exec, from a small process
  (see `launcher`) or from our own (3 ms more). Joining a cgroup by writing cgroup.procs, before or after, takes 8 ms
  when nobody has written one for a while (the kernel waits for an RCU grace period), a shell or setpriv in between
  0.6 to 1 ms more, and neither tells why exec failed. The write remains where clone3 is forbidden.
"""

import contextlib
import errno
import os
import select
import signal
import subprocess
import time
from pathlib import Path

from nodeagent.system import processes, urgency
from nodeagent.system.birth import DIRECTORY, EXEC, JOIN, READY, REPORT, FailedStepError
from nodeagent.system.forking import (
    NOWHERE,
    KilledAtBirthError,
    Launch,
    OwnState,
    Placement,
    Plan,
    StandardFiles,
    fork,
    fork_by,
)
from nodeagent.system.launcher import Launcher, LostError
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

__all__ = ["NOWHERE", "Launch", "Placement", "Starting", "begin", "spawn"]

# Python ignores these two at its start, and Popen gives them back to the child.
_RESTORED_BY_POPEN = 1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1)


def spawn(launch: Launch, placement: Placement = NOWHERE) -> Process:
    """Start the program in a session of its own; it is in its cgroup before its first instruction.

    Signals are at their defaults, none blocked, and no file is open but the three standard ones. Call from a
    process with one thread, unless it is neither for a cgroup nor for another user.

    Raises:
        StartError: one of its kinds says exactly what is wrong.
    """
    plan = _planned(launch, placement)
    own = OwnState.read()
    try:
        with StandardFiles(launch.output) as files:
            if placement.cgroup is None and _is_plain(launch, own):
                return _spawn_plain(plan, files)
            return _spawn_forked(plan, files, placement.cgroup, own)
    except KilledAtBirthError:
        raise _killed(plan) from None
    except FailedStepError as exc:
        raise _explain(exc, launch, plan.program, placement) from None


def begin(launch: Launch, placement: Placement = NOWHERE, launcher: Launcher | None = None) -> "Starting":
    """Start the program as `spawn` does, and return while it is still on its way; *patience* is the caller's to keep.

    For a process with one thread that must not stand still while a file server does not answer. After an error
    something may be left in the container all the same: end it before the next attempt.

    Raises:
        StartError: it is known already that it cannot be started; the rest is said by `Starting.ready`.
    """
    plan = _planned(launch, placement)
    try:
        return Starting(plan, placement, *_fork_there(plan, placement, into=True, launcher=launcher))
    except FailedStepError as exc:
        raise _explain(exc, launch, plan.program, placement) from None
    except LostError:
        raise _killed(plan) from None


class Starting:
    """A program between fork and exec. Readable when there is something to know; nothing in here waits."""

    def __init__(self, plan: Plan, placement: Placement, pid: int, reading: int) -> None:
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
            if self._told == READY:
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
            failed = FailedStepError(*REPORT.unpack(self._told.removeprefix(READY)))
            raise _explain(failed, launch, program, self._placement)
        if not self._may_try_again:
            raise _killed(self._plan)
        self._may_try_again = False  # see KilledAtBirthError
        try:
            pid, reading = _fork_there(self._plan, self._placement, into=False)
        except FailedStepError as exc:
            raise _explain(exc, launch, program, self._placement) from None
        self.close()
        self.process.reap()
        self.process.close()
        os.set_blocking(reading, False)
        self._reading, self.process = reading, processes.watch_child(pid)


def _planned(launch: Launch, placement: Placement) -> Plan:
    environment = {**launch.environment, **placement.environment}
    refuse_unusable(launch.argv, environment)
    program = launch.program or find_program(launch.argv[0], launch.directory, environment)
    return Plan(launch, program, [os.fsencode(word) for word in launch.argv], environment)


def _killed(plan: Plan) -> StartError:
    return StartError(f"The program {plan.program} was killed before it could start. Try again.")


def _is_plain(launch: Launch, own: OwnState) -> bool:
    """Tell whether Popen can do it: it cannot reset blocked and ignored signals, and forks for another user."""
    return launch.account is None and not own.blocked and not own.ignored & ~_RESTORED_BY_POPEN


def _spawn_plain(plan: Plan, files: StandardFiles) -> Process:
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
        step = DIRECTORY if exc.filename == plan.launch.directory else EXEC
        raise FailedStepError(step, exc.errno or 0) from None
    child.returncode = 0  # the pidfd is what waits for it: Popen must neither reap it nor warn
    return processes.watch_child(child.pid)


def _spawn_forked(plan: Plan, files: StandardFiles, cgroup: Path | None, own: OwnState) -> Process:
    if own.threads != 1:
        raise RuntimeError("a cgroup or another user needs a process with one thread: another one may hold a lock")
    if cgroup is None:
        return _fork_and_exec(plan, files, None, own)
    try:
        folder = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as exc:
        raise FailedStepError(JOIN, exc.errno or 0) from None
    try:
        return _fork_and_exec(plan, files, folder, own)
    except KilledAtBirthError:
        return _fork_and_exec(plan, files, folder, own, into=False)
    finally:
        os.close(folder)


def _fork_and_exec(
    plan: Plan, files: StandardFiles, folder: int | None, own: OwnState, *, into: bool = True
) -> Process:
    pid, reading = fork(plan, files, folder, own, into=into)
    try:
        _await_exec(pid, reading, plan.launch)
        return processes.watch_child(pid)
    finally:
        os.close(reading)


def _fork_there(plan: Plan, placement: Placement, *, into: bool, launcher: Launcher | None = None) -> tuple[int, int]:
    with contextlib.ExitStack() as stack:
        folder = None
        if placement.cgroup is not None:
            try:
                folder = os.open(placement.cgroup, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError as exc:
                raise FailedStepError(JOIN, exc.errno or 0) from None
            stack.callback(os.close, folder)
        born = fork_by(launcher, plan, folder) if launcher is not None and into else None
        if born is not None:
            return born
        own = OwnState.read()
        if own.threads != 1:
            raise RuntimeError("a fork needs a process with one thread: another one may hold a lock")
        files = stack.enter_context(StandardFiles(plan.launch.output))
        return fork(plan, files, folder, own, into=into)


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
        elif told == READY:
            return
        else:
            os.waitpid(pid, 0)
            raise FailedStepError(*REPORT.unpack(told.removeprefix(READY))) if told else KilledAtBirthError
    os.kill(pid, signal.SIGKILL)  # our child and not reaped: the number is still its own
    raise StartError(f"The program {launch.argv[0]} could not be loaded within {launch.patience:g} s.")


def _explain(failed: FailedStepError, launch: Launch, program: str, placement: Placement) -> StartError:
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
