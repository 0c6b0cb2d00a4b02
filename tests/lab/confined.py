"""Processes of the lab: each in a cgroup of its own below the lab's, so that it is found and ended whatever happens.

They are nobody's children and carry nothing of our environment: they outlive the test that started them until the
lab is destroyed, by that test or by the next one.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ENTER = 'echo $$ >"$0/cgroup.procs" && exec "$@"'  # bash -c ENTER CGROUP COMMAND...
PLAIN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


class Confined:
    """What runs in one cgroup, and in those below it."""

    def __init__(self, cgroup: Path) -> None:
        self.cgroup = cgroup

    def start(self, command: Sequence[str | Path], output: Path, environment: dict[str, str] | None = None) -> None:
        """Start a program in there and return when it is in there."""
        self.cgroup.mkdir(parents=True, exist_ok=True)
        words = ["setsid", "--fork", "bash", "-c", ENTER, str(self.cgroup), *map(str, command)]
        with output.open("ab") as log:
            subprocess.run(
                words,
                env={**PLAIN, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )
        until = time.monotonic() + 10
        while not self.pids():
            if time.monotonic() > until:
                raise TimeoutError(f"{command[0]} does not start; see {output}")
            time.sleep(0.002)  # setsid --fork returns before its child has entered, and there is no event for that

    def pids(self) -> list[int]:
        """Return this machine's numbers of all that runs in there."""
        found: list[int] = []
        for folder, _, _ in os.walk(self.cgroup):
            try:
                found += map(int, (Path(folder) / "cgroup.procs").read_text(encoding="ascii").split())
            except OSError:  # removed meanwhile
                continue
        return found

    def init(self) -> int | None:
        """Return this machine's number of the process that is number 1 in a namespace of its own in there."""
        for pid in self.pids():
            numbers = _namespace_numbers(pid)
            if len(numbers) > 1 and numbers[-1] == 1:
                return pid
        return None

    def kill(self) -> None:
        """Kill all of it at once and wait until it is gone; what stands still does not wake for that."""
        if not self.cgroup.exists():
            return
        (self.cgroup / "cgroup.kill").write_text("1", encoding="ascii")
        self.await_empty(20.0)
        self.thaw()

    def end(self) -> None:
        """Ask it to end and wait until it is gone; kill it when it does not end."""
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                continue
        try:
            self.await_empty(3.0)
        except TimeoutError:
            self.kill()

    def freeze(self) -> None:
        """Stop all of it at once; returns when everything stands still."""
        (self.cgroup / "cgroup.freeze").write_text("1", encoding="ascii")
        self._wait_event("frozen", 1, 5.0)

    def thaw(self) -> None:
        """Let it go on."""
        (self.cgroup / "cgroup.freeze").write_text("0", encoding="ascii")

    def remove(self) -> None:
        """Remove the cgroup, which is empty, and those below it."""
        for folder, _, _ in os.walk(self.cgroup, topdown=False):
            Path(folder).rmdir()

    def await_empty(self, patience: float) -> None:
        """Return when nothing runs in there. Raises TimeoutError."""
        if self.cgroup.exists():
            self._wait_event("populated", 0, patience)

    def _wait_event(self, name: str, wanted: int, patience: float) -> None:
        until = time.monotonic() + patience
        events = os.open(self.cgroup / "cgroup.events", os.O_RDONLY)
        try:
            poll = select.poll()
            poll.register(events, select.POLLPRI)
            while f"{name} {wanted}" not in os.pread(events, 4096, 0).decode("ascii"):
                if time.monotonic() > until:
                    raise TimeoutError(f"{self.cgroup.name}: {name} does not become {wanted}")
                poll.poll(5)  # the kernel holds a second notice back for 10 ms
        finally:
            os.close(events)


@contextmanager
def ended_by(pid: int, seconds: float) -> Iterator[None]:
    """Fail unless the process ends within so many seconds of the beginning."""
    until = time.monotonic() + seconds
    notice = os.pidfd_open(pid)
    try:
        yield
        poll = select.poll()
        poll.register(notice, select.POLLIN)
        assert poll.poll(max(0.0, until - time.monotonic()) * 1000), f"process {pid} still runs after {seconds} s"
    finally:
        os.close(notice)


def _namespace_numbers(pid: int) -> list[int]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return next(([int(word) for word in line.split()[1:]] for line in lines if line.startswith("NSpid:")), [])
