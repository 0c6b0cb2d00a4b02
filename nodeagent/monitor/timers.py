"""When to do what next: the monitor's timers, on the steady clock."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable


class Timers:
    """A heap of moments. A cancelled one stays until its time and then does nothing."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()

    def at(self, moment: float, action: Callable[[], None]) -> Timer:
        """Run *action* at *moment*, seconds of the steady clock."""
        timer = Timer(action)
        heapq.heappush(self._heap, (moment, next(self._order), timer))
        return timer

    def next(self) -> float:
        """Return the next moment, infinite when there is none."""
        while self._heap and self._heap[0][2].action is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else math.inf

    def run(self, now: float) -> None:
        """Run what is due; what these actions add runs in the next turn at the earliest."""
        due: list[Timer] = []
        while self._heap and self._heap[0][0] <= now:
            due.append(heapq.heappop(self._heap)[2])
        for timer in due:
            if timer.action is not None:
                action, timer.action = timer.action, None
                action()


class Timer:
    """One moment to come; `cancel` it when it is no longer wanted."""

    __slots__ = ("action",)

    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Let it pass."""
        self.action = None
