"""Resource Monitors that nobody can find by their notes any more, because the run directory was wiped (rule M5)."""

from __future__ import annotations

import contextlib
import itertools
import select
import signal
from collections.abc import Set as AbstractSet
from pathlib import Path

from nodeagent.settings import DEFAULT_CONFIG
from nodeagent.system import processes
from nodeagent.system.processes import Process

PATIENCE = 5.0  # seconds for the end of one process
ORDERLY = 3.0  # seconds in which a monitor that is asked ends all that it holds


def kill_strays(config: Path, known: AbstractSet[int]) -> bool:
    """Kill every Resource Monitor of this agent that is not *known*, and all that descends from it.

    Args:
        config: the agent's settings file: it stands in the command line of its monitors.
        known: process numbers of the monitors that are attached.

    Returns:
        True when nothing of them is left, as far as their descendants go.
    """
    proven = True
    for pid in processes.all_numbers():
        if pid in known or not _is_monitor(pid, config):
            continue
        identity = processes.identify(pid)
        monitor = processes.adopt(identity) if identity else None
        if monitor is None:
            continue
        with monitor, contextlib.ExitStack() as stack:
            held = [stack.enter_context(child) for child in _below(pid)]
            # Asked, it ends what lies outside of processes too, such as addresses: nobody else knows of those.
            monitor.signal(signal.SIGTERM)
            if not _has_ended(monitor, ORDERLY):
                monitor.signal(signal.SIGSTOP)  # it starts nothing again
                held += [stack.enter_context(child) for child in _below(pid)]
            for process in (*held, monitor):
                proven = _kill(process) and proven
    return proven


def _is_monitor(pid: int, config: Path) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:  # it has ended
        return False
    if not (b"nodeagent.monitor" in words or (b"monitor" in words and any(b"clusteragent" in word for word in words))):
        return False
    if b"--config" not in words:
        return config == DEFAULT_CONFIG
    return any(pair == (b"--config", bytes(config)) for pair in itertools.pairwise(words))


def _descendants(pid: int) -> list[int]:
    """Return the processes below *pid*, the nearest first."""
    everybody = processes.all_processes()
    found, parents = list[int](), {pid}
    while children := {stat.pid for stat in everybody if stat.parent in parents} - set(found):
        found += sorted(children)
        parents = children
    return found


def _below(pid: int) -> list[Process]:
    identities = [identity for child in _descendants(pid) if (identity := processes.identify(child))]
    return [process for identity in identities if (process := processes.adopt(identity))]


def _has_ended(process: Process, within: float) -> bool:
    return bool(select.select([process], [], [], within)[0])


def _kill(process: Process) -> bool:
    process.signal(signal.SIGKILL)
    return _has_ended(process, PATIENCE)
