"""How the campaign says what it found, and what it keeps for whoever looks for a cause."""

from __future__ import annotations

import sys

from tests.lab.places import STATE
from tests.lab.standard import StandardService


def say(line: str) -> None:
    """Say it at once, also into a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def seconds(value: float) -> str:
    """Return a time as the table shows it."""
    if value == 0:
        return "0"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def keep_journals(service: StandardService, name: str) -> None:
    """Keep what all hosts had to say, for whoever looks for the cause."""
    for host in service.cluster.lab.hosts:
        file = STATE / f"campaign-{name.replace(' ', '-')}-{host}.journal"
        file.write_text(service.cluster.told(host, 400), encoding="utf-8")
