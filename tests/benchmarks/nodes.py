"""Nodes of a cluster on this machine: real agents on one SQLite database, their power, and a client."""

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from clusteradmin.client import commands
from clusteradmin.client.cluster import Cluster
from clusteradmin.settings import ClientHome
from clusteradmin.ssh.credentials import NoPrompter
from nodeagent import settings
from nodeagent.api.objects import Group, NodeState, ResourceState
from nodeagent.api.properties import Value
from nodeagent.monitor import notes
from tests.benchmarks.figures import BenchmarkFailed

PATIENCE = 60.0  # seconds; the machine may be busy
NOBODY = 65534


@dataclass
class AgentNode:
    """One node: its files, and its Cluster Service while the power is on.

    Attributes:
        prefix: command that its programs are started with, to become another user.
    """

    name: str
    folder: Path
    database: Path
    prefix: Sequence[str] = ()
    service: "subprocess.Popen[bytes] | None" = None

    @property
    def config(self) -> Path:
        return self.folder / "agent.toml"

    @property
    def socket(self) -> Path:
        return self.folder / "agent.sock"

    def write(self, owner: int | None) -> None:
        self.folder.mkdir(mode=0o700)
        self.config.write_text(
            f'name = "{self.name}"\ncluster = "BENCHMARK"\nhome = "{self.folder}"\nrun = "{self.folder}"\n'
            f'database = "sqlite:{self.database}"\n',
            encoding="utf-8",
        )
        if owner is not None:
            for path in (self.folder, self.config):
                os.chown(path, owner, owner)

    def _command(self, *words: str) -> list[str]:
        return [*self.prefix, sys.executable, "-m", "nodeagent", *words, "--config", str(self.config)]

    def power_on(self) -> None:
        """Start the Cluster Service and return when it says that it is ready."""
        path = self.folder / "notices"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices, self._console().open("ab") as console:
            notices.bind(str(path))
            path.chmod(0o777)
            self.service = subprocess.Popen(
                self._command("run"),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={**os.environ, "NOTIFY_SOCKET": str(path)},
                start_new_session=True,
            )
            if not _said_ready(notices, self.service.pid):
                raise BenchmarkFailed(f"{self.name} does not start:\n{self.said()}")

    def _console(self) -> Path:
        return self.folder / "console"

    def said(self) -> str:
        """Return the end of what the service printed."""
        return "\n".join(self._console().read_text(encoding="utf-8", errors="replace").splitlines()[-30:])

    @property
    def monitor(self) -> int:
        """The process of the shared Resource Monitor."""
        return notes.read(settings.load(self.config).monitors / "shared.json").process

    def cut_power(self, *applications: int) -> None:
        """Kill service, monitor and applications in one go, as a power cut does; `clean_up` follows."""
        for pid in (self.service.pid if self.service else 0, self.monitor, *applications):
            if pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def clean_up(self) -> None:
        """Kill what is left of this node, and prove it."""
        if self.service is not None:
            self.service.kill()
            self.service.wait(PATIENCE)
            self.service = None
        done = subprocess.run(self._command("reap", "--all"), capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchmarkFailed(f"something of {self.name} cannot be ended: {done.stderr}")


def _said_ready(notices: socket.socket, process: int) -> bool:
    """Wait until READY=1 comes; False when *process* ends before, or does not say it in time."""
    end, until = os.pidfd_open(process), time.monotonic() + PATIENCE
    try:
        while True:
            readable, _, _ = select.select([notices.fileno(), end], [], [], max(0.0, until - time.monotonic()))
            if notices.fileno() not in readable:
                return False
            if b"READY=1" in notices.recv(4096):
                return True
    finally:
        os.close(end)


@dataclass
class AgentNodes:
    """The nodes of one cluster, in the order in which they joined."""

    folder: Path
    nodes: list[AgentNode] = field(default_factory=list)

    @property
    def first(self) -> AgentNode:
        return self.nodes[0]

    def named(self, name: str) -> AgentNode:
        return next(node for node in self.nodes if node.name == name)

    @asynccontextmanager
    async def client(self, node: AgentNode | None = None) -> AsyncIterator[Cluster]:
        """Connect to a node's Unix socket; all nodes are up by then."""
        target = f"unix:{(node or self.first).socket}"
        cluster = Cluster(target, prompter=NoPrompter(), home=ClientHome(self.folder / "nobody"))
        await cluster.open()
        try:
            await self.all_up(cluster)
            yield cluster
        finally:
            await cluster.close()

    async def all_up(self, cluster: Cluster) -> None:
        """Wait until every node is a member."""
        await cluster.until(
            lambda s: sum(node.state is NodeState.UP for node in s.nodes.values()) == len(self.nodes) or None, PATIENCE
        )


@contextmanager
def running_nodes(count: int, *, user: int | None = None) -> Iterator[AgentNodes]:
    """Run a cluster of *count* nodes until the block ends; nothing of it is left then.

    Args:
        user: run the agents as this user; for root only.
    """
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))  # sockets need short paths
    folder.chmod(0o755)
    database = folder / "database"
    database.mkdir(mode=0o700)
    prefix: tuple[str, ...] = ()
    if user is not None:
        os.chown(database, user, user)
        prefix = as_user(user)
    found = AgentNodes(folder)
    try:
        for number in range(1, count + 1):
            node = AgentNode(f"NODE{number}", folder / f"n{number}", database / "cluster.db", prefix)
            node.write(user)
            found.nodes.append(node)
            node.power_on()
        yield found
    finally:
        for node in found.nodes:
            node.clean_up()
        shutil.rmtree(folder)


def as_user(user: int) -> tuple[str, ...]:
    """Return the command that starts another one as *user*."""
    return ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups")


def others_may_run_python() -> bool:
    """Tell whether another user than root may run this very Python; one in root's home is shut off."""
    program = str(Path(sys.executable).resolve())
    return subprocess.run([*as_user(NOBODY), "test", "-x", program], check=False).returncode == 0


async def add_group(
    cluster: Cluster, name: str, applications: Mapping[str, str], properties: Mapping[str, Value] | None = None
) -> Group:
    """Create a group of Generic Applications (name to command line), bring it online, and return it as it then is."""
    group = (await commands.create_group(cluster, name)).id
    for application, command in applications.items():
        await commands.create_resource(
            cluster,
            application,
            "Generic Application",
            group,
            properties=properties or {},
            parameters={"CommandLine": command, "CurrentDirectory": "/"},
        )
    assert cluster.snapshot is not None
    await commands.bring_online(cluster, cluster.snapshot.groups[group], wait=PATIENCE)
    members = cluster.snapshot.resources_of(group)
    if any(member.state is not ResourceState.ONLINE for member in members):
        raise BenchmarkFailed(f"the group {name} does not go online")
    return cluster.snapshot.groups[group]


async def add_sleepers(cluster: Cluster, count: int, in_a_group: int = 10) -> None:
    """Bring *count* resources online that do nothing."""
    for first in range(0, count, in_a_group):
        names = [f"Sleeper {number}" for number in range(first, min(first + in_a_group, count))]
        await add_group(cluster, f"Sleepers {first}", dict.fromkeys(names, "/bin/sleep 100000"))
