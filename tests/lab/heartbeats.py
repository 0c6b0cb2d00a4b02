"""The heartbeats as an observer sees them: when each revision of a node's record came out of etcd, and the gaps.

As a program (FILE CERTIFICATES ETCDCTL ENDPOINT...) it watches through every endpoint at once in the lab's client until
killed, so that one frozen member delays nothing. Each line of FILE is one news: when it came (monotonic seconds), the
number of the endpoint, and what etcdctl said.
"""

from __future__ import annotations

import base64
import json
import os
import selectors
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PREFIX: Final = "clusteradmin/heartbeats/"
AGAIN: Final = 0.1  # seconds before a watch that ended begins again


@dataclass(frozen=True, slots=True)
class Beat:
    """One commit of a node's heartbeat record.

    Attributes:
        at: when the first of all watches told it, monotonic seconds.
    """

    at: float
    node: str
    revision: int
    life: str
    incarnation: int


@dataclass(frozen=True, slots=True)
class Gap:
    """The time between two commits of one node's record."""

    node: str
    begin: float
    end: float

    @property
    def seconds(self) -> float:
        """How long."""
        return self.end - self.begin


def read(file: Path) -> list[Beat]:
    """Return all commits, in the order of their revisions."""
    found: dict[int, Beat] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        at, _, said = line.split(" ", 2)
        for event in json.loads(said).get("Events") or ():
            beat = _beat(float(at), event["kv"])
            former = found.get(beat.revision)
            if former is None or beat.at < former.at:
                found[beat.revision] = beat
    return [found[revision] for revision in sorted(found)]


def _beat(at: float, pair: dict[str, str | int]) -> Beat:
    node = base64.b64decode(str(pair["key"])).decode("ascii").removeprefix(PREFIX)
    record = json.loads(base64.b64decode(str(pair["value"])))
    return Beat(at, node, int(pair["mod_revision"]), record["life"], record["incarnation"])


def gaps(beats: list[Beat]) -> list[Gap]:
    """Return the gaps of all nodes, the longest first."""
    found = []
    last: dict[str, float] = {}
    for beat in beats:
        if beat.node in last:
            found.append(Gap(beat.node, last[beat.node], beat.at))
        last[beat.node] = beat.at
    return sorted(found, key=lambda gap: gap.seconds, reverse=True)


def lives(beats: list[Beat]) -> set[tuple[str, str, int]]:
    """Return every (node, life, incarnation) that was seen."""
    return {(beat.node, beat.life, beat.incarnation) for beat in beats}


class Watch:
    """One endpoint's news; begun again, where it left off, when etcd ends it for want of a leader."""

    def __init__(self, number: int, command: list[str]) -> None:
        self.number = number
        self._command = command
        self._next = 0
        self._rest = b""
        self._begin()

    def _begin(self) -> None:
        since = [f"--rev={self._next}"] if self._next else []
        environment = {**os.environ, "ETCDCTL_API": "3"}
        self._process = subprocess.Popen([*self._command, *since], stdout=subprocess.PIPE, env=environment)
        assert self._process.stdout is not None
        self.source = self._process.stdout

    def take(self) -> list[str]:
        """Return the lines that have come; none, and it begins again, when it has ended."""
        data = os.read(self.source.fileno(), 1 << 20)
        if not data:
            self._process.wait()
            self.source.close()
            time.sleep(AGAIN)  # an election tells nobody that it is over
            self._begin()
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            for event in json.loads(line).get("Events") or ():
                self._next = int(event["kv"]["mod_revision"]) + 1
        return [line.decode("ascii") for line in lines]


def main() -> None:
    """Watch for ever."""
    file, certificates, etcdctl, *endpoints = sys.argv[1:]
    keys = [f"--cacert={certificates}/ca.crt", f"--cert={certificates}/node.crt", f"--key={certificates}/node.key"]
    selector = selectors.DefaultSelector()
    for number, endpoint in enumerate(endpoints):
        watch = Watch(number, [etcdctl, *keys, f"--endpoints={endpoint}", "watch", "--prefix", PREFIX, "-w", "json"])
        selector.register(watch.source, selectors.EVENT_READ, watch)
    with Path(file).open("a", encoding="utf-8") as out:
        while True:
            for key, _ in selector.select():
                selector.unregister(key.fileobj)
                lines, now = key.data.take(), time.monotonic()
                selector.register(key.data.source, selectors.EVENT_READ, key.data)
                out.writelines(f"{now:.6f} {key.data.number} {line}\n" for line in lines)
            out.flush()


if __name__ == "__main__":
    main()
