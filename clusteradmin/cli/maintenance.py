"""The verbs of maintenance, for the cluster, a node or a group; and until when it is asked for."""

from __future__ import annotations

import datetime
import re
from typing import Final

from clusteradmin.cli.grammar import Option, UsageError
from clusteradmin.cli.session import Session
from clusteradmin.client import nodecommands as commands
from nodeagent.api.objects import Cluster, Group, Node, ref
from nodeagent.api.requests import BeginMaintenance, EndMaintenance

VERBS: Final = ("maintenance", "endmaintenance")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LENGTH: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])", re.IGNORECASE)


async def run(session: Session, item: Cluster | Node | Group, verb: Option) -> None:
    """Do one verb. Raises ClusterError and UsageError."""
    found, note = ref(item), session.note
    if verb.name == "endmaintenance":
        request = EndMaintenance(kind=found.kind, id=found.id, note=note)
        await session.do(request, lambda: commands.end_maintenance(session.cluster, item, note=note))
        return
    length = seconds_of(verb.value or "", datetime.datetime.now().astimezone())
    begin = BeginMaintenance(kind=found.kind, id=found.id, seconds=length, note=note)
    await session.do(begin, lambda: commands.begin_maintenance(session.cluster, item, length, note=note))


def seconds_of(text: str, now: datetime.datetime) -> float:
    """Return how long maintenance is to last: "30m", "2h", "1d", "17:30" (the next one), "2026-12-24 06:00".

    Raises:
        UsageError: it is none of these, or lies in the past.
    """
    if found := _LENGTH.fullmatch(text.strip()):
        return float(found[1]) * _UNITS[found[2].lower()]
    try:
        if re.fullmatch(r"\d{1,2}:\d{2}", text.strip()):
            until = datetime.datetime.combine(
                now.date(), datetime.time.fromisoformat(text.strip().zfill(5)), now.tzinfo
            )
            if until <= now:
                until += datetime.timedelta(days=1)
        else:
            until = datetime.datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"--maintenance:{text}: write for how long (30m, 2h, 1d) or until when (17:30, 2026-12-24T06:00)."
        ) from None
    left = (until if until.tzinfo else until.replace(tzinfo=now.tzinfo)) - now
    if left <= datetime.timedelta(0):
        raise UsageError(f"--maintenance:{text} lies in the past.")
    return left.total_seconds()
