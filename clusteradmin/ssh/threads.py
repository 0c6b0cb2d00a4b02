"""Blocking calls for asyncio, each in a thread of its own that ends with the call."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
S = TypeVar("S")


async def in_thread(work: Callable[[], T], name: str, interrupt: Callable[[], None] | None = None) -> T:
    """Run *work* in a thread and return what it returns.

    When the waiting task is cancelled, *interrupt* is called, which must make *work* end soon; the thread has ended
    when this returns. Without *interrupt* the thread is left to end by itself: for calls that nothing can hurry (name
    resolution). The default executor is not used: it is shared, and joined when the interpreter leaves.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    future.add_done_callback(_looked_at)

    def run() -> None:
        try:
            result = work()
        except BaseException as exc:  # noqa: BLE001 - the boundary of the thread: it belongs to who waits
            _post(loop, future.set_exception, exc)
        else:
            _post(loop, future.set_result, result)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if interrupt is not None:
            interrupt()
            await _finished(future)
        raise
    finally:
        if future.done():
            thread.join()  # it has posted its result: nothing is left to do in it


async def _finished(future: asyncio.Future[T]) -> None:
    """Wait for the end of an interrupted call, also when we are cancelled once more meanwhile."""
    while not future.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([future])


def _looked_at(future: asyncio.Future[T]) -> None:
    """Keep asyncio from reporting the failure of a call that nobody waits for any more."""
    if not future.cancelled():
        future.exception()


def _post(loop: asyncio.AbstractEventLoop, settle: Callable[[S], None], outcome: S) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has closed: nobody is waiting
        loop.call_soon_threadsafe(settle, outcome)
