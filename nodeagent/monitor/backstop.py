"""What stands behind the self-stop deadline: kernel timer, watchdog, and what happens at T + k (P7, P8, P10)."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from nodeagent.api.objects import ResourceId
from nodeagent.api.problems import problem
from nodeagent.monitor.deadline import Deadline
from nodeagent.monitor.held import Held
from nodeagent.monitor.messages import Enforced, Guard, Guarded, Resisting
from nodeagent.monitor.timers import Timer
from nodeagent.planner.timing import bound_for

KILL_BOUND: Final = 0.6  # seconds; k of the default profile, until a permission says another
LOOK_AGAIN: Final = 0.1  # seconds between looks at what resists
PATS: Final = 10  # in one time-out: a stop that takes most of k is still seen in time
SHORTEST: Final = 0.05  # seconds between two pats at least


class Dog(Protocol):
    """The watchdog device; see `nodeagent.system.watchdog`."""

    def set_timeout(self, seconds: float) -> float:
        """Set the time-out; returns what the device made of it."""
        ...

    def pat(self) -> None:
        """Let it count anew."""
        ...

    def disarm(self) -> None:
        """Close it so that it fires no more."""
        ...

    def leave(self) -> None:
        """Close it armed."""
        ...


class Killer(Protocol):
    """The kernel's timer; see `nodeagent.system.urgency.LastResort`."""

    def arm(self, moment: float) -> None:
        """Have this process killed at *moment*."""
        ...

    def disarm(self) -> None:
        """Let it live."""
        ...


@dataclass(frozen=True, slots=True)
class Machine:
    """What of the machine a monitor may use to keep the deadline; nothing unless the settings say so.

    Attributes:
        watchdog: opens the device; raises OSError.
        device: what it is called, for sentences.
        reset: resets the machine.
        others_run: tells whether something runs that another monitor holds.
        killer: kills this process after its deadline.
    """

    watchdog: Callable[[], Dog] | None = None
    device: str = ""
    reset: Callable[[], None] | None = None
    others_run: Callable[[], bool] = lambda: False
    killer: Killer | None = None


class Around(Protocol):
    """What the backstop needs of its monitor."""

    def now(self) -> float:
        """Return the steady clock."""
        ...

    def later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run *action* after *seconds*."""
        ...

    def exclusive(self) -> Iterable[Held]:
        """Return the exclusive resources that are held."""
        ...

    def say(self, news: Resisting | Enforced) -> None:
        """Tell the service."""
        ...


class Backstop:
    """Knows T + k, and what to do when something exclusive still runs then.

    Attributes:
        resisting: exclusive resources that could not be proven stopped within k.
    """

    def __init__(self, around: Around, deadline: Deadline, machine: Machine) -> None:
        self._around = around
        self._deadline = deadline
        self._machine = machine
        self._bound = KILL_BOUND
        self._order: float | None = None
        self._dog: Dog | None = None
        self._timeout = 0.0
        self._patted = -math.inf
        self._pat_timer: Timer | None = None
        self._look_timer: Timer | None = None
        self.resisting: tuple[ResourceId, ...] = ()

    # --- permission and deadline --------------------------------------------------------------------------------

    def permitted(self, until: float | None, bound: float) -> None:
        """Begin anew: the kernel kills this process half of k after the deadline, unless it is kept (P8).

        Args:
            until: as it was ordered, for the answer when it has been enforced.
            bound: k, seconds.
        """
        self._order, self._bound = until, bound
        if self._machine.killer is not None:
            self._machine.killer.arm(max(self._deadline.until, self._around.now()) + bound / 2)
        self.pat()

    def enforced(self) -> None:
        """The deadline has been kept: whatever is exclusive is being killed; look at T + k whether it has stopped."""
        self.live_on()
        self._around.say(Enforced(until=self._order))
        wait = self._deadline.until + self._bound - self._around.now()
        self._around.later(max(0.0, wait), self._at_the_end)

    def live_on(self) -> None:
        """Take it back that the kernel kills this process."""
        if self._machine.killer is not None:
            self._machine.killer.disarm()

    def largest_bound(self) -> float:
        """Return the longest k of what is held; UNBOUNDED when a type promises none."""
        return max((bound_for(held.kind.kill_bound) for held in self._around.exclusive()), default=0.0)

    # --- what does not stop -------------------------------------------------------------------------------------

    def resists(self) -> None:
        """Look now and then at what does not end, until it does."""
        if self._look_timer is None:
            self._look_timer = self._around.later(LOOK_AGAIN, self._look_again)

    def _look_again(self) -> None:
        self._look_timer = None
        self.look()

    def look(self) -> None:
        """Find out what resists, and tell the service when that is others than before."""
        held = list(self._around.exclusive())
        resisting = tuple(sorted(one.id for one in held if self._resists(one)))
        if resisting != self.resisting:
            self.resisting = resisting
            self._around.say(Resisting(resources=resisting))
        if resisting or any(one.ending_since is not None for one in held):
            self.resists()

    def _resists(self, held: Held) -> bool:
        now = self._around.now()
        if held.ending_since is not None and now - held.ending_since >= self._bound:
            return True
        return now >= self._deadline.until + self._bound and self._is_forbidden(held)

    def _is_forbidden(self, held: Held) -> bool:
        return held.active and not self._deadline.allows(held.armed.incarnation, self._around.now())

    def _at_the_end(self) -> None:
        """T + k has come: what is not proven stopped now makes this node unclean, or resets it (safety rule P7)."""
        if self._around.now() < self._deadline.until + self._bound:
            return  # a later permission came
        self.look()
        promised = [held.id for held in self._around.exclusive() if held.kind.kill_bound and self._is_forbidden(held)]
        if promised and self._machine.reset is not None:
            sys.stderr.write(f"{', '.join(promised)} cannot be stopped: this machine is reset.\n")
            sys.stderr.flush()
            try:
                self._machine.reset()
            except OSError as exc:
                sys.stderr.write(f"It cannot be reset: {exc}\n")

    # --- the watchdog -------------------------------------------------------------------------------------------

    def guard(self, order: Guard) -> Guarded:
        """Open the watchdog, or give it another time-out; says what it is now."""
        open_device, path = self._machine.watchdog, self._machine.device
        if open_device is None:
            return Guarded(seconds=0.0)
        former = self._timeout
        try:
            fresh = self._dog is None
            dog = self._dog = self._dog or open_device()
            self._timeout = dog.set_timeout(order.seconds)
            if self._timeout > order.most:
                too_slow = problem("watchdog_too_slow", path=path, seconds=self._timeout, most=round(order.most, 2))
                if not fresh:  # it may not be let go while something runs; so it stays as it was
                    self._timeout = dog.set_timeout(former)
                    return Guarded(seconds=self._timeout, why=too_slow)
                self._forget_dog()
                dog.disarm()
                return Guarded(seconds=0.0, why=too_slow)
        except OSError as exc:
            self._forget_dog()
            return Guarded(seconds=0.0, why=problem("watchdog_unusable", path=path, detail=exc.strerror or str(exc)))
        self.pat()
        return Guarded(seconds=self._timeout)

    def _forget_dog(self) -> None:
        self._dog, self._timeout, self._patted = None, 0.0, -math.inf

    def may_start(self) -> bool:
        """Tell whether the watchdog, if there is one, would fire by T + k even if it were never patted again."""
        return self._dog is None or self._patted + self._timeout <= self._deadline.until + self._bound

    def pat(self) -> None:
        """Pat the watchdog if it then still fires by T + k, or if nothing exclusive runs, and again before long."""
        if self._pat_timer is not None:
            self._pat_timer.cancel()
            self._pat_timer = None
        if self._dog is None:
            return
        now = self._around.now()
        last = self._deadline.until + self._bound - self._timeout
        if now <= last or not self._anything_runs():
            try:
                self._dog.pat()
                self._patted = now
            except OSError as exc:
                sys.stderr.write(f"{self._machine.device} cannot be patted: {exc}\n")
        wait = max(SHORTEST, self._timeout / PATS)
        if now < last < now + wait:
            wait = last - now  # the last one: then it fires at T + k, and not before
        self._pat_timer = self._around.later(wait, self.pat)

    def _anything_runs(self) -> bool:
        return any(held.running for held in self._around.exclusive()) or self._machine.others_run()

    def close(self) -> None:
        """Let the watchdog go: disarmed only when nothing exclusive runs."""
        if self._dog is not None:
            dog = self._dog
            self._forget_dog()
            if self._anything_runs():
                dog.leave()
            else:
                dog.disarm()
