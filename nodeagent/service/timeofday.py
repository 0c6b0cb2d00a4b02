"""The hour of the day in a time zone, for failback windows; also where summer time begins and ends."""

from __future__ import annotations

import datetime
import zoneinfo


def hours(wall: float, zone: str) -> tuple[int, tuple[int, ...]]:
    """Return the hour of the day, and the hours that the clock left out just before it.

    The hour that exists twice in autumn is the same hour both times.

    Args:
        wall: seconds since 1970.
        zone: a name such as Europe/Vienna; empty, or one that this node does not know, is this node's own zone.
    """
    moment = datetime.datetime.fromtimestamp(wall, datetime.UTC)
    here = _in_zone(moment, zone)
    whole = moment - datetime.timedelta(minutes=here.minute, seconds=here.second, microseconds=here.microsecond)
    before = _in_zone(whole - datetime.timedelta(seconds=1), zone).hour
    left_out = (here.hour - before - 1) % 24 if here.hour != before else 0
    return here.hour, tuple((before + 1 + step) % 24 for step in range(left_out))


def is_known(zone: str) -> bool:
    """Tell whether this node knows that time zone; the empty one is its own."""
    return not zone or _find(zone) is not None


def _in_zone(moment: datetime.datetime, zone: str) -> datetime.datetime:
    return moment.astimezone(_find(zone) if zone else None)


def _find(zone: str) -> zoneinfo.ZoneInfo | None:
    try:
        return zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # not there, no zone's file, or a directory
        return None
