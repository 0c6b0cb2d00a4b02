"""What is measured besides the faults of single hosts: quorum lost and back, etcd away, workstations that go on.

usage: python -m tests.campaign.measures [--runs N] [--profile NAME]... [--row NAME]...
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from nodeagent.planner.timing import PROFILES
from tests.campaign.__main__ import standard_service
from tests.campaign.reporting import keep_journals, say, seconds
from tests.lab import following, voters
from tests.lab.faults import AFTERWARDS, BEFORE, make_whole
from tests.lab.places import why_not
from tests.lab.standard import StandardService
from tests.lab.workstation import Workstation

RUNS: Final = 5


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: times in seconds by name, and what went wrong."""

    times: dict[str, float]
    wrong: tuple[str, ...] = ()


def lose_quorum(service: StandardService, profile: str, *, power: bool) -> Measured:
    """Take two of three voters away for longer than the self-stop time, and bring them back.

    It starts in place, until its restart threshold is used up: each stop at the deadline counts as a failure there.
    """
    owner = make_whole(service)
    process = service.process(owner)
    lab = service.cluster.lab
    began = time.monotonic()
    for name, host in lab.hosts.items():
        if name != owner and power:
            host.power_off()
        elif name != owner:
            lab.switch.cut(name)
    times = PROFILES[profile]
    time.sleep(times.self_stop + times.kill_bound + 2.0)  # by then nothing may run, and nothing tells that
    quiet = time.monotonic()
    last = service.last_beat(owner, began)
    ran_on = service.seen(quiet).lives
    lab.switch.heal()
    back = time.monotonic()
    lab.restore()
    again = service.await_answers(quiet)
    first = service.await_beat(again, quiet)
    service.cluster.await_all_up()
    time.sleep(AFTERWARDS)  # nothing may happen in it: there is no event for that
    wrong = [
        *([f"ran on after {quiet - began:.1f} s"] if ran_on else []),
        *(["two at once"] if not service.seen(began - BEFORE).never_two else []),
        *(["it never stopped"] if service.process(again) == process else []),
    ]
    return Measured({"stopped after": (last or began) - began, "ran again after": first - back}, tuple(wrong))


def lose_etcd_for_a_moment(service: StandardService, _profile: str) -> Measured:
    """Kill all members of etcd at once; systemd starts them again."""
    owner = make_whole(service)
    process = service.process(owner)
    began = time.monotonic()
    away = voters.kill_all_members(service) - began
    service.cluster.await_all_up()
    time.sleep(AFTERWARDS)  # nothing may happen in it: there is no event for that
    seen = service.seen(began - BEFORE)
    same = service.process(owner) == process
    return Measured({"away for": away, "no answer for": seen.downtime}, () if same else ("it was restarted",))


def lose_the_serving_node(service: StandardService, _profile: str) -> Measured:
    """Turn off the host by which a window and a command line are connected: the owner's."""
    owner = make_whole(service)
    found = following.lose_the_serving_node(service, Workstation(service.cluster.lab), owner)
    wrong = [f"{what}: {one}" for what, one in found.items() if not one.whole]
    return Measured({f"{what} after": one.after for what, one in found.items()}, tuple(wrong))


Row = Callable[[StandardService, str], Measured]
ROWS: Final[dict[str, Row]] = {
    "quorum lost by cuts": lambda service, profile: lose_quorum(service, profile, power=False),
    "quorum lost by power": lambda service, profile: lose_quorum(service, profile, power=True),
    "etcd away for a moment": lose_etcd_for_a_moment,
    "serving node lost": lose_the_serving_node,
}


def main() -> int:
    """Run it; exit code 1 when anything went wrong."""
    parser = argparse.ArgumentParser(prog="tests.campaign.measures")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--profile", action="append", choices=("default", "fast"))
    parser.add_argument("--row", action="append", choices=list(ROWS))
    options = parser.parse_args()
    if why := why_not():
        say(f"Skipped: {why}.")
        return 0
    good = True
    for profile in options.profile or ("default",):
        with standard_service(profile) as service:
            for name in options.row or ROWS:
                good &= run_row(service, profile, name, options.runs)
    return 0 if good else 1


def run_row(service: StandardService, profile: str, name: str, runs: int) -> bool:
    """Run one row so many times, say least, median and most of each time, and return whether all was well."""
    found: list[Measured] = []
    wrong: list[str] = []
    for number in range(1, runs + 1):
        try:
            found.append(ROWS[name](service, profile))
        except (AssertionError, OSError, RuntimeError) as exc:
            wrong.append(str(exc))
        else:
            wrong += found[-1].wrong
            say(f"-- {name}, {profile}, run {number}: {found[-1]}")
    for what in found[0].times if found else ():
        all_times = [one.times[what] for one in found]
        said = " / ".join(map(seconds, (min(all_times), statistics.median(all_times), max(all_times))))
        say(f"{name}, {profile}: {what} {said} (least, median, most of {len(found)} of {runs})")
    for one in wrong:
        say(f"{name}, {profile}: WRONG: {one}")
    if wrong:
        keep_journals(service, f"{name}-{profile}")
    return not wrong


if __name__ == "__main__":
    sys.exit(main())
