"""What the Resource Monitors have enforced, and what they cannot stop: the service's side of rules P7 to P10."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

from nodeagent.api.objects import ResourceId
from nodeagent.monitor.messages import Enforced, Guarded, Permit, Resisting
from nodeagent.system.clock import Clock

log = logging.getLogger(__name__)

LATE: Final = 0.1  # seconds; a look that comes so late reads first what has come meanwhile
NEWS_ARRIVE: Final = 0.05  # seconds that this takes


class Enforcement:
    """Kills a monitor that has not enforced the deadline half of k after it, and knows what resists being stopped.

    Attributes:
        changed: called when other resources resist than before.
        guarded: what the shared monitor said of the watchdog last; *guarded_anew* is called with it.
    """

    def __init__(self, clock: Clock, names: Callable[[], Iterable[str]], kill: Callable[[str], None]) -> None:
        """Begin without a permission.

        Args:
            names: returns the monitors that are attached.
            kill: ends a monitor and all that it holds.
        """
        self._clock = clock
        self._names = names
        self._kill = kill
        self._permission: Permit | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._enforced: dict[str, float | None] = {}
        self._bounds: dict[str, float] = {}
        self._resisting: dict[str, frozenset[ResourceId]] = {}
        self.guarded: Guarded | None = None
        self.changed: Callable[[], None] = lambda: None
        self.guarded_anew: Callable[[Guarded], None] = lambda _said: None

    # --- the second enforcer ------------------------------------------------------------------------------------

    def permitted(self, permission: Permit | None) -> None:
        """Begin anew with this permission; None: there is none, and nothing to enforce."""
        self._permission = permission
        self.close()
        if permission is not None and permission.until is not None:
            self._look_after(permission.until + permission.bound / 2 - self._clock.steady())

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_after(self, seconds: float, *, read: bool = False) -> None:
        self._timer = asyncio.get_running_loop().call_later(max(0.0, seconds), self._look, read)

    def _look(self, read: bool) -> None:
        """T + k/2 has passed, with no later permission: who has not enforced T does so no more (safety rule P8)."""
        permission, self._timer = self._permission, None
        if permission is None or permission.until is None:
            return
        late = self._clock.steady() - (permission.until + permission.bound / 2)
        if late < 0:
            self._look_after(-late)
        elif late > LATE and not read:
            self._look_after(NEWS_ARRIVE, read=True)  # this process stood still, and the monitor need not have
        else:
            for name in [name for name in self._names() if self._enforced.get(name) != permission.until]:
                log.error("Resource Monitor %s has not kept the deadline; it is killed with all that it holds", name)
                self._kill(name)

    # --- what monitors say --------------------------------------------------------------------------------------

    def acknowledged(self, name: str, bound: float) -> None:
        """Learn the longest k of what a monitor holds."""
        self._bounds[name] = bound

    def heard(self, name: str, said: Enforced | Resisting | Guarded) -> None:
        """Take what a monitor says of its deadline."""
        if isinstance(said, Enforced):
            self._enforced[name] = said.until
        elif isinstance(said, Guarded):
            self.guarded = said
            self.guarded_anew(said)
        else:
            self._resists(name, said.resources)

    def cannot_kill(self, name: str, resources: Iterable[ResourceId]) -> None:
        """Learn that what a dead monitor held is not proven dead."""
        self._resists(name, resources)

    def gone(self, name: str) -> None:
        """Forget a monitor of which nothing runs any more."""
        self._enforced.pop(name, None)
        self._bounds.pop(name, None)
        self._resists(name, ())

    def _resists(self, name: str, resources: Iterable[ResourceId]) -> None:
        before = self.resisting
        self._resisting[name] = frozenset(resources)
        if self.resisting != before:
            self.changed()

    # --- what follows from it -----------------------------------------------------------------------------------

    @property
    def resisting(self) -> frozenset[ResourceId]:
        """The exclusive resources that could not be proven stopped in time."""
        return frozenset().union(*self._resisting.values())

    @property
    def longest_bound(self) -> float:
        """The longest k of what is held, seconds; UNBOUNDED where a type promises none."""
        return max(self._bounds.values(), default=0.0)

    @property
    def watchdog(self) -> float:
        """The time-out of the watchdog as read back, seconds; 0 for none."""
        return self.guarded.seconds if self.guarded else 0.0
