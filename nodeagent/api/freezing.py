"""Maintenance as a value: from when until when, on whose word, and why."""

from __future__ import annotations

from typing import Final

import msgspec

LONGEST: Final = 30 * 24 * 3600.0  # seconds; maintenance that is forgotten must not last for ever
SHORTEST: Final = 1.0  # seconds


class Maintenance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A node, a group or the cluster is frozen: nothing of it is restarted, failed over or failed back by itself.

    Attributes:
        since, until: wall-clock seconds; the planning node's clock ends it.
        user, reason: who froze it, and why.
    """

    since: float
    until: float
    user: str = ""
    reason: str = ""
