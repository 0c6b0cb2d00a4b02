"""The Cluster Service sees to it that what a dead Resource Monitor left does not run beyond T + k (safety rule P7)."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Final

from nodeagent.monitor import permissions
from nodeagent.monitor.messages import Permit
from nodeagent.monitor.resetting import left_running, reset
from nodeagent.settings import AgentSettings
from nodeagent.system.clock import Clock

log = logging.getLogger(__name__)

AGAIN: Final = 0.1  # seconds between looks while something is left and the machine could not be reset


class Resetting:
    """Looks at T + k of the newest permission, where the settings let the machine be reset; else does nothing."""

    def __init__(self, settings: AgentSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._on = settings.reset == "sysrq"
        self._until = -math.inf
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Go on with what a former service had permitted."""
        noted = permissions.read(self._settings.run) if self._on else None
        if noted is not None:
            self._plan(noted.until, noted.bound)

    def permitted(self, permission: Permit) -> None:
        """Learn of a permission, and note it."""
        if not self._on:
            return
        until = math.inf if permission.until is None else permission.until
        self._until = min(self._until, until) if permission.shorten else until
        noted = None if math.isinf(self._until) else self._until
        permissions.write(self._settings.run, noted, permission.bound)
        self._plan(noted, permission.bound)

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _plan(self, until: float | None, bound: float) -> None:
        self.close()
        if until is not None:
            self._look_at(until + bound)

    def _look_at(self, moment: float) -> None:
        wait = max(0.0, moment - self._clock.steady())
        self._timer = asyncio.get_running_loop().call_later(wait, self._look, moment)

    def _look(self, moment: float) -> None:
        if self._clock.steady() < moment:  # asyncio's clock is not the steady one
            self._look_at(moment)
        elif left := left_running(self._settings):
            log.critical("what a dead Resource Monitor left runs beyond the deadline")
            if not reset(self._settings, left):
                self._look_at(self._clock.steady() + AGAIN)
