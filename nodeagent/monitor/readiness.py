"""The next application is made ready while what it depends on is still on its way.

`prepare` only looks, and takes some ten milliseconds in a child of its own; to ask who has an address takes twice that.
What came of it serves one start, soon and with the same settings; in any other case it is as if it had not been asked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from nodeagent.api.objects import ResourceId
from nodeagent.monitor.calls import Outcome
from nodeagent.monitor.entrypoints import EntryPoints
from nodeagent.monitor.messages import Definition, Start
from nodeagent.monitor.surroundings import Surroundings
from nodeagent.monitor.timers import Timer
from nodeagent.resourcetypes.base import ApplicationType, ResourceType, Running
from nodeagent.system.containers import Container

FRESH: Final = 2.0  # seconds; what the node has of users, programs and displays may change


@dataclass(slots=True)
class _Ahead:
    definition: Definition
    container: Container
    entries: EntryPoints
    over: Timer
    running: Running | None = None


class Readiness:
    """What was made ready and not started yet.

    Args:
        holds: tells whether a resource is held, so that its container is in use.
    """

    def __init__(
        self, around: Surroundings, types: Mapping[str, ResourceType[Any]], holds: Callable[[ResourceId], bool]
    ) -> None:
        self._around = around
        self._types = types
        self._holds = holds
        self._ahead: dict[ResourceId, _Ahead] = {}

    def begin(self, order: Start) -> None:
        """Make ready what follows, beside the start itself: only where that brings nothing which `prepare` looks for.

        A grip takes an address; another provider may be the disk with the program on it.
        """
        kind = self._types.get(order.resource.type)
        if kind is not None and kind.by_grip:
            for definition in order.follows:
                self._drop(definition.id)
                self._prepare(definition)

    def take(self, definition: Definition, entries: EntryPoints) -> Running | None:
        """Return how to start it; None when that is still to be found out.

        Args:
            entries: of the one that is started; its `prepare` goes on with what is on its way.
        """
        ahead = self._ahead.get(definition.id)
        if ahead is None:
            return None
        same = (ahead.definition.type, ahead.definition.parameters) == (definition.type, definition.parameters)
        if same and ahead.entries.busy:
            ahead.entries.hand_over(entries)
        self._drop(definition.id)
        return ahead.running if same else None

    def close(self) -> None:
        """Drop it all."""
        for resource in list(self._ahead):
            self._drop(resource)

    def _prepare(self, definition: Definition) -> None:
        kind = self._types.get(definition.type)
        if not isinstance(kind, ApplicationType):
            return
        try:
            mine = kind.read(definition.parameters)
            container = self._around.container(definition.id)
        except Exception:  # noqa: BLE001 - plug-in code, or a cgroup that cannot be made: said when it is started
            return
        over = self._around.later(FRESH, lambda: self._drop(definition.id))
        ahead = _Ahead(definition, container, EntryPoints(self._around, kind, container), over)
        self._ahead[definition.id] = ahead

        def ended(outcome: Outcome) -> None:
            ahead.running = outcome.running

        ahead.entries.run("prepare", mine, FRESH, ended)

    def _drop(self, resource: ResourceId) -> None:
        ahead = self._ahead.pop(resource, None)
        if ahead is not None:
            ahead.over.cancel()
            ahead.entries.drop()
            if not self._holds(resource):
                with contextlib.suppress(OSError):
                    ahead.container.remove()
