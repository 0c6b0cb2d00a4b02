"""What the applications themselves would have written down: who ran what and when, and what must never be."""

from __future__ import annotations

from dataclasses import dataclass, field

from nodeagent.planner.timing import Profile


@dataclass(slots=True)
class Interval:
    """One life of an application, in true seconds. *asleep*: its whole node stands still."""

    node: str
    resource: str
    pid: int
    start: float
    stop: float | None = None
    excused_until: float = 0.0
    asleep: bool = False


@dataclass(slots=True)
class Witness:
    """Collects intervals and says what is wrong.

    Attributes:
        providers: of each resource.
        crashed: when an application of that resource last ended by itself.
    """

    profile: Profile
    providers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    intervals: list[Interval] = field(default_factory=list)
    open: dict[tuple[str, int], Interval] = field(default_factory=dict)
    crashed: dict[str, float] = field(default_factory=dict)

    def running(self, resource: str | None = None, node: str | None = None) -> list[Interval]:
        """Return what runs now."""
        return [
            interval
            for interval in self.open.values()
            if resource in (None, interval.resource) and node in (None, interval.node)
        ]

    def started(self, now: float, node: str, resource: str, pid: int, excused_until: float) -> list[str]:
        """Note a start; returns what is wrong with it."""
        wrong = [
            f"{resource} starts on {node} while it runs on {other.node} (since {other.start:.3f} s)"
            for other in self.running(resource)
            if not other.asleep and now >= other.excused_until
        ]
        for provider in self.providers.get(resource, ()):
            ended_by_itself = now - self.crashed.get(provider, float("-inf")) < 1.0
            if not self.running(provider, node) and not ended_by_itself:
                wrong.append(f"{resource} starts on {node} before {provider}, which it depends on")
        self.open[node, pid] = interval = Interval(node, resource, pid, now, excused_until=excused_until)
        self.intervals.append(interval)
        return wrong

    def asked(self, now: float, node: str, resource: str) -> list[str]:
        """Note that an application was asked to end; returns what is wrong with it."""
        del now
        return [
            f"{resource} is asked to end on {node} while {other.resource} runs, which depends on it"
            for other in self.running(node=node)
            if resource in self.providers.get(other.resource, ())
        ]

    def ended(self, now: float, node: str, pid: int) -> None:
        """Note an end."""
        self.open.pop((node, pid)).stop = now

    def overlaps(self, now: float) -> list[str]:
        """Return what runs twice now."""
        awake = [interval for interval in self.open.values() if not interval.asleep and now >= interval.excused_until]
        return [
            f"{first.resource} runs on {first.node} and on {second.node}"
            for first in awake
            for second in awake
            if first.resource == second.resource and (first.node, first.pid) < (second.node, second.pid)
        ]
