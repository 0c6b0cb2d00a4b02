"""A watch on etcd's JSON gateway, and how it is found out that one has fallen silent or behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Final

import msgspec

from nodeagent.database.etcdgateway import Connection, Gateway, NoAnswer, NotSent
from nodeagent.database.etcdmessages import Event, WatchMessage, WatchResult, decoded
from nodeagent.database.store import Compacted, Unavailable

QUIET: Final = 0.3  # seconds without a word after which the member is asked whether it is there
PATIENCE: Final = 0.7  # seconds in which it has to answer that, or the first message
LAG: Final = 1.0  # seconds by which a watch may be behind what its own store has committed


class EtcdWatch:
    """One stream of changes of all keys in a range, for as long as its member keeps up.

    Two things are checked, because neither shows the other. A frozen member says nothing: it is asked for its progress
    when the stream is quiet. A member that is cut off from the others answers that cheerfully: so what this store has
    committed must come by the watch in time. The revision in a progress answer is not looked at: etcd before 3.4.25 may
    send it ahead of the changes that it speaks of.
    """

    def __init__(self, gateway: Gateway, key: bytes, range_end: bytes, committed: Callable[[], int]) -> None:
        """Touch nothing yet.

        Args:
            gateway: whose present place is watched.
            key: begin of the range.
            range_end: its end, exclusive.
            committed: newest revision that is known to have changed a key of the range.
        """
        self._gateway = gateway
        self._key = key
        self._range_end = range_end
        self._committed = committed
        self._lines = b""

    async def batches(self, after: int) -> AsyncGenerator[tuple[Event, ...], None]:
        """Yield the changes after revision *after*, whole commits at a time.

        Raises:
            Compacted: some of them are gone.
            Unavailable: the watch broke, fell silent or behind; the next one asks another member.
        """
        try:
            stream = await self._opened()
        except (NotSent, TimeoutError) as exc:
            raise Unavailable(f"no watch: {exc or self._gateway.place}") from exc
        try:
            async with contextlib.aclosing(self._follow(stream, after)) as batches:
                async for batch in batches:
                    yield batch
        except (NoAnswer, Unavailable, msgspec.DecodeError) as exc:
            self._gateway.failed(stream.place)
            raise Unavailable(f"the watch broke: {exc}") from exc
        finally:
            self._gateway.end(stream)

    async def _opened(self) -> Connection:
        place = self._gateway.place
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._gateway.stream("/v3/watch")
        except TimeoutError:
            self._gateway.failed(place)
            raise TimeoutError(f"{place} does not answer") from None

    async def _follow(self, stream: Connection, after: int) -> AsyncGenerator[tuple[Event, ...], None]:
        # One revision earlier than needed, and what comes of it is dropped: compaction removes the deletions of the
        # very revision that it names, so only a watch from before it would be refused in time.
        begin = {"key": self._key, "range_end": self._range_end, "start_revision": max(after, 1), "fragment": True}
        stream.say({"create_request": begin})
        owed, owed_since, asked = 0, 0.0, True
        loop = asyncio.get_running_loop()
        gathered: list[Event] = []
        whole = True  # nothing more of the commit that was heard last is still to come
        while True:
            try:
                async with asyncio.timeout(PATIENCE if asked else QUIET):
                    results = await self._hear(stream)
            except TimeoutError:
                if asked:
                    raise Unavailable(f"{stream.place} has fallen silent") from None
                stream.say({"progress_request": {}})
                results = []
            asked = not results
            for result in results:
                if result.canceled:
                    raise self._end_of(result)
                gathered += (event for event in result.events if event.kv.mod_revision > after)
                whole = not result.fragment
            if gathered and whole:
                batch, gathered = tuple(gathered), []
                after = batch[-1].kv.mod_revision
                yield batch
            if after >= owed:
                owed, owed_since = self._committed(), loop.time()
            elif loop.time() - owed_since > LAG and not any(result.events for result in results):
                raise Unavailable(f"{stream.place} has fallen behind")

    async def _hear(self, stream: Connection) -> list[WatchResult]:
        """Return the next messages; each is a line, and lines do not care for the pieces that they come in."""
        while b"\n" not in self._lines:
            if not (data := await stream.hear()):
                raise NoAnswer(f"{stream.place} ended the watch")
            self._lines += data
        whole, _, self._lines = self._lines.rpartition(b"\n")
        results = []
        for line in whole.splitlines():
            message = decoded(line, WatchMessage) if line else WatchMessage()
            if message.error is not None:
                raise Unavailable(message.error.message or message.error.error)
            if message.result is not None:
                results.append(message.result)
        return results

    @staticmethod
    def _end_of(result: WatchResult) -> Compacted | Unavailable:
        if result.compact_revision:
            return Compacted(f"Changes before revision {result.compact_revision} are forgotten.")
        return Unavailable(result.cancel_reason or "the watch was cancelled")
