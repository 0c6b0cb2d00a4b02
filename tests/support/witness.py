"""An application that is its own witness: it writes down, every 20 ms, that it runs; and what is read from that.

As a program (FILE) it needs nothing but Python itself, so that it is there as soon as it is started.
"""

import os
import shlex
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

BEAT_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Life:
    """One process of the application.

    Attributes:
        first, last: when it began and when it was last heard of; seconds of the machine's monotonic clock.
        directory: where it ran.
    """

    pid: int
    first: float
    last: float
    directory: Path


@dataclass(frozen=True, slots=True)
class Witness:
    """The file that all processes of one application write to, whichever node they run on."""

    file: Path

    @property
    def command_line(self) -> str:
        """What the cluster is told to run."""
        return shlex.join([sys.executable, "-I", "-S", __file__, str(self.file)])

    def lives(self) -> list[Life]:
        """Return all processes that ever ran, in the order of their beginning."""
        found: dict[tuple[int, float], Life] = {}
        text = self.file.read_text(encoding="utf-8") if self.file.exists() else ""
        for line in text.splitlines():
            number, first, last, directory = line.split(" ", 3)
            life = Life(int(number), float(first), float(last), Path(directory))
            found[life.pid, life.first] = life
        return sorted(found.values(), key=lambda life: life.first)

    def await_life(self, pid: int, seconds: float = 30.0) -> Life:
        """Return what process *pid* has written, once it has; a program is killed faster than Python starts."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for life in self.lives():
                if life.pid == pid:
                    return life
            time.sleep(BEAT_SECONDS)  # a file tells nobody
        raise AssertionError(f"process {pid} has written nothing; there are {self.lives()}")

    def prove_never_two(self) -> None:
        """Fail when two processes ran at the same time."""
        lives = self.lives()
        assert lives, "the application has never run"
        for earlier, later in pairwise(lives):
            assert earlier.last < later.first, f"{earlier} and {later} ran at the same time"


def live(file: str) -> None:
    """Run until killed."""
    out = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    first, directory = time.monotonic(), Path.cwd()
    while True:
        os.write(out, f"{os.getpid()} {first:.6f} {time.monotonic():.6f} {directory}\n".encode())
        time.sleep(BEAT_SECONDS)  # the interval itself


if __name__ == "__main__":
    live(sys.argv[1])
