"""The faults of a random story: what happens, to whom, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulation.moments import MOMENTS

# Whom a fault befalls: a node by its number, or whoever that is when the scene begins. ANOTHER does not own the group.
OWNER, LEADER, EVERYBODY, ANOTHER = -1, -2, -3, -4


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that happens at a moment, to a node, for some seconds (0: it has no end).

    Attributes:
        node: its number, or OWNER (of a group), LEADER, EVERYBODY, ANOTHER.
        number: between 0 and 1; how bad it is, or which one is meant.
        scene: faults of one scene befall the same owner and the same leader.
        which: between 0 and 1; which group and which of its resources is meant; the same in the whole scene.
        after: it waits for a commit of that node that takes this step, and begins so many seconds later.
    """

    at: float
    kind: str
    node: int
    seconds: float = 0.0
    number: float = 0.5
    scene: int = 0
    which: float = 0.5
    after: tuple[str, float] | None = None

    def __str__(self) -> str:
        ends = f" for {self.seconds:.2f} s" if self.seconds else ""
        who = _NAMES.get(self.node, f"node {self.node}")
        when = f", {self.after[1]:.3f} s after its next {self.after[0]}" if self.after else ""
        return f"{self.at:7.2f} s  {self.kind} at {who}{when}{ends} ({self.number:.2f})"


_NAMES = {OWNER: "an owner", LEADER: "the leader", EVERYBODY: "all nodes", ANOTHER: "who does not own it"}


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
    "dies slowly": (2.0, 60.0),
    **{f"late {step}": (5.0, 30.0) for step in MOMENTS},
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
