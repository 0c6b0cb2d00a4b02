"""Lines to and from a Cluster Service, whatever carries them; and the local Unix socket that does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from enum import StrEnum
from pathlib import Path
from typing import Protocol

MAX_LINE_BYTES = 16 * 1024 * 1024
"""A longer line is a fault of the sender: pages of a snapshot are a hundred times smaller."""

_READ_BYTES = 65536
_CLOSE_SECONDS = 0.5


class TransportError(Exception):
    """What ended or prevented a connection; ``str()`` is a sentence for the user."""


class ConnectFailure(StrEnum):
    REFUSED = "refused"
    TIMEOUT = "timeout"
    UNRESOLVABLE = "unresolvable"
    UNREACHABLE = "unreachable"
    NOT_PERMITTED = "not permitted"
    PROTOCOL = "protocol"


class ConnectFailed(TransportError):
    """No connection came about. ``reason`` is for decisions (try another node), ``str()`` for people."""

    def __init__(self, reason: ConnectFailure, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class ConnectionLost(TransportError):
    """The connection ended while it was still wanted. What was sent last may or may not have arrived."""

    def __init__(self, description: str, reason: str = "") -> None:
        super().__init__(f"The connection {description} was lost{f': {reason}' if reason else ''}.")
        self.description = description
        self.reason = reason


class FellSilent(ConnectionLost):
    """Nothing was heard any more: its machine is off or cut off, and will hardly be the first to answer again."""


class LineTooLong(ConnectionLost):
    """The other side sent a line above the limit, so the connection was closed."""

    def __init__(self, description: str, limit: int) -> None:
        super().__init__(description, f"it sent a line of more than {limit} bytes, so it was closed")
        self.limit = limit


class AgentExited(TransportError):
    """The remote command ended by itself.

    Attributes:
        status: its exit status, or None when a signal ended it.
        stderr: the last it wrote there, at most 4 KiB.
    """

    def __init__(self, description: str, command: str, status: int | None, stderr: str) -> None:
        super().__init__(_say_exit(description, command, status, stderr))
        self.description = description
        self.command = command
        self.status = status
        self.stderr = stderr


def _say_exit(description: str, command: str, status: int | None, stderr: str) -> str:
    program = command.split(maxsplit=1)[0] if command.split() else command
    if status == 127:  # POSIX shells: the command was not found
        return f"{program} is not installed there, or not in the PATH of this account ({description})."
    if status == 126:  # POSIX shells: found, but not executable
        return f"{program} is there but this account may not run it ({description})."
    how = "was ended by a signal" if status is None else f"ended with exit status {status}"
    last = stderr.strip().splitlines()[-1:]
    return f"{program} {how} ({description}){f': {last[0].strip()}' if last else ''}."


class LineTransport(Protocol):
    """What carries frames, one per line, in order. One task reads, any number send."""

    @property
    def description(self) -> str:
        """Where it leads, for messages: "over SSH to root@node1:22"."""

    async def send(self, line: bytes) -> None:
        """Send one frame, its newline included; return when it was handed on. Raises ConnectionLost."""

    def lines(self) -> AsyncIterator[list[bytes]]:
        """Yield lines (newline included) in batches as they come, never an empty batch.

        Ends at a clean end of the connection or after our own `close`. Raises ConnectionLost or AgentExited.
        """

    async def close(self) -> None:
        """End it in less than a second, whatever the other side does. Closing twice is not an error."""


class LineSplitter:
    """Cuts a stream of bytes into lines; keeps the unfinished one."""

    def __init__(self, description: str, limit: int = MAX_LINE_BYTES) -> None:
        self._description = description
        self._limit = limit
        self._parts: list[bytes] = []
        self._waiting = 0

    @property
    def unfinished(self) -> bool:
        return self._waiting > 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that *data* completes, each with its newline. Raises LineTooLong."""
        if b"\n" not in data:
            self._keep(data)
            return []
        *whole, rest = b"".join((*self._parts, data)).split(b"\n")
        self._parts, self._waiting = [], 0
        self._keep(rest)
        if any(len(line) >= self._limit for line in whole):
            raise LineTooLong(self._description, self._limit)
        return [line + b"\n" for line in whole]

    def _keep(self, data: bytes) -> None:
        if not data:
            return
        self._parts.append(data)
        self._waiting += len(data)
        if self._waiting >= self._limit:
            raise LineTooLong(self._description, self._limit)


class UnixTransport:
    """Lines over the Cluster Service's Unix socket on this machine."""

    def __init__(
        self, path: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, max_line: int = MAX_LINE_BYTES
    ) -> None:
        self.description = f"to {path}"
        self._reader = reader
        self._writer = writer
        self._max_line = max_line
        self._closed = False

    @classmethod
    async def open(cls, path: Path, *, timeout: float = 5.0, max_line: int = MAX_LINE_BYTES) -> UnixTransport:
        """Connect; *timeout* in seconds. Raises ConnectFailed."""
        try:
            async with asyncio.timeout(timeout):
                reader, writer = await asyncio.open_unix_connection(path)
        except TimeoutError as exc:
            sentence = f"The Cluster Service at {path} did not take the connection within {timeout:g} s."
            raise ConnectFailed(ConnectFailure.TIMEOUT, sentence) from exc
        except PermissionError as exc:
            sentence = f"This account may not use the Cluster Service's socket {path}."
            raise ConnectFailed(ConnectFailure.NOT_PERMITTED, sentence) from exc
        except OSError as exc:
            sentence = f"No Cluster Service listens at {path} ({exc.strerror or exc})."
            raise ConnectFailed(ConnectFailure.REFUSED, sentence) from exc
        return cls(path, reader, writer, max_line)

    async def send(self, line: bytes) -> None:
        if self._closed:
            raise ConnectionLost(self.description, "it was closed here")
        try:
            self._writer.write(line)
            await self._writer.drain()
        except OSError as exc:
            raise ConnectionLost(self.description, exc.strerror or str(exc)) from exc
        if self._closed:  # meanwhile; asyncio does not say whether it was written before
            raise ConnectionLost(self.description, "it was closed here")

    async def lines(self) -> AsyncIterator[list[bytes]]:
        splitter = LineSplitter(self.description, self._max_line)
        while data := await self._read():
            try:
                batch = splitter.feed(data)
            except LineTooLong:
                await self.close()
                raise
            if batch:
                yield batch
        if splitter.unfinished and not self._closed:
            raise ConnectionLost(self.description, "it ended in the middle of a line")

    async def _read(self) -> bytes:
        try:
            return await self._reader.read(_READ_BYTES)
        except OSError as exc:
            if self._closed:
                return b""
            raise ConnectionLost(self.description, exc.strerror or str(exc)) from exc

    async def close(self) -> None:
        self._closed = True
        self._writer.close()
        closed = asyncio.ensure_future(self._writer.wait_closed())
        _, waiting = await asyncio.wait([closed], timeout=_CLOSE_SECONDS)
        if waiting:  # a frozen peer takes no more: what it has not read is lost
            self._writer.transport.abort()
        with contextlib.suppress(OSError):
            await closed
