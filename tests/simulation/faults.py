"""The faults of a random story: what happens, to whom, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

# Whom a fault befalls: a node by its number, or whoever that is when the scene begins.
OWNER, LEADER, EVERYBODY = -1, -2, -3


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that happens at a moment, to a node, for some seconds (0: it has no end).

    Attributes:
        node: its number, or OWNER (of a group), LEADER, EVERYBODY.
        number: between 0 and 1; how bad it is, or which one is meant.
        scene: faults of one scene befall the same owner and the same leader.
    """

    at: float
    kind: str
    node: int
    seconds: float = 0.0
    number: float = 0.5
    scene: int = 0

    def __str__(self) -> str:
        ends = f" for {self.seconds:.2f} s" if self.seconds else ""
        who = {OWNER: "an owner", LEADER: "the leader", EVERYBODY: "all nodes"}.get(self.node, f"node {self.node}")
        return f"{self.at:7.2f} s  {self.kind} at {who}{ends} ({self.number:.2f})"


LASTS: dict[str, tuple[float, float]] = {
    "power": (0.5, 40.0),
    "leave": (1.0, 20.0),
    "service frozen": (0.1, 60.0),
    "monitor frozen": (0.1, 60.0),
    "node frozen": (0.1, 60.0),
    "cut": (0.3, 30.0),
    "cut out": (0.3, 30.0),
    "cut in": (0.3, 30.0),
    "flapping": (1.0, 20.0),
    "database away": (0.3, 20.0),
    "lossy": (2.0, 30.0),
    "slow": (2.0, 30.0),
    "slow watch": (2.0, 30.0),
    "refusing": (2.0, 20.0),
    "doubled": (2.0, 30.0),
    "paused": (2.0, 30.0),
    "drained": (2.0, 30.0),
    "maintenance": (2.0, 30.0),
    "group maintenance": (2.0, 30.0),
    "offline": (1.0, 20.0),
    "broken": (1.0, 20.0),
    "sick": (1.0, 20.0),
    "service crash": (0.0, 0.0),
    "monitor crash": (0.0, 0.0),
    "application crash": (0.0, 0.0),
    "wiped": (0.0, 0.0),
    "clock set": (0.0, 0.0),
    "move": (0.0, 0.0),
    "word": (0.0, 0.0),
    "profile": (0.0, 0.0),
    "compact": (0.0, 0.0),
}
RARE = {"profile", "wiped", "maintenance", "group maintenance", "drained", "leave"}
