"""recovery: how long a killed application is away, against a supervisor in C that does nothing else."""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.figures import Figure, spread
from tests.benchmarks.nodes import (
    NOBODY,
    AgentNodes,
    add_group,
    add_sleepers,
    others_may_run_python,
    running_nodes,
)
from tests.benchmarks.webserver import await_other, compiled, recovery_time
from tests.support.sshd import free_port

KILLS = 200
KILLS_AS_USER = 60
OTHERS = 100
LIFE = 0.06  # seconds between two kills of one application: a shorter life counts as a crash loop
OFTEN = {"RestartThreshold": 100_000, "RestartPeriod": 3_600_000}
MOST_RATIO = 2.0  # of the medians
MOST_P99 = 60.0  # ms


def run() -> list[Figure]:
    """Measure as root with cgroups, and as an ordinary user; both where this is root, else only the second."""
    if os.geteuid():
        return asyncio.run(_measure("as an ordinary user", KILLS_AS_USER, None))
    figures = asyncio.run(_measure("as root", KILLS, None))
    if not others_may_run_python():
        print(f"recovery as an ordinary user is left out: others may not run {Path(sys.executable).resolve()}")
        return figures
    return figures + asyncio.run(_measure("as an ordinary user", KILLS_AS_USER, NOBODY))


async def _measure(how: str, kills: int, user: int | None) -> list[Figure]:
    with running_nodes(1, user=user) as nodes:
        floors, ours = await _pairs(nodes, kills)
    ratio = statistics.median(ours) / statistics.median(floors)
    judged = how == "as root"
    return [
        *spread(f"floor in C ({how} run)", floors),
        *spread(f"answering again {how}", ours, budgets=(None, MOST_P99 if judged else None)),
        Figure(f"{how}, p50 against the floor's", ratio, "times", MOST_RATIO if judged else None),
    ]


async def _pairs(nodes: AgentNodes, kills: int) -> tuple[list[float], list[float]]:
    """Kill the floor's application and ours in turn, so that both meet the same machine."""
    webapp, floor = compiled("webapp", nodes.folder), compiled("floor", nodes.folder)
    floor_port, own_port = free_port(), free_port()
    async with nodes.client() as cluster:
        await add_sleepers(cluster, OTHERS)
        await add_group(cluster, "Web", {"Web Server": f"{webapp} {own_port}"}, OFTEN)
        with _floor(floor, webapp, floor_port):
            await_other(floor_port)
            await_other(own_port)
            return await asyncio.to_thread(_kill_in_turn, floor_port, own_port, kills)


def _kill_in_turn(floor_port: int, own_port: int, kills: int) -> tuple[list[float], list[float]]:
    floors, ours = [], []
    for _ in range(kills):
        time.sleep(LIFE / 2)
        floors.append(recovery_time(floor_port))
        time.sleep(LIFE / 2)
        ours.append(recovery_time(own_port))
    return floors, ours


@contextmanager
def _floor(floor: Path, webapp: Path, port: int) -> Iterator[None]:
    process = subprocess.Popen([floor, webapp, str(port)], stdin=subprocess.PIPE)
    try:
        yield
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)
