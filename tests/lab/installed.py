"""The product on the lab's hosts, installed by the very programs that docs/installing-a-node.md tells people to run."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from clusteradmin.client.mirror import Mirror
from nodeagent.api.events import Changes, Page
from nodeagent.api.objects import NodeState, Snapshot
from nodeagent.api.problems import ClusterError
from nodeagent.api.requests import Done, Request
from nodeagent.api.wire import Subscribe
from tests.lab.lab import Lab
from tests.lab.places import LAYERS, STATE
from tests.lab.witness import PROGRAM, compile_witness
from tests.support.agents import Talk

ROOT: Final = Path(__file__).parent.parent.parent
BUNDLE: Final = "/root/clusteragent"  # where the document has it copied to
CERTIFICATES: Final = "/root/certificates"
CLUSTER: Final = "LAB"
SOCKET: Final = "/run/clusteragent/agent.sock"
JOINING: Final = 90.0  # seconds until all agents have joined, on a very busy machine; 3 to 6 usually
ANSWER: Final = 20.0  # seconds for one answer
AGAIN: Final = 0.05  # seconds between two attempts at what tells nobody when it is ready

T = TypeVar("T")


class NotReached(AssertionError):
    """What was waited for did not come."""


class InstalledCluster:
    """Hosts with the product on them; each is asked over its agent's own socket, as the relay does."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.witness = ""

    # --- installing ---------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Bring to the disks what a person copies to the machines: bundle, certificates, the application."""
        names = [f"{host.name}={host.address}" for host in self.lab.hosts.values()]
        bundle, certificates = self.lab.folder / "bundle", self.lab.folder / "certificates"
        build_bundle(bundle)
        _run([ROOT / "installer/node/certificates", certificates, *names])
        witness = self.lab.folder / "witness"
        compile_witness(witness)
        for host in self.lab.hosts.values():
            host.copy_tree(bundle, BUNDLE)
            host.copy_tree(certificates / host.name, CERTIFICATES)
            target = host.disk / PROGRAM.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(witness, target)

    def command(self, host: str, *options: str) -> list[str]:
        """Return the command line that the document shows for a host."""
        members = ",".join(f"{one.name}={one.address}" for one in self.lab.hosts.values())
        where = ["--members", members, "--certificates", CERTIFICATES]
        return [f"{BUNDLE}/install", "--name", host, "--cluster", CLUSTER, *where, *options]

    def install(self, *options: str, witness: str = "") -> None:
        """Run the set-up program on all hosts at once, as the document shows it, and wait until all have joined."""
        self.witness = witness
        running = {}
        for host in self.lab.hosts.values():
            command = self.command(host.name, *options, *(["--witness"] if host.name == witness else []))
            running[host.name] = subprocess.Popen(
                host.inside(*command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        said = {name: (process.communicate()[0], process.returncode) for name, process in running.items()}
        for name, (text, code) in said.items():
            assert code == 0, f"install on {name}: {text}"
        self.await_all_up()

    def await_all_up(self, patience: float = JOINING) -> Snapshot:
        """Return when every host that is on sees all of them as up."""
        names = {host.name for host in self.lab.hosts.values() if host.is_on} - {self.witness}

        def all_up(seen: Snapshot) -> Snapshot | None:
            up = {node.name for node in seen.nodes.values() if node.state is NodeState.UP}
            return seen if names <= up else None

        for name in sorted(names):
            seen = self.until(all_up, f"{name} sees {', '.join(sorted(names))} up", patience, through=name)
        return seen

    # --- asking -------------------------------------------------------------------------------------------------

    def talk(self, host: str) -> Talk:
        """Connect to a host's agent and greet it. Raises OSError."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(ANSWER)
        try:
            connection.connect(str(self.lab[host].inside_path(SOCKET)))
            talk = Talk(connection)
            talk.hello()
        except BaseException:
            connection.close()
            raise
        return talk

    def do(self, request: Request, through: str = "h1") -> Done:
        """Have an agent do something. Raises ClusterError."""
        with self.talk(through) as talk:
            return talk.do(request)

    def look(self, through: str = "h1") -> Snapshot:
        """Return the cluster as a host's agent sees it."""
        return self.until(lambda seen: seen, "the cluster", through=through)

    def until(
        self, wanted: Callable[[Snapshot], T | None], what: str, patience: float = 30.0, *, through: str = "h1"
    ) -> T:
        """Return what *wanted* finds in the cluster, as soon as it finds something; follows the agent's events.

        Raises:
            NotReached: it found nothing in time.
        """
        end = time.monotonic() + patience
        problem: Exception | None = None
        while time.monotonic() < end:
            try:
                with self.talk(through) as talk:
                    found = _follow(talk, wanted, end)
                if found is not None:
                    return found
            except (OSError, RuntimeError, ClusterError, AssertionError) as exc:
                problem = exc  # its agent is down, or has just left
            time.sleep(AGAIN)  # a socket that will be there tells nobody
        raise NotReached(f"{what}: not within {patience:g} s through {through} ({problem}).\n{self.told(through)}")

    def told(self, host: str, lines: int = 60) -> str:
        """Return the end of the host's journal: agent, monitors and etcd."""
        units = ["-u", "clusteragent.service", "-u", "clusteragent-monitor@*", "-u", "etcd.service"]
        try:
            done = self.lab[host].run(
                "journalctl", "--no-pager", "-q", "-o", "short-precise", "-n", str(lines), *units, check=False
            )
        except RuntimeError as exc:
            return str(exc)
        return done.stdout


def _follow(talk: Talk, wanted: Callable[[Snapshot], T | None], end: float) -> T | None:
    mirror = Mirror()
    mirror.expect_snapshot()
    talk.say(Subscribe(log=0))
    while (left := end - time.monotonic()) > 0:
        talk.connection.settimeout(left)
        try:
            frame = talk.next()
        except TimeoutError:
            return None
        if frame is None:
            return None
        if isinstance(frame, Page | Changes):
            mirror.take(frame)
            if mirror.snapshot is not None and (found := wanted(mirror.snapshot)) is not None:
                return found
    return None


def python_of_hosts() -> str:
    """Return the version of the hosts' Python, such as 3.11."""
    return (LAYERS / "base/usr/bin/python3").readlink().name.removeprefix("python")


def build_bundle(target: Path) -> None:
    """Build what is copied to the nodes; its libraries are fetched once and kept."""
    version = python_of_hosts()
    kept = STATE / f"libraries-{version}"
    program = ROOT / "installer/node/bundle"
    if kept.exists():
        _run([program, target, version], {"CLUSTERAGENT_LIBRARIES": str(kept)})
        return
    _run([program, target, version])
    fresh = kept.with_suffix(".new")
    shutil.copytree(target / "lib", fresh, dirs_exist_ok=True, ignore=shutil.ignore_patterns("nodeagent"))
    fresh.rename(kept)


def _run(command: Sequence[str | Path], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        list(map(str, command)), env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command[0]}: {done.stdout}{done.stderr}"
