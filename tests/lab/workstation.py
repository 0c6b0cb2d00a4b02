"""A workstation in the lab's client: the command line and the window there, over SSH to the hosts' own sshd."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from clusteradmin.settings import ClientHome, SavedConnection
from tests.lab.confined import PLAIN
from tests.lab.lab import Lab
from tests.lab.places import HERE, KEY
from tests.support.commandline import CommandLine

NAME: Final = "lab"  # of the saved connection
ROOT: Final = HERE.parent.parent
PATIENCE: Final = 120.0  # seconds for one command
LOOK: Final = 0.02  # seconds


@dataclass(frozen=True, slots=True)
class Line:
    """What a program printed, and when it came, by the monotonic clock."""

    came: float
    said: dict[str, Any]


@dataclass
class Lines:
    """JSON, line by line, of a program that goes on; a thread reads them."""

    all: list[Line] = field(default_factory=list)

    def read(self, stream: Any) -> None:
        """Read until the program ends."""
        for line in stream:
            self.all.append(Line(time.monotonic(), json.loads(line)))

    def until(self, wanted: Callable[[dict[str, Any]], bool], what: str, seconds: float = 30.0) -> Line:
        """Return the first line that is wanted, which may have come already."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for line in list(self.all):
                if wanted(line.said):
                    return line
            time.sleep(LOOK)  # the thread that reads wakes nobody
        raise AssertionError(f"{what}: not within {seconds:g} s; the last were {self.all[-3:]}")


class Workstation(CommandLine):
    """An account at the client that has saved the cluster under a name, with the address and key of one host."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._home = lab.folder / "workstation"

    def by_way_of(self, host: str) -> None:
        """Save the connection anew, to this host."""
        home = ClientHome(self._home / "clients")
        target = f"root@{self._lab[host].address}"
        home.save(SavedConnection(name=NAME, target=target, identity_files=(str(KEY),)))
        key = (self._lab[host].disk / "etc/ssh/ssh_host_ed25519_key.pub").read_text(encoding="ascii")
        home.known_hosts.write_text(f"{self._lab[host].address} {key}", encoding="ascii")

    def _command(self, *program: str) -> dict[str, Any]:
        environment = {
            **PLAIN,
            "HOME": str(self._home),
            "CLUSTERADMIN_HOME": str(self._home / "clients"),
            "QT_QPA_PLATFORM": "offscreen",
            "PYTHONUNBUFFERED": "1",
        }
        words = self._lab.switch.in_client([sys.executable, *program])
        return {"args": words, "env": environment, "cwd": ROOT, "stdin": subprocess.DEVNULL, "text": True}

    # --- the command line ---------------------------------------------------------------------------------------

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line."""
        command = self._command("-m", "ui", "--cluster", NAME, *arguments)
        return subprocess.run(**command, capture_output=True, timeout=PATIENCE, check=False)

    def following_events(self) -> AbstractContextManager[Lines]:
        """Follow the event log by the command line; ended by Ctrl-C."""
        return self._going_on("-m", "ui", "--cluster", NAME, "events", "--follow", "--json")

    def window(self) -> AbstractContextManager[Lines]:
        """Open the real window, without a screen; what is told of it is said in `shownwindow.py`."""
        return self._going_on("-m", "tests.lab.shownwindow", NAME)

    @contextmanager
    def _going_on(self, *program: str) -> Iterator[Lines]:
        log = self._home / "said"
        with log.open("a", encoding="utf-8") as complaints:
            command = self._command(*program)
            with subprocess.Popen(**command, stdout=subprocess.PIPE, stderr=complaints) as process:
                lines = Lines()
                reader = threading.Thread(target=lines.read, args=(process.stdout,))
                reader.start()
                try:
                    yield lines
                    process.send_signal(signal.SIGINT)
                    code = process.wait(30)
                finally:
                    process.kill()
                    reader.join()
        assert code == 0, log.read_text(encoding="utf-8")
