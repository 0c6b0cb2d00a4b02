"""When to do what next: the monitor's timers, on the steady clock."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Iterator

FEW = 64  # cancelled timers that are not worth a clearing


class Timers:
    """A heap of moments. Cancelled ones lie in it until their time, or until they are more than half of it."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._cancelled = 0

    def __len__(self) -> int:
        return len(self._heap)

    def at(self, moment: float, action: Callable[[], None]) -> Timer:
        """Run *action* at *moment*, seconds of the steady clock."""
        timer = Timer(action, self)
        heapq.heappush(self._heap, (moment, next(self._order), timer))
        return timer

    def next(self) -> float:
        """Return the next moment, infinite when there is none."""
        while self._heap and self._heap[0][2].action is None:
            heapq.heappop(self._heap)
            self._cancelled -= 1
        return self._heap[0][0] if self._heap else math.inf

    def due(self, now: float) -> Iterator[Callable[[], None]]:
        """Yield what is due, the earliest first; what these actions add comes in the next turn at the earliest."""
        last = next(self._order)
        while self.next() <= now and self._heap[0][1] < last:
            timer = heapq.heappop(self._heap)[2]
            action, timer.action = timer.action, None
            if action is not None:
                yield action

    def forget_one(self) -> None:
        """Count a cancelled timer, and clear the heap when they are too many."""
        self._cancelled += 1
        if self._cancelled > FEW and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].action is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0


class NamedTimers:
    """The timers of one thing, each for a purpose; a new one of a name takes the place of the former."""

    def __init__(self, later: Callable[[float, Callable[[], None]], Timer]) -> None:
        self._later = later
        self._timers: dict[str, Timer] = {}

    def __len__(self) -> int:
        return len(self._timers)

    def set(self, name: str, seconds: float, action: Callable[[], None]) -> None:
        """Run *action* after *seconds*. One that has passed counts until it is dropped."""
        if former := self._timers.pop(name, None):
            former.cancel()
        self._timers[name] = self._later(seconds, action)

    def drop(self) -> None:
        """Let all pass."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()


class Timer:
    """One moment to come; `cancel` it when it is no longer wanted."""

    __slots__ = ("_timers", "action")

    def __init__(self, action: Callable[[], None], timers: Timers) -> None:
        self.action: Callable[[], None] | None = action
        self._timers = timers

    def cancel(self) -> None:
        """Let it pass."""
        if self.action is not None:
            self.action = None
            self._timers.forget_one()
