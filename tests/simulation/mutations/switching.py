"""How a rule is switched off: the functions that enforce it are replaced by others that do not."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from nodeagent.database.store import Transaction
from tests.simulation.world import World

Prepare = Callable[[World], None]
Altered = Callable[[Transaction], Transaction]


def nothing(_world: World) -> None:
    """Leave the world as it is."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """A rule, switched off.

    Attributes:
        rules: which are missed; more than one where each alone is enough.
        dropped: what is not done any more.
        without: enforcers (names of `nodeagent.safety`) and what takes their places.
        besides: other functions of the product, or objects and attributes of the simulation, that go with them.
        altered: what becomes of each commit: how expectations are dropped.
        seen: part of the sentence by which the witness tells that it is missed.
        prepare: takes away what stands behind the rule, where one of several would be enough.
    """

    name: str
    rules: tuple[str, ...]
    dropped: str
    without: Mapping[str, Any] = field(default_factory=dict)
    besides: tuple[tuple[Any, str, Any], ...] = ()
    altered: Altered | None = None
    prepare: Prepare = nothing
    seen: str = "runs on"

    def is_missed(self, wrong: str) -> bool:
        """Tell whether this is what went wrong."""
        return self.seen in wrong.split("\n", 1)[0]


@contextmanager
def switched_off(mutation: Mutation) -> Iterator[Prepare]:
    """Switch it off; yields what has to be done with each world."""

    def prepare(world: World) -> None:
        if mutation.altered is not None:
            world.network.altered = mutation.altered
        mutation.prepare(world)

    with ExitStack() as stack:
        for name, instead in mutation.without.items():
            for where, attribute in _places(name):
                stack.enter_context(mock.patch.object(where, attribute, instead))
        for where, attribute, instead in mutation.besides:
            stack.enter_context(mock.patch.object(where, attribute, instead))
        yield prepare


def _places(name: str) -> Iterator[tuple[Any, str]]:
    """Yield where that function is found: in its class, or in every module that has imported it."""
    module, _, path = name.partition(":")
    where: Any = importlib.import_module(f"nodeagent.{module}")
    *classes, attribute = path.split(".")
    if classes:
        for one in classes:
            where = getattr(where, one)
        yield where, attribute
        return
    function = getattr(where, attribute)
    for found, loaded in list(sys.modules.items()):
        if found.startswith("nodeagent.") and getattr(loaded, attribute, None) is function:
            yield loaded, attribute


def without_expecting(prefix: str, written: Callable[[str, Transaction], bool] = lambda _key, _change: True) -> Altered:
    """Return what drops the expectations of keys that begin with *prefix*, of those commits that *written* chooses."""

    def altered(change: Transaction) -> Transaction:
        kept = {
            key: revision
            for key, revision in change.expect.items()
            if not (key.startswith(prefix) and written(key, change))
        }
        return Transaction(kept, change.put, change.delete)

    return altered


def is_overlap(wrong: str) -> bool:
    """Tell whether what went wrong is that something ran twice, or too long, and not merely that it did not run."""
    return "runs on" in wrong.split("\n", 1)[0]
