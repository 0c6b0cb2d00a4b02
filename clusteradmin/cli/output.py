"""What the command line prints: tables for people, JSON for programs, one sentence for what went wrong."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

import msgspec

from nodeagent.api.problems import Problem
from nodeagent.api.texts import sentence

Row = Sequence[str]

_GAP = "  "
_NARROWEST = 8  # cells; a column is not made narrower for the terminal's sake


def cells(text: str) -> int:
    """Return how many cells of a terminal *text* takes: none for a combining mark, two for a wide character."""
    return sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Cf", "Me", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def shortened(text: str, width: int) -> str:
    """Return *text* cut to *width* cells, with an ellipsis where something is missing."""
    if cells(text) <= width:
        return text
    kept, used = "", 0
    for char in text:
        if used + _cells(char) > width - 1:
            break
        kept, used = kept + char, used + _cells(char)
    return kept + "…"


def table(columns: Row, rows: Iterable[Row], width: int | None = None) -> str:
    """Return an aligned table with a line under its head.

    Args:
        width: of the terminal, in cells; the widest columns give way. None is no limit.
    """
    lines = [[_one_line(cell) for cell in row] for row in rows]
    widths = [max(cells(line[at]) for line in (columns, *lines)) for at in range(len(columns))]
    if width is not None:
        widths = _fitted(widths, width)
    ruled = [columns, ["-" * size for size in widths], *lines]
    return "\n".join(_line(line, widths) for line in ruled)


def _one_line(text: str) -> str:
    """A cell is one line, and what a program wrote must not steer the terminal."""
    return "".join(char if char.isprintable() else " " for char in text)


def _fitted(widths: list[int], width: int) -> list[int]:
    fitted = list(widths)
    while sum(fitted) + len(_GAP) * (len(fitted) - 1) > width and max(fitted) > _NARROWEST:
        fitted[fitted.index(max(fitted))] -= 1
    return fitted


def _line(line: Row, widths: Sequence[int]) -> str:
    found = [shortened(cell, size) for cell, size in zip(line, widths, strict=True)]
    padded = (cell + " " * (size - cells(cell)) for cell, size in zip(found, widths, strict=True))
    return _GAP.join(padded).rstrip()


def error_line(problem: Problem) -> str:
    """Return the sentence for standard error, with the original's number where it has one."""
    text = sentence(problem)
    return text if problem.number is None else f"{text} Error ID: {problem.number} ({problem.number:08x})."


@dataclass
class Output:
    """Where a command's results go: printed as they come, or collected and printed as one JSON document."""

    as_json: bool = False
    out: TextIO = field(default_factory=lambda: sys.stdout)
    error: TextIO = field(default_factory=lambda: sys.stderr)
    documents: list[Any] = field(default_factory=list)

    def say(self, line: str) -> None:
        """Print a line for people."""
        if not self.as_json:
            print(line, file=self.out)

    def table(self, columns: Row, rows: Iterable[Row], document: Any) -> None:
        """Print a table, or keep *document* for the JSON that is printed at the end."""
        if self.as_json:
            self.documents.append(document)
        else:
            print(table(columns, rows, self._width), file=self.out)

    def document(self, document: Any) -> None:
        """Keep *document* for the JSON."""
        if self.as_json:
            self.documents.append(document)

    def line_of_json(self, document: Any) -> None:
        """Print one JSON document on one line, at once: for what goes on and on."""
        print(msgspec.json.encode(document).decode(), file=self.out, flush=True)

    @property
    def _width(self) -> int | None:
        return shutil.get_terminal_size().columns if self.out.isatty() else None

    def finish(self) -> None:
        """Print the JSON: the document, or a list when there are several."""
        if self.as_json and self.documents:
            whole = self.documents[0] if len(self.documents) == 1 else self.documents
            print(msgspec.json.format(msgspec.json.encode(whole), indent=2).decode(), file=self.out)
        self.documents.clear()

    def complain(self, text: str) -> None:
        """Print a sentence on standard error."""
        print(text, file=self.error)
