"""Troubles that a profile is meant to survive, for half an hour: a row of a table that should hold zeros.

usage: python -m tests.campaign.calm --profile NAME [--minutes N] [--freeze SECONDS] [--seed N] [--out FILE]
"""

from __future__ import annotations

import argparse
import signal
import sys
from dataclasses import replace
from pathlib import Path

from tests.campaign.reporting import keep_journals, say, seconds
from tests.lab import calm, wallclock
from tests.lab.installed import InstalledCluster
from tests.lab.lab import lab
from tests.lab.places import why_not
from tests.lab.standard import StandardService
from tests.lab.witness import MEGABYTES

COLUMNS = (
    "profile",
    "every minute",
    "all the time",
    "minutes",
    "freezes (of the owner), clock steps",
    "false failovers",
    "self-stops, restarts of the application",
    "nodes declared down",
    "longest without an answer, owner running",
    "the same, owner frozen",
    "worst gap between heartbeats, host running",
    "the same, host frozen",
    "etcd's leader changed",
)
HEAD = (f"| {' | '.join(COLUMNS)} |", "| --- " * len(COLUMNS) + "|")


def line(found: calm.Calm) -> str:
    """Return a run as a line of the table."""
    weather = found.weather
    entries = found.entries
    cells = (
        weather.profile,
        f"one host frozen for {weather.freeze:g} s, {calm.STEPS} clocks stepped",
        f"loss {weather.loss} %, round trip {weather.round_trip * 1000:g} ms",
        f"{found.minutes:.0f}",
        f"{len(found.freezes)} ({found.owner_freezes}), {found.steps}",
        str(found.failovers),
        f"{found.self_stops}, {found.app_restarts}",
        str(entries["event_node_down"]),
        seconds(max(found.outages, default=0.0)),
        seconds(max(found.frozen_outages, default=0.0)),
        seconds(found.gaps[0].seconds if found.gaps else 0.0),
        seconds(found.frozen_gaps[0].seconds if found.frozen_gaps else 0.0),
        f"{found.elections} times",
    )
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Run it; exit code 1 when something moved that had no reason to."""
    parser = argparse.ArgumentParser(prog="tests.campaign.calm")
    parser.add_argument("--profile", choices=list(calm.WEATHERS), default="default")
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--freeze", type=float, help="seconds, instead of what the profile should survive")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if why := why_not():
        say(f"Skipped: {why}.")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the lab is taken down
    weather = calm.WEATHERS[options.profile]
    found = run(replace(weather, freeze=options.freeze or weather.freeze), options.minutes, options.seed)
    told = "\n".join([*HEAD, line(found), calm.to_json(found)])
    say(told)
    if options.out:
        options.out.write_text(f"{told}\n", encoding="utf-8")
    return 1 if found.breaches else 0


def run_all(minutes: int) -> int:
    """Run all weathers one after another; exit code 1 when something moved that had no reason to."""
    found = [run(weather, minutes, seed=1) for weather in calm.WEATHERS.values()]
    say("\n".join([*HEAD, *map(line, found)]))
    return 1 if any(one.breaches for one in found) else 0


def run(weather: calm.Weather, minutes: int, seed: int) -> calm.Calm:
    """Run it on three fresh hosts whose wall clocks can be stepped."""
    with lab("calm") as made:
        made.make(3)
        disk = made.shared_disk(MEGABYTES)
        wallclock.prepare(made)
        cluster = InstalledCluster(made)
        cluster.prepare()
        made.boot()
        cluster.install()
        service = StandardService(cluster, disk)
        service.create(patience=weather.patience)
        service.choose_profile(weather.profile)
        try:
            found = calm.Trial(service, weather, seed, say).run(minutes)
        except BaseException:
            keep_journals(service, f"calm-{weather.profile}-{weather.freeze:g}")
            raise
        if found.breaches:
            keep_journals(service, f"calm-{weather.profile}-{weather.freeze:g}")
        return found


if __name__ == "__main__":
    sys.exit(main())
