"""How this node's resources stand: what the monitors said of each last, and what they were ordered since then."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from nodeagent.api.objects import GroupId, Resource, ResourceId, ResourceState
from nodeagent.monitor.messages import Fail, Forget, Quit, Report, Start, Stop, Update
from nodeagent.service.heldpolicies import RUNNING, separate
from nodeagent.service.holding import ResourceMonitors
from nodeagent.service.monitors import SHARED

ResourceOrder = Stop | Start | Fail | Forget | Update


class HeldResources:
    """One memory for all that the monitors say, and the one way by which a resource is ordered anything.

    Attributes:
        monitors: set by who makes them, before anything is ordered: they in turn report to the executor.
        reports: what a monitor said last of each resource.
        fresh: what a person asked for: it starts with its failures forgotten.
    """

    monitors: ResourceMonitors

    def __init__(self) -> None:
        self.reports: dict[ResourceId, Report] = {}
        self.fresh: set[ResourceId] = set()
        self._ordered: dict[ResourceId, ResourceState] = {}
        self._monitor_of: dict[ResourceId, str] = {}

    # --- what is known ------------------------------------------------------------------------------------------

    def state_of(self, resource: ResourceId) -> ResourceState:
        """Return the state that it has, or will have when the last order is obeyed."""
        report = self.reports.get(resource)
        return self._ordered.get(resource) or (report.state if report else ResourceState.OFFLINE)

    def monitor_process(self, resource: ResourceId) -> int:
        """Return the number of its monitor's process; 0 when that does not live."""
        return self.monitors.process_of(self._monitor_of.get(resource, SHARED))

    def quiet(self) -> bool:
        """Tell whether nothing runs."""
        return not any(report.state in RUNNING for report in self.reports.values())

    # --- what the monitors say ----------------------------------------------------------------------------------

    def attached(self, reports: Iterable[Report]) -> None:
        """Take what the monitors held when they were attached to; news that came since is newer."""
        for report in reports:
            self.reports.setdefault(report.id, report)
        for resource in self.reports:
            self._monitor_of[resource] = self.monitors.holder_of(resource)

    def reported(self, report: Report) -> None:
        """Take a state."""
        self.reports[report.id] = report
        self._ordered.pop(report.id, None)

    def monitor_gone(self, held: Iterable[ResourceId]) -> None:
        """All of *held* is being killed: it counts as running until `monitor_died`, but nothing is started on it."""
        for resource in held:
            if resource in self.reports and self.reports[resource].state in RUNNING:
                self.reports[resource] = replace(self.reports[resource], state=ResourceState.OFFLINE_PENDING)

    def monitor_died(self, name: str, held: Iterable[ResourceId]) -> list[ResourceId]:
        """Nothing of *held* runs any more: forget its states. Returns what had run."""
        ran = []
        for resource in held:
            former = self.reports.pop(resource, None)
            if former is not None and former.state in RUNNING:
                ran.append(resource)
            self._ordered.pop(resource, None)
        for resource in [r for r in self._ordered if self._monitor_of.get(r, SHARED) == name]:
            del self._ordered[resource]  # it may not have read the order
        return ran

    def forget_everything(self) -> None:
        """Nothing runs."""
        self.reports.clear()
        self._ordered.clear()

    # --- what is decided here -----------------------------------------------------------------------------------

    def order(self, resource: ResourceId, order: ResourceOrder, becomes: ResourceState | None = None) -> None:
        """Order it of the monitor that holds it; from then on it counts as what it *becomes*."""
        if self.monitors.order(self._monitor_of.get(resource, SHARED), order) and becomes is not None:
            self._ordered[resource] = becomes

    def start(self, order: Start, monitor: str) -> None:
        """Have *monitor* start it and hold it from now on."""
        resource = order.resource.id
        self._monitor_of[resource] = monitor
        self.order(resource, order, ResourceState.ONLINE_PENDING)
        self.fresh.discard(resource)

    def start_anew(self, resource: ResourceId) -> None:
        """Let a failed one count as offline, so that it is started again, with its failures forgotten."""
        self.fresh.add(resource)
        report = self.reports.get(resource)
        if report is not None and report.state is ResourceState.FAILED:
            self.reports[resource] = replace(report, state=ResourceState.OFFLINE, may_restart=False)

    def adopt(self, group: GroupId, order: Start) -> None:
        """Have one that runs go on for another group, under that group's epoch."""
        resource = order.resource.id
        self.reports[resource] = replace(self.reports[resource], group=group)
        self.order(resource, order)

    def forget(self, resource: ResourceId) -> None:
        """Have it held no longer; the monitor that it had for itself ends."""
        self.order(resource, Forget(id=resource))
        if self._monitor_of.pop(resource, SHARED) != SHARED:
            self.monitors.order(resource, Quit())
        self.reports.pop(resource, None)


def monitor_name(resource: Resource) -> str:
    """Return the name of the monitor that is to hold *resource*."""
    return resource.id if separate(resource) else SHARED
