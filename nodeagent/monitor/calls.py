"""Entry points that may block run in a child process of their own, inside the resource's container (safety rule P6).

The monitor has one thread, so that it may fork: the child runs one entry point, tells through a pipe what came of it,
and ends. A kill of the container ends it too.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import msgspec

from nodeagent.api.problems import Problem, problem
from nodeagent.resourcetypes.base import Progress, ResourceError, ResourceType
from nodeagent.system import processes
from nodeagent.system.containers import Container
from nodeagent.system.processes import Process


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line from the child: progress, or the result (*done*)."""

    done: bool = False
    progress: str = ""
    alive: bool = True
    problem: Problem | None = None


class Call:
    """A running entry point. `fileno` is the pipe's end to read from; it ends when the child does."""

    def __init__(self, process: Process, reading: int) -> None:
        self.process = process
        self._reading = reading
        self._rest = b""
        self.outcome: Outcome | None = None

    def fileno(self) -> int:
        """Return the end of the pipe that becomes readable."""
        return self._reading

    def read(self) -> tuple[list[str], bool]:
        """Return the progress reports that came, and whether the call has ended; *outcome* is set then."""
        data = os.read(self._reading, 65536)
        *lines, self._rest = (self._rest + data).split(b"\n")
        reports: list[str] = []
        for line in lines:
            said = msgspec.json.decode(line, type=Outcome)
            if said.done:
                self.outcome = said
            else:
                reports.append(said.progress)
        return reports, not data

    def close(self) -> None:
        """End the child if it still runs, reap it, and give the pipe back."""
        self.process.signal(signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PIDFD, self.process.fileno(), os.WEXITED)
        self.process.close()
        os.close(self._reading)


def begin(kind: ResourceType[Any], entry: str, mine: Any, container: Container, keep_open: int | None) -> Call:
    """Start *entry* ("online", "offline", "terminate", "looks_alive", "is_alive") of *kind* in a child.

    Args:
        keep_open: a file descriptor that becomes the child's standard output and error.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _run(kind, entry, mine, container, writing, keep_open)
    os.close(writing)
    return Call(processes.watch_child(pid), reading)


def _run(
    kind: ResourceType[Any], entry: str, mine: Any, container: Container, writing: int, output: int | None
) -> NoReturn:
    """The child's whole life. Never returns into the monitor's code."""
    code = 1
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        container.placement.enter()
        _close_all_but(writing, output)

        def say(said: Outcome) -> None:
            os.write(writing, msgspec.json.encode(said) + b"\n")

        say(_outcome(getattr(kind, entry), entry, mine, lambda text: say(Outcome(progress=text))))
        code = 0
    except BaseException as exc:  # noqa: BLE001 - whatever happens, this process must end here
        sys.stderr.write(f"{entry}: {type(exc).__name__}: {exc}\n")
        sys.stderr.flush()
    finally:
        os._exit(code)


def _close_all_but(writing: int, output: int | None) -> None:
    if output is not None:
        os.dup2(output, 1)
        os.dup2(output, 2)
    os.closerange(3, writing)
    os.closerange(writing + 1, min(65536, os.sysconf("SC_OPEN_MAX")))


def _outcome(call: Callable[..., Any], entry: str, mine: Any, progress: Progress) -> Outcome:
    try:
        if entry in ("looks_alive", "is_alive"):
            return Outcome(done=True, alive=bool(call(mine)))
        if entry == "terminate":
            call(mine)
        else:
            call(mine, progress)
        return Outcome(done=True)
    except ResourceError as exc:
        return Outcome(done=True, alive=False, problem=exc.problem)
    except Exception as exc:  # noqa: BLE001 - plug-in code: its error is the resource's failure, told as such
        return Outcome(done=True, alive=False, problem=problem("start_failed", detail=f"{type(exc).__name__}: {exc}"))
