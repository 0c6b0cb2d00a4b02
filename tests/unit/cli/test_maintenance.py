"""How long maintenance is to last, as a person writes it."""

import datetime

import pytest

from clusteradmin.cli.grammar import UsageError
from clusteradmin.cli.maintenance import seconds_of

ZONE = datetime.timezone(datetime.timedelta(hours=1))
NOW = datetime.datetime(2026, 11, 23, 16, 0, 0, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("2h", 7200),
        ("1.5H", 5400),
        ("1d", 86400),
        ("17:30", 5400),
        ("9:00", 17 * 3600),  # the next one is tomorrow's
        ("16:00", 86400),
        ("2026-11-23T16:10", 600),
        ("2026-11-23 16:10:30", 630),
        ("2026-11-23T15:10+00:00", 600),
    ],
)
def test_a_length_or_an_end(text: str, seconds: float) -> None:
    assert seconds_of(text, NOW) == seconds


@pytest.mark.parametrize("text", ["", "soon", "30", "30 minutes", "25:00", "-5m", "2026-13-01"])
def test_what_is_neither_is_said_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match="30m, 2h, 1d"):
        seconds_of(text, NOW)


def test_an_end_in_the_past_is_refused() -> None:
    with pytest.raises(UsageError, match="lies in the past"):
        seconds_of("2026-11-23T15:59", NOW)
