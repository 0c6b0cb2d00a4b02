"""A real Resource Monitor process, and its service's side of the line."""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from nodeagent import settings
from nodeagent.api.objects import ResourceState
from nodeagent.api.properties import Value
from nodeagent.monitor import output
from nodeagent.monitor.messages import (
    Acknowledged,
    Attach,
    Attached,
    Definition,
    FromMonitor,
    Permit,
    Report,
    Start,
    ToMonitor,
    decode_news,
    encode,
)
from nodeagent.monitor.reaping import reap
from nodeagent.planner.policies import Policy
from nodeagent.settings import AgentSettings
from nodeagent.system.clock import SystemClock

T = TypeVar("T", bound=FromMonitor)
PATIENCE = 20.0  # seconds; the machine may be busy
SLEEP = "/bin/sleep 1000"  # a program that runs until it is ended
RESTARTS = Policy(alone=True)


def definition(
    command: str, *, name: str = "notepad", policy: Policy = RESTARTS, kind: str = "Generic Application", **more: Value
) -> Definition:
    """Return a Generic Application that runs *command* in /, or a resource of another *kind*."""
    parameters: dict[str, Value] = {"CommandLine": command, "CurrentDirectory": "/", **more} if command else {**more}
    return Definition(id=name, name=name, type=kind, parameters=parameters, policy=policy)


def shell(script: str, *, policy: Policy = RESTARTS, **more: Value) -> Definition:
    """Return a Generic Application that runs a shell script."""
    quoted = script.replace("'", "'\\''")
    given: dict[str, Value] = {"CommandLine": f"/bin/sh -c '{quoted}'", "CurrentDirectory": "/", **more}
    return Definition(id="notepad", name="notepad", type="Generic Application", parameters=given, policy=policy)


class Line:
    """What a service says to a monitor and hears from it."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        self._file = self._socket.makefile("rb")
        self.heard: list[FromMonitor] = []
        self._unseen: list[FromMonitor] = []

    def say(self, *orders: ToMonitor) -> None:
        self._socket.sendall(b"".join(map(encode, orders)))

    def raw(self, data: bytes) -> None:
        self._socket.sendall(data)

    def flood(self, data: bytes) -> None:
        """Send it again and again, without reading, until the monitor hangs up."""
        while True:
            self._socket.sendall(data)

    def attach(self) -> Attached:
        self.say(Attach(service="test"))
        return self.next(Attached)

    def permit(self, *, incarnation: int = 1, seconds: float | None = None) -> None:
        until = None if seconds is None else SystemClock().steady() + seconds
        self.say(Permit(incarnation=incarnation, until=until))
        before: list[FromMonitor] = []
        while True:
            said = self._read()
            if isinstance(said, Acknowledged) and (said.incarnation, said.until) == (incarnation, until):
                break
            before.append(said)
        self._unseen = before  # what a permission stops is told before it is acknowledged

    def start(self, resource: Definition, *, group: str = "g", epoch: int = 1, incarnation: int = 1) -> None:
        self.say(Start(resource=resource, group=group, epoch=epoch, incarnation=incarnation))

    def next(self, kind: type[T]) -> T:
        """Return the next thing of *kind*, whatever comes before."""
        while not isinstance(said := self._read(), kind):
            pass
        return said

    def _read(self) -> FromMonitor:
        if self._unseen:
            return self._unseen.pop(0)
        line = self._file.readline()
        if not line:
            raise ConnectionError("the monitor closed the line")
        said = decode_news(line)
        self.heard.append(said)
        return said

    def until(self, test: Callable[[Report], bool]) -> Report:
        """Return the next report that *test* likes."""
        while not test(report := self.next(Report)):
            pass
        return report

    def state(self, state: ResourceState, name: str = "notepad") -> Report:
        """Return the next report of that resource in that state; what comes of others meanwhile is kept for later."""
        others: list[FromMonitor] = []
        while not (isinstance(said := self._read(), Report) and said.id == name and said.state is state):
            if isinstance(said, Report) and said.id != name:
                others.append(said)
        self._unseen = others + self._unseen
        return said

    def online(self, name: str = "notepad") -> Report:
        return self.state(ResourceState.ONLINE, name)

    def is_closed(self) -> bool:
        """Tell whether the monitor has hung up, after what it still said."""
        with contextlib.suppress(ConnectionResetError):
            while self._file.readline():
                pass
        return True

    def close(self) -> None:
        self._file.close()
        self._socket.close()


class RunningMonitor:
    """A monitor process with its own directories; what it held dies with it."""

    def __init__(self, home: Path, name: str, environment: Mapping[str, str], more: str = "") -> None:
        self.config = home / "agent.toml"
        self.config.write_text(
            f'name = "node1"\nhome = "{home}"\nrun = "{home}"\ndatabase = "memory:"\n{more}', encoding="utf-8"
        )
        self.settings: AgentSettings = settings.load(self.config)
        self.name = name
        self.environment = {**os.environ, **environment}
        self.lines: list[Line] = []
        self.errors = home / "errors"
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.errors.open("ab") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "nodeagent.monitor", "--config", self.config, "--name", self.name],
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                env=self.environment,
                start_new_session=True,
            )
        until = time.monotonic() + PATIENCE
        while True:
            try:
                line = Line(self.socket)
            except (FileNotFoundError, ConnectionRefusedError):
                assert process.poll() is None, self.errors.read_text()
                assert time.monotonic() < until, "the monitor does not listen"
                select.select([], [], [], 0.02)  # there is no event for "it listens"
                continue
            line.close()
            return process

    def sockets(self) -> int:
        """Return how many sockets the monitor has open: its own, and one per service that it believes in."""
        found = 0
        for link in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed while we look
                found += str(link.readlink()).startswith("socket:")
        return found

    @property
    def socket(self) -> Path:
        return self.settings.monitors / f"{self.name}.sock"

    def restart(self) -> None:
        """Start it again after its end."""
        self.process.wait(PATIENCE)
        self.process = self._start()

    def connect(self) -> Line:
        line = Line(self.socket)
        self.lines.append(line)
        return line

    def attach(self, *, seconds: float | None = None) -> Line:
        """Connect, attach and give a permission."""
        line = self.connect()
        line.attach()
        line.permit(seconds=seconds)
        return line

    def log(self, name: str = "notepad") -> Path:
        return output.log_path(self.settings.logs, name)

    def close(self) -> None:
        for line in self.lines:
            line.close()
        self.process.kill()
        self.process.wait(PATIENCE)
        assert reap(self.settings, monitors=True)


@contextmanager
def running_monitor(name: str = "shared", **environment: str) -> Iterator[RunningMonitor]:
    """Start a monitor in a directory with a short name, as Unix sockets need."""
    with tempfile.TemporaryDirectory(prefix="mon") as folder:
        monitor = RunningMonitor(Path(folder), name, environment)
        try:
            yield monitor
            errors = monitor.errors.read_text(encoding="utf-8")
            assert "Traceback" not in errors, errors
        finally:
            monitor.close()


def wait_for_end(pid: int, seconds: float = PATIENCE) -> bool:
    """Tell whether the process ends within that time; one that is gone has."""
    try:
        notice = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([notice], [], [], seconds)[0])
    finally:
        os.close(notice)


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    os.kill(pid, number)


def eventually(path: Path, wanted: str, *, below: float = math.inf) -> str:
    """Return what is in the file once it holds *wanted*, in fewer than *below* characters."""
    until = time.monotonic() + PATIENCE
    while True:
        text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        if wanted in text and len(text) < below:
            return text
        assert time.monotonic() < until, f"{wanted!r} never came; there is {text[-300:]!r}"
        select.select([], [], [], 0.01)  # a file that grows gives no event
