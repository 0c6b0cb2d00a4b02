"""What an entry of the event log says: its sentence, and the lines it unfolds to."""

from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QCoreApplication

from nodeagent.api.events import LogEntry, Severity
from nodeagent.api.problems import Problem
from nodeagent.api.texts import because, render, sentence
from ui.words import clock_with_milliseconds, local_time

_tr = partial(QCoreApplication.translate, "events")

MOST_OUTPUT_LINES = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One line below an entry; output stands in a fixed width."""

    label: str
    text: str
    mono: bool = False


def what_happened(entry: LogEntry) -> str:
    return render(entry.code, entry.parameters)


def lines_of(entry: LogEntry) -> list[Line]:
    """Return the lines that an entry unfolds to: cause, who asked, what was refused, output, where it is recorded."""
    lines: list[Line] = []
    cause = entry.cause
    if cause is not None:
        lines.append(Line(_tr("Cause"), because(cause)))
        if cause.user:
            lines.append(Line(_tr("Asked by"), f"{cause.user}: “{cause.note}”" if cause.note else cause.user))
        if cause.refused:
            parts = (f"{refusal.name} {reason_of(refusal.name, refusal.reason)}" for refusal in cause.refused)
            lines.append(Line(_tr("Refused"), " · ".join(parts)))
    output = entry.output.rstrip().splitlines()[-MOST_OUTPUT_LINES:]
    for number, line in enumerate(output):
        lines.append(Line("" if number else _tr("Last output"), line, mono=True))
    lines.append(Line(_tr("Recorded"), _recorded(entry)))
    return lines


def _recorded(entry: LogEntry) -> str:
    when = f"{local_time(entry.at):%d %b %Y} {clock_with_milliseconds(entry.at)}"
    parts = [_tr("{0} by the clock of {1}").format(when, entry.node)]
    if entry.number:
        parts.append(_tr("event {0}").format(entry.number))
    if entry.epoch:
        parts.append(_tr("ownership epoch {0}").format(entry.epoch))
    return ", ".join(parts)


def reason_of(name: str, problem: Problem) -> str:
    """Return why a node was refused, as it reads after the node's name: "is paused; resume it first"."""
    text = sentence(problem).removesuffix(".")
    return text.removeprefix(f"{name} ") if text.startswith(f"{name} ") else f": {text}"


def as_text(entry: LogEntry) -> str:
    """Return the whole entry as lines of text, as it is copied and saved."""
    day = local_time(entry.at).strftime("%Y-%m-%d")
    head = "\t".join(
        (
            f"{day} {clock_with_milliseconds(entry.at)}",
            entry.severity.value,
            entry.node,
            entry.object_name,
            what_happened(entry),
        )
    )
    below = (f"\t{line.label}\t{line.text}" for line in lines_of(entry))
    return "\n".join((head, *below))


def severity_word(severity: Severity) -> str:
    words = {
        Severity.ERROR: _tr("Errors"),
        Severity.WARNING: _tr("Warnings"),
        Severity.PROGRESS: _tr("Progress"),
        Severity.INFORMATION: _tr("Information"),
    }
    return words[severity]
