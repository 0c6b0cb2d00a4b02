"""Turning silent nodes off: the orders to their fence devices, and whether the devices would work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from nodeagent.api.events import LogEntry, Severity
from nodeagent.api.fencing import FenceSetting
from nodeagent.api.objects import NodeId
from nodeagent.api.problems import ClusterError, problem
from nodeagent.api.texts import sentence
from nodeagent.database.store import StoreError, Transaction
from nodeagent.service.eventlog import EventLog, put
from nodeagent.service.following import Following
from nodeagent.service.judging import judged_by_time
from nodeagent.system.clock import Clock
from nodeagent.system.fenceagents import Description

log = logging.getLogger(__name__)

TOGETHER: Final = 4  # nodes that are turned off at a time
GRACE: Final = 5.0  # seconds beyond a device's own time limit after which its program is given up
AGAIN: Final = 30.0  # seconds from a failed order to the next one
MOST_CONFIRMED: Final = 3  # orders with success in that time; a node of which they were true is down by then
CHECK_EVERY: Final = 300.0  # seconds between two looks whether the devices work
FIRST_CHECK: Final = 20.0  # seconds after this node has taken the lead, or a device was changed


class FenceRunner(Protocol):
    """What runs the devices' programs (`nodeagent.system.fenceagents`); the simulation has its own."""

    async def off(self, device: FenceSetting) -> None:
        """Turn the machine off, and return when the device has confirmed it. Raises ClusterError."""

    async def check(self, device: FenceSetting) -> None:
        """Return when the device would work. Raises ClusterError."""

    async def describe(self, program: str) -> Description:
        """Return what the program says of itself. Raises ClusterError."""


@dataclass(slots=True, eq=False)
class Order:
    """An order to turn a node off.

    Attributes:
        revision: of the node's heartbeat, read before the order was given.
        off: a device has confirmed it.
        failure: why no device did; empty while they are asked.
        ended: steady seconds at which it ended.
    """

    revision: int
    off: bool = False
    failure: str = ""
    ended: float = 0.0
    task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether devices are still being asked."""
        return not self.off and not self.failure


class Fencing:
    """The leader's orders to fence devices. They run beside everything else; `ended` is called when one has ended."""

    def __init__(self, following: Following, clock: Clock, events: EventLog, runner: FenceRunner) -> None:
        self._following = following
        self._clock = clock
        self._events = events
        self.runner = runner
        self._orders: dict[NodeId, Order] = {}
        self._places = asyncio.Semaphore(TOGETHER)
        self._unhealthy: dict[NodeId, str] = {}
        self._said_off: dict[NodeId, list[float]] = {}
        self.ended: Callable[[], None] = lambda: None

    # --- orders -------------------------------------------------------------------------------------------------

    def devices(self, node: NodeId) -> tuple[FenceSetting, ...]:
        """Return the node's fence devices."""
        found = self._following.view.fence(node)
        return found[0].devices if found else ()

    def order(self, node: NodeId) -> Order | None:
        """Return the order that was given for the node."""
        return self._orders.get(node)

    @property
    def ordered(self) -> list[NodeId]:
        """The nodes for which there is an order."""
        return list(self._orders)

    def is_due(self, node: NodeId, revision: int) -> bool:
        """Tell whether a (further) order is called for by this heartbeat's silence."""
        order = self._orders.get(node)
        if self._is_doubtful(node):
            return False
        if order is None or order.revision != revision:
            return order is None or not order.running
        return bool(order.failure) and self._clock.steady() - order.ended >= AGAIN

    def _is_doubtful(self, node: NodeId) -> bool:
        """Tell whether a device has said "off" again and again of a node that is heard all the same."""
        now = self._clock.steady()
        said = self._said_off[node] = [at for at in self._said_off.get(node, ()) if now - at < AGAIN]
        return len(said) >= MOST_CONFIRMED

    def begin(self, node: NodeId, revision: int) -> None:
        """Have the node turned off; *revision* is that of its heartbeat, read before this."""
        former = self._orders.get(node)
        order = self._orders[node] = Order(revision)
        order.task = asyncio.create_task(self._carry_out(node, order, former), name=f"turns node {node} off")

    def forget(self, node: NodeId) -> bool:
        """Forget the order, and give up what still runs of it; True when something did."""
        order = self._orders.pop(node, None)
        if order is None or order.task is None or order.task.done():
            return False
        order.task.cancel()
        return True

    def forget_all(self) -> None:
        """Forget all orders: another node leads now."""
        for node in self.ordered:
            self.forget(node)

    async def end(self) -> None:
        """Give up everything."""
        tasks = [order.task for order in self._orders.values() if order.task is not None]
        self._orders.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry_out(self, node: NodeId, order: Order, former: Order | None) -> None:
        name = self._following.snapshot.node_name(node)
        failures: list[str] = []
        try:
            async with self._places:
                for device in self.devices(node):
                    if (bad := await _failure(self.runner.off, device)) is None:
                        order.off = True
                        break
                    log.error("%s was not turned off by %s: %s", name, device.program, bad)
                    failures.append(bad)
        finally:  # an order that goes on for ever would keep time from judging
            order.ended = self._clock.steady()
            if not order.off:
                order.failure = " ".join(failures) or sentence(problem("fence_none", name=name))
        if order.off:
            await self._note_off(node)
        self.ended()
        if order.failure and (former is None or former.failure != order.failure):
            await self._say(self._alarm(node, order.failure))

    async def _note_off(self, node: NodeId) -> None:
        """The last heartbeat may have been on its way when the power went; it is not time after time."""
        self._said_off.setdefault(node, []).append(self._clock.steady())
        if self._is_doubtful(node):
            item = self._following.snapshot.nodes.get(node)
            await self._say(self._events.entry(Severity.ERROR, "event_fence_doubtful", item))

    def _alarm(self, node: NodeId, detail: str) -> LogEntry:
        """An order that failed is never passed over: what it means depends on what time may say of the node."""
        view, item = self._following.view, self._following.snapshot.nodes.get(node)
        found = view.heartbeat(node)
        if found is not None and not judged_by_time(found[0]):
            return self._events.entry(Severity.ERROR, "event_fence_stuck", item, detail=detail)
        return self._events.entry(Severity.ERROR, "event_fence_failed", item, detail=detail)

    async def _say(self, entry: LogEntry) -> None:
        try:
            await self._following.store.commit(Transaction(put=put(entry)))
        except StoreError as exc:
            log.warning("not in the event log (%s): %s", exc, entry.code)

    # --- would they work? ---------------------------------------------------------------------------------------

    async def check(self, node: NodeId) -> str:
        """Ask the node's devices whether they would work; returns what does not, nothing when all do."""
        failures = [await _failure(self.runner.check, device) for device in self.devices(node)]
        return " ".join(filter(None, failures))

    async def watch_devices(self, leads: Callable[[], bool]) -> None:
        """While this node leads, look from time to time whether all devices work; say when that changes."""
        due, settings = self._clock.steady() + FIRST_CHECK, self._settings()
        while True:
            await asyncio.sleep(FIRST_CHECK)  # the interval of the checks; only what was changed is looked at earlier
            if self._settings() != settings:
                due, settings = 0.0, self._settings()
            if not leads() or self._clock.steady() < due:
                continue
            due = self._clock.steady() + CHECK_EVERY
            for node in settings:
                await self._look_at_devices(node)

    def _settings(self) -> dict[NodeId, tuple[FenceSetting, ...]]:
        return {node: devices for node in self._following.snapshot.nodes if (devices := self.devices(node))}

    async def _look_at_devices(self, node: NodeId) -> None:
        order = self._orders.get(node)
        if order is not None and order.running:
            return
        bad, item = await self.check(node), self._following.snapshot.nodes.get(node)
        if bad == self._unhealthy.get(node, "") or item is None:
            return
        if bad:
            self._unhealthy[node] = bad
            await self._say(self._events.entry(Severity.WARNING, "event_fence_unhealthy", item, detail=bad))
        else:
            del self._unhealthy[node]
            await self._say(self._events.entry(Severity.INFORMATION, "event_fence_healthy", item))


async def _failure(action: Callable[[FenceSetting], Awaitable[None]], device: FenceSetting) -> str | None:
    """Do it, and return what went wrong, as a sentence without secrets; None when nothing did."""
    try:
        async with asyncio.timeout(device.timeout + GRACE):
            await action(device)
    except ClusterError as exc:
        return device.masked(str(exc))
    except TimeoutError:
        return sentence(problem("fence_timed_out", program=device.program, seconds=device.timeout))
    except OSError as exc:  # the program is somebody else's, and so is the state of this machine
        return device.masked(f"{device.program}: {exc.strerror or exc}.")
    return None
