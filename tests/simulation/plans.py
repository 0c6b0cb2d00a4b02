"""Random clusters and their faults: all drawn from a seed before anything happens, so that a story replays.

Faults come singly, and in scenes.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nodeagent.api.properties import Value
from nodeagent.planner.timing import PROFILES, Profile
from tests.simulation.faults import LASTS, LEADER, OWNER, RARE, Fault
from tests.simulation.scenes import SCENES, cut_by_its_first_claim

LONGEST = 120.0  # seconds in which faults begin and end
RESISTING = 0.06  # of all stories
CUT_AT_FIRST = 0.15  # of all stories, besides
SERVICE_AWAY = ("service frozen", "service crash", "service lost", "wiped", "leave")
SCENES_ALONE = 0.5  # of all stories: other faults would only hide what a scene shows


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
    if watchdog == "off":
        faults = tuple(one for one in faults if not nobody_is_left_to_reset(one, faults, PROFILES[profile]))
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
        {"Start": chance.choice((0.01, 0.1, 1.0)), "Stop": chance.choice((0.01, 0.01, 0.1, 1.5))},
    )


def _kinds(chance: random.Random, names: list[str]) -> dict[str, str]:
    kinds = {names[0]: "Address"} if chance.random() < 0.4 else {}
    if chance.random() < 0.2:
        kinds[names[-1]] = "Slow"
    return kinds


# --- faults -----------------------------------------------------------------------------------------------------


def _faults(chance: random.Random, nodes: int, seconds: float, times: Profile, *, may_resist: bool) -> list[Fault]:
    if chance.random() < SCENES_ALONE:
        found = _in_turn(chance, nodes, seconds, times)
    else:
        found = [_single(chance, nodes, seconds) for _ in range(chance.randint(1, 2 + int(seconds / 6)))]
        for number in range(1, chance.randint(1, 1 + int(seconds / 10)) + 1):
            at = chance.uniform(2.0, max(3.0, seconds - times.takeover - 3.0))
            found += _scene(chance, nodes, times, number, at)
    if chance.random() < CUT_AT_FIRST:
        found += cut_by_its_first_claim(chance, chance.randint(1, nodes), times)
    if may_resist:
        resists = Fault(chance.uniform(0.0, seconds), "unkillable", OWNER, chance.uniform(1.0, 20.0))
        found.append(replace(resists, which=chance.random()))
    found = [replace(one, seconds=max(0.0, min(one.seconds, seconds - one.at))) for one in found if one.at < seconds]
    return sorted(found, key=lambda fault: (fault.at, fault.kind))


def nobody_is_left_to_reset(resists: Fault, faults: Sequence[Fault], times: Profile) -> bool:
    """Tell whether something resists while both monitors and services are struck, so that none may live at T + k.

    Only a watchdog resets the machine in time there (docs/safety.md, limit 3).
    """
    if resists.kind != "unkillable":
        return False

    def struck(kinds: tuple[str, ...]) -> list[Fault]:
        return [one for one in faults if one.kind in kinds and _meet(one, resists, times)]

    monitors, services = struck(("monitor frozen", "monitor crash")), struck(SERVICE_AWAY)
    return any(_meet(monitor, service, times) for monitor in monitors for service in services)


def _meet(one: Fault, other: Fault, times: Profile) -> bool:
    """Tell whether they strike at the same time; what has been struck may be missed until a takeover."""
    return all(
        first.at <= second.at + second.seconds + times.takeover for first, second in ((one, other), (other, one))
    )


def _in_turn(chance: random.Random, nodes: int, seconds: float, times: Profile) -> list[Fault]:
    """Return scenes one after the other, and nothing else."""
    found: list[Fault] = []
    at, number = chance.uniform(2.0, 4.0), 1
    while at < seconds - times.takeover:
        scene = _scene(chance, nodes, times, number, at)
        at, number = max(one.at + one.seconds for one in scene) + chance.uniform(2.0, 6.0), number + 1
        found += scene
    return found


def _scene(chance: random.Random, nodes: int, times: Profile, number: int, at: float) -> list[Fault]:
    who = chance.choice((OWNER, OWNER, OWNER, LEADER, chance.randint(1, nodes)))
    which = chance.random()
    faults = chance.choice(SCENES)(chance, who, times)
    return [replace(one, at=at + one.at, scene=number, number=chance.random(), which=which) for one in faults]


def _resists(chance: random.Random, times: Profile, *, guarded: bool) -> list[Fault]:
    """Return the one story of something that cannot be killed where no machine is reset.

    Safety ends where such a node is cut off before it could say so (docs/safety.md), unless it has a watchdog.
    """
    at = chance.uniform(5.0, 15.0)
    told = 0.2 if guarded else 2.0 + times.kill_bound + chance.uniform(0.0, 8.0)
    which = chance.random()
    found_out = Fault(at + 0.1, "monitor crash", OWNER, 0.0, which, 1, which)
    return [
        Fault(at, "unkillable", OWNER, 60.0, which, 1, which),
        *(() if guarded else (found_out,)),
        Fault(at + told, "cut", OWNER, times.takeover + chance.uniform(5.0, 15.0), which, 1, which),
    ]


def _single(chance: random.Random, nodes: int, seconds: float) -> Fault:
    kind = chance.choice(list(LASTS))
    if kind in RARE and chance.random() < 0.6:
        kind = chance.choice(("cut", "cut out", "cut in", "node frozen"))
    at = chance.uniform(0.0, seconds)
    least, most = LASTS[kind]
    lasts = least * (most / least) ** chance.random() if most else 0.0
    return Fault(at, kind, chance.randint(1, nodes), lasts, chance.random(), which=chance.random())
