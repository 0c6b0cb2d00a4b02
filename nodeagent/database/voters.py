"""The voters of the database itself, as the leading node last saw them: written down where every node can read it."""

from __future__ import annotations

from typing import Final

import msgspec

from nodeagent.api.quorum import Voter

VOTERS: Final = "voters"


class VotersRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The members that vote, by name, and those of them that missed two looks of the leader's."""

    voters: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def shown(self) -> tuple[Voter, ...]:
        """Return them as workstations are told; who of them leads changes too often to be written down."""
        return tuple(Voter(name=name, answering=name not in self.missing) for name in self.voters)
