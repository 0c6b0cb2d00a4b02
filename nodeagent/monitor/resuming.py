"""Starting again, after the deadline, what stands still: a few at a time, in the order of the former starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from nodeagent.api.objects import GroupId
from nodeagent.monitor.held import Held
from nodeagent.monitor.surroundings import Surroundings

STARTS_AT_ONCE: Final = 4  # resources that are started again in one go when a permission comes back


class Resuming:
    """Looks, whenever something has come to rest or a permission has come, whether anything may go on.

    Args:
        held: returns the resources in the order of their last starts. It was the service's, who knows the dependencies.
    """

    def __init__(self, around: Surroundings, held: Callable[[], Sequence[Held]]) -> None:
        self._around = around
        self._held = held
        self._planned = False

    def soon(self) -> None:
        """Look soon."""
        if not self._planned and any(held.deadline for held in self._held()):
            self._planned = True
            self._around.later(0, self._resume)

    def _resume(self) -> None:
        """Start what may be started; in each group one after the other."""
        self._planned = False
        waiting: set[GroupId] = set()
        started = 0
        for held in self._held():
            group = held.armed.group
            if group in waiting:
                continue
            if held.deadline:
                held.resume()
                started += held.resumed
            if held.deadline or held.resumed:
                waiting.add(group)
            if started == STARTS_AT_ONCE:
                self.soon()
                return
