"""failover: how long a client waits when its node loses power, and when a group is moved."""

import asyncio
import threading
import time
from dataclasses import dataclass, field

from clusteradmin.client import commands
from clusteradmin.client.cluster import Cluster
from nodeagent.api.objects import Group, NodeId, NodeState, ObjectKind, ObjectRef
from nodeagent.planner.timing import PROFILES
from tests.benchmarks.figures import BenchmarkFailed, Figure, extent
from tests.benchmarks.nodes import PATIENCE, AgentNodes, add_group, running_nodes
from tests.benchmarks.webserver import ask, compiled
from tests.support.sshd import free_port

RUNS = 5
ASK_AGAIN = 0.001  # seconds between two questions of the client
MOST_LOST = {"default": 5000.0, "fast": 2100.0}  # ms
MOST_MOVE = 100.0  # ms; the application itself stops and starts in about a millisecond


@dataclass
class Client:
    """Asks the application all the time, in a thread of its own, and remembers when it got no answer.

    Attributes:
        gaps: former process, next process, and the seconds between the last answer of the one and the first of the
            other.
    """

    port: int
    gaps: list[tuple[int, int, float]] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _stopped: bool = False
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Client":
        self._thread = threading.Thread(target=self._ask, name="asks the application")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        assert self._thread is not None
        self._thread.join()

    def _ask(self) -> None:
        process, at = 0, 0.0
        while not self._stopped:
            answering = ask(self.port)
            now = time.perf_counter()
            if answering and process and answering != process:
                with self._changed:
                    self.gaps.append((process, answering, now - at))
                    self._changed.notify_all()
            if answering:
                process, at = answering, now
            time.sleep(ASK_AGAIN)  # an ordinary client does not ask without a pause

    def await_gap(self, number: int) -> float:
        """Return how long the gap with that *number* was, when it is over."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.gaps) > number, PATIENCE):
                raise BenchmarkFailed(f"the application does not answer at port {self.port} any more")
            return self.gaps[number][2]


def run() -> list[Figure]:
    """Measure planned moves, then power losses under two profiles; the same three nodes for all of it."""
    return asyncio.run(_measure())


async def _measure() -> list[Figure]:
    with running_nodes(3) as nodes:
        port = free_port()
        webapp = compiled("webapp", nodes.folder)
        async with nodes.client() as cluster:
            await add_group(cluster, "Web", {"Web Server": f"{webapp} {port}"})
        with Client(port) as client:
            moves = await _moves(nodes, client)
            figures = extent("planned move, no answer for", moves, MOST_MOVE)
            for profile, budget in MOST_LOST.items():
                lost = await _losses(nodes, client, profile)
                figures += extent(f"node lost, {profile} profile, no answer for", lost, budget)
    return figures


async def _moves(nodes: AgentNodes, client: Client) -> list[float]:
    times = []
    async with nodes.client() as cluster:
        for _ in range(RUNS):
            web, number = _web(cluster), len(client.gaps)
            target = web.owner % len(nodes.nodes) + 1
            await commands.move_group(cluster, web.group, target, wait=PATIENCE)
            times.append(await asyncio.to_thread(client.await_gap, number))
    return times


@dataclass(frozen=True, slots=True)
class _Web:
    group: Group
    owner: NodeId
    process: int


def _web(cluster: Cluster) -> _Web:
    assert cluster.snapshot is not None
    group = next(iter(cluster.snapshot.groups.values()))
    resource = cluster.snapshot.resources_of(group.id)[0]
    if group.owner is None:
        raise BenchmarkFailed("nobody owns the group")
    return _Web(group, group.owner, resource.process_id)


async def _losses(nodes: AgentNodes, client: Client, profile: str) -> list[float]:
    return [await _lose_owner(nodes, client, profile) for _ in range(RUNS)]


async def _lose_owner(nodes: AgentNodes, client: Client, profile: str) -> float:
    """Cut the power of the owner, wait for another one, and give the power back."""
    async with nodes.client() as cluster:
        assert cluster.snapshot is not None
        properties = ObjectRef(ObjectKind.CLUSTER, cluster.snapshot.cluster.id)
        await commands.set_properties(cluster, properties, {"Profile": profile})
        web = await cluster.until(lambda _: found if (found := _web(cluster)).process else None, PATIENCE)
        lost = nodes.named(cluster.snapshot.node_name(web.owner))
    other = next(node for node in nodes.nodes if node is not lost)
    await asyncio.sleep(PROFILES[profile].takeover)  # heartbeats of the new profile, everybody settled after a start
    number = len(client.gaps)
    async with nodes.client(other) as cluster:
        lost.cut_power(web.process)
        gap = await asyncio.to_thread(client.await_gap, number)
        await asyncio.to_thread(lost.clean_up)
        await cluster.until(lambda s: s.nodes[web.owner].state is NodeState.DOWN or None, PATIENCE)
        await asyncio.to_thread(lost.power_on)
        await nodes.all_up(cluster)
    return gap
