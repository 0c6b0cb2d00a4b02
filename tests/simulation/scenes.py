"""Scenes of random stories: faults that belong together, near the moments that matter to the rules."""

from __future__ import annotations

import random
from collections.abc import Callable

from nodeagent.planner.timing import PROFILES, Profile
from tests.simulation.faults import ANOTHER, EVERYBODY, LEADER, OWNER, Fault
from tests.simulation.moments import CLAIM, DEAD, HANDOVER, MOVING

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
    away = times.takeover + chance.uniform(-0.5, 4.0) * times.interval
    return [
        Fault(0.0, "late news", who, away + chance.uniform(3.0, 6.0)),
        Fault(0.1, "cut", who, away),
    ]


def _leader_hears_rarely(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    """News come rarely to the leader, until a node has fallen silent on which everything is slow to die."""
    del who
    rare = chance.uniform(2.0, 5.0)
    return [
        Fault(0.0, "dies slowly", OWNER, rare + times.takeover + 3.0),
        Fault(0.0, "rare news", LEADER, rare + chance.uniform(0.8, 1.2)),
        Fault(rare, "cut", OWNER, times.takeover + chance.uniform(2.0, 4.0)),
    ]


def _lost_on_the_way(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    """What is said about a move is lost, and comes late."""
    first = [Fault(0.0, "move", who), Fault(0.0, "all late", EVERYBODY, chance.uniform(0.5, 3.0))]
    if chance.random() < 0.5:
        first.append(Fault(chance.uniform(3.0, 8.0), "move", who))
    return first


def _death_comes_late(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    """What the leader says of a node that is cut off comes late, when that node is well again."""
    del who
    away = times.takeover + chance.uniform(-1.2, 0.5) * times.interval
    return [
        Fault(0.0, f"late {DEAD}", LEADER, times.takeover + 5.0),
        Fault(0.0, "dies slowly", OWNER, times.takeover + 20.0),
        Fault(0.05, "cut", OWNER, away),
    ]


def _step_comes_late(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    """One step of a move comes late, when the group has perhaps gone elsewhere."""
    del who, times
    step, whose = chance.choice(((MOVING, LEADER), (HANDOVER, OWNER), (HANDOVER, LEADER), (CLAIM, ANOTHER)))
    first = chance.uniform(2.5, 7.0)
    return [
        Fault(0.0, f"late {step}", whose, 5.0),
        *(Fault(0.0, "dies slowly", node, 20.0) for node in (OWNER, ANOTHER)),
        Fault(0.1, "move to", ANOTHER),
        Fault(first, "move", OWNER),
        *((Fault(first + chance.uniform(2.0, 5.0), "move", OWNER),) if chance.random() < 0.5 else ()),
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


def _dies_after_a_claim(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    """Something of a node dies just after it has claimed what comes to it, and that shall go elsewhere."""
    del who, times
    soon = chance.choice((0.02, 0.1, 0.4)) * chance.random()
    return [
        Fault(0.0, "move to", ANOTHER),
        Fault(0.0, chance.choice(("service crash", "service crash", "monitor crash")), ANOTHER, after=(CLAIM, soon)),
        Fault(0.0, "move", ANOTHER, after=(CLAIM, soon + 0.5 * chance.random() ** 2)),
    ]


def _cut_after_a_claim(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    """A node is cut off just after it has claimed what comes to it."""
    del who
    return [Fault(0.0, "move to", ANOTHER), *cut_by_its_first_claim(chance, ANOTHER, times)]


def cut_by_its_first_claim(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    """A node is cut off just after it has claimed something, before it can have said any more."""
    soon = 0.004 + chance.choice((0.02, 0.1, times.interval)) * chance.random()
    return [Fault(0.0, "cut", who, times.takeover + chance.uniform(1.0, 6.0), after=(CLAIM, soon))]


def _times_change(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    """Times change while somebody does not hear of it, stands still, or is cut off."""
    what = chance.choice(("slow watch", "monitor frozen", "cut", "service lost"))
    return [
        Fault(chance.uniform(0.0, 0.6), what, who, chance.uniform(1.0, 8.0)),
        Fault(0.3, "profile", EVERYBODY),
        Fault(chance.uniform(1.0, 6.0), "cut", who, times.takeover + 8.0),
    ]


def _shorter_times_unheard(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    """Times become shorter while a monitor stands still, and its service dies before long."""
    if times == PROFILES["fast"]:
        return _stands_still_at_the_end(chance, who, times)  # there are none shorter
    silent = min(60.0, 2 * times.takeover)
    return [
        Fault(0.0, "monitor frozen", OWNER, silent),
        Fault(chance.uniform(0.0, 0.2), "shorter times", EVERYBODY),
        Fault(0.2 + chance.uniform(0.3, 2.0) * times.interval, "service lost", OWNER, silent),
    ]


def _wiped(chance: random.Random, who: int, times: Profile) -> list[Fault]:
    del chance, times
    return [Fault(0.0, "wiped", who)]


# What needs more luck to show something stands here more often.
SCENES: tuple[Scene, ...] = (
    _cut_for_a_moment,
    _answers_late,
    _hears_nothing_for_a_while,
    _comes_back_unaware,
    _comes_back_unaware,
    _leader_hears_rarely,
    _leader_hears_rarely,
    _lost_on_the_way,
    _death_comes_late,
    _death_comes_late,
    _step_comes_late,
    _step_comes_late,
    _step_comes_late,
    _step_comes_late,
    _stands_still_at_the_end,
    _dies_with_its_service,
    _ordered_late,
    _moved_and_frozen,
    _dies_after_a_claim,
    _dies_after_a_claim,
    _cut_after_a_claim,
    _cut_after_a_claim,
    _times_change,
    _shorter_times_unheard,
    _shorter_times_unheard,
    _wiped,
)
