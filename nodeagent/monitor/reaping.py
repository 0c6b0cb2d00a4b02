"""Ending what a dead monitor held, and all of a node: the death of a monitor kills what it holds (safety rule P8)."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import secrets
import select
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from nodeagent import resourcetypes
from nodeagent.api.objects import ResourceId
from nodeagent.monitor import notes, outside
from nodeagent.monitor.notes import Notes
from nodeagent.monitor.outside import cut_leftovers
from nodeagent.resourcetypes.base import ResourceType
from nodeagent.settings import AgentSettings
from nodeagent.system import processes
from nodeagent.system.cgroups import CgroupContainers, find_all, find_base, open_containers, own_cgroup
from nodeagent.system.clock import SystemClock, boot_identity
from nodeagent.system.containers import Container, Containers
from nodeagent.system.launcher import Launcher
from nodeagent.system.processes import ProcessIdentity

PATIENCE = 5.0  # seconds for the proof that a container is empty
_WHERE = ".where"  # ends the name of the file that says where a unit's containers are


class _Where(msgspec.Struct, frozen=True):
    """How this node's containers are found again: the cgroup below which they are, or the sessions' token."""

    token: str
    base: str = ""


class _OfUnits:
    """The containers of all monitors that are units: each has those below its own unit's cgroup."""

    def __init__(self, parts: list[Containers]) -> None:
        self.parts = parts

    def open(self, name: str) -> Container:
        """Return the container of that name. Raises KeyError when no monitor has one."""
        for part in self.parts:
            if name in part.leftovers():
                return part.open(name)
        raise KeyError(name)

    def leftovers(self) -> list[str]:
        """Return the names of those that exist."""
        return sorted({name for part in self.parts for name in part.leftovers()})


def containers_of(settings: AgentSettings, launcher: Launcher | None = None) -> Containers:
    """Return this node's containers; the same ones in every process that asks, as long as the machine is up."""
    if settings.start_monitors == "units":
        found = [_read(path) for path in sorted(settings.monitors.glob(f"*{_WHERE}"))]
        return _OfUnits([_opened(where) for where in found if where is not None])
    path = settings.run / "containers.json"
    where = _read(path)
    if where is None:
        base = find_base(settings.mark)
        where = _Where(secrets.token_hex(16), str(base) if base else "")
        settings.run.mkdir(parents=True, exist_ok=True)  # users go through it to the socket
        where = _settle(path, where)
    return _opened(where, launcher)


def own_containers(settings: AgentSettings, monitor: str, launcher: Launcher) -> Containers:
    """Return the containers in which this process, the Resource Monitor of that name, holds its resources."""
    if settings.start_monitors != "units":
        return containers_of(settings, launcher)
    base = find_base(settings.mark)
    path = settings.monitors / f"{monitor}{_WHERE}"
    former = _read(path)
    where = _Where(former.token if former else secrets.token_hex(16), str(base) if base else "")
    fresh = path.with_suffix(".fresh")
    fresh.touch(mode=0o600)  # the token is nobody else's business
    fresh.write_bytes(msgspec.json.encode(where))
    os.replace(fresh, path)  # noqa: PTH105 - the one call that replaces atomically
    return _opened(where, launcher)


def _opened(where: _Where, launcher: Launcher | None = None) -> Containers:
    return open_containers(where.token, Path(where.base) if where.base else None, launcher)


def _settle(path: Path, where: _Where) -> _Where:
    """Write *where* down, or return what another process has written meanwhile: there may only be one."""
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.touch(mode=0o600)  # the token is nobody else's business
    fresh.write_bytes(msgspec.json.encode(where))
    try:
        with path.with_suffix(".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            now = _read(path)
            if now is not None:
                return now
            os.replace(fresh, path)  # noqa: PTH105 - the one call that replaces atomically
            return where
    finally:
        fresh.unlink(missing_ok=True)


def _read(path: Path) -> _Where | None:
    """Return where the containers are, or None when that is not known, or was in another life of the machine."""
    try:
        where = msgspec.json.decode(path.read_bytes(), type=_Where)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return None if where.base and not Path(where.base).is_dir() else where


def has_cgroups(settings: AgentSettings) -> bool:
    """Tell whether this node's containers are cgroups."""
    if settings.start_monitors == "units":  # systemd delegates to each the cgroup of its unit
        own = own_cgroup()
        return own is not None and os.access(own / "cgroup.procs", os.W_OK)
    return type(containers_of(settings)).__name__ == "CgroupContainers"


def kill_resources(containers: Containers, resources: list[ResourceId], patience: float = PATIENCE) -> bool:
    """Kill what these resources' containers hold; True when that is proven within *patience* seconds."""
    if isinstance(containers, _OfUnits):  # one that changed its monitor may be in two
        theirs = [(part, set(part.leftovers())) for part in containers.parts]
        proofs = [kill_resources(part, [name for name in resources if name in its], patience) for part, its in theirs]
        return all(proofs)
    opened = [containers.open(resource) for resource in resources]
    for container in opened:
        with contextlib.suppress(OSError):  # `kill` tells
            container.begin_kill()
    deadline = SystemClock().steady() + patience
    proven = True
    for container in opened:
        try:
            if container.kill(deadline):
                container.remove()
            else:
                proven = False
        except OSError:  # something got in meanwhile
            proven = False
    return proven


def kill_lost(settings: AgentSettings) -> bool:
    """Kill what former lives of this agent have left in cgroups of which no notes tell; True when that is proven.

    They bear the agent's mark, in whichever unit or session a former monitor or service was.
    """
    proven = True
    for base in find_all(settings.mark):
        containers = CgroupContainers(base)
        proven = kill_resources(containers, containers.own_leftovers()) and proven
    return proven


def cut_all(former: Iterable[Notes], types: Mapping[str, ResourceType[Any]] | None = None) -> bool:
    """End what dead monitors left outside of processes, such as addresses; True when that is sure."""
    left = [note for noted in former for note in noted.outside.values()]
    if left and types is None:
        types, _ = resourcetypes.installed()
    sure = True
    for note in left:
        kind = (types or {}).get(note.type)
        sure = kind is not None and cut_leftovers(kind, note.parameters, SystemClock().steady) and sure
    return sure


def cut_orphans(types: Mapping[str, ResourceType[Any]] | None = None) -> bool:
    """End what lies outside of processes and nobody living holds, noted or not; True when that is sure (M5)."""
    return outside.cut_orphans((types or _types()).values())


@functools.cache
def _types() -> Mapping[str, ResourceType[Any]]:
    return resourcetypes.installed()[0]


def reap_after(settings: AgentSettings, monitor: str) -> bool:
    """Kill what the Resource Monitor of that name held, if it is dead; True when that is proven (safety rule P8)."""
    noted = notes.read(notes.path_of(settings.monitors, monitor))
    process = processes.adopt(ProcessIdentity(noted.process, noted.started, boot_identity()))
    if process is not None:
        process.close()
        return True
    if settings.start_monitors != "units":
        killed = kill_resources(containers_of(settings), noted.held)
    elif (where := _read(settings.monitors / f"{monitor}{_WHERE}")) is not None:
        containers = _opened(where)
        killed = kill_resources(containers, containers.leftovers())
    else:  # its cgroup is gone, with everything in it
        killed = True
    return killed and cut_all([noted]) and cut_orphans()


def reap(settings: AgentSettings, *, monitors: bool) -> bool:
    """Kill everything that this node's agent holds; True when that is proven.

    Args:
        monitors: the monitors too, first; else only what monitors that are dead have left.
    """
    spared: set[ResourceId] = set()
    dead: list[Notes] = []
    for path in sorted(settings.monitors.glob("*.json")):
        noted = notes.read(path)
        process = processes.adopt(ProcessIdentity(noted.process, noted.started, boot_identity()))
        if process is None:
            dead.append(noted)
            continue
        with process:
            if monitors:
                process.signal(signal.SIGKILL)
                select.select([process], [], [], PATIENCE)
                dead.append(notes.read(path))  # it may have written since
            else:
                spared |= set(noted.held)
    containers = containers_of(settings)
    proven = kill_resources(containers, [name for name in containers.leftovers() if name not in spared])
    proven = cut_all(dead) and cut_orphans() and proven
    if monitors and proven and isinstance(containers, CgroupContainers):
        with contextlib.suppress(OSError):  # a monitor that was born meanwhile has put something into it
            containers.remove()
    return proven
