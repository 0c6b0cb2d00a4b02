"""Real agents: `python -m nodeagent run`, each with its own settings; those that share a database are a cluster."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from nodeagent import settings
from nodeagent.api import wire
from nodeagent.api.events import Changes, Output, Page
from nodeagent.api.problems import ClusterError, Problem
from nodeagent.api.requests import Done, Reply, Request
from nodeagent.api.wire import Answer, Bye, Call, Frame, FromNode, Hello, Refused, Welcome
from nodeagent.settings import AgentSettings
from tests.conftest import described

PATIENCE = 30.0  # seconds; nothing here takes more than a few, except on a very busy machine


@contextmanager
def short_folder() -> Iterator[Path]:
    """Make a folder whose path is short: the addresses of Unix sockets have 107 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="ca-", dir="/tmp", ignore_cleanup_errors=True) as name:
        yield Path(name)


class Agent:
    """One node's agent.

    Attributes:
        home: holds everything that it keeps; its sockets are in ``home / "run"``.
        config: its settings file.
        log: file to which it, its monitors and relays write what they have to say.
    """

    def __init__(self, home: Path, name: str, database: str, cluster: str, more: str = "") -> None:
        self.home = home
        self.name = name
        self.config = home / "agent.toml"
        self.log = home / "console"
        home.mkdir(parents=True, exist_ok=True)
        self.config.write_text(
            f'name = "{name}"\ncluster = "{cluster}"\nhome = "{home}"\nrun = "{home}/run"\ndatabase = "{database}"\n'
            f"endpoints = []\n{more}"
        )
        self.environment: dict[str, str] = {}  # beside the tester's own
        self.place: Path | None = None  # where its program lies, when it is not the one that is tested here
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> AgentSettings:
        return settings.load(self.config)

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.settings.socket_path

    @property
    def pid(self) -> int:
        """Number of the Cluster Service's process."""
        assert self._process is not None
        return self._process.pid

    @property
    def said(self) -> str:
        """Everything that it has written to its log."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    # --- its life -----------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start it without waiting for it."""
        assert self._process is None, "it runs already"
        self._notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        address = self.home / "notify"
        address.unlink(missing_ok=True)
        self._notices.bind(str(address))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command("run"),
                cwd=self.place,
                env={**os.environ, **self.environment, "NOTIFY_SOCKET": str(address)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def await_ready(self) -> None:
        """Return when it has said READY; fail when it ends before that, or does not say it in time."""
        until = time.monotonic() + PATIENCE
        pidfd = os.pidfd_open(self.pid)
        try:
            while (left := until - time.monotonic()) > 0:
                ready, _, _ = select.select([self._notices.fileno(), pidfd], [], [], left)
                if self._notices.fileno() in ready and b"READY=1" in self._notices.recv(1000):
                    return
                if pidfd in ready:
                    break
        finally:
            os.close(pidfd)
        pytest.fail(f"The agent {self.name} is not ready:\n{self.said}")

    def start(self) -> None:
        """Start it and wait until it serves."""
        self.begin()
        self.await_ready()

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End the Cluster Service without a chance to do anything; monitors and applications go on."""
        self._end(signal.SIGKILL)

    def terminate(self) -> int:
        """Ask the Cluster Service to leave the cluster; returns its exit code."""
        return self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()

    def _end(self, number: int) -> int:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        try:
            return self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            pytest.fail(f"The agent {self.name} does not end:\n{self.said}")
        finally:
            self._process = None
            self._notices.close()

    def reap(self) -> subprocess.CompletedProcess[str]:
        """Kill its monitors and all that they hold, as a power cut would."""
        return subprocess.run(
            self.command("reap", "--all"), capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    def status(self) -> subprocess.CompletedProcess[str]:
        """Return what `clusteragent status` says."""
        return self._run("status")

    def accept_database(self) -> subprocess.CompletedProcess[str]:
        """Have it take the database as it is now for the right one."""
        return self._run("accept-database")

    def _run(self, verb: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(verb), capture_output=True, text=True, timeout=PATIENCE, check=False)

    def await_alarm(self) -> None:
        """Wait until it has found the database to be another one, and has stopped everything."""
        until = time.monotonic() + PATIENCE
        while "everything was stopped, as" not in self.said:
            if time.monotonic() > until:
                pytest.fail(f"The agent {self.name} has no alarm:\n{self.said[-5000:]}")
            time.sleep(0.05)  # a file tells nobody

    def command(self, verb: str, *arguments: str) -> list[str]:
        """Return the command line of one of the agent's own commands."""
        return [sys.executable, "-m", "nodeagent", verb, "--config", str(self.config), *arguments]

    def finish(self) -> None:
        """End it and what it holds, and prove that nothing is left."""
        problems = []
        if self._process is not None:
            code = self.terminate() if self.running else self._end(signal.SIGKILL)
            if code != 0:
                problems.append(f"its exit code was {code}")
        done = self.reap()
        if done.returncode:
            problems.append(f"reap says {done.stderr.strip()}")
        problems += self.left()
        if problems:
            pytest.fail(f"The agent {self.name}: {', '.join(problems)}. It said:\n{self.said[-5000:]}", pytrace=False)

    def left(self) -> list[str]:
        """Return what there still is of it: processes, cgroups, sockets."""
        found = [f"left {described(pid)}" for pid in processes_that_name(self.config)]
        found += [f"left {path}" for path in (self.socket, *self.settings.monitors.glob("*.sock")) if path.exists()]
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines() if " cgroup2 " in line]
        mark = self.settings.mark  # others' cgroups may go while they are looked through, which os.walk does not mind
        found += [f"left {folder}/{mark}" for mount in mounts for folder, names, _ in os.walk(mount) if mark in names]
        return found

    # --- talking to it ------------------------------------------------------------------------------------------

    def connect(self, *, timeout: float = PATIENCE) -> Talk:
        """Connect to its socket, and say nothing yet."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout)
        try:
            connection.connect(str(self.socket))
        except OSError:
            connection.close()
            raise
        return Talk(connection)

    def greet(self) -> Talk:
        """Connect and say hello."""
        talk = self.connect()
        talk.hello()
        return talk

    def ask(self, request: Request) -> Reply:
        """Send one request over a connection of its own. Raises ClusterError."""
        with self.greet() as talk:
            return talk.ask(request)


class Talk:
    """A conversation with an agent, in frames or in bytes."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._lines = wire.LineReader()
        self._frames: list[FromNode] = []
        self._last_id = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.connection.close()

    def say(self, *frames: Frame) -> None:
        """Send frames in one packet."""
        self.raw(b"".join(map(wire.encode, frames)))

    def raw(self, data: bytes) -> None:
        self.connection.sendall(data)

    def next(self) -> FromNode | None:
        """Return the next frame, None at the end of the connection. Raises TimeoutError."""
        while not self._frames:
            try:
                data = self.connection.recv(65536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self._frames += [wire.decode_from_node(line) for line in self._lines.feed(data)]
        return self._frames.pop(0)

    def rest(self) -> list[FromNode]:
        """Return all frames up to the end of the connection."""
        found = []
        while (frame := self.next()) is not None:
            found.append(frame)
        return found

    def hello(self) -> Welcome:
        self.say(Hello())
        welcome = self.next()
        assert isinstance(welcome, Welcome), welcome
        return welcome

    def until_answered(self, number: int) -> tuple[Answer | Refused, list[FromNode]]:
        """Return the answer to call *number*, and the frames that came before it."""
        others: list[FromNode] = []
        while (frame := self.next()) is not None:
            if isinstance(frame, Answer | Refused) and frame.id == number:
                return frame, others
            others.append(frame)
        pytest.fail(f"The connection ended without an answer; it said {others[-3:]}.")

    def ask(self, request: Request) -> Reply:
        """Return the reply. Raises ClusterError."""
        self._last_id += 1
        self.say(Call(id=self._last_id, request=request))
        answer, _ = self.until_answered(self._last_id)
        if isinstance(answer, Refused):
            raise ClusterError(answer.problem)
        return answer.reply

    def do(self, request: Request) -> Done:
        """Return the Done of a request that changes something. Raises ClusterError."""
        done = self.ask(request)
        assert isinstance(done, Done)
        return done

    def refusal(self, request: Request) -> Problem:
        """Return why the request is refused; fail when it is not."""
        try:
            reply = self.ask(request)
        except ClusterError as exc:
            return exc.problem
        pytest.fail(f"{request} was not refused: {reply}")


NEWS = (Page, Changes, Output, Bye)


def processes_that_name(config: Path) -> list[int]:
    """Return the processes whose command line names this settings file."""
    found = []
    for listing in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # ended meanwhile
            if os.fsencode(config) in listing.read_bytes().split(b"\0"):
                found.append(int(listing.parent.name))
    return found


@contextmanager
def running_agent(
    home: Path,
    name: str = "NODE1",
    *,
    database: str | None = None,
    cluster: str = "TEST",
    more: str = "",
    start: bool = True,
) -> Iterator[Agent]:
    """Run an agent until the block ends; then let it leave, kill what it held and prove that nothing is left.

    Args:
        home: with a short path (`short_folder`); everything of it is in here.
        database: as in the settings; one of its own in *home* unless given.
        more: further lines of the settings.
        start: False leaves it to the test.
    """
    agent = Agent(home, name, database or f"sqlite:{home}/cluster.db", cluster, more)
    try:
        if start:
            agent.start()
        yield agent
    finally:
        agent.finish()


@contextmanager
def running_cluster(
    home: Path, names: Sequence[str] = ("NODE1", "NODE2"), *, database: str = "", more: Sequence[str] = ()
) -> Iterator[list[Agent]]:
    """Run several agents on one database; they join in this order, so that their numbers are 1, 2, …

    Args:
        home: with a short path.
        names: of the nodes.
        database: as in the settings; SQLite in *home* unless given.
        more: further lines of each node's settings.
    """
    with ExitStack() as stack:
        database = database or f"sqlite:{home}/cluster.db"
        lines = more or [""] * len(names)
        yield [
            stack.enter_context(running_agent(home / name, name, database=database, more=own))
            for name, own in zip(names, lines, strict=True)
        ]
