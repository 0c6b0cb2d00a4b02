"""What of a resource lies outside its processes, such as an address: the monitor itself permits, watches, cuts it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable
from typing import Any, cast

from nodeagent.api.problems import Problem, problem
from nodeagent.api.texts import render
from nodeagent.monitor.surroundings import Surroundings
from nodeagent.resourcetypes.base import Grip, ResourceError, ResourceType, TakingGrip


class Outside:
    """Holds the type's grip while the resource is online; without one, nothing in here does anything.

    A grip is other people's code in the monitor's own loop: whatever it raises is the resource's failure.

    Args:
        failed: is told when the grip notices that the resource does not work any more.
    """

    def __init__(self, around: Surroundings, kind: ResourceType[Any], failed: Callable[[Problem], None]) -> None:
        self._around = around
        self._kind = kind
        self._failed = failed
        self._grip: Grip | None = None
        self._watched = False
        self._taken: Callable[[Problem | None], None] | None = None

    @property
    def notices(self) -> bool:
        """Whether failures are noticed by event."""
        return self._watched

    @property
    def weakness(self) -> Problem | None:
        """What is less sure here than it should be."""
        return self._grip.weakness if self._grip is not None else None

    def bring(self, mine: Any, taken: Callable[[Problem | None], None]) -> None:
        """Bring it online by a grip that can; *taken* learns when it is, or why it cannot be."""
        if bad := self._make(mine):
            taken(bad)
            return
        assert self._grip is not None, "a type that says by_grip returns one"
        self._taken = taken
        self._around.watch(self._grip, self._look)
        self._watched = True
        self._go_on(taken)

    def _go_on(self, taken: Callable[[Problem | None], None]) -> None:
        grip, over = cast("TakingGrip", self._grip), []

        def take() -> None:
            over.append(grip.take())

        bad = self._guarded(take)
        if bad is not None or over == [True]:
            self._taken = None
            taken(bad)

    def take(self, mine: Any, until: float) -> Problem | None:
        """Let it work until *until*, and watch it; returns why it cannot."""
        if self._grip is None:
            bad = self._make(mine)
            if bad is not None or self._grip is None:
                return bad
        bad = self._guarded(self._grip.permit, until)
        if bad is None and not self._watched:
            self._around.watch(self._grip, self._look)
            self._watched = True
        return bad

    def permitted(self, until: float) -> None:
        """Let what was taken work until *until*."""
        if self._grip is not None and (bad := self._guarded(self._grip.permit, until)):
            self._failed(bad)

    def release(self) -> None:
        """Notice nothing more: the resource is on its way offline."""
        if self._watched and self._grip is not None:
            self._around.unwatch(self._grip)
            self._watched = False
        self._taken = None

    def cut(self, mine: Any) -> bool:
        """End it at once; True when nothing of it is left, False when `terminate` has to see to it.

        Args:
            mine: the settings; None when it was never on its way online.
        """
        if self._grip is None and (mine is None or self._make(mine) is not None):
            return False
        grip, done = self._grip, False
        if grip is not None:
            self.release()
            with contextlib.suppress(Exception):  # plug-in code: nothing is proven
                done = grip.cut()
            self._grip = None
            with contextlib.suppress(OSError):
                grip.close()
        return done

    def _make(self, mine: Any) -> Problem | None:
        def make() -> None:
            self._grip = self._kind.grip(mine, self._around.now)

        return self._guarded(make)

    def _look(self) -> None:
        if self._taken is not None:
            self._go_on(self._taken)
        elif self._grip is not None and (bad := self._guarded(self._grip.look)):
            self._failed(bad)

    def _guarded(self, call: Callable[..., None], *arguments: float) -> Problem | None:
        try:
            call(*arguments)
        except ResourceError as exc:
            return exc.problem
        except Exception as exc:  # noqa: BLE001 - plug-in code: its error is the resource's failure
            return problem("call_failed", entry="grip", detail=f"{type(exc).__name__}: {exc}")
        return None


def cut_orphans(kinds: Iterable[ResourceType[Any]]) -> bool:
    """End what of these types nobody living holds, notes or not; True when none of it is left, for certain."""
    sure = True
    for kind in kinds:
        try:
            kind.cut_orphans()
        except Exception as exc:  # noqa: BLE001 - plug-in code: nothing is proven
            said = render(exc.problem.code, exc.problem.parameters) if isinstance(exc, ResourceError) else repr(exc)
            sys.stderr.write(f"Something of type {kind.name} that nobody holds any more cannot be ended: {said}\n")
            sys.stderr.flush()
            sure = False
    return sure


def cut_leftovers(kind: ResourceType[Any], parameters: dict[str, Any], now: Callable[[], float]) -> bool:
    """End what a dead monitor left of a resource outside its processes; True when that is sure."""
    try:
        try:
            mine = kind.read(parameters)
            grip = kind.grip(mine, now)
        except ResourceError:
            return True  # with such settings it was never online
        if grip is None:
            return True
        try:
            if not grip.cut():
                kind.terminate(mine)
        finally:
            grip.close()
    except Exception:  # noqa: BLE001 - plug-in code, a refusal to end among it: nothing is proven
        return False
    return True
