"""Entry points that may block run in a child process of their own, inside the resource's container (safety rule P6).

The monitor has one thread, so that it may fork: the child runs one entry point, tells through a pipe what came of it,
and ends. A kill of the container ends it too.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any, Final, Literal, NoReturn

import msgspec

from nodeagent.api.problems import Problem, problem
from nodeagent.resourcetypes.base import ApplicationType, Progress, ResourceError, ResourceType, Running
from nodeagent.system import accounts, processes
from nodeagent.system.birth import be_ordinary, die_with_parent
from nodeagent.system.containers import Container
from nodeagent.system.processes import Process
from nodeagent.system.programs import login_environment

Entry = Literal["prepare", "online", "offline", "terminate", "looks_alive", "is_alive"]

LONGEST_LINE: Final = 1024 * 1024  # bytes of one report or result


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line from the child: progress, or the result (*done*).

    Attributes:
        well: it did what it should; of looks_alive and is_alive: yes.
        running: what `prepare` returned.
    """

    done: bool = False
    progress: str = ""
    well: bool = True
    problem: Problem | None = None
    running: Running | None = None

    @property
    def failure(self) -> Problem | None:
        """Why it did not do what it should; None when it did."""
        return None if self.well else self.problem or problem("not_alive")


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Outcome] = msgspec.json.Decoder(Outcome)


class Call:
    """A running entry point. `fileno` is the pipe's end to read from, *process* becomes readable when it ends."""

    def __init__(self, process: Process, reading: int) -> None:
        self.process = process
        self._reading = reading
        self._rest = b""
        self.outcome: Outcome | None = None

    def fileno(self) -> int:
        """Return the end of the pipe that becomes readable."""
        return self._reading

    def read(self) -> tuple[list[str], bool]:
        """Return the progress reports that came, and whether no more can come; *outcome* is set when there is one.

        The child's end counts, not that of the pipe: what it started may hold the pipe open.
        """
        over = self.process.reap() is not None  # before the last read, so that nothing it said is missed
        data = b""
        with contextlib.suppress(BlockingIOError):
            while part := os.read(self._reading, 65536):
                data += part
                if len(data) > LONGEST_LINE:
                    break
            else:
                over = True
        *lines, self._rest = (self._rest + data).split(b"\n")
        reports: list[str] = []
        for line in lines:
            try:
                said = _decoder.decode(line)
            except msgspec.DecodeError:
                return reports, True
            if said.done:
                self.outcome = said
                return reports, True
            reports.append(said.progress)
        return reports, over or len(self._rest) > LONGEST_LINE

    def close(self) -> None:
        """End the child if it still runs, without waiting: whoever reaps orphans reaps it."""
        with contextlib.suppress(PermissionError):  # it became another user, and we are not root
            self.process.signal(signal.SIGKILL)
        self.process.reap()
        self.process.close()
        os.close(self._reading)


def begin(kind: ResourceType[Any], entry: Entry, mine: Any, container: Container, output: int | None) -> Call:
    """Start *entry* of *kind* in a child.

    Args:
        output: a file descriptor that becomes the child's standard output and error; None for /dev/null.

    Raises:
        OSError: no further process or file can be had.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        pid = os.fork()
        if pid == 0:
            _run(kind, entry, mine, container, writing, output)
        os.set_blocking(reading, False)
        process = processes.watch_child(pid)
    except OSError:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    if container.placement.cgroup is None:
        container.admit(process)  # a mark in the environment shows only in what the child itself starts
    return Call(process, reading)


def _run(
    kind: ResourceType[Any], entry: Entry, mine: Any, container: Container, writing: int, output: int | None
) -> NoReturn:
    """The child's whole life. Never returns into the monitor's code."""
    code = 1
    try:
        _become_child(entry, container, output)
        _close_all_but(writing)

        def say(said: Outcome) -> None:
            left = memoryview(_encoder.encode(said) + b"\n")
            while left:
                left = left[os.write(writing, left) :]

        said = _outcome(kind, entry, mine, lambda text: say(Outcome(progress=text)))
        sys.stdout.flush()
        say(said)
        code = 0
    except BaseException:  # noqa: BLE001 - whatever happens, this process must end here
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _become_child(entry: Entry, container: Container, output: int | None) -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.setsid()
    die_with_parent()
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    for standard in (1, 2):
        os.dup2(null if output is None else output, standard)
    if entry == "prepare":  # only looks, and wants the agent's own display; to enter a cgroup costs 8 ms
        return
    be_ordinary()
    os.environ.clear()
    os.environ.update(login_environment(accounts.current()))
    container.placement.enter()


def _close_all_but(writing: int) -> None:
    os.closerange(3, writing)
    os.closerange(writing + 1, min(65536, os.sysconf("SC_OPEN_MAX")))


def _outcome(kind: ResourceType[Any], entry: Entry, mine: Any, progress: Progress) -> Outcome:
    try:
        if entry == "prepare":
            assert isinstance(kind, ApplicationType)
            return Outcome(done=True, running=kind.prepare(mine))
        call: Callable[..., Any] = getattr(kind, entry)
        if entry in ("online", "offline"):
            call(mine, progress)
            return Outcome(done=True)
        answer = call(mine)
        return Outcome(done=True, well=entry == "terminate" or bool(answer))
    except ResourceError as exc:
        return Outcome(done=True, well=False, problem=exc.problem)
    except Exception as exc:  # noqa: BLE001 - plug-in code: its error is the resource's failure, told as such
        traceback.print_exc()
        bad = problem("call_failed", entry=entry, detail=f"{type(exc).__name__}: {exc}")
        return Outcome(done=True, well=False, problem=bad)
