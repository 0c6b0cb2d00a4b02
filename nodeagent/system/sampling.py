"""What this node is and how busy it is, and what the processes of one resource use."""

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import psutil


class NodeFacts(msgspec.Struct, frozen=True):
    """What does not change while the node is up."""

    os_name: str
    os_version: str
    kernel: str
    architecture: str
    cpu_count: int
    memory_bytes: int


class NodeLoad(msgspec.Struct, frozen=True):
    """How busy the node is.

    Attributes:
        cpu: share of all processors together since the last sample, 0 to 1; 0 in the first.
        load: the three averages of `uptime`, of 1, 5 and 15 minutes.
        memory_available: bytes that programs could still get without swapping.
    """

    cpu: float
    load: tuple[float, float, float]
    memory_available: int
    swap_used: int


class Usage(msgspec.Struct, frozen=True):
    """What a resource's processes use.

    Attributes:
        cpu: processors kept busy since the last sample: 1 is one of them all the time; 0 in the first.
        memory_bytes: resident memory of all; what they share is counted for each of them.
    """

    processes: int
    threads: int
    cpu: float
    memory_bytes: int


def node_facts() -> NodeFacts:
    try:
        release = platform.freedesktop_os_release()
    except OSError:  # no os-release file
        release = {}
    kernel = os.uname()
    return NodeFacts(
        os_name=release.get("NAME", kernel.sysname),
        os_version=release.get("VERSION_ID", ""),
        kernel=kernel.release,
        architecture=kernel.machine,
        cpu_count=psutil.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
    )


class NodeMeter:
    """Samples this node; the share of the processors is that since the sample before."""

    def __init__(self) -> None:
        self._before = _cpu_seconds()

    def sample(self) -> NodeLoad:
        now = _cpu_seconds()
        total, idle = now[0] - self._before[0], now[1] - self._before[1]
        self._before = now
        return NodeLoad(
            cpu=min(1.0, max(0.0, 1 - idle / total)) if total > 0 else 0.0,
            load=psutil.getloadavg(),
            memory_available=psutil.virtual_memory().available,
            swap_used=psutil.swap_memory().used,
        )


@dataclass(frozen=True, slots=True)
class _Spent:
    created: float
    cpu_seconds: float


class UsageMeter:
    """Samples the processes of one resource; one meter each, since it remembers the sample before."""

    def __init__(self) -> None:
        self._spent: dict[int, _Spent] = {}
        self._at: float | None = None

    def sample(self, pids: Iterable[int], now: float) -> Usage:
        """Add up what these processes use; those that have ended are left out. *now* is on the steady clock."""
        spent: dict[int, _Spent] = {}
        memory = threads = 0
        used = 0.0
        for pid in pids:
            try:
                process = psutil.Process(pid)
                with process.oneshot():
                    times = process.cpu_times()
                    spent[pid] = _Spent(process.create_time(), times.user + times.system)
                    memory += process.memory_info().rss
                    threads += process.num_threads()
            except psutil.NoSuchProcess:
                spent.pop(pid, None)
                continue
            used += self._since_before(pid, spent[pid])
        elapsed = 0.0 if self._at is None else now - self._at
        self._spent, self._at = spent, now
        return Usage(len(spent), threads, used / elapsed if elapsed > 0 else 0.0, memory)

    def _since_before(self, pid: int, spent: _Spent) -> float:
        """Return the CPU seconds since the last sample; all of it for a process born since, by number and birth."""
        before = self._spent.get(pid)
        same = before is not None and before.created == spent.created
        return spent.cpu_seconds - before.cpu_seconds if before is not None and same else spent.cpu_seconds


def _cpu_seconds() -> tuple[float, float]:
    """Return the processors' time in all states and that of them idle; guests are counted in user already."""
    times = psutil.cpu_times()
    total = sum(times) - times.guest - times.guest_nice
    return total, times.idle + times.iowait
