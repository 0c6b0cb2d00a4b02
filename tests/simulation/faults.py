"""Random clusters and random faults: all drawn from a seed before anything happens, so that a story replays.

Faults come singly, and in scenes: some that belong together, near the moments that matter to the rules.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from nodeagent.api.properties import Value
from nodeagent.planner.timing import PROFILES, Profile

LONGEST = 120.0  # seconds in which faults begin and end

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


@dataclass(frozen=True, slots=True)
class Group:
    """A group of a random cluster."""

    name: str
    resources: dict[str, tuple[str, ...]]
    kinds: dict[str, str]
    separate: frozenset[str]
    preferred: tuple[int, ...]
    possible: tuple[int, ...] | None
    properties: dict[str, Value]
    policy: dict[str, Value]
    parameters: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Device:
    """The fence device of every node: it takes some seconds, and may fail or hang."""

    seconds: float
    fails: bool
    hangs: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A random story.

    Attributes:
        seconds: for how long there are faults.
        late: when the last node is switched on, seconds; until then a cluster of two is a node alone.
        rates: of the nodes' clocks, within rho.
        watchdog, reset: the settings of all nodes.
    """

    nodes: int
    profile: str
    seconds: float
    late: float
    groups: tuple[Group, ...]
    faults: tuple[Fault, ...]
    device: Device | None
    watchdog: str
    reset: str

    def __str__(self) -> str:
        groups = "\n".join(map(str, self.groups))
        around = f"{self.device}, watchdog {self.watchdog}, reset {self.reset}, the last node after {self.late:.1f} s"
        return f"{self.nodes} nodes, {self.profile}, {around}\n{groups}\n" + "\n".join(map(str, self.faults))


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
RESISTING = 0.06  # of all stories
RARE = {"profile", "wiped", "maintenance", "group maintenance", "drained", "leave"}


def draw(seed: int) -> Plan:
    """Return the story of that seed."""
    chance = random.Random(f"plan {seed}")
    nodes = chance.choice((2, 2, 3, 3, 3, 4))
    profile = chance.choice(("default", "default", "default", "fast", "fast", "virtual machines"))
    seconds = chance.choice((15.0, 25.0, 40.0, LONGEST)) * (3 if profile == "virtual machines" else 1)
    seconds = min(seconds, LONGEST)
    groups = tuple(_group(chance, nodes, number) for number in range(1, chance.choice((1, 1, 2, 3)) + 1))
    device = None
    if chance.random() < 0.2:
        device = Device(chance.uniform(0.1, 4.0), chance.random() < 0.2, chance.random() < 0.1)
    reset = "sysrq" if chance.random() < 0.2 else "never"
    watchdog = "preferred" if chance.random() < 0.25 else "off"
    late = chance.uniform(1.0, seconds / 2) if chance.random() < 0.15 else 0.0
    if chance.random() < RESISTING:
        faults = tuple(_resists(chance, PROFILES[profile], guarded=watchdog != "off"))
        return Plan(nodes, profile, LONGEST, 0.0, groups, faults, None, watchdog, "never")
    faults = tuple(_faults(chance, nodes, seconds, PROFILES[profile], may_resist=reset == "sysrq"))
    return Plan(nodes, profile, seconds, late, groups, faults, device, watchdog, reset)


def _group(chance: random.Random, nodes: int, number: int) -> Group:
    names = [f"g{number}{letter}" for letter in "abc"[: chance.randint(1, 3)]]
    resources = {
        name: tuple(provider for provider in names[:place] if chance.random() < 0.7) for place, name in enumerate(names)
    }
    everybody = list(range(1, nodes + 1))
    possible = tuple(sorted(chance.sample(everybody, max(1, nodes - 1)))) if chance.random() < 0.2 else None
    preferred = tuple(chance.sample(everybody, chance.randint(0, nodes)))
    return Group(
        f"g{number}",
        resources,
        _kinds(chance, names),
        frozenset(name for name in names if chance.random() < 0.15),
        preferred,
        possible,
        {"AutoFailbackType": chance.randint(0, 1), "FailoverThreshold": chance.choice((1, 10))},
        {"RestartThreshold": chance.randint(0, 3), "RetryPeriodOnFailure": chance.choice((1000, 3000, 10_000))},
        {"Start": chance.choice((0.01, 0.1, 1.0)), "Stop": chance.choice((0.01, 0.1, 1.5))},
    )


def _kinds(chance: random.Random, names: list[str]) -> dict[str, str]:
    kinds = {names[0]: "Address"} if chance.random() < 0.4 else {}
    if chance.random() < 0.1:
        kinds[names[-1]] = "Slow"
    return kinds


# --- faults -----------------------------------------------------------------------------------------------------


def _faults(chance: random.Random, nodes: int, seconds: float, times: Profile, *, may_resist: bool) -> list[Fault]:
    found = [_single(chance, nodes, seconds) for _ in range(chance.randint(1, 2 + int(seconds / 6)))]
    for scene in range(1, chance.randint(1, 1 + int(seconds / 10)) + 1):
        who = chance.choice((OWNER, OWNER, LEADER, chance.randint(1, nodes)))
        at = chance.uniform(1.0, max(2.0, seconds - times.takeover - 3.0))
        faults = chance.choice(SCENES)(chance, who, times)
        found += [replace(one, at=at + one.at, scene=scene, number=chance.random()) for one in faults]
    if may_resist:
        found.append(Fault(chance.uniform(0.0, seconds), "unkillable", OWNER, chance.uniform(1.0, 20.0)))
    found = [replace(one, seconds=max(0.0, min(one.seconds, seconds - one.at))) for one in found if one.at < seconds]
    return sorted(found, key=lambda fault: (fault.at, fault.kind))


def _resists(chance: random.Random, times: Profile, *, guarded: bool) -> list[Fault]:
    """Return the one story of something that cannot be killed where no machine is reset.

    Safety ends where such a node is cut off before it could say so (docs/safety.md), unless it has a watchdog.
    """
    at = chance.uniform(5.0, 15.0)
    told = 0.2 if guarded else 2.0 + times.kill_bound + chance.uniform(0.0, 8.0)
    which = chance.random()
    found_out = Fault(at + 0.1, "monitor crash", OWNER, 0.0, which, 1)
    return [
        Fault(at, "unkillable", OWNER, 60.0, which, 1),
        *(() if guarded else (found_out,)),
        Fault(at + told, "cut", OWNER, times.takeover + chance.uniform(5.0, 15.0), which, 1),
    ]


def _single(chance: random.Random, nodes: int, seconds: float) -> Fault:
    kind = chance.choice(list(LASTS))
    if kind in RARE and chance.random() < 0.6:
        kind = chance.choice(("cut", "cut out", "cut in", "node frozen"))
    at = chance.uniform(0.0, seconds)
    least, most = LASTS[kind]
    lasts = least * (most / least) ** chance.random() if most else 0.0
    return Fault(at, kind, chance.randint(1, nodes), lasts, chance.random())


Scene = Callable[[random.Random, int, Profile], list[Fault]]


def _moment(chance: random.Random, times: Profile) -> float:
    """Return seconds after which something is about to happen to a node that is silent."""
    edge = chance.choice((times.self_stop, times.self_stop + times.kill_bound, times.takeover, times.takeover))
    return max(0.05, edge + chance.uniform(-1.2, 1.2) * times.interval)


def _cut_for_a_moment(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    return [Fault(0.0, chance.choice(("cut", "cut", "cut out", "cut in")), who, _moment(chance, times))]


def _answers_late(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    """Answers come late, or not at all; then the node is cut off."""
    before = chance.uniform(0.5, 2.0) * times.interval
    worse = chance.choice(("slow answers", "slow", "cut in", "flapping"))
    return [
        Fault(0.0, worse, who, before),
        Fault(before + 0.01, "cut", who, times.takeover + chance.uniform(0.5, 2.0)),
    ]


def _hears_nothing_for_a_while(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    """A node speaks and hears no answer, hears one, and is cut off."""
    deaf = chance.uniform(0.5, 0.95) * times.self_stop
    heard = times.again * chance.uniform(1.0, 4.0)
    return [
        Fault(0.0, "cut in", who, deaf),
        Fault(deaf + heard, "cut", who, times.takeover + chance.uniform(0.5, 2.0)),
    ]


def _comes_back_unaware(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    """A node that was cut off is heard again before it hears what has happened."""
    away = times.takeover + chance.uniform(-0.5, 1.5) * times.interval
    return [
        Fault(0.0, "cut", who, away),
        Fault(away, "slow watch", who, chance.uniform(1.0, 4.0)),
    ]


def _leader_hears_rarely(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    rare = chance.uniform(1.0, 4.0)
    return [
        Fault(0.0, "rare news", LEADER, rare),
        Fault(rare + chance.uniform(-0.5, 0.1), "cut", who, _moment(chance, times) + chance.choice((0.0, 2.0))),
    ]


def _lost_on_the_way(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    """What is said about a move is lost, and comes late."""
    first = [Fault(0.0, "move", who), Fault(0.0, "all late", EVERYBODY, chance.uniform(0.5, 3.0))]
    if chance.random() < 0.5:
        first.append(Fault(chance.uniform(3.0, 8.0), "move", who))
    return first


def _leader_speaks_late(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    """What the leader says of a node that is cut off comes late, when that node is well again."""
    away = times.takeover + chance.uniform(-0.6, 0.3) * times.interval
    return [
        Fault(0.0, "cut", who, away),
        Fault(away - chance.uniform(0.0, 0.8), "all late", LEADER, chance.uniform(0.3, 1.0)),
    ]


def _stands_still_at_the_end(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    """A node is cut off, and something of it stands still, or dies, when its permission ends."""
    what = chance.choice(("monitor frozen", "service frozen", "node frozen", "monitor crash", "service crash"))
    at = times.self_stop + chance.uniform(-0.8, 0.5)
    lasts = chance.uniform(0.3, 8.0) if what.endswith("frozen") else 0.0
    return [Fault(0.0, "cut", who, times.takeover + chance.uniform(0.5, 5.0)), Fault(max(0.0, at), what, who, lasts)]


def _dies_with_its_service(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    """Service and monitor die together on a node that is cut off."""
    at = chance.uniform(0.0, times.self_stop)
    return [
        Fault(0.0, "cut", who, times.takeover + 3.0),
        Fault(at, "service lost", who, times.takeover),
        Fault(at + 0.01, "monitor crash", who),
    ]


def _ordered_late(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    """Something of a node that is cut off is to be started when its permission has ended."""
    crash = times.self_stop - chance.uniform(0.1, 3.0)
    return [
        Fault(0.0, "cut", who, times.takeover + 4.0),
        Fault(max(0.0, crash), "application crash", who),
        Fault(max(0.0, crash) + 0.3, "application crash", who),
    ]


def _moved_and_frozen(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    """A group comes to a node whose monitor stands still, which is cut off."""
    return [
        Fault(0.0, "monitor frozen", who, times.takeover + chance.uniform(0.2, 2.0)),
        Fault(0.01, "move to", who),
        Fault(0.2, "service frozen", who, times.takeover + 2.0),
        Fault(0.2, "cut", who, times.takeover + 4.0),
    ]


def _service_dies_in_a_move(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    del times
    return [
        Fault(0.0, "move to", who),
        Fault(chance.uniform(0.0, 0.3), "service crash", who),
        Fault(chance.uniform(0.0, 0.4), "move", who),
    ]


def _times_change(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    """Times change while somebody does not hear of it, stands still, or is cut off."""
    what = chance.choice(("slow watch", "monitor frozen", "cut", "service lost"))
    return [
        Fault(chance.uniform(0.0, 0.6), what, who, chance.uniform(1.0, 8.0)),
        Fault(0.3, "profile", EVERYBODY),
        Fault(chance.uniform(1.0, 6.0), "cut", who, times.takeover + 8.0),
    ]


def _cut_when_it_arrives(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    """A node is cut off as soon as it runs what has come to it."""
    return [
        Fault(0.0, "move to", who),
        Fault(chance.uniform(0.05, 1.5), "cut", who, times.takeover + chance.uniform(1.0, 6.0)),
    ]


def _wiped(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    del chance, times
    return [Fault(0.0, "wiped", who)]


SCENES: tuple[Scene, ...] = (
    _cut_for_a_moment,
    _answers_late,
    _hears_nothing_for_a_while,
    _comes_back_unaware,
    _leader_hears_rarely,
    _lost_on_the_way,
    _leader_speaks_late,
    _stands_still_at_the_end,
    _dies_with_its_service,
    _ordered_late,
    _moved_and_frozen,
    _service_dies_in_a_move,
    _times_change,
    _cut_when_it_arrives,
    _wiped,
)
