"""Keeps the output logs at their size, in a child: copying may stand still on a slow disk, and the deadline may not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from nodeagent.monitor import output
from nodeagent.monitor.surroundings import Surroundings
from nodeagent.system import processes
from nodeagent.system.processes import Process


class Cutter:
    """Looks at the sizes from time to time, and has one child at most."""

    def __init__(self, around: Surroundings, folder: Path, resources: Callable[[], Iterable[str]]) -> None:
        self._around = around
        self._folder = folder
        self._resources = resources
        self._child: Process | None = None

    def look(self) -> None:
        """Cut what has outgrown the limit, and look again later."""
        large = output.outgrown(self._folder, self._resources())
        if large and self._child is None:
            self._cut(large)
        self._around.later(output.BUSY_INTERVAL if large else output.LOOK_INTERVAL, self.look)

    def _cut(self, resources: list[str]) -> None:
        try:
            pid = os.fork()
        except OSError:  # no further process can be had; the next look may fare better
            return
        if pid == 0:
            code = 1
            try:
                for resource in resources:
                    output.limit(self._folder, resource)
                code = 0
            finally:
                os._exit(code)
        self._child = processes.watch_child(pid)
        self._around.watch(self._child, self._done)

    def _done(self) -> None:
        if self._child is not None and self._child.reap() is not None:
            self._around.unwatch(self._child)
            self._child.close()
            self._child = None
