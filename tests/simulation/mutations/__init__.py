"""Safety rules that the simulation can switch off, one at a time, to see that it would notice (docs/safety.md)."""

from __future__ import annotations

from tests.simulation.mutations.membership import MEMBERSHIP
from tests.simulation.mutations.ownership import NEEDLESS, OWNERSHIP
from tests.simulation.mutations.permission import PERMISSION
from tests.simulation.mutations.switching import Mutation, is_overlap, switched_off

__all__ = ["MUTATIONS", "NEEDLESS", "Mutation", "is_overlap", "switched_off"]

MUTATIONS: dict[str, Mutation] = {one.name: one for one in (*PERMISSION, *MEMBERSHIP, *OWNERSHIP)}
