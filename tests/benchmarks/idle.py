"""idle: what the agent costs a node on which nothing happens: memory and processor time."""

import asyncio
import contextlib
from pathlib import Path

from tests.benchmarks.figures import BenchmarkFailed, Figure
from tests.benchmarks.nodes import AgentNode, AgentNodes, add_sleepers, running_nodes

RESOURCES = 50
SECONDS = 30.0
CALM = 5.0  # seconds after the last resource went online
MOST_PSS = 55.0  # MB
MOST_CPU = 0.3  # percent of one processor


def run() -> list[Figure]:
    """Measure a cluster of one node and one of three, each with the resources on its first node."""
    return [figure for count in (1, 3) for figure in asyncio.run(_measure(count))]


async def _measure(count: int) -> list[Figure]:
    with running_nodes(count) as nodes:
        async with nodes.client() as cluster:
            await add_sleepers(cluster, RESOURCES)
        await asyncio.sleep(CALM)  # what is measured is that nothing happens
        before = _used(nodes)
        await asyncio.sleep(SECONDS)  # the time that is measured
        after = _used(nodes)
        return [figure for node in nodes.nodes for figure in _figures(node, count, before, after)]


def _used(nodes: AgentNodes) -> dict[int, float]:
    return {pid: processor_seconds(pid) for node in nodes.nodes for pid in _processes(node)}


def _processes(node: AgentNode) -> tuple[int, int, int]:
    """Return service, monitor, and the monitor's launcher."""
    if node.service is None or not node.monitor:
        raise BenchmarkFailed(f"{node.name} does not run")
    for pid in Path(f"/proc/{node.monitor}/task/{node.monitor}/children").read_text(encoding="ascii").split():
        if b"launcherprocess" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return node.service.pid, node.monitor, int(pid)
    raise BenchmarkFailed(f"the monitor of {node.name} has no launcher")


def _figures(node: AgentNode, count: int, before: dict[int, float], after: dict[int, float]) -> list[Figure]:
    own = service, monitor, launcher = _processes(node)
    if not set(own) <= before.keys():
        raise BenchmarkFailed(f"a process of {node.name} was started anew meanwhile")
    percent = {pid: (after[pid] - before[pid]) / SECONDS * 100 for pid in own}
    memory = {pid: proportional_memory(pid) for pid in own}
    what = f"{count} node{'s' if count > 1 else ''}, {node.name}"
    parts = f"service {memory[service]:.1f}, monitor {memory[monitor]:.1f}, launcher {memory[launcher]:.1f}"
    shares = f"service {percent[service]:.2f}, monitor {percent[monitor]:.2f}"
    return [
        Figure(f"{what}: memory (PSS)", sum(memory.values()), "MB", MOST_PSS, parts),
        Figure(f"{what}: processor", sum(percent.values()), "%", MOST_CPU, shares),
    ]


def processor_seconds(pid: int) -> float:
    """Return the processor time of all threads that live, in seconds; exact, where ticks of 10 ms are not."""
    total = 0
    for file in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(FileNotFoundError):  # it has just ended
            total += int(file.read_text(encoding="ascii").split()[0])
    return total / 1e9


def proportional_memory(pid: int) -> float:
    """Return the PSS in MB (10^6 bytes): what others share is divided among them."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    found = next(line for line in lines if line.startswith("Pss:"))
    return int(found.split()[1]) * 1024 / 1e6
