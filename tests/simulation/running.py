"""Runs a story: production code on virtual time, with simulated processes, sockets and containers below it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import logging
import random
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from nodeagent.api.objects import ResourceId
from nodeagent.monitor import entrypoints, resetting
from nodeagent.monitor import process as monitor_process
from nodeagent.service import monitors, unheld
from nodeagent.system import processes
from nodeagent.system.processes import ProcessIdentity
from tests.simulation import address, machine, wires
from tests.simulation.machine import FakeContainers, KernelProcess
from tests.simulation.monitorprocess import MonitorProcess, NodeProcess
from tests.simulation.node import Node
from tests.simulation.virtualtime import PROCESS, VirtualLoop
from tests.simulation.world import BrokenPromise, World


def _node() -> Node:
    process = PROCESS.get()
    assert isinstance(process, NodeProcess)
    return process.node


def _spawn_detached(arguments: tuple[str, ...], output: int) -> KernelProcess:
    del output
    node, name = _node(), arguments[-1]
    node.say(f"a monitor is started: {name}")
    monitor = MonitorProcess(node, name)
    node.monitors[monitor.handle.pid] = monitor
    return monitor.handle


def _adopt(identity: ProcessIdentity) -> KernelProcess | None:
    handles = [monitor.handle for monitor in _node().monitors.values()]
    return next((handle for handle in handles if handle.pid == identity.pid), None)


def _kill_resources(containers: FakeContainers, resources: list[ResourceId], patience: float = 5.0) -> bool:
    del patience
    for resource in resources:
        containers.open(resource).kill(float("inf"))
    return all(containers.open(resource).is_empty() for resource in resources)


def _kill_strays(config: Path, known: set[int]) -> bool:
    del config
    for pid, monitor in list(_node().monitors.items()):
        if pid not in known:
            monitor.ask_to_end()
            monitor.die("a stray")
    return True


@contextlib.contextmanager
def simulated_system() -> Iterator[None]:
    """Put simulated processes, sockets and containers in the place of the system's."""
    with contextlib.ExitStack() as stack:
        for where, name, what in (
            (monitor_process, "selectors", SimpleNamespace(DefaultSelector=wires.VirtualSelector, EVENT_READ=1)),
            (monitor_process, "MonotonicTimer", wires.Alarm),
            (monitor_process, "ServiceLine", wires.Line),
            (entrypoints, "begin", machine.begin_call),
            (monitors, "spawn_detached", _spawn_detached),
            (unheld, "containers_of", lambda _settings: _node().containers),
            (unheld, "kill_resources", _kill_resources),
            (unheld, "kill_lost", lambda _settings: True),
            (unheld, "kill_strays", _kill_strays),
            (unheld, "cut_all", address.cut_all),
            (unheld, "cut_orphans", address.cut_orphans),
            (resetting, "containers_of", lambda _settings: _node().containers),
            (resetting, "reset_host", lambda _trigger: _node().reset()),
            (processes, "adopt", _adopt),
        ):
            stack.enter_context(mock.patch.object(where, name, what))
        yield


class _IntoTimeline(logging.Handler):
    """What the product logs belongs into the timeline."""

    def emit(self, record: logging.LogRecord) -> None:
        process = PROCESS.get()
        if isinstance(process, NodeProcess):
            process.node.world.say(process.name, f"({record.getMessage()})")


@contextlib.contextmanager
def _logged() -> Iterator[None]:
    logger, handler = logging.getLogger("nodeagent"), _IntoTimeline(logging.WARNING)
    logger.addHandler(handler)
    propagated, logger.propagate = logger.propagate, False
    try:
        yield
    finally:
        logger.propagate = propagated
        logger.removeHandler(handler)


Story = Callable[[World], Awaitable[None]]


@functools.cache
def _settle_memory() -> None:
    """Let the collector look no more at what was imported, once: that saves a fifth of the time."""
    gc.collect()
    gc.freeze()


def simulate(
    story: Story,
    *,
    seed: int = 1,
    nodes: int = 3,
    profile: str = "default",
    rates: dict[int, float] | None = None,
    chance: random.Random | None = None,
    prepare: Callable[[World], None] = lambda _world: None,
) -> World:
    """Run *story* in a world of its own; *chance* takes the place of what *seed* would draw.

    Raises:
        BrokenPromise: with the timeline, when something happened that must never happen.
    """

    async def run(folder: Path) -> World:
        world = World(seed, nodes, folder, profile=profile, rates=rates, chance=chance)
        prepare(world)
        try:
            await story(world)
            await world.pass_time(0.0)
        except AssertionError as exc:
            timeline = "\n".join(world.timeline)
            raise BrokenPromise(f"{exc}\nseed {seed}\n{timeline}") from exc
        finally:
            world.end()
            await asyncio.sleep(1.0)  # what was cancelled comes to its end
        return world

    _settle_memory()
    with (
        tempfile.TemporaryDirectory(prefix="world") as folder,
        simulated_system(),
        _logged(),
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
    ):
        return runner.run(run(Path(folder)))
