"""etcdfarm: what a cluster of 64 costs its etcd and each agent at rest, and how long a commit and its news take.

Two of the 64 are real agents. The others are stand-ins in one process: each has a client of its own with its two
connections, beats as an agent would and is told of every change, but makes nothing of it.
"""

import asyncio
import time
import uuid
from contextlib import AsyncExitStack

from msgspec.structs import replace

from nodeagent.database.etcd import EtcdStore
from nodeagent.database.records import HeartbeatRecord, Life, NodeRecord, encode, heartbeat_key, node_key
from nodeagent.database.store import Conflict, Transaction, Unavailable, Unknown
from nodeagent.planner.timing import PROFILES, Profile, scaled
from tests.benchmarks.figures import BenchmarkFailed, Figure, spread
from tests.benchmarks.idle import processor_seconds, proportional_memory
from tests.support.agents import Agent, running_cluster, short_folder
from tests.support.etcd import Etcd, running_etcd

NODES = 64
AGENTS = ("NODE1", "NODE2")
SECONDS = 30.0
CALM = 10.0  # seconds until all have begun
ROUNDS = 300
MOST_COMMITS = 70.0  # per second, at rest
MOST_CPU = 3.0  # percent of one processor, for each agent
# Medians of a plain client with the same two calls on one idle member without TLS, ms; the reference to compare with.
PLAIN = {"put": 1.39, "compare and set": 1.46, "put to its news": 1.55}


def run() -> list[Figure]:
    """Measure one member, first by itself, then with 64 nodes."""
    with short_folder() as folder, running_etcd(folder / "etcd") as etcd:
        figures = asyncio.run(_times(etcd.store("times/")))
        more = [etcd.settings()] * len(AGENTS)
        with running_cluster(folder, AGENTS, database="etcd", more=more) as agents:
            return figures + asyncio.run(_farm(etcd, agents))


# --- one client -----------------------------------------------------------------------------------------------------


async def _times(store: EtcdStore) -> list[Figure]:
    value, figures = b"x" * 100, []
    try:
        for what, measured in (
            ("put", [await _put(store, value) for _ in range(ROUNDS)]),
            ("compare and set", await _sets(store, value)),
            ("put to its news", await _news(store, value)),
        ):
            figures += spread(what, measured)
            ratio = figures[-2].value / PLAIN[what]
            figures.append(Figure(f"{what}, against a plain client's {PLAIN[what]} ms", ratio, "times"))
    finally:
        await store.close()
    return figures


async def _put(store: EtcdStore, value: bytes) -> float:
    began = time.perf_counter()
    await store.commit(Transaction(put={"a": value}))
    return time.perf_counter() - began


async def _sets(store: EtcdStore, value: bytes) -> list[float]:
    revision, found = (await store.read("a")).entries["a"].revision, []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        revision = await store.commit(Transaction(expect={"a": revision}, put={"a": value}))
        found.append(time.perf_counter() - began)
    return found


async def _news(store: EtcdStore, value: bytes) -> list[float]:
    watch, found = store.watch("", (await store.read("")).revision), []
    try:
        for _ in range(ROUNDS):
            began = time.perf_counter()
            committing = asyncio.create_task(store.commit(Transaction(put={"a": value})))
            await anext(watch)
            found.append(time.perf_counter() - began)
            await committing
    finally:
        await watch.aclose()
    return found


# --- 64 nodes -------------------------------------------------------------------------------------------------------


async def _farm(etcd: Etcd, agents: list[Agent]) -> list[Figure]:
    profile = scaled(PROFILES["default"], NODES)
    async with AsyncExitStack() as stack:
        stores = [etcd.store() for _ in range(len(agents), NODES)]
        observer = etcd.store()
        for store in (*stores, observer):
            stack.push_async_callback(store.close)
        async with asyncio.TaskGroup() as group:
            tasks = []
            for number, store in enumerate(stores, start=len(agents) + 1):
                tasks.append(group.create_task(_stand_in(store, number, profile.interval)))
                tasks.append(group.create_task(_listen(store)))
            await asyncio.sleep(CALM)  # until all have begun
            figures = await _measure(etcd, agents, observer, profile)
            for task in tasks:
                task.cancel()
    return figures


async def _measure(etcd: Etcd, agents: list[Agent], observer: EtcdStore, profile: Profile) -> list[Figure]:
    server = etcd.members[0].process
    if server is None:
        raise BenchmarkFailed("etcd has ended")
    pids = [agent.pid for agent in agents] + [server.pid]
    before = await observer.read("cluster"), [processor_seconds(pid) for pid in pids], time.monotonic()
    await asyncio.sleep(SECONDS)  # the time that is measured
    after = await observer.read("cluster"), [processor_seconds(pid) for pid in pids], time.monotonic()
    span = after[2] - before[2]
    shares = [(now - then) / span * 100 for now, then in zip(after[1], before[1], strict=True)]
    commits = (after[0].revision - before[0].revision) / span
    if after[0].entries["cluster"] != before[0].entries["cluster"]:
        raise BenchmarkFailed("the cluster was not at rest")
    figures = [Figure(f"{NODES} nodes: commits at rest", commits, "per s", MOST_COMMITS, "all nodes together")]
    for agent, share in zip(agents, shares, strict=False):
        figures.append(Figure(f"{NODES} nodes, {agent.name}: processor of its service", share, "%", MOST_CPU))
        figures.append(Figure(f"{NODES} nodes, {agent.name}: memory (PSS)", proportional_memory(agent.pid), "MB"))
        late = agent.said.count("heartbeat not confirmed")
        figures.append(Figure(f"{NODES} nodes, {agent.name}: heartbeats sent again after {profile.again} s", late, ""))
    figures.append(Figure(f"{NODES} nodes: processor of etcd, one member with all watches", shares[-1], "%"))
    return figures


async def _stand_in(store: EtcdStore, number: int, interval: float) -> None:
    """Be a member that does nothing but beat."""
    key, process = heartbeat_key(number), uuid.uuid4().hex[:16]
    record = HeartbeatRecord(incarnation=1, life=Life.ALIVE, attempt="", boot=process, interval=interval, self_stop=3.5)

    def beat() -> bytes:
        return encode(replace(record, attempt=f"{process}-{attempt}"))

    attempt = 0
    made = {node_key(number): encode(NodeRecord(id=number, name=f"NODE{number}")), key: beat()}
    revision = await store.commit(Transaction(put=made), timeout=30)
    await asyncio.sleep(interval * number / NODES)  # nodes that started at different moments
    while True:
        began, attempt = time.monotonic(), attempt + 1
        try:
            revision = await store.commit(Transaction(expect={key: revision}, put={key: beat()}))
        except (Conflict, Unknown, Unavailable):
            revision = (await store.read(key, timeout=30)).entries[key].revision
        await asyncio.sleep(max(0.0, began + interval - time.monotonic()))  # the interval itself


async def _listen(store: EtcdStore) -> None:
    revision = (await store.read("", timeout=30)).revision
    while True:
        watch = store.watch("", revision)
        try:
            async for batch in watch:
                revision = batch[-1].revision
        except Unavailable:
            await asyncio.sleep(0.2)  # nothing tells when a store is back
        finally:
            await watch.aclose()
