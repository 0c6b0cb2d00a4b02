"""Safety rules that the simulation can switch off, to see that it would have noticed (docs/safety.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from msgspec.structs import replace

from nodeagent.database.records import HeartbeatRecord, Life, decode
from nodeagent.database.store import Transaction
from nodeagent.monitor.held import Held
from nodeagent.monitor.messages import Closed
from nodeagent.monitor.process import Monitor
from nodeagent.planner import dependencies
from nodeagent.service import executor
from nodeagent.service import monitors as service_monitors
from nodeagent.service.leadership import Leadership
from tests.simulation.node import LastResort
from tests.simulation.world import World

Prepare = Callable[[World], None]


def _nothing(_world: World) -> None:
    pass


def _without(transaction: Transaction, kept: Callable[[str], bool]) -> Transaction:
    expected = {key: revision for key, revision in transaction.expect.items() if kept(key)}
    return Transaction(expected, transaction.put, transaction.delete)


@contextmanager
def _patched(*patches: Any, prepare: Prepare = _nothing) -> Iterator[Prepare]:
    with ExitStack() as stack:
        for patch in patches:
            stack.enter_context(patch)
        yield prepare


def no_self_stop() -> Any:
    """P4, P5: the monitor does not look at the deadline, nor does the kernel."""
    return _patched(
        mock.patch.object(Monitor, "_stop_forbidden", return_value=None),
        mock.patch.object(LastResort, "arm", return_value=None),
    )


def takeover_too_early() -> Any:
    """The inequality: others wait for less than s + k + m."""
    return _patched(mock.patch.object(Leadership, "_needed", return_value=1.5))


def ownership_without_expectation() -> Any:
    """O1: an ownership is written whatever it has become meanwhile."""

    def prepare(world: World) -> None:
        world.network.altered = lambda change: _without(change, lambda key: not key.startswith("owners/"))

    return _patched(prepare=prepare)


def dead_without_expectation() -> Any:
    """M2: DEAD is written over a heartbeat that came meanwhile, and a heartbeat over DEAD (M1)."""

    def altered(change: Transaction) -> Transaction:
        return _without(change, lambda key: not key.startswith("heartbeats/"))

    def prepare(world: World) -> None:
        world.network.altered = altered

    return _patched(prepare=prepare)


def stale_dead() -> Any:
    """M2, first half: DEAD does not expect the revision whose silence was measured."""

    def is_dead(key: str, change: Transaction) -> bool:
        return key in change.put and decode(change.put[key], HeartbeatRecord).life is Life.DEAD

    def altered(change: Transaction) -> Transaction:
        return _without(change, lambda key: not (key.startswith("heartbeats/") and is_dead(key, change)))

    def prepare(world: World) -> None:
        world.network.altered = altered

    return _patched(prepare=prepare)


def start_without_permission() -> Any:
    """P4: a start, and a restart in place, do not ask for the permission."""
    return _patched(mock.patch.object(Held, "_may_run", return_value=True))


def release_before_stop() -> Any:
    """O2: a group is handed on while it still runs."""
    whole = executor.Executor.closed

    def closed(self: executor.Executor, name: str, said: Closed) -> None:
        whole(self, name, replace(said, clean=True))

    return _patched(
        mock.patch.object(executor, "all_down", return_value=True),
        mock.patch.object(executor.Executor, "closed", closed),
    )


def monitors_leave_orphans() -> Any:
    """P8: the death of a monitor kills nothing."""

    def prepare(world: World) -> None:
        world.init_reaps = False

    return _patched(
        mock.patch.object(service_monitors, "kill_resources", return_value=True),
        prepare=prepare,
    )


def any_order() -> Any:
    """Dependency order: a resource starts whether its providers are online or not."""
    return _patched(
        mock.patch.object(
            dependencies,
            "_may_start",
            lambda resource, members, keeping: resource.id in keeping and resource.state in dependencies._DOWN,
        )
    )


MUTATIONS: dict[str, Callable[[], Any]] = {
    made.__name__: made
    for made in (
        no_self_stop,
        takeover_too_early,
        ownership_without_expectation,
        dead_without_expectation,
        stale_dead,
        start_without_permission,
        release_before_stop,
        monitors_leave_orphans,
        any_order,
    )
}
