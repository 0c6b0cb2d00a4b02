"""The main process of an application: on its way, running, asked to end, forgotten."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from nodeagent.api.problems import Problem, problem
from nodeagent.monitor.deadline import Armed
from nodeagent.monitor.surroundings import Surroundings
from nodeagent.resourcetypes.base import Running
from nodeagent.system.containers import Container
from nodeagent.system.launching import Starting
from nodeagent.system.processes import ExitStatus, Process
from nodeagent.system.programs import StartError

EPOCH: Final = "CLUSTER_GROUP_EPOCH"


class Program:
    """At most one process at a time.

    Args:
        started: is called when the program runs: its exec was successful.
        failed: is told why it does not.
        ended: is told how it ended; by then it is forgotten.
    """

    def __init__(
        self,
        around: Surroundings,
        container: Container,
        started: Callable[[], None],
        failed: Callable[[Problem], None],
        ended: Callable[[ExitStatus], None],
    ) -> None:
        self._around = around
        self._container = container
        self._started = started
        self._failed = failed
        self._ended = ended
        self._starting: Starting | None = None
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        """Return the number of the process that runs, or 0."""
        return self._process.pid if self._process else 0

    def launch(self, running: Running, armed: Armed) -> None:
        """Start it; *started* or *failed* follows. It is told the epoch of its group, in CLUSTER_GROUP_EPOCH."""
        output = self._around.open_output(self._container.name)
        environment = {**running.launch.environment, EPOCH: str(armed.epoch)}
        try:
            self._starting = self._container.begin(replace(running.launch, output=output, environment=environment))
        except (StartError, OSError) as exc:
            self._failed(problem("start_failed", detail=str(exc)))
            return
        finally:
            if output is not None:
                os.close(output)
        self._around.watch(self._starting, self._decided)

    def ask(self, number: int) -> bool:
        """Send it the signal that asks it to end; False when there is none, or it cannot be asked."""
        if self._process is None:
            return False
        try:
            asked = self._process.signal(number)
            self._process.signal(signal.SIGCONT)  # a stopped one would not hear it
        except PermissionError:  # it became another user, and we are not root
            return False
        return asked

    def forget(self) -> None:
        """Watch it no more. One that is only on its way is killed: perhaps it is not in its container yet."""
        if self._starting is not None:
            self._around.unwatch(self._starting)
            starting, self._starting = self._starting, None
            starting.close()
            with contextlib.suppress(PermissionError):
                starting.process.signal(signal.SIGKILL)
            starting.process.close()
        if self._process is not None:
            self._around.unwatch(self._process)
            self._process.close()  # whoever reaps orphans reaps it
            self._process = None

    def _decided(self) -> None:
        starting = self._starting
        if starting is None:
            return
        self._around.unwatch(starting)  # its file descriptor may be another one afterwards
        try:
            if not starting.ready():
                self._around.watch(starting, self._decided)
                return
        except (StartError, OSError) as exc:
            self._starting = None
            starting.close()
            starting.process.reap()
            starting.process.close()
            self._failed(problem("start_failed", detail=str(exc)))
            return
        self._starting = None
        starting.close()
        self._process = starting.process
        self._around.watch(self._process, self._readable)
        self._started()

    def _readable(self) -> None:
        status = self._process.reap() if self._process else None
        if status is not None:
            self.forget()
            self._ended(status)
