"""agentfarm: 64 real agents, each with its Resource Monitor, on one etcd: what a cluster at rest costs each of them.

It takes five minutes and 3 GB, so it runs only when it is named. The processor time is that of the threads themselves,
so that other programs on the machine do not matter as long as all agents come to their turn in time.
"""

import asyncio
import contextlib
import os
import signal
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from nodeagent.database.etcd import EtcdStore
from nodeagent.database.records import HeartbeatRecord, Life, decode
from nodeagent.monitor import notes
from nodeagent.planner.timing import PROFILES, scaled
from tests.benchmarks.etcdfarm import MOST_COMMITS, MOST_CPU
from tests.benchmarks.figures import BenchmarkFailed, Figure
from tests.benchmarks.idle import processor_seconds, proportional_memory
from tests.support.agents import Agent, short_folder
from tests.support.etcd import Etcd, running_etcd

NODES = 64
AT_ONCE = 4  # agents that start, or are taken down, at the same time: they use the machine's few processors
PATIENCES = 4  # a test's patience until an agent is ready, so many times
JOINING = 240.0  # seconds until all have joined and beat as seldom as so many should
CALM = 15.0  # seconds after that
SECONDS = 60.0
NICE = -10  # as in installer/units/clusteragent.service
LATE = "heartbeat not confirmed"  # what an agent's log says of an attempt that it had to repeat


def run() -> list[Figure]:
    """Start them, measure, and leave nothing behind."""
    with (
        come_first(),
        short_folder() as folder,
        running_etcd(folder / "etcd") as etcd,
        running_farm(folder, etcd) as agents,
    ):
        return asyncio.run(_measure(etcd, agents))


@contextmanager
def come_first() -> Iterator[None]:
    """Have what is started here come before other programs, as the agent's unit does (Nice=-10): root alone may."""
    group = Path("/proc/self/autogroup")  # of this session: its niceness counts beside that of other sessions
    own, former = os.getpriority(os.PRIO_PROCESS, 0), group.read_text(encoding="ascii") if group.exists() else ""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
        if former:
            group.write_text(f"{NICE}", encoding="ascii")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, own)
            if former:
                group.write_text(former.split()[-1], encoding="ascii")


@contextmanager
def running_farm(folder: Path, etcd: Etcd) -> Iterator[list[Agent]]:
    """Start the agents; take all of them down in the end, also when this process is asked to end."""
    agents = [_agent(folder / f"n{number}", number, etcd) for number in range(1, NODES + 1)]
    former = signal.signal(signal.SIGTERM, _end)
    try:
        agents[0].start()  # it makes the cluster
        _all(_start, agents[1:])
        yield agents
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # not in the midst of this
        try:
            _all(_take_down, agents)
        finally:
            signal.signal(signal.SIGTERM, former)


def _agent(home: Path, number: int, etcd: Etcd) -> Agent:
    return Agent(home, f"NODE{number}", "etcd", "FARM", etcd.settings())


def _start(agent: Agent) -> None:
    """Start it, with more patience than a test has: the others start beside it, and beat already."""
    agent.begin()
    for _ in range(PATIENCES - 1):
        with contextlib.suppress(pytest.fail.Exception):
            agent.await_ready()
            return
    agent.await_ready()


def _take_down(agent: Agent) -> None:
    """Let it leave; what does not is killed, with its monitors."""
    try:
        agent.finish()
    finally:
        agent.reap()


def _all(do: Callable[[Agent], object], agents: Iterable[Agent]) -> None:
    """Do it to all of them, whatever becomes of one; then raise what went wrong first."""
    threads = ThreadPoolExecutor(AT_ONCE)
    try:
        done = [threads.submit(do, agent) for agent in agents]
        wait(done)
    finally:
        threads.shutdown(cancel_futures=True)  # none begins after this process was asked to end
    for one in done:
        one.result()


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


async def _measure(etcd: Etcd, agents: list[Agent]) -> list[Figure]:
    server = etcd.members[0].process
    if server is None:
        raise BenchmarkFailed("etcd has ended")
    observer = etcd.store()
    try:
        await _settle(observer)
        processes = [(agent.pid, *_monitor(agent)) for agent in agents]
        pids = [server.pid, *(pid for of_one in processes for pid in of_one)]
        lives, late = await _lives(observer), _late(agents)
        first, used, began = await _revision(observer), {pid: processor_seconds(pid) for pid in pids}, time.monotonic()
        await asyncio.sleep(SECONDS)  # the time that is measured
        last, now, span = await _revision(observer), {pid: processor_seconds(pid) for pid in pids}, time.monotonic()
        span -= began
        if await _lives(observer) != lives:
            raise BenchmarkFailed("the cluster was not at rest: a node was declared down")
    finally:
        await observer.close()
    share = {pid: (now[pid] - used[pid]) / span * 100 for pid in pids}
    services = [share[service] for service, *_ in processes]
    memory = [proportional_memory(service) for service, *_ in processes]
    everything = [sum(proportional_memory(pid) for pid in of_one) for of_one in processes]
    return [
        Figure(f"{NODES} agents: commits at rest", (last - first) / span, "per s", MOST_COMMITS, "all together"),
        *_spread("processor of the service", services, "%", MOST_CPU),
        *_spread(
            "processor of service, monitor, launcher", [sum(share[pid] for pid in of_one) for of_one in processes], "%"
        ),
        *_spread("memory of the service (PSS)", memory, "MB"),
        *_spread("memory of service, monitor, launcher (PSS)", everything, "MB"),
        Figure(f"{NODES} agents: processor of the one etcd", share[server.pid], "%"),
        Figure(f"{NODES} agents: heartbeats that were sent again", _late(agents) - late, "", None, f"in {span:.0f} s"),
    ]


def _spread(what: str, values: list[float], unit: str, budget: float | None = None) -> list[Figure]:
    return [
        Figure(f"{NODES} agents, median: {what}", statistics.median(values), unit),
        Figure(f"{NODES} agents, most: {what}", max(values), unit, budget),
    ]


async def _settle(observer: EtcdStore) -> None:
    """Wait until all beat as seldom as they should, then for a while."""
    until, wanted = time.monotonic() + JOINING, scaled(PROFILES["default"], NODES).interval
    while not all(one.interval >= wanted - 0.01 for one in await _heartbeats(observer)):
        if time.monotonic() > until:
            raise BenchmarkFailed("not all have joined")
        await asyncio.sleep(1.0)  # to watch them all would be one more load
    await asyncio.sleep(CALM)  # what is measured is that nothing happens


async def _heartbeats(observer: EtcdStore) -> list[HeartbeatRecord]:
    found = (await observer.read("heartbeats/", timeout=30)).entries
    if len(found) != NODES:
        raise BenchmarkFailed(f"{len(found)} nodes of {NODES} are there")
    return [decode(entry.value, HeartbeatRecord) for entry in found.values()]


async def _lives(observer: EtcdStore) -> list[tuple[int, Life]]:
    return [(one.incarnation, one.life) for one in await _heartbeats(observer)]


async def _revision(observer: EtcdStore) -> int:
    return (await observer.read("cluster", timeout=30)).revision


def _monitor(agent: Agent) -> tuple[int, ...]:
    """Return the Resource Monitor and what it has started: its launcher."""
    monitor = notes.read(agent.settings.monitors / "shared.json").process
    children = Path(f"/proc/{monitor}/task/{monitor}/children").read_text(encoding="ascii").split()
    return monitor, *map(int, children)


def _late(agents: list[Agent]) -> int:
    return sum(agent.said.count(LATE) for agent in agents)
