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
from nodeagent.database.store import Change, ClusterStore, Contents, Transaction, Unavailable, Unknown
from nodeagent.database.wakeups import Wakeups

__all__ = ["SqliteStore", "Unusable"]

T = TypeVar("T")

_LOOK_ANYWAY: Final = 1.0  # seconds; for wake-ups that were lost because a process died between commit and ring
_MOST_OWN: Final = 64  # commits of its own that a watch keeps while nobody takes them; others it reads
_PATIENCE: Final = 2.0  # seconds that a watch waits for a lock


class _Watch:
    """What one watch is told from outside: that there is something to read, or what its own store has committed."""

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self._own: dict[int, tuple[Change, ...]] = {}

    def committed(self, revision: int, changes: tuple[Change, ...]) -> None:
        if len(self._own) < _MOST_OWN:
            self._own[revision] = changes
        self.wake.set()

    def next(self, after: int) -> tuple[Change, ...] | None:
        """Return the changes of the commit that follows *after* when it was our own: it need not be read back."""
        return self._own.pop(after + 1, None)

    def reached(self, revision: int) -> None:
        """Forget what was read meanwhile."""
        self._own = {own: changes for own, changes in self._own.items() if own > revision}

    async def wait(self) -> None:
        """Wait until there is something to read, or for as long as a lost wake-up may be overlooked."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_ANYWAY):
                await self.wake.wait()


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
        self._watches: set[_Watch] = set()
        self._listening = False
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
        try:
            revision, changes = self._file.commit(transaction, attempt, deadline)
        except Unknown:
            self._tell(loop, self._wake)
            raise
        if changes:
            self._tell(loop, lambda: self._committed(revision, changes))
        return revision

    def _tell(self, loop: asyncio.AbstractEventLoop, own: Callable[[], None]) -> None:
        self._wakeups.ring()
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody watches
            loop.call_soon_threadsafe(own)

    async def watch(self, prefix: str, after: int) -> AsyncGenerator[tuple[Change, ...], None]:
        """See `ClusterStore.watch`. After `close` the iteration ends."""
        watch = _Watch()
        self._watches.add(watch)
        try:
            while self._closing is None:
                watch.wake.clear()
                before = after
                changes = watch.next(after)
                if changes is not None:
                    after += 1
                    changes = tuple(change for change in changes if change.key.startswith(prefix))
                else:
                    changes, after = await self._ask(
                        lambda deadline: self._file.changes(prefix, before, deadline),  # noqa: B023 - called here
                        _PATIENCE,
                    )
                    watch.reached(after)
                if changes:
                    yield changes
                elif after == before and not self._begin_to_listen():
                    await watch.wait()
        finally:
            self._watches.discard(watch)

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
        if self._listening or self._closing is not None:
            return False
        self._listening = True
        with contextlib.suppress(OSError):  # without the socket the watches see changes when they look anyway
            self._wakeups.listen(self._wake)
        return True

    def _wake(self) -> None:
        for watch in self._watches:
            watch.wake.set()

    def _committed(self, revision: int, changes: tuple[Change, ...]) -> None:
        for watch in self._watches:
            watch.committed(revision, changes)
