"""What the service needs of its node's Resource Monitors, and who is told what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from nodeagent.api.objects import ResourceId
from nodeagent.monitor.messages import Closed, Guard, Permit, Report, ToMonitor
from nodeagent.service.enforcing import Enforcement


class News(Protocol):
    """Who is told what monitors say."""

    def reported(self, report: Report) -> None:
        """Take a resource's state."""
        ...

    def closed(self, name: str, said: Closed) -> None:
        """Take a monitor's answer to CloseEpoch."""
        ...

    def monitor_gone(self, held: tuple[ResourceId, ...]) -> None:
        """Learn that all of *held* is being killed, as its monitor lives no more; `monitor_died` follows."""
        ...

    def monitor_died(self, name: str, held: tuple[ResourceId, ...], *, asked: bool) -> None:
        """Learn that nothing of *held* runs any more; *asked*: it was to end."""
        ...

    def monitor_started(self, name: str, process: int) -> None:
        """Learn of a new monitor."""
        ...


class ResourceMonitors(Protocol):
    """What the rest of the service needs of this node's monitors.

    Attributes:
        fatal: is called with the name and error of what ended by itself in here.
    """

    enforcement: Enforcement
    fatal: Callable[[str, BaseException], None]

    def keep_former_deadline(self) -> None:
        """See to it that what was permitted to a former service, and outlives its monitor, ends by T + k (rule P7)."""
        ...

    async def attach_all(self) -> list[Report]:
        """Attach to every monitor that lives, kill what dead ones left, and return what is held."""
        ...

    def holder_of(self, resource: ResourceId) -> str:
        """Return the monitor that held the resource when it was attached to, the shared one when none did."""
        ...

    async def ensure(self, name: str) -> str:
        """Start the monitor *name* unless it lives. Raises MonitorFailed."""
        ...

    def order(self, name: str, order: ToMonitor) -> bool:
        """Send an order to a monitor that lives; False when it does not."""
        ...

    def order_all(self, order: ToMonitor) -> list[str]:
        """Send an order to all monitors; returns their names."""
        ...

    def process_of(self, name: str) -> int:
        """Return the monitor's process number, 0 when it does not live."""
        ...

    def permit(self, permission: Permit) -> None:
        """Give all monitors a permission."""
        ...

    def guard(self, order: Guard) -> None:
        """Have the shared monitor open the watchdog, or give it other times."""
        ...

    async def acknowledged(self, patience: float) -> bool:
        """Wait until all monitors have acknowledged the latest permission."""
        ...

    def replace_hung(self, patience: float) -> None:
        """Kill every monitor that has not acknowledged for *patience* seconds."""
        ...

    def fresh_patience(self) -> None:
        """Begin to count anew."""
        ...

    async def stop_all(self) -> bool:
        """Stop everything at once; True when it is proven."""
        ...

    async def kill(self, resources: Iterable[ResourceId]) -> bool:
        """Kill what no monitor holds any more; True when that is proven."""
        ...

    async def close(self, *, quit_monitors: bool) -> None:
        """Detach."""
        ...
