"""What the witness on the shared disk has written: when it ran on which host, and whether ever on two at once."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.lab.places import HERE

RECORD: Final = 512
SLOTS: Final = 65536  # of 10 ms: 11 minutes, after which the oldest are overwritten
BEAT: Final = 0.01  # seconds
STILL: Final = 0.3  # seconds; a busy machine makes a beat wait for less than that
MEGABYTES: Final = 10 * SLOTS * RECORD // 2**20  # for hosts 1 to 9
PROGRAM: Final = "/usr/local/bin/witness"
PORT: Final = 8080
COMMAND: Final = f"{PROGRAM} /dev/shared {PORT}"

_FIELDS = struct.Struct("=8sIIQQ")


@dataclass(frozen=True, slots=True)
class Beat:
    """The witness ran, at a moment of the machine's monotonic clock, which all hosts share."""

    at: float
    host: str
    process: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Life:
    """One process of it, from its first beat to its last."""

    host: str
    process: int
    epoch: int
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two lives on two hosts at the same time."""

    earlier: Life
    later: Life

    @property
    def seconds(self) -> float:
        """How long, at least."""
        return min(self.earlier.last, self.later.last) - self.later.first


def compile_witness(target: Path) -> None:
    """Build the program, so that it runs on any host."""
    command = ["gcc", "-O2", "-Wall", "-static", "-o", str(target), str(HERE / "witness.c"), "-lpthread"]
    subprocess.run(command, check=True)


def beats(disk: Path, since: float = 0.0) -> list[Beat]:
    """Return what was written since a moment, in the order of time."""
    found = []
    with disk.open("rb") as file:
        for host in range(1, 10):
            file.seek(host * SLOTS * RECORD)
            found += list(_beats_of(f"h{host}", file.read(SLOTS * RECORD), since))
    return sorted(found, key=lambda beat: beat.at)


def _beats_of(host: str, data: bytes, since: float) -> Iterable[Beat]:
    for place in range(0, len(data), RECORD):
        if data[place : place + 7] == b"witness":
            _, _, process, epoch, nanoseconds = _FIELDS.unpack_from(data, place)
            if nanoseconds / 1e9 >= since:
                yield Beat(nanoseconds / 1e9, host, process, epoch)


def lives(found: Iterable[Beat]) -> list[Life]:
    """Return the processes that wrote these beats, in the order of their first."""
    seen: dict[tuple[str, int, int], list[float]] = {}
    for beat in found:
        seen.setdefault((beat.host, beat.process, beat.epoch), []).append(beat.at)
    all_lives = [Life(host, process, epoch, min(at), max(at)) for (host, process, epoch), at in seen.items()]
    return sorted(all_lives, key=lambda life: life.first)


def stretches(found: Iterable[Beat]) -> list[Life]:
    """Return the lives, each cut where nothing was written for a while: its host stood still."""
    begun: dict[tuple[str, int, int], Life] = {}
    finished = []
    for beat in found:
        key = (beat.host, beat.process, beat.epoch)
        former = begun.get(key)
        if former is not None and beat.at - former.last > STILL:
            finished.append(former)
            former = None
        begun[key] = Life(beat.host, beat.process, beat.epoch, former.first if former else beat.at, beat.at)
    return sorted([*finished, *begun.values()], key=lambda life: life.first)


def overlaps(found: Iterable[Beat]) -> list[Overlap]:
    """Return every pair of stretches on two hosts that ran at the same time."""
    ordered = stretches(found)
    return [
        Overlap(earlier, later)
        for number, earlier in enumerate(ordered)
        for later in ordered[number + 1 :]
        if later.first <= earlier.last and later.host != earlier.host
    ]


def last_beat(disk: Path, host: str, since: float) -> float | None:
    """Return the newest beat of a host since a moment; None when there is none."""
    return max((beat.at for beat in beats(disk, since) if beat.host == host), default=None)
