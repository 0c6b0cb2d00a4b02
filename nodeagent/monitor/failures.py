"""How often a resource failed on this node: may it be restarted in place, and how long does the restart wait."""

from __future__ import annotations

import signal
from typing import Final

from nodeagent.api.problems import Problem, problem
from nodeagent.planner.policies import Policy, RestartAction, may_restart, recent
from nodeagent.system.processes import ExitStatus

CRASH_LOOP_LIFE: Final = 1.0  # seconds; a life shorter than this, ended by the program itself, is a quick end
KILLED_LIFE: Final = 0.02  # the same for one ended from outside, which is not the program's fault
KILLS_IN_A_ROW: Final = 200  # so many of those are a loop all the same (out of memory, say) and wait a little
KILL_LOOP_DELAY: Final = 0.05  # seconds
CRASH_LOOP_DELAYS: Final = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # seconds, by the number of quick ends in a row
MOST_REMEMBERED: Final = 2000  # failures; a threshold above it is never exceeded

# Sent by the kernel for what the program did itself.
_OWN_FAULT: Final = frozenset(
    {
        signal.SIGSEGV,
        signal.SIGABRT,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGTRAP,
        signal.SIGSYS,
        signal.SIGPIPE,
        signal.SIGXCPU,
        signal.SIGXFSZ,
    }
)


class Failures:
    """The failures of one resource since it was started afresh."""

    def __init__(self) -> None:
        self._at: list[float] = []
        self._self_stops: list[float] = []
        self._quick = 0
        self._kills = 0

    def forget(self) -> None:
        """Count anew."""
        self._at.clear()
        self._self_stops.clear()
        self._quick = self._kills = 0

    def add(self, policy: Policy, now: float) -> bool:
        """Count one more, and tell whether *policy* allows a restart."""
        kept = min(policy.threshold + 1, MOST_REMEMBERED)
        self._at = [*recent(self._at, policy.period, now), now][-kept:]
        return may_restart(policy, self._at, now)

    def stopped_by_itself(self, policy: Policy, now: float) -> None:
        """Count a stop at the end of the permission: a failure on this node, though it is always started again."""
        self.add(policy, now)
        self._self_stops = [*recent(self._self_stops, policy.period, now), now][-MOST_REMEMBERED:]

    def flapping(self, policy: Policy, now: float) -> bool:
        """Tell whether it had to stop by itself so often that its group should go elsewhere.

        A single stop never says so: the database may have been away for everybody.
        """
        if policy.action is not RestartAction.AFFECT_GROUP or len(recent(self._self_stops, policy.period, now)) < 2:
            return False
        return not may_restart(policy, self._at, now)

    def used(self, policy: Policy, now: float) -> int:
        """Return how many lie within the policy's running period."""
        return len(recent(self._at, policy.period, now))

    def not_started(self) -> None:
        """Count a start that came to nothing."""
        self._quick += 1

    def ended(self, status: ExitStatus, lived: float) -> None:
        """Take into account how a life of *lived* seconds ended."""
        by_itself = status.code is not None or status.signal in _OWN_FAULT
        self._quick = self._quick + 1 if by_itself and lived < CRASH_LOOP_LIFE else 0
        self._kills = self._kills + 1 if not by_itself and lived < KILLED_LIFE else 0

    @property
    def looping(self) -> bool:
        """Whether the last life was too short to have been one."""
        return self._quick > 0

    @property
    def delay(self) -> float:
        """Return the seconds that a restart waits."""
        if self._kills > KILLS_IN_A_ROW:
            return KILL_LOOP_DELAY
        return CRASH_LOOP_DELAYS[min(self._quick, len(CRASH_LOOP_DELAYS) - 1)]


def how_it_ended(status: ExitStatus) -> Problem:
    """Say how a process ended."""
    if status.signal is not None:
        return problem("killed", signal=status.signal)
    if status.code is not None:
        return problem("exited", status=status.code)
    return problem("vanished")
