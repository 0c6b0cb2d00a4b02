"""This node's watchdog: asked of the shared monitor, adjusted with the cluster's times, required or not (P10)."""

from __future__ import annotations

import asyncio
import logging

from nodeagent.api.events import Severity
from nodeagent.api.texts import render
from nodeagent.monitor.messages import Guard, Guarded
from nodeagent.planner.timing import Profile
from nodeagent.service.holding import ResourceMonitors
from nodeagent.service.membership import Membership
from nodeagent.service.reporting import Reporting
from nodeagent.settings import AgentSettings

log = logging.getLogger(__name__)

ANSWER_PATIENCE = 5.0  # seconds for the monitor to open the device


def order_for(profile: Profile) -> Guard:
    """Return what is asked of the device: w, and the longest w that heartbeats keep alive: s + k - c."""
    most = profile.self_stop + profile.kill_bound - profile.commit
    return Guard(seconds=min(profile.watchdog, most), most=most)


class WatchdogCare:
    """Does nothing at all unless the settings want a watchdog."""

    def __init__(
        self, settings: AgentSettings, monitors: ResourceMonitors, membership: Membership, reporting: Reporting
    ) -> None:
        self._mode = settings.watchdog
        self._monitors = monitors
        self._membership = membership
        self._reporting = reporting
        self._ordered: Guard | None = None
        self._said: Guarded | None = None
        self._answered = asyncio.Event()
        monitors.enforcement.guarded_anew = self._heard

    @property
    def wanted(self) -> bool:
        """Whether the settings want one."""
        return self._mode != "off"

    def may_host(self) -> bool:
        """Tell whether exclusive resources may be started here: not where a watchdog is required and there is none."""
        return self._mode != "required" or self._monitors.enforcement.watchdog > 0

    async def prepare(self) -> bool:
        """Open it before the node joins; False when it is required and cannot be used, so that the node must wait."""
        if not self.wanted:
            return True
        self._answered.clear()
        self._order(order_for(self._membership.profile))
        try:
            async with asyncio.timeout(ANSWER_PATIENCE):
                await self._answered.wait()
        except TimeoutError:
            log.warning("the Resource Monitor does not say whether there is a watchdog")
        return self.may_host()

    def joined(self) -> None:
        """Tell the cluster what was found before it could be told."""
        if self._said is not None:
            self._tell(self._said)

    # --- with the cluster's times -------------------------------------------------------------------------------

    def before_shorter(self) -> None:
        """Shorter times are about to be announced: a shorter time-out comes first (safety rule P9)."""
        order = order_for(self._membership.profile)
        if self._ordered is not None and order.seconds < self._ordered.seconds:
            self._order(order)

    def after_confirmed(self) -> None:
        """A heartbeat is confirmed: once it announces the cluster's times, the time-out may be theirs."""
        if self._ordered is not None and self._membership.announces_profile:
            order = order_for(self._membership.profile)
            if order != self._ordered:
                self._order(order)

    def _order(self, order: Guard) -> None:
        self._ordered = order
        self._monitors.guard(order)

    def _heard(self, said: Guarded) -> None:
        self._answered.set()
        if said.seconds == 0 and said.why is not None:
            log.error("no watchdog: %s", render(said.why.code, said.why.parameters))
        if said != self._said and self._membership.node:
            self._tell(said)
        self._said = said

    def _tell(self, said: Guarded) -> None:
        if said.seconds:
            self._reporting.say(Severity.INFORMATION, "event_watchdog", seconds=round(said.seconds))
        elif said.why is not None:
            severity = Severity.ERROR if self._mode == "required" else Severity.WARNING
            detail = render(said.why.code, said.why.parameters)
            self._reporting.say(severity, "event_watchdog_unused", detail=detail)
