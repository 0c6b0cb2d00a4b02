"""A running demo: three real agents, their SSH servers and SQLite, in directories of its own, and no window."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from clusteradmin.demo import control
from clusteradmin.demo.control import DemoStatus
from clusteradmin.demo.state import read_state
from clusteradmin.settings import ClientHome
from tests.conftest import children_of, described

READY_SECONDS = 90.0
END_SECONDS = 60.0
NOBODY = 65534


@dataclass
class RunningDemo:
    """A demo, and the account that it believes to be in.

    Attributes:
        home: the demo's directory.
        account: directory that is the account's home and holds all that the workstation remembers.
        output: lines that the demo printed.
        prefix: command that the programs are started with, to become another user.
        python: interpreter of all programs.
        killed: whether `kill` ended it, so that it could not clean up.
    """

    home: Path
    account: Path
    environment: dict[str, str]
    process: subprocess.Popen[str]
    prefix: tuple[str, ...] = ()
    output: list[str] = field(default_factory=list)
    name: str = ""
    python: str = sys.executable
    run_directory: Path | None = None
    killed: bool = False
    _printed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def clients(self) -> ClientHome:
        """What this account's workstation remembers."""
        return ClientHome.default(self.environment)

    def cli(self, *arguments: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run the command line on this cluster."""
        return self.run("ui", "--cluster", self.name, *arguments, timeout=timeout)

    def cli_json(self, *arguments: str) -> Any:
        """Run the command line with --json and return what it printed."""
        done = self.cli(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def demo(self, *arguments: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run “clusteradmin demo” for this demo's directory."""
        return self.run("clusteradmin.demo", "--home", str(self.home), *arguments, timeout=timeout)

    def run(self, module: str, *arguments: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run a module of ours in this account."""
        return subprocess.run(
            [*self.prefix, self.python, "-m", module, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def power(self, node: str, on: bool) -> None:
        """Cut the power of a node, or give it back."""
        asyncio.run(control.power(self.home, node, on))

    def status(self) -> DemoStatus:
        return asyncio.run(control.status(self.home))

    def service_of(self, node: str) -> int:
        """Return the process of a node's Cluster Service."""
        return next(one.service for one in self.status().nodes if one.name == node)

    @property
    def pids(self) -> set[int]:
        """All processes of the demo: itself, services, SSH servers, relays, monitors and applications."""
        return {self.process.pid, *children_of(self.process.pid)}

    # --- what it prints

    def follow(self) -> None:
        """Keep what it prints; runs in a thread until the last process that prints there has ended."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._printed:
                self.output.append(line.rstrip("\n"))
                self._printed.notify_all()
        with self._printed:
            self.output.append("")
            self._printed.notify_all()

    def await_line(self, start: str, seconds: float = READY_SECONDS) -> str:
        """Return the first line that begins with *start*; fail when it does not come."""

        def found() -> str | None:
            return next((line for line in self.output if line.startswith(start)), None)

        with self._printed:
            self._printed.wait_for(lambda: found() or "" in self.output, seconds)
        line = found()
        if line is None:
            pytest.fail(f"The demo did not say “{start}”, but:\n" + "\n".join((*self.output, self.consoles())))
        return line

    def consoles(self) -> str:
        """Return the end of what each program of the demo printed, to see what went wrong."""
        texts = []
        for file in sorted([*self.home.glob("NODE*/*.console"), *self.home.glob("NODE*/log/*")]):
            with suppress(OSError):
                texts.append(f"--- {file.parent.name}/{file.name}\n" + "\n".join(file.read_text().splitlines()[-20:]))
        return "\n".join(texts)

    # --- its end

    def kill(self) -> None:
        """Kill the demo itself, and nothing else: what it started stays."""
        self.killed = True
        self.process.kill()
        self.process.wait(END_SECONDS)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            pytest.fail("The demo did not end:\n" + "\n".join((*self.output, self.consoles())))

    def prove_gone(self, before: set[int]) -> None:
        """Fail when a process of *before*, a cgroup, a file or the saved connection is left."""
        left = [f"process {described(pid)}" for pid in still_there(before)]
        left += [f"cgroup {folder}" for folder in cgroups_of(self.home)]
        left += [f"file {file}" for file in self.home.rglob("*")] if self.home.exists() else []
        left += [
            f"saved connection {one.name}" for one in self.clients.connections() if one.demo_home == str(self.home)
        ]
        if self.run_directory is not None and self.run_directory.exists():
            left.append(f"directory {self.run_directory}")
        if left:
            pytest.fail(f"The demo has left {', '.join(left)}. It said:\n" + "\n".join(self.output), pytrace=False)


def still_there(pids: set[int], seconds: float = 3.0) -> list[int]:
    """Return which of *pids*, all born before, have not ended in time."""
    until = time.monotonic() + seconds
    left = []
    for pid in pids:
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
            left.append(pid)
        os.close(pidfd)
    return left


def cgroups_of(home: Path) -> list[Path]:
    """Return the cgroups of the agents whose homes are in *home*."""
    from nodeagent.settings import AgentSettings

    marks = {AgentSettings(name=name, home=home / name).mark for name in ("NODE1", "NODE2", "NODE3")}
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines() if " cgroup2 " in line]
    # Not by glob: other cgroups come and go while this looks.
    folders = (Path(folder) for mount in mounts for folder, _, _ in os.walk(mount))
    return [folder for folder in folders if folder.name in marks]


@contextmanager
def private_account(uid: int | None = None) -> Iterator[Path]:
    """Make an account's directories, with a short path, since sockets are in them."""
    with tempfile.TemporaryDirectory(prefix="acct-", dir="/tmp", ignore_cleanup_errors=True) as name:
        account = Path(name)
        for folder in (account, account / "run", account / "config", account / "state"):
            folder.mkdir(mode=0o700, exist_ok=True)
            if uid is not None:
                os.chown(folder, uid, uid)
        yield account


def environment_of(account: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "CLUSTER"))}
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_AUTH_SOCK"):
        kept.pop(name, None)
    marks = {name: value for name, value in os.environ.items() if name.startswith("CLUSTERADMIN_TEST")}
    return {
        **kept,
        **marks,
        "HOME": str(account),
        "XDG_CONFIG_HOME": str(account / "config"),
        "XDG_STATE_HOME": str(account / "state"),
        "XDG_RUNTIME_DIR": str(account / "run"),
        "QT_QPA_PLATFORM": "offscreen",
    }


@contextmanager
def started_demo(
    account: Path,
    *arguments: str,
    home: Path | None = None,
    prefix: Sequence[str] = (),
    python: str = sys.executable,
    environment: Mapping[str, str] | None = None,
    headless: bool = True,
) -> Iterator[RunningDemo]:
    """Start a demo in *account* without waiting; it is ended, if it still runs, and killed if that does not help.

    Arguments as of `running_demo`; not *headless*, it has a window where there is a display.
    """
    home = home or account / "demo"
    environment = {**environment_of(account), **(environment or {})}
    words = (*(["--headless"] if headless else []), "--home", str(home), *arguments)
    process = subprocess.Popen(
        [*prefix, python, "-m", "clusteradmin.demo", *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    demo = RunningDemo(home, account, environment, process, tuple(prefix), python=python)
    reader = threading.Thread(target=demo.follow, name=f"output of the demo in {home}")
    reader.start()
    try:
        yield demo
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        # What a killed demo has left would keep the pipe open and outlive the test.
        demo.run("clusteradmin.demo", "--home", str(home), "--stop")
        reader.join(END_SECONDS)
        assert process.stdout is not None
        process.stdout.close()


@contextmanager
def running_demo(
    account: Path,
    *arguments: str,
    home: Path | None = None,
    prefix: Sequence[str] = (),
    python: str = sys.executable,
    environment: Mapping[str, str] | None = None,
) -> Iterator[RunningDemo]:
    """Run a demo until the block ends; then prove that nothing of it is left.

    Args:
        account: from `private_account`.
        arguments: more options of “clusteradmin demo”.
        home: the demo's directory, one in *account* unless given.
        prefix, python: see `RunningDemo`.
        environment: more variables.
    """
    started = started_demo(account, *arguments, home=home, prefix=prefix, python=python, environment=environment)
    with started as demo:
        demo.name = demo.await_line("ready: ").rpartition(" ")[2]
        state = read_state(demo.home)
        demo.run_directory = Path(state.run) if state else None
        yield demo
        if not demo.killed:
            before = demo.pids
            assert demo.end() == 0, demo.output
            demo.prove_gone(before)


@pytest.fixture
def account() -> Iterator[Path]:
    """An account with nothing in it."""
    with private_account() as found:
        yield found


@pytest.fixture
def demo(account: Path) -> Iterator[RunningDemo]:
    """A running demo with the group High Availability Notepad online."""
    with running_demo(account) as found:
        yield found
