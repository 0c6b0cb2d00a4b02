"""The campaign: every fault many times on three real hosts, and the table of what a client and the witness saw.

usage: python -m tests.campaign [--runs N] [--profile NAME]... [--row NAME]... [--further] [--out FILE]
       python -m tests.campaign --seeds N [--first-seed SEED] [--profile NAME]: so many rounds of random faults instead
       python -m tests.campaign --calm MINUTES: what each profile should survive, for so long (tests.campaign.calm)
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.campaign.calm import run_all as run_calm
from tests.campaign.randomly import run_round
from tests.campaign.reporting import keep_journals, say, seconds
from tests.lab.faults import ROWS, TROUBLES, Fault, Outcome, fence_by_power_switch
from tests.lab.installed import InstalledCluster
from tests.lab.lab import lab
from tests.lab.moving import MOVES
from tests.lab.places import why_not
from tests.lab.standard import StandardService
from tests.lab.witness import MEGABYTES

RUNS = 10
PROFILES = ("default", "fast")
# Seconds, as clients see them: the budgets of a lost node and of a planned move.
LOST = {"default": 5.0, "fast": 2.1}
MOVED = 0.1
FURTHER = (*TROUBLES, *MOVES)  # only when they are named, or with --further
COLUMNS = (
    "fault",
    "profile",
    "runs",
    "no answer for: median",
    "most",
    "budget",
    "two at once",
    "answers of a former owner",
    "ran on after the thaw: median / most",
)
HEAD = (f"| {' | '.join(COLUMNS)} |", "| --- " * len(COLUMNS) + "|")


@dataclass
class Row:
    """All runs of one fault under one profile."""

    fault: Fault
    profile: str
    outcomes: list[Outcome] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def budget(self) -> float:
        """Seconds that a client may be without an answer."""
        if self.fault.name == "planned move":
            return MOVED
        return 0.0 if self.fault.name == "kill of the service" else LOST[self.profile]

    @property
    def overlaps(self) -> list[float]:
        """Seconds of each time that the witness ran on two hosts at once."""
        return [overlap.seconds for outcome in self.outcomes for overlap in outcome.seen.overlaps]

    @property
    def returns(self) -> int:
        """Answers of hosts that another one had taken over from."""
        return sum(len(outcome.seen.returns) for outcome in self.outcomes)

    @property
    def broken(self) -> bool:
        """Whether a promise was broken: after a thaw the disk may see a former owner for a moment (docs/safety.md)."""
        return bool((self.overlaps and (self.fault.fenced or not self.fault.thaws)) or self.returns or self.failures)

    def line(self) -> str:
        """Return it as a line of the table."""
        times = [outcome.seen.downtime for outcome in self.outcomes]
        if not times:
            return f"| {self.fault.name} | {self.profile} | 0 of {len(self.failures)} | | | | | | |"
        ran_on = [outcome.ran_on for outcome in self.outcomes if outcome.ran_on is not None]
        overlaps = f"{len(self.overlaps)}, most {max(self.overlaps):.3f} s" if self.overlaps else "0"
        after = f"{statistics.median(ran_on) * 1000:.0f} / {max(ran_on) * 1000:.0f} ms" if ran_on else ""
        runs = str(len(times)) if not self.failures else f"{len(times)} of {len(times) + len(self.failures)}"
        kept = "kept" if max(times) <= self.budget else "**missed**"
        cells = (
            self.fault.name,
            self.profile,
            runs,
            seconds(statistics.median(times)),
            seconds(max(times)),
            f"{seconds(self.budget)}, {kept}",
            overlaps,
            str(self.returns),
            after,
        )
        return f"| {' | '.join(cells)} |"


def main() -> int:
    """Run it; exit code 1 when anything ran twice or a run did not come to its end."""
    parser = argparse.ArgumentParser(prog="tests.campaign")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--calm", type=int)
    parser.add_argument("--profile", action="append", choices=PROFILES)
    parser.add_argument("--row", action="append", choices=[fault.name for fault in (*ROWS, *FURTHER)])
    parser.add_argument("--further", action="store_true", help="the rows that no budget is measured by")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if why := why_not():
        say(f"Skipped: {why}.")
        return 0
    if options.calm:
        return run_calm(options.calm)
    if options.seeds:
        seeds = range(options.first_seed, options.first_seed + options.seeds)
        return run_randomly((options.profile or PROFILES)[0], seeds)
    chosen = FURTHER if options.further else ROWS
    if options.row:
        chosen = tuple(fault for fault in (*ROWS, *FURTHER) if fault.name in options.row)
    rows: list[Row] = []
    for profile in options.profile or PROFILES:
        for fenced in (False, True):
            faults = [fault for fault in chosen if fault.fenced is fenced]
            rows += run_profile(profile, faults, options.runs) if faults else []
    table = "\n".join([*HEAD, *(row.line() for row in rows)])
    say(table)
    if options.out:
        options.out.write_text(f"{table}\n", encoding="utf-8")
    return 1 if any(row.broken for row in rows) else 0


def run_profile(profile: str, faults: Sequence[Fault], runs: int) -> list[Row]:
    """Run every fault so many times on three fresh hosts; all of them with fencing, or none."""
    found = []
    with standard_service(profile, fenced=faults[0].fenced) as service:
        for fault in faults:
            row = Row(fault, profile)
            for number in range(runs):
                run_once(service, row, number)
            say(row.line())
            found.append(row)
    return found


def run_once(service: StandardService, row: Row, number: int) -> None:
    """Run a fault once; what goes wrong is part of the result, and the next run begins with everything restored."""
    began = time.monotonic()
    try:
        outcome = row.fault.run(service)
    except (AssertionError, OSError, RuntimeError) as exc:
        row.failures.append(str(exc))
        say(f"-- {row.fault.name}, {row.profile}, run {number + 1} failed: {exc}")
        return
    row.outcomes.append(outcome)
    seen = outcome.seen
    if seen.downtime > row.budget or not seen.never_two:
        keep_journals(service, f"{row.fault.name}-{row.profile}-{number + 1}")
    told = f"{seconds(seen.downtime)} without an answer, {outcome.owner} to {outcome.heir}"
    if not seen.never_two:
        told += f"; TWICE: {seen.overlaps} {seen.returns}; {seen.lives}"
    say(f"-- {row.fault.name}, {row.profile}, run {number + 1}: {told} ({time.monotonic() - began:.0f} s)")


def run_randomly(profile: str, seeds: Sequence[int]) -> int:
    """Run a round for each seed; exit code 1 when anything ran twice or did not come back."""
    broken = []
    with standard_service(profile) as service:
        for seed in seeds:
            began = time.monotonic()
            try:
                done = run_round(service, seed)
            except (AssertionError, OSError, RuntimeError) as exc:
                broken.append(seed)
                keep_journals(service, f"seed-{seed}")
                say(f"-- seed {seed} does not come back: {exc}")
                break  # the next one would only meet the same
            told = f"-- seed {seed}: {done.told}: {seconds(done.seen.downtime)} without an answer"
            if not done.seen.never_two:
                broken.append(seed)
                keep_journals(service, f"seed-{seed}")
                told += f"; TWICE: {done.seen.overlaps} {done.seen.returns}; {done.seen.lives}"
            say(f"{told} ({time.monotonic() - began:.0f} s)")
    say(f"{len(seeds)} seeds, broken: {broken or 'none'}")
    return 1 if broken else 0


@contextmanager
def standard_service(profile: str, *, fenced: bool = False) -> Iterator[StandardService]:
    """Yield the standard service on three hosts under a profile, with etcd's times to match."""
    with lab("campaign") as made:
        made.make(3, layer_names=("fence" if fenced else "etcd",))
        disk = made.shared_disk(MEGABYTES)
        made.small_disks()
        cluster = InstalledCluster(made)
        cluster.prepare()
        made.boot()
        cluster.install(*(["--fast"] if profile == "fast" else []))
        service = StandardService(cluster, disk)
        service.create()
        service.choose_profile(profile)
        if fenced:
            fence_by_power_switch(service)
        yield service


if __name__ == "__main__":
    sys.exit(main())
