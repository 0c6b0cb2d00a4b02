"""One resource in the monitor's hands: armed, started, watched, restarted in place, stopped."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from nodeagent.api.causes import Cause, cause
from nodeagent.api.objects import ResourceState
from nodeagent.api.problems import Problem, problem
from nodeagent.api.properties import Value
from nodeagent.monitor.calls import Entry, Outcome
from nodeagent.monitor.checks import Checks
from nodeagent.monitor.deadline import Armed
from nodeagent.monitor.ending import Ending
from nodeagent.monitor.entrypoints import EntryPoints
from nodeagent.monitor.failures import Failures, how_it_ended
from nodeagent.monitor.meanwhile import Meanwhile
from nodeagent.monitor.messages import Definition, Report, Start
from nodeagent.monitor.notes import OutsideNote
from nodeagent.monitor.outside import Outside
from nodeagent.monitor.program import Program
from nodeagent.monitor.surroundings import Surroundings
from nodeagent.monitor.timers import NamedTimers
from nodeagent.planner.policies import Policy
from nodeagent.resourcetypes.base import ApplicationType, ResourceError, ResourceType, Running
from nodeagent.system.processes import ExitStatus

State = ResourceState

SLOW_START = 0.1  # seconds after which a program that does not run yet is said to be starting


class Held:
    """The state machine of one resource on this node.

    Attributes:
        state: Online Pending also while a restart waits; a former state stays until its ending is proven.
        deadline: it stands still (or is being stopped) because the permission ran out, and starts again by itself.
        resumed: it was started again after that and has not been online since.
        restarted: it was restarted in place, and no service has been told.
    """

    def __init__(self, around: Surroundings, kind: ResourceType[Any], start: Start) -> None:
        self._around = around
        self.kind = kind
        self.definition: Definition = start.resource
        self.armed = Armed(start.group, start.epoch, start.incarnation)
        self.container = around.container(start.resource.id)
        self.state = State.OFFLINE
        self.information: Problem | None = None
        self.cause: Cause | None = None
        self.deadline = self.resumed = self.restarted = False
        self._mine: Any = None
        self._parameters: Mapping[str, Value] = {}
        self._running: Running | None = None
        self._entries = EntryPoints(around, kind, self.container)
        self._program = Program(around, self.container, self._went_online, self._could_not_start, self._process_ended)
        self._ending = Ending(around, self.container, self._entries)
        self._checks = Checks(around, self._entries, self._works, self._failed)
        self._outside = Outside(around, kind, self._failed)
        self._failures = Failures()
        self._may_restart = False
        self._restarting = False
        self._last_end: Problem | None = None
        self._started_at = 0.0
        self._timers = NamedTimers(around.later)
        self._meanwhile = Meanwhile(self._failed)

    # --- what is asked of it ------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """The resource's id."""
        return self.definition.id

    @property
    def active(self) -> bool:
        """Whether something of it may run, as far as its state says."""
        return self.state not in (State.OFFLINE, State.FAILED) or self._ending.active

    @property
    def running(self) -> bool:
        """Whether something of it may run: the container is asked too."""
        return self.active or not self.container.is_empty()

    @property
    def ending_since(self) -> float | None:
        """Since when it is being ended without proof, steady seconds."""
        return self._ending.since

    @property
    def note(self) -> OutsideNote | None:
        """What whoever cleans up after this monitor must know to end what lies outside the processes, if anything."""
        if type(self.kind).grip is ResourceType.grip:
            return None
        used = self._parameters if self.active and self._mine is not None else self.definition.parameters
        return OutsideNote(type=self.kind.name, parameters=dict(used))

    def report(self) -> Report:
        """Return the present state."""
        policy = self.definition.policy
        return Report(
            id=self.id,
            group=self.armed.group,
            epoch=self.armed.epoch,
            incarnation=self.armed.incarnation,
            state=self.state,
            at=self._around.wall(),
            process_id=self._program.pid,
            information=self.information,
            restarts=self._failures.used(policy, self._around.now()),
            may_restart=self.state is State.FAILED and self._may_restart,
            flapping=self._failures.flapping(policy, self._around.now()),
            restarted=self.restarted,
            deadline=self.deadline,
            cause=self.cause,
        )

    def tell(self) -> None:
        """Say the present state; what nobody heard is said again to the next service."""
        if self._around.tell(self.report()):
            self.told()

    def told(self) -> None:
        """Know that a service has the present report."""
        self.restarted = False
        if self.state is State.ONLINE:
            self.cause = None

    # --- orders -------------------------------------------------------------------------------------------------

    def arm(self, start: Start) -> None:
        """Take over the order's definition and epoch; what is online only learns its new epoch."""
        former = self.armed
        self.definition = start.resource
        self.armed = Armed(start.group, start.epoch, start.incarnation)
        if start.fresh:
            self._failures.forget()
        if self.active and former.incarnation != start.incarnation:
            self._stand_still()  # another life of the node: what runs was not started under this permission

    def start(self) -> None:
        """Go online, if the permission allows it; else wait for it, armed."""
        self.resumed = False
        if self.active:
            self.tell()
            return
        self._restarting = False
        self._drop_timers()
        self._running = None  # what the node has of user, program and display may have changed since
        self._begin()

    def update(self, policy: Policy) -> None:
        """Take another policy; new poll intervals count from now."""
        self.definition = msgspec.structs.replace(self.definition, policy=policy)
        if self.state is State.ONLINE and not self._ending.active:
            self._plan_checks()
        self._meanwhile.over(policy)

    def stop(self, *, now: bool = False) -> None:
        """Go offline, asking first unless *now*."""
        self.resumed = False
        standing_still, self.deadline = self.deadline, False
        if self.state is State.OFFLINE_PENDING and not now:
            self.tell()
        elif now or standing_still or self.kind.by_grip or self.state is not State.ONLINE or self._ending.active:
            if self.active:
                self.state = State.OFFLINE_PENDING  # told when it takes long
            self._end_then(self._went_offline)
        elif isinstance(self.kind, ApplicationType):
            self._ask_to_end()
        else:
            self._drop_timers()
            self._outside.release()
            self._become(State.OFFLINE_PENDING)
            self._run("offline", lambda outcome: self._end_then(self._went_offline, terminate=not outcome.well))

    def fail(self, why: Cause) -> None:
        """Treat it as failed, as an administrator asked."""
        if self.state is State.ONLINE and not self._ending.active:
            self.cause = why
            self._failed(problem("initiated"))

    def strike(self) -> None:
        """Kill what it runs without waiting: `self_stop` or `kill` follows."""
        self._ending.strike()

    def permitted(self, until: float) -> None:
        """Learn of a later permission of its incarnation."""
        if self.state in (State.ONLINE, State.OFFLINE_PENDING) and not self._ending.active:
            self._outside.permitted(until)

    def self_stop(self) -> None:
        """Stop at the deadline, at once and armed (safety rule P5)."""
        if not self.active or (self.deadline and self._ending.active):
            return
        if self.state is State.OFFLINE_PENDING:
            self._end_then(self._went_offline)
        else:
            if not self.deadline:
                self._failures.stopped_by_itself(self.definition.policy, self._around.now())
            self._stand_still()

    def resume(self) -> None:
        """Start again after a later permission of the same incarnation."""
        if self.deadline and not self.active and not self.definition.policy.waits and self._may_run():
            self.resumed = True
            self.cause = cause("cause_self_stop_over")
            self._begin()

    def disarm(self) -> None:
        """Stay as it is: no later permission wakes it."""
        self.deadline = self.resumed = False

    def kill(self, deadline: float) -> bool:
        """Kill everything of it, wait for the proof until *deadline*, and report nothing."""
        self._drop_timers()
        self._ending.cancel()
        self._entries.drop()
        clean = self._ending.prove(deadline)
        ended = self._outside.cut(self._mine if self.state is not State.OFFLINE else None)
        stays = self._mine is not None and self.state is not State.OFFLINE and not ended
        if clean and stays and self._entries.has("terminate"):
            clean = self._entries.wait("terminate", self._mine, deadline) and self._ending.prove(deadline)
        self._program.forget()
        if clean:
            self.state = State.OFFLINE
        self.disarm()
        return clean

    # --- going online -------------------------------------------------------------------------------------------

    def _may_run(self) -> bool:
        if self._around.is_closed(self.armed):
            return False
        return not self.kind.exclusive or self._around.allows(self.armed)

    def _begin(self) -> None:
        """Start from nothing: never beside a former life of itself."""
        self._end_then(self._begin_clean, terminate=False)

    def _begin_clean(self) -> None:
        if not self._may_run():
            self._stand_still()
            return
        self.deadline = False
        try:
            self._read_settings()
        except ResourceError as exc:
            self._could_not_start(exc.problem)
            return
        except Exception as exc:  # noqa: BLE001 - plug-in code, and what is stored may be of a later version
            self._could_not_start(problem("start_failed", detail=f"{type(exc).__name__}: {exc}"))
            return
        self.information = self._last_end if self._restarting else None
        self._running = self._running or self._around.ready(self.definition, self._entries)
        if self._running is not None:
            self._launch(self._running)
            return
        self.state = State.ONLINE_PENDING
        if isinstance(self.kind, ApplicationType):
            self._run("prepare", self._prepared)
            self._timers.set("slow", SLOW_START, self.tell)
        else:
            self.tell()
            if self.kind.by_grip:
                self._timers.set("pending", self.definition.policy.pending_timeout, self._never_started)
                self._outside.bring(self._mine, self._onlined)
            else:
                self._run("online", lambda outcome: self._onlined(outcome.failure))

    def _read_settings(self) -> None:
        """Read them when they are others; until then `terminate` needs those under which it went online."""
        if self._mine is None or self._parameters != self.definition.parameters:
            self._parameters = self.definition.parameters
            self._running = None
            self._mine = self.kind.read(self._parameters)

    def _prepared(self, outcome: Outcome) -> None:
        if outcome.running is None:
            self._could_not_start(outcome.problem or problem("call_died", entry="prepare"))
        elif not self._may_run():
            self._stand_still()
        else:
            self._running = outcome.running
            self._launch(outcome.running)

    def _launch(self, running: Running) -> None:
        self.state = State.ONLINE_PENDING
        self._started_at = self._around.now()
        self._timers.set("slow", SLOW_START, self.tell)
        self._timers.set("pending", self.definition.policy.pending_timeout, self._never_started)
        self._program.launch(running, self.armed)

    def _never_started(self) -> None:
        self._could_not_start(problem("pending_timeout", seconds=self.definition.policy.pending_timeout))

    def _could_not_start(self, bad: Problem) -> None:
        self._running = None
        self._failures.not_started()
        self._failed(bad)

    def _onlined(self, bad: Problem | None) -> None:
        if bad is not None:
            self._could_not_start(bad)
        else:
            self._started_at = self._around.now()
            self._went_online()

    def _went_online(self) -> None:
        if not self._may_run():  # the clock is read again after a start (safety rule P4)
            self._stand_still()
            return
        if bad := self._outside.take(self._mine, self._around.until() if self.kind.exclusive else math.inf):
            self._could_not_start(bad)
            return
        self._drop_timers()
        self.deadline = self.resumed = False
        running = problem("running", process=self._program.pid) if self._program.pid else self._outside.weakness
        self.restarted = self.restarted or self._restarting
        self._become(State.ONLINE, self._last_end if self._restarting else running)
        self._restarting = False
        self._plan_checks()
        self._around.settled()

    # --- watching -----------------------------------------------------------------------------------------------

    def _works(self) -> None:
        if self._meanwhile.mended():
            self._become(State.ONLINE)

    def _plan_checks(self) -> None:
        """Poll where the type can be asked; the end of an application's process is an event and needs no polling."""
        self._checks.plan(self.definition.policy, self._mine, noticed=self._outside.notices)

    def _process_ended(self, status: ExitStatus) -> None:
        if self.state is State.OFFLINE_PENDING:
            self._end_then(self._went_offline)  # what it left behind
            return
        self._failures.ended(status, self._around.now() - self._started_at)
        if self._failures.looping:
            self._running = None  # perhaps because user, program or display are not what they were
        self._failed(how_it_ended(status))

    # --- failing ------------------------------------------------------------------------------------------------

    def _failed(self, detail: Problem) -> None:
        """End the rest, then restart in place when the policy and the permission allow it, else report."""
        if self._meanwhile.puts_off(self.definition.policy, self.state, detail):
            self._become(State.ONLINE, self._meanwhile.shown)
            return
        self.information = self._last_end = detail
        self.restarted = self._restarting = False
        if detail.code != "initiated":
            self.cause = None
        self._may_restart = self._failures.add(self.definition.policy, self._around.now())
        self._end_then(self._after_failure)

    def _after_failure(self) -> None:
        policy = self.definition.policy
        if not (self._may_restart and policy.alone) or self._around.is_closed(self.armed):
            self._become(State.FAILED, self._last_end)  # not what was in the way of the ending
            self._around.settled()
            return
        if self.cause is None:
            used = self._failures.used(policy, self._around.now())
            self.cause = cause("cause_policy_restart", used=used, threshold=policy.threshold, period=int(policy.period))
        delay = self._failures.delay
        if delay:
            self._become(State.ONLINE_PENDING, self._last_end)
            self._timers.set("restart", delay, self._restart)
        else:
            self._restart()

    def _restart(self) -> None:
        self._restarting = True
        self._begin_clean()

    # --- going offline ------------------------------------------------------------------------------------------

    def _ask_to_end(self) -> None:
        self._drop_timers()
        self._become(State.OFFLINE_PENDING)
        running = self._running
        number = getattr(signal, running.stop_signal, signal.SIGTERM) if running else signal.SIGKILL
        if running is None or running.stop_timeout <= 0 or number == signal.SIGKILL or not self._program.ask(number):
            self._end_then(self._went_offline)
        else:
            self._timers.set("stop", running.stop_timeout, lambda: self._end_then(self._went_offline))

    def _went_offline(self) -> None:
        self.disarm()
        self.cause = None
        self._become(State.OFFLINE)
        self._around.settled()

    def _stand_still(self) -> None:
        """Be stopped but armed: it starts again with the next permission of its incarnation."""
        self.deadline = True

        def stopped() -> None:
            self.deadline = not self._around.is_closed(self.armed)
            self.cause = cause("cause_self_stop")
            self._become(State.OFFLINE, problem("stopped_at_deadline" if self.deadline else "epoch_closed"))
            self._around.settled()

        self._end_then(stopped)
        if self._ending.active:
            self.tell()  # nothing may be started on it while it lasts

    def _end_then(self, after: Callable[[], None], *, terminate: bool | None = None) -> None:
        """Forget what is watched, end what is left, and do *after* once that is proven."""
        if terminate is None:  # it was, or may have been, brought online
            terminate = self.active and self.state is not State.OFFLINE
        self._meanwhile.drop()
        self._drop_timers()
        busy = self._entries.busy
        self._entries.drop()
        self._program.forget()
        mine = self._mine if terminate else None
        ended = self._outside.cut(mine) and not busy  # a child on its way may still undo it
        self._ending.begin(after, self._cannot_end, self.definition.name, None if ended else mine)

    def _cannot_end(self, bad: Problem) -> None:
        self.information = bad
        self.tell()
        self._around.resists()

    # --- small things -------------------------------------------------------------------------------------------

    def _run(self, entry: Entry, ended: Callable[[Outcome], None]) -> None:
        def progressed(text: str) -> None:
            self.information = problem("progress", text=text)
            self.tell()

        self._entries.run(entry, self._mine, self.definition.policy.pending_timeout, ended, progressed)

    def _become(self, state: ResourceState, information: Problem | None = None) -> None:
        self.state = state
        self.information = information
        self.tell()

    def _drop_timers(self) -> None:
        self._checks.drop()
        self._timers.drop()
