"""The hour of the day, also where the clock leaves one out or has one twice."""

import datetime

import pytest

from nodeagent.service.timeofday import hours, is_known


@pytest.mark.parametrize(
    ("utc", "zone", "hour", "skipped"),
    [
        ("2026-06-01 22:10", "Europe/Vienna", 0, ()),
        ("2026-03-29 00:59", "Europe/Vienna", 1, ()),
        ("2026-03-29 01:00", "Europe/Vienna", 3, (2,)),
        ("2026-03-29 01:59", "Europe/Vienna", 3, (2,)),
        ("2026-03-29 02:00", "Europe/Vienna", 4, ()),
        ("2026-10-25 00:30", "Europe/Vienna", 2, ()),
        ("2026-10-25 01:30", "Europe/Vienna", 2, ()),  # the same hour once more
        ("2026-10-25 02:30", "Europe/Vienna", 3, ()),
        ("2026-10-03 15:45", "Australia/Lord_Howe", 2, ()),  # half an hour was left out
        ("2011-12-30 10:30", "Pacific/Apia", 0, ()),  # a whole day was left out
    ],
)
def test_the_hour_and_what_was_left_out_before_it(utc: str, zone: str, hour: int, skipped: tuple[int, ...]) -> None:
    moment = datetime.datetime.fromisoformat(utc).replace(tzinfo=datetime.UTC).timestamp()
    assert hours(moment, zone) == (hour, skipped)


@pytest.mark.parametrize("zone", ["Nowhere/Atlantis", "../etc/passwd", ""])
def test_a_zone_that_nobody_knows_is_the_nodes_own(zone: str) -> None:
    moment = datetime.datetime(2026, 6, 1, 12, 30, tzinfo=datetime.UTC)
    assert hours(moment.timestamp(), zone)[0] == moment.astimezone().hour


@pytest.mark.parametrize(
    "zone", ["Nowhere/Atlantis", "europe/vienna", "Europe", "tzdata.zi", "../etc/passwd", "/etc", "."]
)
def test_what_is_no_time_zone_is_known_to_be_none(zone: str) -> None:
    assert not is_known(zone)


@pytest.mark.parametrize("zone", ["", "UTC", "Europe/Vienna", "America/Argentina/Buenos_Aires"])
def test_a_time_zone_is_known_and_so_is_the_nodes_own(zone: str) -> None:
    assert is_known(zone)
