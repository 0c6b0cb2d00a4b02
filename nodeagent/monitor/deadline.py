"""You may run until T: the permission under which exclusive resources run (safety rules P3 to P5)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nodeagent.api.objects import GroupId


@dataclass(frozen=True, slots=True)
class Armed:
    """Under what a resource was ordered to run: its group, the group's epoch, the node's incarnation."""

    group: GroupId
    epoch: int
    incarnation: int


class Deadline:
    """The latest permission. Without one nothing exclusive may run."""

    def __init__(self) -> None:
        self.incarnation = 0
        self.until = -math.inf

    def replace(self, incarnation: int, until: float | None) -> None:
        """Put a new permission in the place of the former one; None means for ever."""
        self.incarnation = incarnation
        self.until = math.inf if until is None else until

    def shorten(self, until: float | None) -> None:
        """Let the present permission end at *until*, if it does not end before (safety rule P9)."""
        self.until = min(self.until, math.inf if until is None else until)

    def withdraw(self) -> None:
        """Forget it: nothing exclusive may run."""
        self.incarnation = 0
        self.until = -math.inf

    def allows(self, incarnation: int, now: float) -> bool:
        """Tell whether what was started under *incarnation* may run at *now* (safety rule P4)."""
        return now < self.until and incarnation == self.incarnation
