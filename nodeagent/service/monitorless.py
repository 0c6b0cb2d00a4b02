"""A resource whose monitor cannot be started: after a few attempts it has failed here, so that its group moves on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from nodeagent.api.objects import Group, Resource, ResourceId, ResourceState
from nodeagent.api.problems import problem
from nodeagent.monitor.messages import Report
from nodeagent.service.holding import ResourceMonitors
from nodeagent.service.membership import Membership
from nodeagent.service.monitors import MonitorFailed
from nodeagent.system.clock import Clock

ATTEMPTS: Final = 2


class Monitorless:
    """Starts the monitors of resources, and counts where that fails."""

    def __init__(self, membership: Membership, clock: Clock, report: Callable[[Report], None]) -> None:
        """Begin; *report* takes the failure of a resource as if a monitor had said it."""
        self._membership = membership
        self._clock = clock
        self._report = report
        self._failed: Counter[ResourceId] = Counter()

    async def ensure(self, monitors: ResourceMonitors, name: str, group: Group, resource: Resource) -> None:
        """Start the monitor *name* of *resource* unless it lives. Raises MonitorFailed."""
        try:
            await monitors.ensure(name)
        except MonitorFailed as exc:
            self._failed[resource.id] += 1
            if self._failed[resource.id] >= ATTEMPTS:
                self._report(
                    Report(
                        id=resource.id,
                        group=group.id,
                        epoch=group.epoch,
                        incarnation=self._membership.incarnation,
                        state=ResourceState.FAILED,
                        at=self._clock.wall(),
                        information=problem("monitor_cannot_start", detail=str(exc)),
                    )
                )
            raise
        self._failed.pop(resource.id, None)
