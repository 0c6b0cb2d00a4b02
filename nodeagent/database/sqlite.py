"""The embedded store: one SQLite file, shared by several processes of one machine."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from nodeagent.database.limits import check_limits
from nodeagent.database.sqlitefile import Attempt, SqliteFile, Unusable
from nodeagent.database.store import Change, ClusterStore, Contents, StoreError, Transaction, Unavailable, Unknown
from nodeagent.database.wakeups import Wakeups

__all__ = ["SqliteStore", "Unusable"]

T = TypeVar("T")

_POLL: Final = 0.25  # seconds; for wake-ups that were lost because a process died between commit and ring
_PATIENCE: Final = 2.0  # seconds that a watch waits for a lock


class SqliteStore(ClusterStore):
    """The store in one file, for several processes of one machine.

    SQLite blocks, so one thread belongs to each store: it alone touches the file, and ends with `close`. After a commit
    a datagram wakes the watches of all other stores of that file.
    """

    def __init__(self, path: Path, *, keep: int = 10_000) -> None:
        """Touch nothing yet: the file is made or opened by the first call.

        Args:
            path: of the file. Beside it are its journal, and the folder "watch" with a socket per watching process.
            keep: number of revisions of which the changes stay known; older ones are forgotten now and then.
        """
        self._file = SqliteFile(path, keep)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cluster database")
        self._wakeups = Wakeups(path.parent / "watch")
        self._watches: set[asyncio.Event] = set()
        self._polling: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    async def read(self, prefix: str, *, timeout: float = 2.0) -> Contents:
        """See `ClusterStore.read`."""
        return await self._ask(lambda deadline: self._file.read(prefix, deadline), timeout)

    async def commit(self, transaction: Transaction, *, timeout: float = 2.0) -> int:
        """See `ClusterStore.commit`."""
        check_limits(transaction)
        attempt, loop = Attempt(), asyncio.get_running_loop()
        return await self._ask(lambda deadline: self._commit(transaction, attempt, deadline, loop), timeout, attempt)

    def _commit(
        self, transaction: Transaction, attempt: Attempt, deadline: float, loop: asyncio.AbstractEventLoop
    ) -> int:
        """Commit and wake all watches, from the store's thread: who asked may have gone away without an answer."""
        changed = True
        try:
            revision, changed = self._file.commit(transaction, attempt, deadline)
        except Unknown:
            raise
        except StoreError:
            changed = False
            raise
        finally:
            if changed:
                self._wakeups.ring()
                with contextlib.suppress(RuntimeError):  # the loop has closed: nobody watches
                    loop.call_soon_threadsafe(self._wake)
        return revision

    async def watch(self, prefix: str, after: int) -> AsyncGenerator[tuple[Change, ...], None]:
        """See `ClusterStore.watch`. After `close` the iteration ends."""
        wake = asyncio.Event()
        self._watches.add(wake)
        try:
            while self._closing is None:
                wake.clear()
                before = after
                changes, after = await self._ask(
                    lambda deadline: self._file.changes(prefix, before, deadline),  # noqa: B023 - called in this turn
                    _PATIENCE,
                )
                if changes:
                    yield changes
                elif after == before and not self._begin_to_listen():
                    await wake.wait()
        finally:
            self._watches.discard(wake)

    async def compact(self, before: int) -> None:
        """See `ClusterStore.compact`."""
        await self._ask(lambda deadline: self._file.compact(before, deadline), _PATIENCE)

    async def close(self) -> None:
        """See `ClusterStore.close`. Calls that are under way end first; the file stays."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self._wakeups.close()
        self._wake()
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.wait({self._polling})
        await asyncio.get_running_loop().run_in_executor(self._thread, self._file.close)
        self._thread.shutdown()

    async def _ask(self, job: Callable[[float], T], timeout: float, attempt: Attempt | None = None) -> T:
        """Run *job*, which is told its deadline, in the store's thread, and wait no longer than *timeout*."""
        if self._closing is not None:
            raise Unavailable("The store is closed.")
        deadline = time.monotonic() + timeout
        answer = asyncio.get_running_loop().run_in_executor(self._thread, job, deadline)
        # Who waits may be gone when the thread is done: its error is then nobody's.
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            await asyncio.wait({answer}, timeout=timeout)
        finally:
            undone = not answer.done() and (attempt is None or attempt.give_up())
            if undone:
                answer.cancel()
        if undone:
            raise Unavailable(f"The database did not answer within {timeout:g} s.")
        if not answer.done():
            raise Unknown(f"The commit was sent, but not confirmed within {timeout:g} s.")
        return answer.result()

    # --- waking the watches ---------------------------------------------------------------------------------------

    def _begin_to_listen(self) -> bool:
        """Return True the first time: what was committed until now has rung for nobody, so look again."""
        if self._polling is not None or self._closing is not None:
            return False
        with contextlib.suppress(OSError):  # without the socket the watches see changes a poll later
            self._wakeups.listen(self._wake)
        self._polling = asyncio.create_task(self._poll(), name="poll of the cluster database")
        return True

    def _wake(self) -> None:
        for wake in self._watches:
            wake.set()

    async def _poll(self) -> None:
        known: int | None = None
        while True:
            await asyncio.sleep(_POLL)
            version = await asyncio.get_running_loop().run_in_executor(self._thread, self._file.version)
            if version is None or version != known:
                self._wake()
            known = version
