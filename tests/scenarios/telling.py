"""The log of a story: who did what when, why, and who was refused; and how two logs are compared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

from nodeagent.api.causes import Cause
from nodeagent.api.events import LogEntry, Severity
from nodeagent.api.texts import because, render, sentence

TOLERANCE: Final = 0.25  # seconds by which an entry may be earlier or later than the expected one

_TIMED = re.compile(r" *(\d+\.\d) s  (.*)")
_PROCESS = re.compile(r" \(process \d+\)")


class Log:
    """Collects lines; times count from the last step."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._began = 0.0

    def step(self, now: float, text: str) -> None:
        """Note what somebody did; what follows is dated from here."""
        self._began = now
        self.lines.append(f"> {text}")

    def say(self, now: float, text: str) -> None:
        """Note what happened."""
        self.lines.append(f"{now - self._began:7.1f} s  {text}")

    def add(self, text: str) -> None:
        """Note more of what was said last."""
        self.lines.append(f"           {text}")

    def entry(self, now: float, entry: LogEntry) -> None:
        """Note an entry of the cluster's event log with its cause, and the alternatives that were refused."""
        text = render(entry.code, entry.parameters)
        self.say(now, _PROCESS.sub("", text))
        if entry.cause is not None and entry.severity is not Severity.PROGRESS:
            self._cause(entry.cause, text)

    def _cause(self, cause: Cause, said: str) -> None:
        why = because(cause)
        if why not in said:
            self.add(f"why: {why}")
        for refusal in cause.refused:
            self.add(f"not {refusal.name}: {sentence(refusal.reason)}")


def _parted(line: str) -> tuple[float | None, str]:
    found = _TIMED.fullmatch(line)
    return (float(found[1]), found[2]) if found else (None, line.rstrip())


def same(expected: str, came: str) -> bool:
    """Tell whether two lines say the same, at about the same moment."""
    (should, wanted), (was, text) = _parted(expected), _parted(came)
    if wanted != text or (should is None) != (was is None):
        return False
    return should is None or was is None or abs(should - was) <= TOLERANCE + 1e-9


def differences(expected: Sequence[str], came: Sequence[str]) -> Iterator[str]:
    """Yield the first difference and what is around it; nothing when the logs tell the same."""
    for place, (should, was) in enumerate(zip_longest(expected, came, fillvalue="(nothing)")):
        if not same(should, was):
            yield from (f"  {line}" for line in came[max(0, place - 6) : place])
            yield f"- {should}"
            yield f"+ {was}"
            yield from (f"  {line}" for line in came[place + 1 : place + 6])
            return
