"""Lines to and from a command on the other side of an SSH connection, for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import AsyncIterator, Awaitable, Callable

import paramiko

from clusteradmin.client.transport import MAX_LINE_BYTES, AgentExited, ConnectionLost, LineSplitter, LineTooLong
from clusteradmin.ssh.threads import in_thread

STDERR_TAIL_BYTES = 4096
_READ_BYTES = 65536
_WRITE_BYTES = 262144
_UNREAD_BYTES = 8 * 1024 * 1024
"""With so much waiting for our own side the reader stops, and SSH's window slows the other side down."""

_STATUS_SECONDS = 2.0
_GOODBYE_SECONDS = 0.3

_BROKEN = (OSError, EOFError, paramiko.SSHException)


class AgentChannel:
    """A `LineTransport` over one SSH channel.

    paramiko blocks, so two threads belong to each channel: one reads and splits, one writes (one, so that lines never
    interleave). They wake the event loop once for all that has come, not once per line. Everything else runs in the
    event loop's thread; callers need no locks. Works with any asyncio loop, qasync's too.
    """

    def __init__(
        self,
        channel: paramiko.Channel,
        description: str,
        command: str,
        *,
        abort: Callable[[], None],
        closed: Callable[[], Awaitable[None]] | None = None,
        max_line: int = MAX_LINE_BYTES,
    ) -> None:
        """Start the threads; the command runs already.

        Args:
            abort: cuts the connection below without waiting, for when the other side is frozen.
            closed: awaited at the end of `close`, when nobody else needs the connection below.
        """
        self.description = description
        self.command = command
        self._channel = channel
        self._abort = abort
        self._after_close = closed
        self._loop = asyncio.get_running_loop()
        self._closing: asyncio.Task[None] | None = None
        self._inbox = _Inbox(self._loop)
        self._outbox: queue.SimpleQueue[_Outgoing | None] = queue.SimpleQueue()
        self._stderr = b""
        self._splitter = LineSplitter(description, max_line)
        self._reader = threading.Thread(target=self._read, name=f"ssh reader {description}", daemon=True)
        self._writer = threading.Thread(target=self._write, name=f"ssh writer {description}", daemon=True)
        self._reader.start()
        self._writer.start()

    @property
    def stderr_tail(self) -> str:
        """The last the command wrote to its standard error, at most 4 KiB."""
        return self._stderr.decode("utf-8", "replace")

    async def send(self, line: bytes) -> None:
        if self._closing is not None:
            raise ConnectionLost(self.description, "it was closed here")
        sent: asyncio.Future[None] = self._loop.create_future()
        self._outbox.put((line, sent))
        await sent

    async def lines(self) -> AsyncIterator[list[bytes]]:
        while batch := await self._inbox.take():
            yield batch
        if isinstance(self._inbox.end, LineTooLong):
            await self.close()
        if self._inbox.end is not None:
            raise self._inbox.end

    async def close(self) -> None:
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self._inbox.stop()
        self._outbox.put(None)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await in_thread(self._say_goodbye, f"ssh close {self.description}", self._abort)
        await in_thread(self._join, f"ssh join {self.description}")
        if self._after_close is not None:
            await self._after_close()

    def _say_goodbye(self) -> None:
        """Close the channel; blocks while the connection below takes nothing."""
        with contextlib.suppress(*_BROKEN):
            self._channel.close()

    def _join(self) -> None:
        self._writer.join(_GOODBYE_SECONDS)
        if self._writer.is_alive():  # it is stuck in the connection below
            self._abort()
            self._writer.join()
        self._reader.join()

    # -- the reader's thread

    def _read(self) -> None:
        end: ConnectionLost | AgentExited | None
        try:
            while data := self._channel.recv(_READ_BYTES):
                self._read_stderr()
                if lines := self._splitter.feed(data):
                    self._inbox.put(lines)
            end = self._how_it_ended()
        except LineTooLong as exc:
            end = exc
        except _BROKEN as exc:
            end = ConnectionLost(self.description, str(exc))
        self._inbox.finish(end)

    def _read_stderr(self) -> None:
        while self._channel.recv_stderr_ready():
            self._stderr = (self._stderr + self._channel.recv_stderr(_READ_BYTES))[-STDERR_TAIL_BYTES:]

    def _how_it_ended(self) -> ConnectionLost | AgentExited | None:
        """Tell a command that ended from a connection that broke; None is a clean end."""
        told = self._channel.status_event.wait(_STATUS_SECONDS)
        self._read_stderr()
        status = self._channel.exit_status
        if status == 0 and self._splitter.unfinished:
            return ConnectionLost(self.description, "it ended in the middle of a line")
        if status == 0:
            return None
        if status > 0:
            return AgentExited(self.description, self.command, status, self.stderr_tail)
        if not self._channel.eof_received:
            return ConnectionLost(self.description, "the host ended the SSH connection")
        if not told:
            return ConnectionLost(self.description, "the other side stopped sending")
        return AgentExited(self.description, self.command, None, self.stderr_tail)

    # -- the writer's thread

    def _write(self) -> None:
        failure: Exception | None = None
        while (batch := self._next_batch()) is not None:
            if failure is None:
                failure = self._send_all(b"".join(line for line, _ in batch))
            self._report([sent for _, sent in batch], failure)

    def _next_batch(self) -> list[_Outgoing] | None:
        """Wait for a line, and take all others that wait already: one packet for many small ones."""
        first = self._outbox.get()
        if first is None:
            return None
        batch, size = [first], len(first[0])
        while size < _WRITE_BYTES:
            try:
                more = self._outbox.get_nowait()
            except queue.Empty:
                break
            if more is None:
                self._outbox.put(None)  # the last one: for the next call
                break
            batch.append(more)
            size += len(more[0])
        return batch

    def _send_all(self, data: bytes) -> Exception | None:
        view = memoryview(data)
        try:
            while view:
                if not (count := self._channel.send(bytes(view[:_WRITE_BYTES]))):
                    return ConnectionLost(self.description, "it takes nothing more")
                view = view[count:]
        except _BROKEN as exc:
            return ConnectionLost(self.description, str(exc))
        return None

    def _report(self, waiting: list[asyncio.Future[None]], failure: Exception | None) -> None:
        def settle() -> None:
            for sent in waiting:
                if not sent.done():
                    sent.set_exception(failure) if failure else sent.set_result(None)

        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody is waiting
            self._loop.call_soon_threadsafe(settle)


_Outgoing = tuple[bytes, "asyncio.Future[None]"]


class _Inbox:
    """Lines on their way from the reader's thread to the event loop, with one wake-up for all that wait."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._changed = threading.Condition()
        self._lines: list[bytes] = []
        self._bytes = 0
        self._finished = False
        self._stopped = False
        self._wake_up_sent = False
        self._arrived = asyncio.Event()
        self.end: ConnectionLost | AgentExited | None = None

    def put(self, lines: list[bytes]) -> None:
        """Reader's thread: hand *lines* over; blocks while too much waits."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._bytes < _UNREAD_BYTES)
            self._lines += lines
            self._bytes += sum(map(len, lines))
            self._wake()

    def finish(self, end: ConnectionLost | AgentExited | None) -> None:
        """Reader's thread: nothing more will come, for the reason given."""
        with self._changed:
            self._finished = True
            if not self._stopped:
                self.end = end
            self._wake()

    def _wake(self) -> None:
        if not self._wake_up_sent:
            self._wake_up_sent = True
            with contextlib.suppress(RuntimeError):  # the loop has closed: nobody is waiting
                self._loop.call_soon_threadsafe(self._arrived.set)

    async def take(self) -> list[bytes]:
        """Return all that waits, at least one line; an empty list is the end."""
        while True:
            with self._changed:
                self._wake_up_sent = False
                self._arrived.clear()
                lines, self._lines, self._bytes = self._lines, [], 0
                if self._stopped:
                    return []
                if lines or self._finished:
                    self._changed.notify()
                    return lines
            await self._arrived.wait()

    def stop(self) -> None:
        """Event loop: nobody reads any more."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._arrived.set()
