"""The inequality: how long a node must be silent before its groups may be taken over, and that it is long enough.

Values and inequality: docs/safety.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from nodeagent.api.problems import Problem, problem
from nodeagent.api.texts import sentence

RHO: Final = 0.001  # by how much the rate of a steady clock may be off
HEARTBEATS_PER_SECOND: Final = 60.0  # of all nodes together; one etcd stands far more, but each wakes every node
ALONE: Final = 4  # times the interval of a node that has company
UNBOUNDED: Final = 1e9  # seconds; the announced k of a node that holds something whose type promises no bound (P7)


@dataclass(frozen=True, slots=True)
class Profile:
    """Times of a cluster, in seconds.

    Attributes:
        interval: h, between heartbeats.
        again: a, after which a further attempt is sent while one is unanswered.
        self_stop: s, how long a confirmed heartbeat permits to run.
        kill_bound: k, for stopping everything exclusive at the deadline.
        margin: m, scheduling and resolution.
        takeover: d, silence after which a node may be declared dead.
        watchdog: w, asked of the watchdog device.
        commit: c, what one commit is counted with.
    """

    name: str
    interval: float
    again: float
    self_stop: float
    kill_bound: float
    margin: float
    takeover: float
    watchdog: float = 2.0
    commit: float = 0.2

    @property
    def pause(self) -> float:
        """Return for how many seconds a node may stand still without stopping anything: s >= h + P + c."""
        return self.self_stop - self.interval - self.commit

    @property
    def gap(self) -> float:
        """Return for how many seconds the store may take no commits without anything stopping: s >= h + G + a + c."""
        return self.pause - self.again

    def needed(self) -> float:
        """Return the shortest safe takeover time."""
        return safe_silence(self.self_stop, self.kill_bound, self.margin)

    def meaning(self) -> Problem:
        """Say what these times mean, in one sentence."""
        return problem("takeover_times", takeover=round(self.takeover, 2), stopped=round(self.needed(), 2))


def safe_silence(self_stop: float, kill_bound: float, margin: float) -> float:
    """Return (s + k + m)(1 + rho) / (1 - rho): an observer who waited that long may take over."""
    return (self_stop + kill_bound + margin) * (1 + RHO) / (1 - RHO)


PROFILES: Final = {
    profile.name: profile
    for profile in (
        Profile("default", 0.5, 0.3, 3.5, 0.6, 0.3, 4.5),
        Profile("fast", 0.2, 0.15, 1.35, 0.3, 0.1, 1.8, 1.0, 0.05),
        Profile("virtual machines", 2.0, 1.0, 33.0, 2.0, 1.0, 38.0, 10.0, 1.0),
    )
}


def bound_for(stopping: float | None) -> float:
    """Return the k of what is certainly stopped within *stopping* seconds; UNBOUNDED where that promises nothing.

    Half of k is for whoever enforces the deadline, the last of whom does at T + k/2 (P8), half for the stopping.
    """
    return UNBOUNDED if stopping is None else 2 * stopping


@lru_cache(maxsize=64)
def scaled(profile: Profile, nodes: int) -> Profile:
    """Return the times for a cluster of that many nodes.

    Every heartbeat is a commit that every node hears of, so their number per second is bounded and the interval grows
    with the nodes. s grows by as much, so that the same pauses are survived, and d with it, so that it is still safe.
    A node that is alone beats rarely: nobody waits for it, and it has no deadline.

    Raises:
        ValueError: they do not keep the inequality; no node lives by such times.
    """
    if nodes == 1:
        return replace(profile, interval=min(ALONE * profile.interval, profile.self_stop / 2))
    interval = max(profile.interval, nodes / HEARTBEATS_PER_SECOND)
    longer = interval - profile.interval
    result = replace(
        profile,
        interval=interval,
        self_stop=profile.self_stop + longer,
        takeover=profile.takeover + longer * (1 + RHO) / (1 - RHO),
    )
    if bad := profile_problem(result):
        raise ValueError(sentence(bad))
    return result


def profile_problem(profile: Profile) -> Problem | None:
    """Say why these times would not be safe, or None when they are."""
    stopped = profile.needed()
    if stopped > profile.takeover:
        return problem("takeover_too_early", takeover=profile.takeover, stopped=round(stopped, 2))
    if profile.gap < profile.again:
        return problem("heartbeats_too_rare", interval=profile.interval, self_stop=profile.self_stop)
    return None
