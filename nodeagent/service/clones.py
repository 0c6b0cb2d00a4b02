"""Whether another machine lives under this node's name: a clone, or what the machine was replaced by (rule M6)."""

from __future__ import annotations

from nodeagent.database.records import HeartbeatRecord, Life
from nodeagent.system.clock import Clock


def _differs(one: str, other: str) -> bool:
    """Compare "machine-id/product_uuid", part by part; a part that one of the two does not know tells nothing."""
    parts = zip(one.split("/"), other.split("/"), strict=False)
    return any(mine and theirs and mine != theirs for mine, theirs in parts)


class OtherMachine:
    """Looks at heartbeats under this node's name for another machine's identity."""

    def __init__(self, boot: str, machine: str, clock: Clock) -> None:
        """Know who we are: the boot's identity, and the machine's."""
        self._boot = boot
        self._machine = machine
        self._clock = clock
        self._met = float("-inf")

    def wrote(self, record: HeartbeatRecord | None) -> bool:
        """Tell whether another machine wrote this heartbeat, and may be alive. Of one boot there is one machine."""
        if record is None or record.life is not Life.ALIVE or record.boot == self._boot:
            return False
        return _differs(record.machine, self._machine)

    def met_again(self, record: HeartbeatRecord, within: float) -> bool:
        """Note a conflict with this heartbeat; True when it is the second by another machine *within* seconds."""
        if not self.wrote(record):
            return False
        before, self._met = self._met, self._clock.steady()
        return self._met - before <= within
