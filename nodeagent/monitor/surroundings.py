"""What a held resource needs of its monitor; the tests have one with a clock of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from nodeagent.api.objects import ResourceId
from nodeagent.monitor.deadline import Armed
from nodeagent.monitor.messages import Definition, Report
from nodeagent.monitor.timers import Timer
from nodeagent.resourcetypes.base import Running
from nodeagent.system.containers import Container

if TYPE_CHECKING:
    from nodeagent.monitor.entrypoints import EntryPoints


class Readable(Protocol):
    """What has a file descriptor that becomes readable."""

    def fileno(self) -> int:
        """Return the file descriptor."""
        ...


class Surroundings(Protocol):
    """What a resource needs of its monitor."""

    def now(self) -> float:
        """Return the steady clock."""
        ...

    def wall(self) -> float:
        """Return the time of day."""
        ...

    def allows(self, armed: Armed) -> bool:
        """Tell whether the permission allows to run now (safety rule P4)."""
        ...

    def until(self) -> float:
        """Return until when the permission allows to run, on the steady clock; infinite for ever."""
        ...

    def is_closed(self, armed: Armed) -> bool:
        """Tell whether nothing may be started under that epoch any more (safety rule O4)."""
        ...

    def later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run *action* after *seconds*."""
        ...

    def watch(self, source: Readable, action: Callable[[], None]) -> None:
        """Run *action* whenever *source* is readable."""
        ...

    def unwatch(self, source: Readable) -> None:
        """End a `watch`."""
        ...

    def tell(self, report: Report) -> bool:
        """Say a report to the service; False when none is attached."""
        ...

    def settled(self) -> None:
        """Learn that a resource has come to rest: another one may be waiting for it."""
        ...

    def resists(self) -> None:
        """Learn that something of a resource is not ended as soon as it should be."""
        ...

    def open_output(self, resource: ResourceId) -> int | None:
        """Open the resource's output log for appending; None when that cannot be done now."""
        ...

    def container(self, resource: ResourceId) -> Container:
        """Return the resource's container. Raises OSError or ValueError."""
        ...

    def ready(self, definition: Definition, entries: EntryPoints) -> Running | None:
        """Return how to start an application, once, when that was found out ahead, by `prepare` (see `readiness`).

        What is still on its way goes on as the next that *entries* run.
        """
        ...
