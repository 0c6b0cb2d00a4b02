"""Blocking work beside the loop: what hangs there (a dead file server, a directory service) holds up nobody."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Aside:
    """Runs blocking calls in daemon threads of its own.

    Not the loop's executor: others need that one, and a thread of it that hangs would keep the service from ending.
    """

    def __init__(self, name: str, most: int) -> None:
        """Start nothing yet.

        Args:
            name: of the threads.
            most: threads at a time; who comes later waits.
        """
        self._name = name
        self._places = asyncio.Semaphore(most)

    async def run(self, work: Callable[[], T], timeout: float) -> T:
        """Return what *work* returns or raises; a thread that hangs keeps its place until it ends.

        Raises:
            TimeoutError: no result within *timeout* seconds, the wait for a place included.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def ended(result: Callable[[], None]) -> None:
            self._places.release()
            if not answer.done():
                result()

        def call() -> None:
            try:
                value = work()
            except BaseException as exc:  # noqa: BLE001 - it is raised where the result is waited for
                said = exc
                report = lambda: answer.set_exception(said)  # noqa: E731
            else:
                report = lambda: answer.set_result(value)  # noqa: E731
            with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits
                loop.call_soon_threadsafe(ended, report)

        async with asyncio.timeout(timeout):
            await self._places.acquire()
            threading.Thread(target=call, name=self._name, daemon=True).start()
            return await answer
