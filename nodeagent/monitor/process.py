"""The monitor's loop: one thread, one selector, the clock read before anything else is done."""

from __future__ import annotations

import contextlib
import gc
import os
import selectors
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nodeagent.api.objects import ResourceId
from nodeagent.api.problems import Problem, problem
from nodeagent.monitor import notes, output
from nodeagent.monitor.backstop import Backstop, Machine
from nodeagent.monitor.cutting import Cutter
from nodeagent.monitor.deadline import Armed, Deadline
from nodeagent.monitor.entrypoints import EntryPoints
from nodeagent.monitor.held import Held
from nodeagent.monitor.messages import (
    Acknowledged,
    Attach,
    Attached,
    Closed,
    CloseEpoch,
    Definition,
    Enforced,
    Fail,
    Forget,
    Guard,
    Permit,
    Quit,
    Renew,
    Report,
    Resisting,
    Start,
    Stop,
    StopAll,
    StoppedAll,
    ToMonitor,
    Update,
    refused,
)
from nodeagent.monitor.readiness import Readiness
from nodeagent.monitor.resuming import Resuming
from nodeagent.monitor.serviceline import ServiceLine
from nodeagent.monitor.surroundings import Readable
from nodeagent.monitor.timers import Timer, Timers
from nodeagent.resourcetypes.base import ResourceType, Running
from nodeagent.system import processes
from nodeagent.system.clock import Clock, MonotonicTimer
from nodeagent.system.containers import Container, Containers
from nodeagent.system.launching import Starting
from nodeagent.system.processes import Process

STOP_PATIENCE: Final = 2.0  # seconds to wait for the proof that everything has stopped, before saying that it has not
TIMERS_BUDGET: Final = 0.05  # seconds of timers' work in one turn, so that a permission is acknowledged in time
REAP_AFTER: Final = 0.05  # seconds; orphans that ended may lie for so long
NOTE_AGAIN: Final = 1.0  # seconds until notes that could not be written are tried again

Action = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Places:
    """Where the monitor listens and writes.

    Attributes:
        socket: where services attach.
        notes: see `notes`.
        logs: directory of the output logs.
    """

    name: str
    socket: Path
    notes: Path
    logs: Path


class Monitor:
    """Holds resources for one service at a time. Nothing in here blocks for longer than a glance takes.

    An error that nobody expected ends the monitor, and with it all that it holds: that is safe, to go on is not.
    """

    def __init__(
        self,
        places: Places,
        types: Mapping[str, ResourceType[Any]],
        containers: Containers,
        clock: Clock,
        machine: Machine = Machine(),  # noqa: B008 - frozen
    ) -> None:
        self._places = places
        self._types = types
        self._containers = containers
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        self._timers = Timers()
        self._alarm = MonotonicTimer(clock)
        self._deadline = Deadline()
        self._backstop = Backstop(self, self._deadline, machine)
        self._enforced = True
        self._held: dict[ResourceId, Held] = {}  # in the order of their last starts
        self._readiness = Readiness(self, types, lambda resource: resource in self._held)
        self._notes = notes.read(places.notes)
        self._service = ServiceLine(places.socket, self._selector, self._obey)
        self._reaping = False
        self._resuming = Resuming(self, lambda: tuple(self._held.values()))
        self._ending = False

    # --- the loop -----------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Listen and work until told to quit or by SIGTERM, which stops everything first."""
        wake_reading, wake_writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_writing, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._asked_to_end)
        signal.signal(signal.SIGCHLD, _only_wakes)
        self._selector.register(wake_reading, selectors.EVENT_READ, lambda _: self._woken(wake_reading))
        self._selector.register(self._alarm, selectors.EVENT_READ, lambda _: self._alarm.due())
        Cutter(self, self._places.logs, self._writing).look()
        self._identify()
        gc.collect()
        gc.freeze()
        try:
            while not self._ending:
                self.turn()
        finally:
            self._end()
            signal.set_wakeup_fd(-1)
            os.close(wake_reading)
            os.close(wake_writing)

    def turn(self) -> None:
        """Wait for the next thing and do it; the deadline comes before everything (safety rule P4)."""
        ready = self._selector.select(self._arm_alarm())
        self._enforce()
        began = self._clock.steady()
        for action in self._timers.due(began):
            action()
            self._enforce()
            if self._clock.steady() - began > TIMERS_BUDGET:
                break
        for key, events in ready:
            # An earlier one of this turn may have ended it, and its number may already be another's.
            if self._selector.get_map().get(key.fd) is key:
                key.data(events)

    def _arm_alarm(self) -> float | None:
        """Set the alarm to the next moment; returns how long `select` may wait besides: not at all, or for ever."""
        moment = self._timers.next()
        if not self._enforced:
            moment = min(moment, self._deadline.until)
        if moment == float("inf"):
            self._alarm.disarm()
        elif moment <= self._clock.steady():
            return 0  # an alarm that was found due has been used up
        elif moment != self._alarm.deadline:
            self._alarm.arm(moment)
        return None

    def _woken(self, reading: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(reading, 4096)
        if not self._reaping:  # later: a restart comes first
            self._reaping = True
            self.later(REAP_AFTER, self._reap)

    def _reap(self) -> None:
        """Reap orphans that came to us as subreaper; those that somebody watches are left to him."""
        self._reaping = False
        watched = set()
        for key in self._selector.get_map().values():
            if isinstance(key.fileobj, Process):
                watched.add(key.fileobj.pid)
            elif isinstance(key.fileobj, Starting):
                watched.add(key.fileobj.process.pid)
        processes.reap_adopted(watched)

    def _asked_to_end(self, *_: object) -> None:
        self._ending = True

    def _writing(self) -> list[ResourceId]:
        return [held.id for held in self._held.values() if held.active]

    def _end(self) -> None:
        """Kill everything; what resists stays in the notes, for whoever cleans up after this monitor."""
        self._kill_all()
        self._readiness.close()
        self._backstop.close()
        self._service.close()
        self._selector.close()
        self._alarm.close()
        self._backstop.live_on()

    # --- the deadline -------------------------------------------------------------------------------------------

    def _enforce(self) -> None:
        if not self._enforced and self._clock.steady() >= self._deadline.until:
            self._enforced = True
            self._stop_forbidden()
            self._backstop.enforced()

    def _stop_forbidden(self) -> None:
        """Stop what is exclusive and has no permission (any more): kill all first, then see to each (P5)."""
        now = self._clock.steady()
        forbidden = [
            held
            for held in self._held.values()
            if held.kind.exclusive and held.active and not self._deadline.allows(held.armed.incarnation, now)
        ]
        for held in forbidden:
            held.strike()
        for held in forbidden:
            held.self_stop()

    # --- orders -------------------------------------------------------------------------------------------------

    def _obey(self, order: ToMonitor) -> None:
        self._enforce()
        if isinstance(order, Attach):
            self._attached()
        elif isinstance(order, Permit):
            self._permit(order)
        elif isinstance(order, Guard):
            self._service.say(self._backstop.guard(order))
        elif isinstance(order, Start):
            self._start(order)
        elif isinstance(order, CloseEpoch):
            self._close(order)
        elif isinstance(order, StopAll):
            self._stop_all()
        elif isinstance(order, Quit):
            self._ending = self._ending or not any(held.running for held in self._held.values())
        elif not isinstance(order, Renew) and (held := self._held.get(order.id)):
            if isinstance(order, Update):
                held.update(order.policy)
            elif isinstance(order, Stop):
                held.stop(now=order.now)
            elif isinstance(order, Fail):
                held.fail(order.cause)
            elif not held.running:
                self._forget(order)

    def _attached(self) -> None:
        reports = tuple(held.report() for held in self._held.values())
        closed = dict(self._notes.closed)
        if self._service.say(Attached(name=self._places.name, process_id=os.getpid(), held=reports, closed=closed)):
            for held in self._held.values():
                held.told()
            if self._backstop.resisting:
                self.say(Resisting(resources=self._backstop.resisting))

    def _permit(self, order: Permit) -> None:
        if order.shorten:
            self._deadline.shorten(order.until)
        else:
            self._deadline.replace(order.incarnation, order.until)
        self._enforced = False
        self._backstop.permitted(order.until, order.bound)
        self._stop_forbidden()  # what was started under another incarnation, too
        self._enforce()
        for held in self._held.values():
            if held.armed.incarnation == order.incarnation:
                held.permitted(self._deadline.until)
        longest = self._backstop.largest_bound()
        self._service.say(Acknowledged(incarnation=order.incarnation, until=order.until, bound=longest))
        self.settled()

    def _start(self, order: Start) -> None:
        held = self._held.get(order.resource.id)
        kind = self._types.get(order.resource.type)
        if self._is_void(order):
            self._refuse(order, problem("epoch_closed"))
        elif kind is None:
            self._refuse(order, problem("type_unknown", name=order.resource.type))
        elif held is not None:
            if not held.active:  # the order of starts is that of the dependencies: see `resuming`
                self._held[held.id] = self._held.pop(held.id)
            held.arm(order)
            self._go_online(held, order)
        else:
            try:
                held = Held(self, kind, order)
            except (OSError, ValueError) as exc:  # its cgroup cannot be made
                self._refuse(order, problem("start_failed", detail=str(exc)))
                return
            self._held[held.id] = held
            self._go_online(held, order)

    def _go_online(self, held: Held, order: Start) -> None:
        self._note_down()  # its settings may be others
        held.start()
        self._readiness.begin(order)

    def _is_void(self, order: Start) -> bool:
        """Tell whether its epoch is closed or lower than one under which the group runs (safety rule O4)."""
        armed = (held.armed.epoch for held in self._held.values() if held.armed.group == order.group)
        return order.epoch <= self._notes.closed.get(order.group, 0) or order.epoch < max(armed, default=0)

    def _refuse(self, order: Start, why: Problem) -> None:
        self.tell(refused(order, why, self._clock.wall()))

    def _close(self, order: CloseEpoch) -> None:
        if order.epoch > self._notes.closed.get(order.group, 0):
            self._notes.closed[order.group] = order.epoch
            self._note_down()
        members = [held for held in self._held.values() if held.armed.group == order.group]
        members = [held for held in members if held.armed.epoch <= order.epoch]
        for held in members:
            held.disarm()
        clean = not any(held.running for held in members)
        self._service.say(Closed(group=order.group, epoch=order.epoch, clean=clean))

    def _stop_all(self) -> None:
        self._deadline.withdraw()
        self._enforced = True
        proven = self._kill_all()
        self._backstop.live_on()
        self._backstop.look()
        self._service.say(StoppedAll(proven=proven))

    def _kill_all(self) -> bool:
        """Kill everything and forget it; True when that is proven. What is not proven stays held."""
        deadline = self._clock.steady() + STOP_PATIENCE
        for held in self._held.values():
            held.strike()
        self._held = {held.id: held for held in self._held.values() if not held.kill(deadline)}
        self._note_down()
        return not self._held

    def _forget(self, order: Forget) -> None:
        held = self._held.pop(order.id)
        with contextlib.suppress(OSError):
            held.container.remove()
        self._note_down()

    # --- what resources need ------------------------------------------------------------------------------------

    def now(self) -> float:
        """Return the steady clock."""
        return self._clock.steady()

    def wall(self) -> float:
        """Return the time of day."""
        return self._clock.wall()

    def allows(self, armed: Armed) -> bool:
        """Tell whether the permission allows to run now."""
        return self._deadline.allows(armed.incarnation, self._clock.steady()) and self._backstop.may_start()

    def exclusive(self) -> Iterator[Held]:
        """Return the exclusive resources that are held."""
        return (held for held in self._held.values() if held.kind.exclusive)

    def resists(self) -> None:
        """Look now and then at what does not end."""
        self._backstop.resists()

    def until(self) -> float:
        """Return until when the permission allows to run."""
        return self._deadline.until

    def is_closed(self, armed: Armed) -> bool:
        """Tell whether the epoch is closed."""
        return armed.epoch <= self._notes.closed.get(armed.group, 0)

    def later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run *action* after *seconds*."""
        return self._timers.at(self._clock.steady() + seconds, action)

    def watch(self, source: Readable, action: Callable[[], None]) -> None:
        """Run *action* whenever *source* is readable."""
        self._selector.register(source, selectors.EVENT_READ, lambda _: action())

    def unwatch(self, source: Readable) -> None:
        """End a `watch`."""
        self._selector.unregister(source)

    def tell(self, report: Report) -> bool:
        """Say a report to the service."""
        return self._service.say(report)

    def say(self, news: Resisting | Enforced) -> None:
        """Say to the service what concerns the whole monitor."""
        self._service.say(news)

    def settled(self) -> None:
        """Look soon whether something that stands still may be started again."""
        self._resuming.soon()

    def open_output(self, resource: ResourceId) -> int | None:
        """Open the resource's output log."""
        return output.open_log(self._places.logs, resource)

    def container(self, resource: ResourceId) -> Container:
        """Return the resource's container."""
        return self._containers.open(resource)

    def ready(self, definition: Definition, entries: EntryPoints) -> Running | None:
        """Return how to start it, when that was found out ahead."""
        return self._readiness.take(definition, entries)

    # --- notes --------------------------------------------------------------------------------------------------

    def _identify(self) -> None:
        self._notes.process, self._notes.started = notes.own_identity()
        self._note_down()

    def _note_down(self) -> None:
        """Write down closed epochs and what is held; if that cannot be done now, again later."""
        self._notes.held = sorted(self._held)
        self._notes.promised = sorted(held.id for held in self.exclusive() if held.kind.kill_bound)
        self._notes.outside = {held.id: note for held in self._held.values() if (note := held.note)}
        if not notes.write(self._places.notes, self._notes):
            self.later(NOTE_AGAIN, self._note_down)


def _only_wakes(*_: object) -> None:
    """Be there: a signal without a handler wakes nobody."""
