"""One resource in the monitor's hands: armed, started, watched, restarted in place, stopped."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any, Protocol

from nodeagent.api.causes import Cause, cause
from nodeagent.api.objects import ResourceState
from nodeagent.api.problems import Problem, problem
from nodeagent.monitor.calls import Call, begin
from nodeagent.monitor.messages import Definition, Report, Start
from nodeagent.monitor.timers import Timer
from nodeagent.planner.policies import may_restart, recent
from nodeagent.resourcetypes.base import ApplicationType, ResourceError, ResourceType, Running
from nodeagent.system.containers import Container
from nodeagent.system.processes import ExitStatus, Process
from nodeagent.system.programs import StartError

State = ResourceState

KILL_PATIENCE = 0.3  # seconds to wait for a killed container to be empty before looking again later
CRASH_LOOP_LIFE = 1.0  # a life shorter than this, ended by the program itself, makes the next restart wait
CRASH_LOOP_DELAYS = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # seconds


class Surroundings(Protocol):
    """What a resource needs of its monitor."""

    def now(self) -> float:
        """Return the steady clock."""
        ...

    def wall(self) -> float:
        """Return the time of day."""
        ...

    def allows(self, incarnation: int) -> bool:
        """Tell whether the permission allows to run now (safety rule P4)."""
        ...

    def later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run *action* after *seconds*."""
        ...

    def watch(self, source: Process | Call, action: Callable[[], None]) -> None:
        """Run *action* whenever *source* is readable."""
        ...

    def unwatch(self, source: Process | Call) -> None:
        """End a `watch`."""
        ...

    def tell(self, report: Report) -> None:
        """Say a report to the service, if one is attached."""
        ...

    def open_output(self, resource: str) -> int:
        """Open the resource's output log for appending."""
        ...

    def container(self, resource: str) -> Container:
        """Return the resource's container."""
        ...

    def changed(self) -> None:
        """Note down what is held."""
        ...


class Held:
    """The state machine of one resource on this node."""

    def __init__(self, around: Surroundings, kind: ResourceType[Any], start: Start) -> None:
        self._around = around
        self.kind = kind
        self.definition: Definition = start.resource
        self.group, self.epoch, self.incarnation = start.group, start.epoch, start.incarnation
        self.container = around.container(start.resource.id)
        self.state = State.OFFLINE
        self.information: Problem | None = None
        self.cause: Cause | None = None
        self.deadline = False
        self.restarted = False
        self._mine: Any = None
        self._running: Running | None = None
        self._process: Process | None = None
        self._call: Call | None = None
        self._call_entry = ""
        self._failures: list[float] = []
        self._may_restart = False
        self._started_at = 0.0
        self._quick_ends = 0
        self._timers: dict[str, Timer] = {}

    # --- orders -------------------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """The resource's id."""
        return self.definition.id

    @property
    def running(self) -> bool:
        """Whether something of it may run."""
        return self.state not in (State.OFFLINE, State.FAILED) or not self.container.is_empty()

    def arm(self, start: Start) -> None:
        """Take over the order's definition and epoch; a running resource only learns its new epoch."""
        self.definition = start.resource
        self.group, self.epoch, self.incarnation = start.group, start.epoch, start.incarnation
        if start.fresh:
            self._failures.clear()
            self._quick_ends = 0

    def start(self) -> None:
        """Go online, if the permission allows it; else wait for it, armed."""
        if self.state not in (State.OFFLINE, State.FAILED):
            self.tell()
            return
        self._drop_timers()
        if not self._around.allows(self.incarnation):
            self._stand_still()
            return
        self.deadline = False
        self._begin()

    def stop(self, *, now: bool = False) -> None:
        """Go offline, asking first unless *now*."""
        self._drop_timers()
        self.deadline = False
        if self.state in (State.OFFLINE, State.FAILED) and self._process is None and self._call is None:
            self._offline_when_empty()
        elif now or self.state is State.ONLINE_PENDING:
            self._kill_then(self._went_offline)
        elif isinstance(self.kind, ApplicationType):
            self._ask_to_end()
        elif self.state is not State.OFFLINE_PENDING:
            self._become(State.OFFLINE_PENDING)
            self._run_entry("offline")

    def fail(self, why: Cause) -> None:
        """Treat it as failed, as an administrator asked."""
        if self.state is State.ONLINE:
            self.cause = why
            self._failed(problem("initiated"))

    def self_stop(self) -> None:
        """Stop at the deadline, at once and armed (safety rule P5)."""
        if self.state in (State.OFFLINE, State.FAILED):
            return
        self._drop_timers()
        self._stand_still()

    def resume(self) -> None:
        """Start again after a later permission of the same incarnation."""
        if self.deadline and self._around.allows(self.incarnation):
            self.cause = cause("cause_self_stop_over")
            self.start()

    def kill(self, deadline: float) -> bool:
        """Kill everything of it, wait for the proof until *deadline*, and report nothing."""
        self._drop_timers()
        clean = self.container.kill(deadline)
        self._forget_process()
        self._forget_call()
        self.state = State.OFFLINE
        self.deadline = False
        return clean

    def report(self) -> Report:
        """Return the present state."""
        now = self._around.now()
        return Report(
            id=self.id,
            group=self.group,
            epoch=self.epoch,
            incarnation=self.incarnation,
            state=self.state,
            at=self._around.wall(),
            process_id=self._process.pid if self._process else 0,
            information=self.information,
            restarts=min(len(recent(self._failures, self.definition.policy.period, now)), 2**31),
            may_restart=self.state is State.FAILED and self._may_restart,
            restarted=self.restarted,
            deadline=self.deadline,
            cause=self.cause,
        )

    def tell(self) -> None:
        """Say the present state."""
        self._around.tell(self.report())
        self.restarted = False

    # --- going online -------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        try:
            self._mine = self.kind.read(self.definition.parameters)
        except ResourceError as exc:
            self._quick_ends += 1
            self._failed(exc.problem)
            return
        if not self.container.is_empty():
            self._kill_then(self._begin)  # never beside a former life of itself
            return
        if isinstance(self.kind, ApplicationType):
            self._launch(self.kind)
        else:
            self._become(State.ONLINE_PENDING)
            self._run_entry("online")

    def _launch(self, kind: ApplicationType[Any]) -> None:
        output = self._around.open_output(self.id)
        try:
            self._running = kind.prepare(self._mine, output)
            self._process = self.container.spawn(self._running.launch)
        except ResourceError as exc:
            self._quick_ends += 1
            self._failed(exc.problem)
            return
        except StartError as exc:
            self._quick_ends += 1
            self._failed(problem("start_failed", detail=str(exc)))
            return
        finally:
            os.close(output)
        self._around.watch(self._process, self._process_ended)
        self._went_online()

    def _went_online(self) -> None:
        if not self._around.allows(self.incarnation):  # the clock is read again after a start (safety rule P4)
            self._stand_still()
            return
        self._started_at = self._around.now()
        self.deadline = False
        self._become(State.ONLINE, problem("running", process=self._process.pid) if self._process else None)
        self._plan_checks()
        self._around.changed()

    # --- watching -----------------------------------------------------------------------------------------------

    def _plan_checks(self) -> None:
        policy = self.definition.policy
        self._timer("looks_alive", policy.looks_alive, lambda: self._check("looks_alive"))
        self._timer("is_alive", policy.is_alive, lambda: self._check("is_alive"))

    def _check(self, entry: str) -> None:
        if self.state is not State.ONLINE:
            return
        if isinstance(self.kind, ApplicationType):
            # The process's own end is an event; this look besides is what the poll intervals promise.
            self._process_ended()
            if self._process is None:
                return
        elif self._call is None:
            self._run_entry(entry)
        policy = self.definition.policy
        again = policy.looks_alive if entry == "looks_alive" else policy.is_alive
        self._timer(entry, again, lambda: self._check(entry))

    def _process_ended(self) -> None:
        process = self._process
        if process is None:
            return
        status = process.reap()
        if status is None:
            return
        self._forget_process()
        if self.state is State.OFFLINE_PENDING:
            self._kill_then(self._went_offline)  # what it left behind
            return
        lived = self._around.now() - self._started_at
        by_itself = status.code is not None
        self._quick_ends = self._quick_ends + 1 if by_itself and lived < CRASH_LOOP_LIFE else 0
        self._failed(_how(status))

    # --- failing ------------------------------------------------------------------------------------------------

    def _failed(self, detail: Problem) -> None:
        """Kill the rest, then restart in place when the policy and the permission allow it, else report."""
        self._drop_timers()
        self.information = detail
        if detail.code != "initiated":
            self.cause = None
        now = self._around.now()
        policy = self.definition.policy
        self._failures = [*recent(self._failures, policy.period, now), now]
        self._may_restart = may_restart(policy, self._failures, now)
        self._forget_process()
        self._forget_call()
        self._kill_then(self._after_failure)

    def _after_failure(self) -> None:
        policy = self.definition.policy
        if not (self._may_restart and policy.alone):
            self._become(State.FAILED, self.information)
            self._around.changed()
            return
        if self.cause is None:
            self.cause = cause(
                "cause_policy_restart",
                used=len(self._failures),
                threshold=policy.threshold,
                period=int(policy.period),
            )
        delay = CRASH_LOOP_DELAYS[min(self._quick_ends, len(CRASH_LOOP_DELAYS) - 1)]
        if delay:
            self._become(State.ONLINE_PENDING, self.information)
            self._timer("restart", delay, self._restart)
        else:
            self._restart()

    def _restart(self) -> None:
        if not self._around.allows(self.incarnation):
            self._stand_still()
            return
        self.restarted = True
        self._begin()

    # --- going offline ------------------------------------------------------------------------------------------

    def _ask_to_end(self) -> None:
        if self.state is State.OFFLINE_PENDING:
            return
        self._become(State.OFFLINE_PENDING)
        running, process = self._running, self._process
        if running is None or process is None:
            self._kill_then(self._went_offline)
            return
        process.signal(getattr(signal, running.stop_signal))
        self._timer("stop", running.stop_timeout, lambda: self._kill_then(self._went_offline))

    def _offline_when_empty(self) -> None:
        self._kill_then(self._went_offline)

    def _went_offline(self) -> None:
        self._forget_process()
        self._forget_call()
        self._drop_timers()
        self.cause = None
        self._become(State.OFFLINE)
        self._around.changed()

    def _stand_still(self) -> None:
        """Be stopped but armed: it starts again with the next permission of its incarnation."""
        self.deadline = True

        def stopped() -> None:
            self._forget_process()
            self._forget_call()
            self.deadline = True
            self.cause = cause("cause_self_stop")
            self._become(State.OFFLINE, problem("stopped_at_deadline"))

        self._kill_then(stopped)

    def _kill_then(self, after: Callable[[], None]) -> None:
        """Kill what is in the container; go on once it is proven empty, however long that takes."""
        self._forget_call()
        if self.container.is_empty() or self.container.kill(self._around.now() + KILL_PATIENCE):
            process = self._process
            if process is not None and process.reap() is not None:
                self._forget_process()
            after()
        else:
            self.information = problem("not_killable", name=self.definition.name)
            self._timer("kill", KILL_PATIENCE, lambda: self._kill_then(after))

    # --- entry points in children -------------------------------------------------------------------------------

    def _run_entry(self, entry: str) -> None:
        self._forget_call()
        output = self._around.open_output(self.id)
        try:
            self._call = begin(self.kind, entry, self._mine, self.container, output)
        finally:
            os.close(output)
        self._call_entry = entry
        self._around.watch(self._call, self._call_readable)
        self._pending_limit()

    def _pending_limit(self) -> None:
        limit = self.definition.policy.pending_timeout

        def silent() -> None:
            detail = problem("pending_timeout", seconds=limit)
            self._forget_call()
            if self._call_entry == "offline":
                self._kill_then(self._went_offline)
            else:
                self._failed(detail)

        self._timer("pending", limit, silent)

    def _call_readable(self) -> None:
        call = self._call
        if call is None:
            return
        reports, ended = call.read()
        if reports and self.state.pending:
            self._pending_limit()
            self.information = problem("progress", text=reports[-1])
            self.tell()
        if ended:
            outcome, entry = call.outcome, self._call_entry
            self._forget_call()
            self._drop_timer("pending")
            self._entry_ended(entry, outcome.alive if outcome else False, outcome.problem if outcome else None)

    def _entry_ended(self, entry: str, well: bool, bad: Problem | None) -> None:
        if entry == "online":
            if well:
                self._went_online()
            else:
                self._quick_ends += 1
                self._failed(bad or problem("call_died", entry=entry))
        elif entry == "offline":
            self._kill_then(self._went_offline)
        elif not well and self.state is State.ONLINE:
            if entry == "looks_alive":
                self._run_entry("is_alive")
            else:
                self._failed(bad or problem("not_alive"))

    # --- small things -------------------------------------------------------------------------------------------

    def _become(self, state: ResourceState, information: Problem | None = None) -> None:
        self.state = state
        self.information = information
        self.tell()
        if state is State.ONLINE:
            self.cause = None

    def _timer(self, name: str, seconds: float, action: Callable[[], None]) -> None:
        self._drop_timer(name)
        self._timers[name] = self._around.later(seconds, action)

    def _drop_timer(self, name: str) -> None:
        if timer := self._timers.pop(name, None):
            timer.cancel()

    def _drop_timers(self) -> None:
        for name in list(self._timers):
            self._drop_timer(name)

    def _forget_process(self) -> None:
        if self._process is not None:
            self._around.unwatch(self._process)
            self._process.reap()
            self._process.close()
            self._process = None

    def _forget_call(self) -> None:
        if self._call is not None:
            self._around.unwatch(self._call)
            self._call.close()
            self._call = None


def _how(status: ExitStatus) -> Problem:
    if status.signal is not None:
        return problem("killed", signal=status.signal)
    if status.code is not None:
        return problem("exited", status=status.code)
    return problem("vanished")
