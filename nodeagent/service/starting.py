"""How a Resource Monitor is started: by the Cluster Service itself, or by systemd as a unit of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from nodeagent.system import processes
from nodeagent.system.processes import Process

UNIT: Final = "clusteragent-monitor@{}.service"
SYSTEMCTL_PATIENCE: Final = 5.0  # seconds; it does not wait for the unit, and takes some 20 ms


class MonitorFailed(Exception):
    """A Resource Monitor could not be started or proven empty."""


class Starter(Protocol):
    """Starts Resource Monitors that outlive the service."""

    async def start(self, name: str) -> Process | None:
        """Begin to start one; returns its process when it is our child. Raises MonitorFailed."""
        ...

    async def give_up(self, name: str) -> None:
        """Kill one that is not our child, was started and does not answer."""
        ...


class Spawned:
    """As a process in a session of its own: in the demo, for an ordinary user, wherever there is no systemd.

    Args:
        logs: directory for what monitors have to say.
        spawn: starts a program that outlives this one, with its output going to a file descriptor.
    """

    def __init__(self, config: Path, logs: Path, spawn: Callable[[tuple[str, ...], int], Process]) -> None:
        self._config = config
        self._logs = logs
        self._spawn = spawn

    async def start(self, name: str) -> Process | None:
        """Start it; the thread that does so may block while the program is loaded."""
        arguments = (sys.executable, "-m", "nodeagent.monitor", "--config", str(self._config), "--name", name)
        try:
            self._logs.mkdir(parents=True, exist_ok=True, mode=0o700)
            with (self._logs / f"monitor-{name}.log").open("ab") as output:
                return await asyncio.to_thread(self._spawn, arguments, output.fileno())
        except OSError as exc:  # a full disk, or one that may only be read; no further process or file can be had
            raise MonitorFailed(f"the Resource Monitor {name} cannot be started: {exc}") from exc

    async def give_up(self, name: str) -> None:
        """Never needed: whoever has the process kills that."""


class Units:
    """As a unit of systemd, which kills what it holds when it dies or hangs; its log is the journal."""

    async def start(self, name: str) -> Process | None:
        """Ask systemd to start it, without waiting."""
        await self._systemctl("start", "--no-block", UNIT.format(name))
        return None

    async def give_up(self, name: str) -> None:
        """Have systemd kill it."""
        await self._systemctl("kill", "--signal=SIGKILL", UNIT.format(name))

    async def _systemctl(self, *words: str) -> None:
        def run() -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                ["systemctl", *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SYSTEMCTL_PATIENCE,
                check=False,
            )

        try:
            done = await asyncio.to_thread(run)
        except (OSError, subprocess.TimeoutExpired) as exc:
            raise MonitorFailed(f"systemctl {' '.join(words)}: {exc}") from exc
        if done.returncode:
            raise MonitorFailed(f"systemctl {' '.join(words)}: {done.stderr.strip()}")


def spawn_detached(arguments: tuple[str, ...], output: int) -> Process:
    """Start a program that outlives this service, in a session of its own; it may block while the file is loaded."""
    child = subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd="/",
        env=_own_environment(),
        start_new_session=True,
    )
    child.returncode = 0  # the pidfd is what waits for it: Popen must neither reap it nor warn
    return processes.watch_child(child.pid)


def _own_environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in ("NOTIFY_SOCKET", "WATCHDOG_USEC")}
