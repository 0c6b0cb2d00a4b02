"""A simulated cluster address: it answers while the kernel permits it, and falls silent by itself (docs/safety.md)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from nodeagent.api.problems import Problem
from nodeagent.monitor.notes import Notes
from nodeagent.resourcetypes.base import Progress, ResourceType, setting
from tests.simulation.virtualtime import PROCESS, Descriptor

if TYPE_CHECKING:
    from tests.simulation.node import Node


class Answering:
    """What of a node's addresses its kernel lets answer, and until when."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._numbers: dict[str, int] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def permit(self, name: str, until: float) -> None:
        """Let it answer until *until* of the node's clock; also with all processes frozen it does not longer."""
        node = self._node
        self._forget_timer(name)
        if node.clock.steady() >= until:
            self.silence(name)
            return
        if name not in self._numbers:
            self._numbers[name] = node.new_pid()
            node.app_runs(name, self._numbers[name])
        if until < math.inf:
            self._timers[name] = node.kernel.later(node.clock.true_until(until), self.silence, name)

    def silence(self, name: str) -> None:
        """Let it answer no more."""
        self._forget_timer(name)
        if name in self._numbers:
            self._node.app_ended(name, self._numbers.pop(name))

    def silence_all(self) -> None:
        """Let nothing answer any more."""
        for name in list(self._numbers):
            self.silence(name)

    def _forget_timer(self, name: str) -> None:
        if (timer := self._timers.pop(name, None)) is not None:
            timer.cancel()


class AddressGrip(Descriptor):
    """The monitor's hand on it; see `nodeagent.resourcetypes.base.Grip`."""

    weakness: Problem | None = None

    def __init__(self, answering: Answering, name: str) -> None:
        super().__init__()
        self._answering = answering
        self._name = name

    @property
    def readable(self) -> bool:
        """Nothing ever happens to it."""
        return False

    def permit(self, until: float) -> None:
        """See Grip."""
        self._answering.permit(self._name, until)

    def cut(self) -> bool:
        """See Grip."""
        self._answering.silence(self._name)
        return True

    def look(self) -> None:
        """See Grip."""

    def close(self) -> None:
        """See Grip."""


@dataclass(frozen=True, slots=True)
class Settings:
    name: str = setting("Which it is")


class Address(ResourceType[Settings]):
    """An address; that it is taken and given back by entry points is simulated by `machine.begin_call`."""

    name: ClassVar[str] = "Address"
    settings = Settings

    def online(self, mine: Settings, progress: Progress) -> None:
        """See ResourceType."""

    def offline(self, mine: Settings, progress: Progress) -> None:
        """See ResourceType."""

    def grip(self, mine: Settings, now: Callable[[], float]) -> AddressGrip | None:
        """See ResourceType."""
        del now
        return AddressGrip(_node().answering, mine.name)


def cut_all(dead: Iterable[Notes]) -> bool:
    """Cut what dead monitors have left; in the place of `nodeagent.monitor.reaping.cut_all`."""
    for notes in dead:
        for name, note in notes.outside.items():
            if note.type == Address.name:
                _node().answering.silence(name)
    return True


def _node() -> Node:
    process = PROCESS.get()
    node: Node = process.node  # type: ignore[union-attr]  # all that asks is a process of a node
    return node
