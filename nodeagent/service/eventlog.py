"""The cluster's event log: entries that go into the same commit as what they tell."""

from __future__ import annotations

from typing import Final

from nodeagent.api.causes import Cause
from nodeagent.api.events import LogEntry, Severity
from nodeagent.api.objects import ClusterObject, ObjectRef, ref
from nodeagent.api.problems import Parameter
from nodeagent.database.records import encode, event_key
from nodeagent.system.clock import Clock

KEEP: Final = 10_000  # entries in the cluster database; each node keeps its own on disk besides

# Event numbers of the original (source ClusSvc, System log), where it has one.
_NUMBERS: Final = {
    "event_failed": 1069,
    "event_start_failed": 1069,
    "event_online": 1201,
    "event_offline": 1204,
    "event_monitor_died": 1146,
    "event_node_down": 1135,
    "event_node_up": 1062,
    "event_node_left": 1063,
    "event_group_gave_up": 1205,
    "event_interface_failed": 1127,
    "event_interface_gone": 1127,
    "event_interface_up": 1122,
}


class EventLog:
    """Makes entries of this node. Their sequence is time, node and a counter: no two nodes ever make the same.

    It only grows, also when the time of day is set back: who reads on from the newest entry misses none.
    """

    def __init__(self, clock: Clock, node_name: str) -> None:
        self._clock = clock
        self._node_name = node_name
        self._moment = 0  # milliseconds and counter, of the newest entry
        self.node = 0

    def now(self) -> float:
        """Return the time of day by which entries are dated."""
        return self._clock.wall()

    def entry(
        self,
        severity: Severity,
        code: str,
        item: ClusterObject | None = None,
        *,
        reference: ObjectRef | None = None,
        name: str = "",
        cause: Cause | None = None,
        epoch: int = 0,
        output: str = "",
        **parameters: Parameter,
    ) -> LogEntry:
        """Make an entry about *item*, whose name is its first parameter."""
        shown = item.name if item is not None else name
        now = self._clock.wall()
        return LogEntry(
            sequence=self._next_sequence(now),
            at=now,
            node=self._node_name,
            severity=severity,
            code=code,
            parameters={"name": shown, **parameters} if shown else parameters,
            object=ref(item) if item is not None else reference,
            object_name=shown,
            number=_NUMBERS.get(code, 0),
            cause=cause,
            request=cause.request if cause else "",
            epoch=epoch,
            steady=self._clock.steady(),
            output=output,
        )

    def _next_sequence(self, now: float) -> int:
        """Return 41 bits of milliseconds, 8 of the node, 14 of a counter."""
        self._moment = max(self._moment + 1, int(now * 1000) << 14)
        milliseconds, counter = self._moment >> 14, self._moment & 0x3FFF
        return milliseconds << 22 | (self.node & 0xFF) << 14 | counter


def put(*entries: LogEntry) -> dict[str, bytes]:
    """Return what a transaction has to put for these entries."""
    return {event_key(entry.sequence): encode(entry) for entry in entries}
