"""A client that asks the service every 20 ms, whether or not it has answered before, and writes down every answer.

As a program (ADDRESS PORT FILE [PATIENCE]) it runs in the lab's client until killed; each line of FILE is one question:
when it was asked (monotonic seconds) and the body of the answer, nothing when none came in time.
"""

from __future__ import annotations

import errno
import selectors
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

INTERVAL: Final = 0.02  # seconds
PATIENCE: Final = 0.25  # seconds for an answer; far more than any healthy service takes


@dataclass(frozen=True, slots=True)
class Answer:
    """One question, and what came."""

    asked: float
    body: str

    @property
    def host(self) -> str:
        """Who answered; nothing when nobody did."""
        return self.body.partition(" ")[0]

    @property
    def epoch(self) -> int:
        """Under which epoch of its group it was started."""
        return int(self.body.split()[2])


def read(file: Path, since: float = 0.0) -> list[Answer]:
    """Return all questions since a moment, in the order in which they were asked."""
    found = []
    for line in file.read_text(encoding="utf-8").splitlines():
        asked, _, body = line.partition(" ")
        if float(asked) >= since:
            found.append(Answer(float(asked), body))
    return sorted(found, key=lambda answer: answer.asked)


def downtime(answers: Sequence[Answer]) -> float:
    """Return the longest time from the last good answer before a bad one to the next good one, seconds.

    One that is not over counts up to the last question.
    """
    return max((end - begin for begin, end in outages(answers)), default=0.0)


def outages(answers: Sequence[Answer]) -> list[tuple[float, float]]:
    """Return all times without an answer, from the last good one before each to the next good one."""
    found, good, bad = [], answers[0].asked if answers else 0.0, False
    for answer in answers:
        if answer.body and bad:
            found.append((good, answer.asked))
        if answer.body:
            good = answer.asked
        bad = not answer.body
    return [*found, (good, answers[-1].asked)] if bad else found


def returns(answers: Sequence[Answer]) -> list[Answer]:
    """Return the answers under an epoch that had been over: a former owner still had the address."""
    newest = 0
    found = []
    for answer in answers:
        if answer.body:
            newest = max(newest, answer.epoch)
            if answer.epoch < newest:
                found.append(answer)
    return found


@dataclass
class Client:
    """Open questions and their sockets."""

    address: tuple[str, int]
    out: TextIO
    patience: float = PATIENCE
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    open: dict[socket.socket, tuple[float, bytes]] = field(default_factory=dict)

    def ask(self, now: float) -> None:
        """Ask once more."""
        asking = socket.socket()
        asking.setblocking(False)
        if asking.connect_ex(self.address) not in (0, errno.EINPROGRESS):
            asking.close()
            self._write(now, "")
            return
        self.open[asking] = (now, b"")
        self.selector.register(asking, selectors.EVENT_WRITE)

    def wait(self, seconds: float) -> None:
        """Take what comes within so many seconds; give up on what takes too long."""
        for key, events in self.selector.select(max(0.0, seconds)):
            assert isinstance(key.fileobj, socket.socket)
            self._ready(key.fileobj, events)
        late = time.monotonic() - self.patience
        for asking in [one for one, (asked, _) in self.open.items() if asked < late]:
            self._close(asking, "")

    def _ready(self, asking: socket.socket, events: int) -> None:
        asked, body = self.open[asking]
        try:
            if events & selectors.EVENT_WRITE:
                asking.sendall(b"GET / HTTP/1.0\r\n\r\n")
                self.selector.modify(asking, selectors.EVENT_READ)
                return
            chunk = asking.recv(65536)
        except OSError:
            self._close(asking, "")
            return
        if chunk:
            self.open[asking] = (asked, body + chunk)
            return
        head, _, text = body.partition(b"\r\n\r\n")
        self._close(asking, text.decode("utf-8", "replace").strip() if head[9:10] == b"2" else "")

    def _close(self, asking: socket.socket, body: str) -> None:
        self._write(self.open.pop(asking)[0], body)
        self.selector.unregister(asking)
        asking.close()

    def _write(self, asked: float, body: str) -> None:
        self.out.write(f"{asked:.6f} {body}\n")
        self.out.flush()


def main() -> None:
    """Ask for ever."""
    with Path(sys.argv[3]).open("a", encoding="utf-8") as out:
        patience = float(sys.argv[4]) if len(sys.argv) > 4 else PATIENCE
        client = Client((sys.argv[1], int(sys.argv[2])), out, patience)
        due = time.monotonic()
        while True:
            now = time.monotonic()
            if now >= due:
                client.ask(now)
                due = max(due + INTERVAL, now)
            client.wait(due - time.monotonic())


if __name__ == "__main__":
    main()
