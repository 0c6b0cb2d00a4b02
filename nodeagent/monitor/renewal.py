"""A monitor begins anew from what is installed now, by execve of itself: same process, same children (safety rule P8).

What it knows goes along in a memory file, what it has open (the line to the service, the processes that it watches)
stays open. It goes when nothing is on its way, right after a permission, so that the whole of it is left. Until the new
program keeps the deadline a kernel timer does, which survives the exec: at T + k/2 it kills this process.

This module knows the insides of `Monitor` and `Held` as no other does: what they gain has to be carried here.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import socket
import sys
from typing import Final

import msgspec

from nodeagent.api.causes import Cause
from nodeagent.api.objects import GroupId, ResourceId, ResourceState
from nodeagent.api.problems import Problem, problem
from nodeagent.api.properties import Value
from nodeagent.monitor.deadline import Armed
from nodeagent.monitor.held import Held
from nodeagent.monitor.messages import Attach, Definition, Guard, Permit, Renew, Renewed, Start, ToMonitor
from nodeagent.monitor.process import Monitor
from nodeagent.resourcetypes.base import Running
from nodeagent.system import addressholders
from nodeagent.system.processes import Process, ProcessIdentity

VARIABLE: Final = "CLUSTERAGENT_RENEWED"  # the file descriptor of the memory file, for the new program
BUSY_PATIENCE: Final = 20.0  # seconds for everything to be at rest
LOOK_AGAIN: Final = 0.02  # seconds between two looks whether it is
FRESH: Final = 0.1  # seconds for which a permission counts as just given
_AT_REST: Final = (ResourceState.ONLINE, ResourceState.OFFLINE, ResourceState.FAILED)


class CarriedProgram(msgspec.Struct, frozen=True, kw_only=True):
    """A process that is watched, and the pidfd that stays open."""

    identity: ProcessIdentity
    pidfd: int


class CarriedHeld(msgspec.Struct, frozen=True, kw_only=True):
    """One resource at rest."""

    definition: Definition
    group: GroupId
    epoch: int
    incarnation: int
    state: ResourceState
    information: Problem | None
    cause: Cause | None
    deadline: bool
    resumed: bool
    restarted: bool
    read: bool
    parameters: dict[str, Value]
    running: Running | None
    program: CarriedProgram | None
    failed_at: list[float]
    self_stops: list[float]
    quick: int
    kills: int
    may_restart: bool
    restarting: bool
    last_end: Problem | None
    started_at: float
    put_off: Problem | None = None


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """A monitor at rest. Times are seconds on the steady clock; None in *until* is "for ever", see *permitted*."""

    incarnation: int
    permitted: bool
    until: float | None
    bound: float
    enforced: bool
    guard: Guard | None
    closed: dict[GroupId, int]
    resisting: tuple[ResourceId, ...]
    service: int | None
    attached: bool
    unread: bytes
    unsent: bytes
    held: tuple[CarriedHeld, ...]
    signs: tuple[int, ...] = ()


class Renewal:
    """Waits, when the service asks for it, for the moment to begin anew."""

    def __init__(self, monitor: Monitor, guard: Guard | None = None) -> None:
        """Begin; *guard* is the order under which a former program of this process had the watchdog."""
        self._monitor = monitor
        self._obey = monitor._service._obey
        self._permitted_at = -math.inf
        self._guard = guard
        self._give_up = math.inf
        monitor._service._obey = self._pass_on

    def _pass_on(self, order: ToMonitor) -> None:
        if isinstance(order, Renew):
            if math.isinf(self._give_up):
                self._give_up = self._monitor.now() + BUSY_PATIENCE
                self._monitor.later(0, self._look)  # not in the midst of what else came with it
            return
        if isinstance(order, Attach):
            self._give_up = math.inf  # another service, which has not asked
        elif isinstance(order, Guard):
            self._guard = order
        self._obey(order)
        if isinstance(order, Permit):
            self._permitted_at = self._monitor.now()

    def _look(self) -> None:
        now, monitor = self._monitor.now(), self._monitor
        if math.isinf(self._give_up):
            return
        busy = [held.definition.name for held in monitor._held.values() if not at_rest(held)]
        deadline = monitor._deadline.until
        fresh = math.isinf(deadline) or now - self._permitted_at < FRESH
        if not busy and fresh:
            self._give_up = math.inf
            monitor._service.say(Renewed(process_id=os.getpid(), why=self._go()))
        elif now > self._give_up:
            self._give_up = math.inf
            names = ", ".join(sorted(busy)) or monitor._places.name
            monitor._service.say(Renewed(process_id=os.getpid(), why=problem("renewal_busy", names=names)))
        else:
            monitor.later(LOOK_AGAIN, self._look)

    def _go(self) -> Problem:
        """Become the new program. Returns only when that failed, with the reason."""
        self._monitor._readiness.close()
        state = carry(self._monitor, self._guard)
        opened = [one.program.pidfd for one in state.held if one.program]
        opened += [*state.signs, *([] if state.service is None else [state.service])]
        memory = os.memfd_create("renewal")
        try:
            with open(memory, "wb", closefd=False) as file:
                file.write(msgspec.json.encode(state))
            for number in (*opened, memory):
                os.set_inheritable(number, True)
            _be_killed_at(self._monitor, state)
            environment = {**os.environ, VARIABLE: str(memory)}
            os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606 - that is the point
        except OSError as exc:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number in opened:
                os.set_inheritable(number, False)
            return problem("renewal_failed", detail=str(exc))
        finally:
            os.close(memory)


def _be_killed_at(monitor: Monitor, state: Carried) -> None:
    """Have the kernel kill this process at T + k/2. Interval timers survive an exec, the monitor's own does not."""
    if not state.enforced and state.until is not None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, max(0.001, state.until + state.bound / 2 - monitor.now()))


def at_rest(held: Held) -> bool:
    """Tell whether nothing of the resource is on its way, so that what is known of it can be written down."""
    return (
        held.state in _AT_REST
        and held._program._starting is None
        and not held._ending.active
        and not held._entries.busy
        and not held._timers
    )


# --- writing down -----------------------------------------------------------------------------------------------


def carry(monitor: Monitor, guard: Guard | None) -> Carried:
    """Return what the new program must know."""
    deadline, service = monitor._deadline, monitor._service
    return Carried(
        incarnation=deadline.incarnation,
        permitted=deadline.until > -math.inf,
        until=None if math.isinf(deadline.until) else deadline.until,
        bound=monitor._backstop._bound,
        enforced=monitor._enforced,
        guard=guard,
        closed=monitor._notes.closed,  # their file may be behind, on a full disk
        resisting=monitor._backstop.resisting,
        service=None if service._service is None else service._service.fileno(),
        attached=service._attached,
        unread=service._unread,
        unsent=bytes(service._unsent),
        held=tuple(map(_carry_held, monitor._held.values())),
        signs=tuple(addressholders.shown()),
    )


def _carry_held(held: Held) -> CarriedHeld:
    process, failures = held._program._process, held._failures
    return CarriedHeld(
        definition=held.definition,
        group=held.armed.group,
        epoch=held.armed.epoch,
        incarnation=held.armed.incarnation,
        state=held.state,
        information=held.information,
        cause=held.cause,
        deadline=held.deadline,
        resumed=held.resumed,
        restarted=held.restarted,
        read=held._mine is not None,
        parameters=dict(held._parameters),
        running=held._running,
        program=CarriedProgram(identity=process.identity, pidfd=process.fileno()) if process else None,
        failed_at=failures._at,
        self_stops=failures._self_stops,
        quick=failures._quick,
        kills=failures._kills,
        may_restart=held._may_restart,
        restarting=held._restarting,
        last_end=held._last_end,
        started_at=held._started_at,
        put_off=held._meanwhile.failure,
    )


# --- reading ----------------------------------------------------------------------------------------------------


def carried() -> Carried | None:
    """Return what the former program of this process wrote down, None when there was none.

    Raises:
        msgspec.DecodeError: it cannot be read; then this process must end, and what it held with it.
    """
    number = os.environ.pop(VARIABLE, "")
    if not number:
        return None
    with open(int(number), "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        file.seek(0)
        return msgspec.json.decode(file.read(), type=Carried)


def restore(monitor: Monitor, state: Carried) -> None:
    """Let a new monitor go on where the former one was. What ended meanwhile is noticed: its pidfd is readable.

    Raises:
        KeyError: a resource type is not installed any more; then this process must end, and what it held with it.
    """
    for group, epoch in state.closed.items():
        monitor._notes.closed[group] = max(epoch, monitor._notes.closed.get(group, 0))
    for one in state.held:
        held = _restore_held(monitor, one)
        monitor._held[held.id] = held
    if state.permitted:
        monitor._deadline.replace(state.incarnation, state.until)
        monitor._enforced = state.enforced
        monitor._backstop._bound = state.bound
        if not state.enforced:
            monitor._backstop.permitted(state.until, state.bound)
    signal.setitimer(signal.ITIMER_REAL, 0)
    monitor._enforce()
    monitor._backstop.resisting = state.resisting
    if state.resisting:
        monitor._backstop.resists()
    for held in list(monitor._held.values()):
        _go_on(held)
    for sign in state.signs:  # until here they said that this process lives; what it holds has others now
        os.close(sign)
    if state.service is not None:
        _adopt_line(monitor, state, state.service)
    if state.guard is not None:
        monitor._backstop.guard(state.guard)
    monitor.later(0, monitor._reap)
    monitor.settled()
    monitor._service.say(Renewed(process_id=os.getpid()))


def _restore_held(monitor: Monitor, one: CarriedHeld) -> Held:
    kind = monitor._types[one.definition.type]
    start = Start(resource=one.definition, group=one.group, epoch=one.epoch, incarnation=one.incarnation)
    held = Held(monitor, kind, start)
    assert held.armed == Armed(one.group, one.epoch, one.incarnation)
    held.state, held.information, held.cause = one.state, one.information, one.cause
    held.deadline, held.resumed, held.restarted = one.deadline, one.resumed, one.restarted
    held._parameters, held._running = one.parameters, one.running
    held._mine = kind.read(one.parameters) if one.read else None
    failures = held._failures
    failures._at, failures._self_stops = one.failed_at, one.self_stops
    failures._quick, failures._kills = one.quick, one.kills
    held._may_restart, held._restarting = one.may_restart, one.restarting
    held._last_end, held._started_at = one.last_end, one.started_at
    held._meanwhile.failure = one.put_off
    if one.program is not None:
        os.set_inheritable(one.program.pidfd, False)
        held._program._process = Process(one.program.identity, one.program.pidfd)
        monitor.watch(held._program._process, held._program._readable)
    return held


def _go_on(held: Held) -> None:
    """Watch what is online again; what cannot be any more has failed."""
    if held.state is not ResourceState.ONLINE:
        return
    until = held._around.until() if held.kind.exclusive else math.inf
    if bad := held._outside.take(held._mine, until):
        held._failed(bad)
    else:
        held._plan_checks()


def _adopt_line(monitor: Monitor, state: Carried, number: int) -> None:
    service = monitor._service
    os.set_inheritable(number, False)
    line = socket.socket(fileno=number)
    line.setblocking(False)
    service._service, service._attached = line, state.attached
    service._unread, service._unsent = state.unread, bytearray(state.unsent)
    monitor._selector.register(line, 1, service._ready)  # EVENT_READ
    with contextlib.suppress(KeyError):
        service._flush()
