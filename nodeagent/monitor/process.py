"""The monitor's loop: one thread, one selector, the clock read before anything else is done."""

from __future__ import annotations

import contextlib
import gc
import os
import selectors
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from nodeagent.api.objects import ResourceId, ResourceState
from nodeagent.api.problems import Problem, problem
from nodeagent.monitor import notes, output
from nodeagent.monitor.calls import Call
from nodeagent.monitor.deadline import Deadline
from nodeagent.monitor.held import Held
from nodeagent.monitor.messages import (
    MAXIMUM_LINE,
    Acknowledged,
    Attach,
    Attached,
    Closed,
    CloseEpoch,
    Fail,
    Forget,
    FromMonitor,
    Permit,
    Quit,
    Report,
    Start,
    Stop,
    StopAll,
    StoppedAll,
    ToMonitor,
    Update,
    decode_order,
    encode,
)
from nodeagent.monitor.timers import Timer, Timers
from nodeagent.resourcetypes.base import ResourceType
from nodeagent.system import processes
from nodeagent.system.clock import Clock, MonotonicTimer
from nodeagent.system.containers import Container, Containers
from nodeagent.system.processes import Process

STOP_PATIENCE = 2.0  # seconds to wait for the proof that everything has stopped, before saying that it has not


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
    """Holds resources for one service at a time. Nothing in here blocks for longer than a kill takes."""

    def __init__(
        self, places: Places, types: Mapping[str, ResourceType[Any]], containers: Containers, clock: Clock
    ) -> None:
        self._places = places
        self._types = types
        self._containers = containers
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        self._timers = Timers()
        self._alarm = MonotonicTimer(clock)
        self._deadline = Deadline()
        self._stopped_at_deadline = True
        self._held: dict[ResourceId, Held] = {}
        self._notes = notes.read(places.notes)
        self._service: socket.socket | None = None
        self._unread = b""
        self._unsent = b""
        self._ending = False

    # --- the loop -----------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Listen and work until told to quit or by SIGTERM, which stops everything first."""
        listener = self._listen()
        wake_reading, wake_writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_writing, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._asked_to_end)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only wakes: orphans that came to us are reaped below
        self._selector.register(wake_reading, selectors.EVENT_READ, lambda: self._woken(wake_reading))
        self._selector.register(self._alarm, selectors.EVENT_READ, self._alarm.due)
        self._selector.register(listener, selectors.EVENT_READ, lambda: self._accept(listener))
        self.later(output.LOOK_INTERVAL, self._limit_output)
        self.changed()
        gc.collect()
        gc.freeze()
        try:
            while not self._ending:
                self.turn()
        finally:
            self._end(listener)
            os.close(wake_reading)
            os.close(wake_writing)

    def turn(self) -> None:
        """Wait for the next thing and do it; the deadline comes before everything (safety rule P4)."""
        self._arm_alarm()
        ready = self._selector.select()
        self._enforce()
        self._timers.run(self._clock.steady())
        for key, events in ready:
            if key.fileobj is self._service:
                self._service_ready(events)
            elif key.fd in self._selector.get_map():  # an earlier one of this turn may have ended it
                key.data()

    def _enforce(self) -> None:
        if not self._stopped_at_deadline and self._clock.steady() >= self._deadline.until:
            self._stopped_at_deadline = True
            for held in list(self._held.values()):
                if held.kind.exclusive:
                    held.self_stop()

    def _arm_alarm(self) -> None:
        moment = self._timers.next()
        if not self._stopped_at_deadline:
            moment = min(moment, self._deadline.until)
        if moment == float("inf"):
            self._alarm.disarm()
        elif moment != self._alarm.deadline:
            self._alarm.arm(moment)

    def _woken(self, reading: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(reading, 4096)
        watched = {key.fileobj.pid for key in self._selector.get_map().values() if isinstance(key.fileobj, Process)}
        watched |= {
            key.fileobj.process.pid for key in self._selector.get_map().values() if isinstance(key.fileobj, Call)
        }
        processes.reap_adopted(watched)

    def _asked_to_end(self, *_: object) -> None:
        self._ending = True

    def _limit_output(self) -> None:
        for held in self._held.values():
            if held.state is ResourceState.ONLINE:
                with contextlib.suppress(OSError):  # a full disk: the next look may fare better
                    output.limit(self._places.logs, held.id)
        self.later(output.LOOK_INTERVAL, self._limit_output)

    def _end(self, listener: socket.socket) -> None:
        deadline = self._clock.steady() + STOP_PATIENCE
        for held in self._held.values():
            held.container.begin_kill()
        for held in self._held.values():
            held.kill(deadline)
        self._drop_service()
        listener.close()
        self._places.socket.unlink(missing_ok=True)
        signal.set_wakeup_fd(-1)
        self._selector.close()
        self._alarm.close()

    # --- the service --------------------------------------------------------------------------------------------

    def _listen(self) -> socket.socket:
        self._places.socket.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        before = os.umask(0o177)
        try:
            listener.bind(str(self._places.socket))
        finally:
            os.umask(before)
        listener.listen(4)
        return listener

    def _accept(self, listener: socket.socket) -> None:
        """Take the newest service; what the former one sent and was not read yet is void (safety rule O4)."""
        connection, _ = listener.accept()
        self._drop_service()
        connection.setblocking(False)
        self._service = connection
        self._selector.register(connection, selectors.EVENT_READ)

    def _drop_service(self) -> None:
        if self._service is not None:
            self._selector.unregister(self._service)
            self._service.close()
            self._service = None
        self._unread = self._unsent = b""

    def _service_ready(self, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            self._flush()
        if events & selectors.EVENT_READ and self._service is not None:
            self._read_orders(self._service)

    def _read_orders(self, service: socket.socket) -> None:
        try:
            data = service.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop_service()
            return
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._enforce()
            try:
                self._obey(decode_order(line))
            except msgspec.DecodeError:
                self._drop_service()  # not our service's language: let it attach anew
                return
        if len(self._unread) > MAXIMUM_LINE:
            self._drop_service()

    def say(self, message: FromMonitor) -> None:
        """Send a message to the service; without one it is dropped, and Attached tells the state later."""
        if self._service is not None:
            self._unsent += encode(message)
            self._flush()

    def _flush(self) -> None:
        if self._service is None:
            return
        try:
            sent = self._service.send(self._unsent) if self._unsent else 0
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop_service()
            return
        self._unsent = self._unsent[sent:]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)
        self._selector.modify(self._service, events)

    # --- orders -------------------------------------------------------------------------------------------------

    def _obey(self, order: ToMonitor) -> None:
        if isinstance(order, Attach):
            self._attached()
        elif isinstance(order, Permit):
            self._permit(order)
        elif isinstance(order, Start):
            self._start(order)
        elif isinstance(order, CloseEpoch):
            self._close(order)
        elif isinstance(order, StopAll):
            self._stop_all()
        elif isinstance(order, Quit):
            self._ending = not any(held.running for held in self._held.values())
        elif held := self._held.get(order.id):
            if isinstance(order, Update):
                held.definition = msgspec.structs.replace(held.definition, policy=order.policy)
            elif isinstance(order, Stop):
                held.stop(now=order.now)
            elif isinstance(order, Fail):
                held.fail(order.cause)
            elif not held.running:
                self._forget(order)

    def _attached(self) -> None:
        held = tuple(held.report() for held in self._held.values())
        self.say(Attached(name=self._places.name, process_id=os.getpid(), held=held, closed=dict(self._notes.closed)))

    def _permit(self, order: Permit) -> None:
        self._deadline.replace(order.incarnation, order.until)
        now = self._clock.steady()
        if now < self._deadline.until:
            self._stopped_at_deadline = False
            for held in list(self._held.values()):
                held.resume()
        self._enforce()
        self.say(Acknowledged(incarnation=order.incarnation, until=order.until))

    def _start(self, order: Start) -> None:
        held = self._held.get(order.resource.id)
        kind = self._types.get(order.resource.type)
        if order.epoch <= self._notes.closed.get(order.group, 0):
            self._refuse(order, problem("epoch_closed"))
        elif kind is None:
            self._refuse(order, problem("type_unknown", name=order.resource.type))
        else:
            if held is None:
                held = self._held[order.resource.id] = Held(self, kind, order)
            else:
                held.arm(order)
            self.changed()
            held.start()

    def _refuse(self, order: Start, why: Problem) -> None:
        self.say(
            Report(
                id=order.resource.id,
                group=order.group,
                epoch=order.epoch,
                incarnation=order.incarnation,
                state=ResourceState.FAILED,
                at=self._clock.wall(),
                information=why,
            )
        )

    def _close(self, order: CloseEpoch) -> None:
        self._notes.closed[order.group] = max(order.epoch, self._notes.closed.get(order.group, 0))
        self.changed()
        members = [held for held in self._held.values() if held.group == order.group and held.epoch <= order.epoch]
        clean = not any(held.running for held in members)
        if clean:
            for held in members:
                held.deadline = False  # a stop for release: no later permission wakes it
        self.say(Closed(group=order.group, epoch=order.epoch, clean=clean))

    def _stop_all(self) -> None:
        self._deadline.withdraw()
        self._stopped_at_deadline = True
        deadline = self._clock.steady() + STOP_PATIENCE
        for held in self._held.values():
            held.container.begin_kill()
        proven = True
        for held in self._held.values():
            proven = held.kill(deadline) and proven
        self._held.clear()
        self.changed()
        self.say(StoppedAll(proven=proven))

    def _forget(self, order: Forget) -> None:
        held = self._held.pop(order.id)
        with contextlib.suppress(OSError):
            held.container.remove()
        self.changed()

    # --- what resources need ------------------------------------------------------------------------------------

    def now(self) -> float:
        """Return the steady clock."""
        return self._clock.steady()

    def wall(self) -> float:
        """Return the time of day."""
        return self._clock.wall()

    def allows(self, incarnation: int) -> bool:
        """Tell whether the permission allows to run now."""
        return self._deadline.allows(incarnation, self._clock.steady())

    def later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run *action* after *seconds*."""
        return self._timers.at(self._clock.steady() + seconds, action)

    def watch(self, source: Process | Call, action: Callable[[], None]) -> None:
        """Run *action* whenever *source* is readable."""
        self._selector.register(source, selectors.EVENT_READ, action)

    def unwatch(self, source: Process | Call) -> None:
        """End a `watch`."""
        self._selector.unregister(source)

    def tell(self, report: Report) -> None:
        """Say a report to the service."""
        self.say(report)

    def open_output(self, resource: ResourceId) -> int:
        """Open the resource's output log."""
        return output.open_log(self._places.logs, resource)

    def container(self, resource: ResourceId) -> Container:
        """Return the resource's container."""
        return self._containers.open(resource)

    def changed(self) -> None:
        """Note down closed epochs and what is held."""
        self._notes.process = os.getpid()
        me = processes.identify(os.getpid())
        self._notes.started = me.started if me else 0
        self._notes.held = sorted(self._held)
        notes.write(self._places.notes, self._notes)
