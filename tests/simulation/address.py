"""A simulated cluster address: it answers while the kernel permits it, and falls silent by itself (docs/safety.md)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from nodeagent.api.problems import Problem
from nodeagent.monitor.notes import Notes
from nodeagent.resourcetypes.base import ResourceType, setting
from tests.simulation.virtualtime import PROCESS, Descriptor

if TYPE_CHECKING:
    from tests.simulation.monitorprocess import NodeProcess
    from tests.simulation.node import Node


class Answering:
    """What of a node's addresses its kernel lets answer, and until when."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._numbers: dict[str, int] = {}
        self._holders: dict[str, NodeProcess] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def permit(self, name: str, until: float) -> None:
        """Let it answer until *until* of the node's clock; also with all processes frozen it does not longer."""
        node = self._node
        self._holders[name] = _process()
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

    def silence_orphans(self) -> None:
        """Let answer no more what no living process holds."""
        for name in [name for name, holder in self._holders.items() if not holder.alive]:
            self.silence(name)

    def silence_all(self) -> None:
        """Let nothing answer any more."""
        for name in list(self._numbers):
            self.silence(name)

    def _forget_timer(self, name: str) -> None:
        if (timer := self._timers.pop(name, None)) is not None:
            timer.cancel()


class AddressGrip(Descriptor):
    """The monitor's hand on it; see `nodeagent.resourcetypes.base.TakingGrip`."""

    weakness: Problem | None = None

    def __init__(self, node: Node, answering: Answering, name: str) -> None:
        super().__init__()
        self._node = node
        self._answering = answering
        self._name = name
        self._asked = self._nobody = self._taken = False

    @property
    def readable(self) -> bool:
        """Whether the neighbours had their time to say that they have it; later nothing ever happens to it."""
        return self._nobody and not self._taken

    def take(self) -> bool:
        """See TakingGrip."""
        if not self._asked:
            self._asked = True
            self._node.kernel.later(self._node.chance.choice((0.002, 0.02, 0.05)), self._nobody_has_it)
        self._taken = self._nobody
        return self._taken

    def _nobody_has_it(self) -> None:
        self._nobody = True
        self.changed()

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
    """An address, taken and given back by its grip."""

    name: ClassVar[str] = "Address"
    settings = Settings
    by_grip: ClassVar[bool] = True

    def grip(self, mine: Settings, now: Callable[[], float]) -> AddressGrip | None:
        """See ResourceType."""
        del now
        node = _node()
        return AddressGrip(node, node.answering, mine.name)


def cut_all(dead: Iterable[Notes]) -> bool:
    """Cut what dead monitors have left; in the place of `nodeagent.monitor.reaping.cut_all`."""
    for notes in dead:
        for name, note in notes.outside.items():
            if note.type == Address.name:
                _node().answering.silence(name)
    return True


def cut_orphans() -> bool:
    """Cut what nobody living holds; in the place of `nodeagent.monitor.reaping.cut_orphans`."""
    _node().answering.silence_orphans()
    return True


def _node() -> Node:
    return _process().node


def _process() -> NodeProcess:
    process: NodeProcess = PROCESS.get()  # type: ignore[assignment]  # all that asks is a process of a node
    return process
