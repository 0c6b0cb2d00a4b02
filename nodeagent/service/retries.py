"""RetryPeriodOnFailure: when a failed resource is tried again where it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from nodeagent.api.objects import ResourceId, ResourceState
from nodeagent.monitor.messages import Report
from nodeagent.planner.policies import Policy
from nodeagent.system.clock import Clock


class Retries:
    """One timer for each resource that stays failed and has a retry period."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._timers: dict[ResourceId, asyncio.TimerHandle] = {}

    def plan(self, report: Report, policy: Policy, retry: Callable[[], None]) -> float:
        """Have *retry* called when it is time; returns the wall-clock seconds of that moment, 0 for never.

        A report of another state ends the wait.
        """
        self.forget(report.id)
        if report.state is not ResourceState.FAILED or report.may_restart or policy.retry_period is None:
            return 0.0
        self._timers[report.id] = asyncio.get_running_loop().call_later(policy.retry_period, retry)
        return self._clock.wall() + policy.retry_period

    def forget(self, resource: ResourceId) -> None:
        """Wait no longer."""
        if timer := self._timers.pop(resource, None):
            timer.cancel()
