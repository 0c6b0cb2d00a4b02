"""The log of a story: who did what when, why, and who was refused; and how two logs are compared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
        if entry.code == "event_leader":  # who comes first is nobody's business (safety rule O6)
            text = "another node plans for the cluster now"
        self.say(now, _PROCESS.sub("", text))
        if entry.cause is not None and entry.severity is not Severity.PROGRESS:
            self._cause(entry.cause, text)

    def _cause(self, cause: Cause, said: str) -> None:
        why = because(cause)
        if why not in said:
            self.add(f"why: {why}")
        for refusal in cause.refused:
            self.add(f"not {refusal.name}: {sentence(refusal.reason)}")


@dataclass(frozen=True, slots=True)
class _Told:
    """One thing that is told: when, what, and the lines that say more of it."""

    at: float
    lines: tuple[str, ...]


def _sections(log: Sequence[str]) -> list[tuple[str, list[_Told]]]:
    """Part a log into its steps, the final states being the last; each with what is told there."""
    sections: list[tuple[str, list[_Told]]] = [("", [])]
    for line in log:
        if line.startswith(("> ", "= ")):
            sections.append((line, []))
            continue
        told = sections[-1][1]
        found = _TIMED.fullmatch(line)
        if found:
            told.append(_Told(float(found[1]), (found[2],)))
        elif told:
            told[-1] = _Told(told[-1].at, (*told[-1].lines, line.strip()))
        else:
            told.append(_Told(0.0, (line.strip(),)))
    return sections


def _left(told: Sequence[_Told], other: Sequence[_Told]) -> list[_Told]:
    """Return what of *told* has nothing like it in *other*, at about the same moment."""
    free = list(other)
    left = []
    for one in told:
        found = next((o for o in free if o.lines == one.lines and abs(o.at - one.at) <= TOLERANCE + 1e-9), None)
        if found is None:
            left.append(one)
        else:
            free.remove(found)
    return left


def differences(expected: Sequence[str], came: Sequence[str]) -> Iterator[str]:
    """Yield where two logs differ first; nothing when they tell the same.

    What happens at about the same moment may be told in any order: in which order things start and stop is watched by
    the world itself.
    """
    for (step, should), (also, was) in zip_longest(_sections(expected), _sections(came), fillvalue=("(nothing)", [])):
        missing, more = _left(should, was), _left(was, should)
        if step == also and not missing and not more:
            continue
        yield f"  {step}" if step == also else f"- {step}\n+ {also}"
        for sign, found in (("-", missing), ("+", more)):
            for one in found:
                yield f"{sign} {one.at:7.1f} s  " + f"\n{sign}            ".join(one.lines)
        return
