"""Those who wait until the cluster looks as they need it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import TypeVar, cast

from nodeagent.api.objects import Snapshot
from nodeagent.api.problems import ClusterError

T = TypeVar("T")


@dataclasses.dataclass(eq=False, slots=True)
class _Waiter:
    test: Callable[[Snapshot], object | None]
    answer: asyncio.Future[object]

    def look(self, snapshot: Snapshot) -> None:
        if self.answer.done():
            return
        try:
            found = self.test(snapshot)
        except ClusterError as exc:  # the test met something that is gone: that is the answer
            self.answer.set_exception(exc)
        else:
            if found is not None:
                self.answer.set_result(found)


class Waiters:
    """Each has a test, which is tried on every new snapshot until it finds something."""

    def __init__(self) -> None:
        self._waiting: set[_Waiter] = set()

    async def wait(self, test: Callable[[Snapshot], T | None], timeout: float | None) -> T:
        """Return the first result of *test* that is not None; *timeout* in seconds.

        Raises:
            TimeoutError: there was none in time.
            ClusterError: what the test raised, or `fail` was told.
        """
        waiter = _Waiter(test, asyncio.get_running_loop().create_future())
        self._waiting.add(waiter)
        try:
            async with asyncio.timeout(timeout):
                return cast("T", await waiter.answer)  # the set holds waiters of all types
        finally:
            self._waiting.discard(waiter)

    def look(self, snapshot: Snapshot) -> None:
        """Try all tests on *snapshot*."""
        for waiter in tuple(self._waiting):
            waiter.look(snapshot)

    def fail(self, why: ClusterError) -> None:
        """End all waiting: nothing will come any more."""
        for waiter in self._waiting:
            if not waiter.answer.done():
                waiter.answer.set_exception(why)
