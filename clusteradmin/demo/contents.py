"""What a new demo holds: the group "High Availability Notepad" of the paper that the product is modelled on."""

from __future__ import annotations

import asyncio
import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clusteradmin.client import commands
from clusteradmin.client.cluster import Cluster, NotConnected
from clusteradmin.demo.problems import DemoError
from clusteradmin.settings import ClientHome
from clusteradmin.ssh.credentials import NoPrompter
from nodeagent.api.objects import GroupState, NodeState, Snapshot
from nodeagent.api.properties import Value

GROUP: Final = "High Availability Notepad"
RESOURCE: Final = "Notepad"
TYPE: Final = "Generic Application"

_HELD_BY, _SESSIONS = "processes held by", "sessions"  # a fact that each node reports

_MEMBERS_SECONDS: Final = 60.0
_ONLINE_SECONDS: Final = 30.0

# Editors before others: something typed into one shows that it is the same program, or a new one.
_X_PROGRAMS: Final = ("xedit", "mousepad --disable-server", "gedit --standalone", "kwrite", "xterm", "xclock")
_WAYLAND_PROGRAMS: Final = (
    "mousepad --disable-server",
    "gedit --standalone",
    "gnome-text-editor --standalone",
    "kwrite",
    "foot",
)
_PLAIN: Final = """sh -c 'n=0; while :; do n=$((n+1)); echo "page $n"; sleep 5; done'"""


@dataclass(frozen=True, slots=True)
class Notepad:
    """The program that stands for Notepad; with a display one that shows itself there."""

    command_line: str
    on_desktop: bool

    @property
    def parameters(self) -> dict[str, Value]:
        return {
            "CommandLine": self.command_line,
            "CurrentDirectory": "/",
            "InteractWithDesktop": self.on_desktop,
        }


def choose_notepad(environment: Mapping[str, str]) -> Notepad:
    """Return the first editor or other program that can show itself, else one that only prints lines."""
    candidates: tuple[str, ...] = ()
    if environment.get("DISPLAY"):
        candidates = _X_PROGRAMS
    elif environment.get("WAYLAND_DISPLAY"):
        candidates = _WAYLAND_PROGRAMS
    for line in candidates:
        if shutil.which(line.split()[0], path=environment.get("PATH")):
            return Notepad(line, on_desktop=True)
    return Notepad(_PLAIN, on_desktop=False)


async def fill(socket: Path, members: int, notepad: Notepad | None, say: Callable[[str], None]) -> None:
    """Wait until the cluster has its *members*, then create the group and bring it online.

    Args:
        socket: of one node's Cluster Service.
        notepad: what to create, None for nothing.
        say: is told of what this machine lacks.

    Raises:
        DemoError: the nodes do not find together.
        ClusterError: the group could not be created or brought online.
    """
    cluster = Cluster(f"unix:{socket}", prompter=NoPrompter(), home=ClientHome(socket.parent / "nobody"))
    try:
        try:
            await cluster.open()
            await cluster.until(lambda snapshot: _complete(snapshot, members), _MEMBERS_SECONDS)
        except (NotConnected, TimeoutError) as exc:
            raise DemoError(f"The nodes of the demo did not form a cluster. {exc}".rstrip()) from exc
        assert cluster.snapshot is not None
        if any(node.facts.get(_HELD_BY) == _SESSIONS for node in cluster.snapshot.nodes.values()):
            say("Applications are held together by sessions here, since no cgroups can be made for them.")
        if notepad is not None:
            await _create(cluster, notepad)
    finally:
        await cluster.close()


async def take_all_offline(socket: Path) -> None:
    """Take every group offline, so that each application is asked to end and has the time that it was given.

    Raises:
        ClusterError: the node does not answer, or not all can be taken offline.
    """
    cluster = Cluster(f"unix:{socket}", prompter=NoPrompter(), home=ClientHome(socket.parent / "nobody"))
    try:
        await cluster.open()
        assert cluster.snapshot is not None
        groups = [group for group in cluster.snapshot.groups.values() if group.state is not GroupState.OFFLINE]
        await asyncio.gather(*(commands.take_offline(cluster, group, wait=math.inf) for group in groups))
    finally:
        await cluster.close()


def _complete(snapshot: Snapshot, members: int) -> bool | None:
    up = [node for node in snapshot.nodes.values() if node.state is NodeState.UP]
    return len(up) >= members or None


async def _create(cluster: Cluster, notepad: Notepad) -> None:
    group = (await commands.create_group(cluster, GROUP)).id
    await commands.create_resource(cluster, RESOURCE, TYPE, group, parameters=notepad.parameters)
    assert cluster.snapshot is not None
    await commands.bring_online(cluster, cluster.snapshot.groups[group], wait=_ONLINE_SECONDS)
