"""What a held resource needs of its monitor, with a clock that the test moves and real processes or none."""

from __future__ import annotations

import select
from collections.abc import Callable

from nodeagent.api.objects import ResourceState
from nodeagent.monitor.deadline import Armed, Deadline
from nodeagent.monitor.entrypoints import EntryPoints
from nodeagent.monitor.messages import Definition, Report
from nodeagent.monitor.readiness import Readiness
from nodeagent.monitor.surroundings import Readable
from nodeagent.monitor.timers import Timer, Timers
from nodeagent.resourcetypes.base import Running
from nodeagent.system.containers import Container


class Clockwork:
    """A monitor's clock and timers without its loop.

    Attributes:
        time: steady seconds.
    """

    def __init__(self, time: float) -> None:
        self.time = time
        self.timers = Timers()

    def pass_time(self, seconds: float) -> None:
        """Let so much time pass, each timer at its moment."""
        end = self.time + seconds
        while (moment := self.timers.next()) <= end:
            self.time = max(self.time, moment)
            for action in self.timers.due(self.time):
                action()
        self.time = end

    def now(self) -> float:
        return self.time

    def later(self, seconds: float, action: Callable[[], None]) -> Timer:
        return self.timers.at(self.time + seconds, action)


class FakeSurroundings(Clockwork):
    """A monitor without a loop: `pass_time` runs timers, `events` what became readable."""

    def __init__(self, container: Container) -> None:
        super().__init__(1000.0)
        self.deadline = Deadline()
        self.deadline.replace(1, float("inf"))
        self.closed: dict[str, int] = {}
        self.reports: list[Report] = []
        self.attached = True
        self.settlings = 0
        self.resistance = 0
        self.readiness: Readiness | None = None
        self._container = container
        self._watched: dict[int, tuple[Readable, Callable[[], None]]] = {}

    @property
    def last(self) -> Report:
        return self.reports[-1]

    def state(self) -> ResourceState:
        """Return the state that was told last."""
        return self.last.state

    @property
    def watched(self) -> int:
        return len(self._watched)

    def events(self, *, patience: float = 20.0) -> None:
        """Wait for the next thing to become readable, and have it seen to; the clock stands still."""
        poll = select.poll()
        for number in self._watched:
            poll.register(number, select.POLLIN)
        found = poll.poll(patience * 1000)
        assert found, "nothing happened"
        for number, _ in found:
            if number in self._watched:
                self._watched[number][1]()

    # --- Surroundings ---

    def wall(self) -> float:
        return 1_700_000_000.0 + self.time

    def allows(self, armed: Armed) -> bool:
        return self.deadline.allows(armed.incarnation, self.time)

    def until(self) -> float:
        return self.deadline.until

    def is_closed(self, armed: Armed) -> bool:
        return armed.epoch <= self.closed.get(armed.group, 0)

    def watch(self, source: Readable, action: Callable[[], None]) -> None:
        self._watched[source.fileno()] = (source, action)

    def unwatch(self, source: Readable) -> None:
        del self._watched[source.fileno()]

    def tell(self, report: Report) -> bool:
        if self.attached:
            self.reports.append(report)
        return self.attached

    def settled(self) -> None:
        self.settlings += 1

    def resists(self) -> None:
        self.resistance += 1

    def open_output(self, resource: str) -> int | None:
        return None

    def container(self, resource: str) -> Container:
        return self._container

    def ready(self, definition: Definition, entries: EntryPoints) -> Running | None:
        return self.readiness.take(definition, entries) if self.readiness else None
