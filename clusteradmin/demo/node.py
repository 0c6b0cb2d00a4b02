"""One node of the demo: its files, its Cluster Service and its sshd, and its power."""

from __future__ import annotations

import asyncio
import getpass
import os
import pwd
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from clusteradmin.demo import programs
from clusteradmin.demo.children import Children
from clusteradmin.demo.control import NodeStatus
from clusteradmin.demo.home import Home
from clusteradmin.demo.keeping import Kept, Program
from clusteradmin.demo.keys import make_key
from clusteradmin.demo.leftovers import REAP_SECONDS
from clusteradmin.demo.marked import kill_marked
from clusteradmin.demo.problems import DemoError
from clusteradmin.demo.sshserver import HOST, ServerSettings
from nodeagent.api.objects import Endpoint

CONFIG: Final = "agent.toml"
_READY_SECONDS: Final = 40.0

_AGENT_CONFIG: Final = """\
name = {name}
cluster = {cluster}
home = {home}
run = {run}
socket = {socket}
database = {database}

[[endpoints]]
host = {host}
port = {port}
host_keys = [{host_key}]
"""


def own_login() -> str:
    """Return the name of the user who runs this, which no variable of the environment changes."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container's user without a name
        return getpass.getuser()


class NodeFiles:
    """What a node has on the disk, and the port that is kept for its sshd while it is off, too."""

    def __init__(self, home: Home, run: Path, name: str) -> None:
        self.name = name
        self.directory = home.node(name)
        self.run = run / name
        self.config = self.directory / CONFIG
        self.socket = self.run / "agent.sock"
        self.server_settings = self.directory / "sshserver.json"
        self.endpoint = Endpoint(host=HOST)
        self._home = home
        self._port: socket.socket | None = None

    def write(self, cluster: str, client_key: str) -> None:
        """Make keys and configuration. Raises OSError."""
        self.directory.mkdir(mode=0o700)
        self.run.mkdir(mode=0o700)
        host_key_file = self.directory / "host_key"
        host_key = make_key(host_key_file)
        self.endpoint = Endpoint(host=HOST, port=self._reserve_port(), host_keys=(host_key,))
        values = {
            "name": self.name,
            "cluster": cluster,
            "home": str(self.directory),
            "run": str(self.run),
            "socket": str(self.socket),
            "database": f"sqlite:{self._home.database / 'cluster.db'}",
            "host": self.endpoint.host,
            "port": self.endpoint.port,
            "host_key": host_key,
        }
        quoted = {key: msgspec.json.encode(value).decode() for key, value in values.items()}  # as TOML writes them, too
        self.config.write_text(_AGENT_CONFIG.format(**quoted), encoding="utf-8")
        settings = ServerSettings(
            port=self.endpoint.port,
            host_key=str(host_key_file),
            user=own_login(),
            client_key=client_key,
            relay=programs.agent(self.config, "relay"),
        )
        self.server_settings.write_bytes(msgspec.json.encode(settings))

    def _reserve_port(self) -> int:
        """Take a port and keep it with a socket that never listens, so that an absent sshd is refused by the kernel."""
        self._port = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the sshd binds beside it
        self._port.bind((HOST, 0))
        port: int = self._port.getsockname()[1]
        return port

    def close(self) -> None:
        if self._port is not None:
            self._port.close()


class Node:
    """A node that can be switched on and off; one switch is finished before the next begins."""

    def __init__(self, files: NodeFiles, mark: str, children: Children, say: Callable[[str], None]) -> None:
        self.name = files.name
        self.files = files
        self.is_on = False
        self._mark = f"{mark}/{files.name}"
        self._children = children
        self._say = say
        self._switch = asyncio.Lock()
        self._may_run = False  # something of it, whatever the power: cleared by proof only
        self.service = Kept(
            self._program("Cluster Service", programs.agent(files.config, "run"), "service"), children, say
        )
        self.sshd = Kept(
            self._program(
                "SSH server", programs.python("clusteradmin.demo.sshserver", str(files.server_settings)), "sshd"
            ),
            children,
            say,
        )

    def _program(self, what: str, argv: tuple[str, ...], short: str) -> Program:
        files = self.files
        console, notices = files.directory / f"{short}.console", files.run / f"{short}.notices"
        return Program(f"The {what} of {files.name}", argv, programs.environment(self._mark), notices, console)

    @property
    def status(self) -> NodeStatus:
        return NodeStatus(
            name=self.name,
            on=self.is_on,
            port=self.files.endpoint.port,
            service=self.service.pid,
            sshd=self.sshd.pid,
            service_starts=self.service.starts,
        )

    async def power_on(self) -> None:
        """Start everything, and return when it answers. Raises DemoError."""
        async with self._switch:
            if self.is_on:
                raise DemoError(f"{self.name} is on already.")
            self._say(f"{self.name}: power on.")
            self.is_on = self._may_run = True
            self.service.starts = self.sshd.starts = 0
            self.service.start()
            self.sshd.start()
            await self._await_ready()

    async def _await_ready(self) -> None:
        for kept in (self.service, self.sshd):
            if not await _is_ready(kept):
                words = kept.last_words()
                raise DemoError(f"{kept.program.title} does not start." + (f" It said last:\n{words}" if words else ""))

    async def power_off(self) -> None:
        """Cut the power: kill all it runs, and return when that is proven. Raises DemoError."""
        async with self._switch:
            if not self.is_on:
                raise DemoError(f"{self.name} is off already.")
            self._say(f"{self.name}: power off.")
            await self._cut()

    async def _cut(self) -> None:
        self.is_on = False
        await asyncio.gather(self.service.cut(), self.sshd.cut())
        if not await asyncio.to_thread(kill_marked, self._mark):
            raise DemoError(f"Not all processes of {self.name} can be killed.")
        await self._reap()
        self._may_run = False

    async def _reap(self) -> None:
        """Have the agent kill what its monitors held. Raises DemoError."""
        console = self.files.directory / "reap.console"
        reaper = self._children.start(
            programs.agent(self.files.config, "reap", "--all"), programs.environment(), console
        )
        await asyncio.wait([reaper.ended], timeout=REAP_SECONDS)
        if await reaper.end(0.0) != 0:
            words = console.read_text(encoding="utf-8", errors="replace").strip()
            raise DemoError(f"It is not certain that all applications of {self.name} have ended. {words}".strip())

    async def shut_down(self) -> None:
        """Cut the power for good, if that was not done and proven already. Raises DemoError."""
        async with self._switch:
            if self._may_run:
                await self._cut()

    def tick(self, slept: bool) -> None:
        """Once a second: kill what hangs, unless everything *slept*."""
        for kept in (self.service, self.sshd):
            if slept:
                kept.forgive()
            else:
                kept.check()


async def _is_ready(kept: Kept) -> bool:
    """Wait until it is ready; False when there is no hope of it."""
    ends = [asyncio.ensure_future(event.wait()) for event in (kept.ready, kept.hopeless)]
    try:
        await asyncio.wait(ends, timeout=_READY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for end in ends:
            end.cancel()
    return kept.ready.is_set()
