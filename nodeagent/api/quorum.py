"""A voter of the cluster database, as it travels."""

from __future__ import annotations

import msgspec


class Voter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A voter of the cluster database; *answering* as the node sees it that tells of it."""

    name: str
    answering: bool = True
    leader: bool = False
