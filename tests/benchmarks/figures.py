"""What a benchmark finds: figures, each with its budget where it has one, as a table for people and as data."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One number.

    Attributes:
        budget: the most that it should be; None when it is shown for comparison only.
        note: how many runs, or what it is to be compared with.
    """

    what: str
    value: float
    unit: str
    budget: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """Say whether the budget was kept. No run fails by it: the machine may have had other things to do."""
        if self.budget is None:
            return ""
        return "kept" if self.value <= self.budget else "MISSED"


class BenchmarkFailed(Exception):
    """Something did not work, so that there is nothing to measure."""


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile: a value that was measured, never one between two."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def spread(
    what: str, seconds: Sequence[float], *, tail: int = 99, budgets: tuple[float | None, ...] = ()
) -> list[Figure]:
    """Return median and tail of times in seconds, as milliseconds; *budgets* of the two, milliseconds too."""
    median_budget, tail_budget = (*budgets, None, None)[:2]
    count = f"{len(seconds)} times"
    return [
        Figure(f"{what}, p50", statistics.median(seconds) * 1000, "ms", median_budget, count),
        Figure(f"{what}, p{tail}", percentile(seconds, tail) * 1000, "ms", tail_budget, count),
    ]


def extent(what: str, seconds: Sequence[float], budget: float | None = None) -> list[Figure]:
    """Return least, median and most of a few times in seconds, as milliseconds; the most is held to the budget."""
    count = f"{len(seconds)} runs"
    return [
        Figure(f"{what}, least", min(seconds) * 1000, "ms", None, count),
        Figure(f"{what}, median", statistics.median(seconds) * 1000, "ms", None, count),
        Figure(f"{what}, most", max(seconds) * 1000, "ms", budget, count),
    ]


def table(figures: Iterable[Figure]) -> str:
    """Return the figures as aligned lines."""
    rows = [
        (
            figure.what,
            f"{_number(figure.value)} {figure.unit}".rstrip(),
            "" if figure.budget is None else f"{_number(figure.budget)} {figure.unit}".rstrip(),
            figure.verdict,
            figure.note,
        )
        for figure in figures
    ]
    rows.insert(0, ("", "measured", "budget", "", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = (
        f"  {what:<{widths[0]}}  {value:>{widths[1]}}  {budget:>{widths[2]}}  {verdict:<{widths[3]}}  {note}".rstrip()
        for what, value, budget, verdict, note in rows
    )
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"
