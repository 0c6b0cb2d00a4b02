"""The way to etcd: its JSON gateway, HTTP/1.1 over asyncio streams, one endpoint after the other."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

import h11
import msgspec

_PIECE: Final = 256 * 1024  # bytes read at once
_LONG: Final = 0.3  # seconds; a member that answers takes milliseconds
_MOST_IDLE: Final = 2  # connections kept for the next call; more are opened only while calls overlap


class NotSent(Exception):
    """The call certainly did not reach etcd."""


class NoAnswer(Exception):
    """The call was sent, wholly or in part, and no whole answer came."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files of this client: who it trusts, and who it is."""

    ca: Path
    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """Read the files; done for each connection, so that renewed ones count without a restart.

        Raises:
            OSError: a file is missing or is no certificate or key.
        """
        context = ssl.create_default_context(cafile=str(self.ca))
        context.load_cert_chain(self.certificate, self.key)
        return context


@dataclass(frozen=True, slots=True)
class Place:
    """Where one member of etcd answers its clients."""

    host: str
    port: int
    secure: bool

    @classmethod
    def of(cls, url: str) -> Place:
        """Read http://host:port or https://host:port.

        Raises:
            ValueError: it is neither.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError(f"{url!r} is no address of the form https://HOST:2379")
        return cls(parts.hostname, parts.port or 2379, parts.scheme == "https")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}"


class Connection:
    """One HTTP connection to one member."""

    def __init__(self, place: Place, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.place = place
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)

    @classmethod
    async def open(cls, place: Place, certificates: Certificates | None) -> Self:
        """Connect, with TLS where the place says so.

        Raises:
            NotSent: nobody there, or they and we do not trust each other.
        """
        if place.secure and certificates is None:
            raise NotSent(f"{place} needs certificates, and none are configured")
        try:
            context = certificates.context() if place.secure and certificates else None
            reader, writer = await asyncio.open_connection(place.host, place.port, ssl=context)
        except OSError as exc:
            raise NotSent(f"{place}: {exc}") from exc
        return cls(place, reader, writer)

    @property
    def usable(self) -> bool:
        """Whether the other side has not ended it while it was idle."""
        return not self._reader.at_eof() and not self._writer.is_closing()

    async def ask(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Return the status and the body of the answer.

        Raises:
            NoAnswer: the connection broke.
        """
        self._start(method, path, [("Content-Length", str(len(body)))], body)
        status, pieces = 0, []
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                pieces.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                break
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        else:
            self.drop()
        return status, b"".join(pieces)

    def _start(self, method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes | None) -> None:
        request = h11.Request(
            method=method,
            target=path,
            headers=[("Host", self.place.host), ("Content-Type", "application/json"), *headers],
        )
        data = self._http.send(request) or b""
        if body is not None:
            data += self._http.send(h11.Data(data=body)) or b""
            data += self._http.send(h11.EndOfMessage()) or b""
        self._writer.write(data)

    async def _next(self) -> h11.Event:
        while (event := self._at_hand()) is None:
            try:
                data = await self._reader.read(_PIECE)
            except OSError as exc:
                raise NoAnswer(f"{self.place}: {exc}") from exc
            if not data:
                raise NoAnswer(f"{self.place} ended the connection")
            self._http.receive_data(data)
        return event

    def _at_hand(self) -> h11.Event | None:
        """Return what has come and was not looked at yet, None when more has to come first."""
        try:
            event = self._http.next_event()
        except h11.RemoteProtocolError as exc:
            raise NoAnswer(f"{self.place} does not speak HTTP: {exc}") from exc
        if event is h11.NEED_DATA:
            return None
        assert not isinstance(event, type)  # PAUSED: we never ask beyond the end of a message
        return event

    # --- a stream in both directions ------------------------------------------------------------------------------

    def begin_stream(self, path: str) -> None:
        """Begin a call whose messages go both ways until one side ends it.

        The member answers while our side is still open only when it is told that the connection ends with the answer.
        """
        self._start("POST", path, [("Transfer-Encoding", "chunked"), ("Connection", "close")], None)

    def say(self, message: object) -> None:
        """Send one message of the stream."""
        self._writer.write(self._http.send(h11.Data(data=msgspec.json.encode(message) + b"\n")) or b"")

    async def hear(self) -> bytes:
        """Return all that has come of the stream, empty at its end. Cancelling loses nothing.

        Raises:
            NoAnswer: the connection broke.
        """
        pieces: list[bytes] = []
        while self._http.their_state is not h11.DONE:
            event = self._at_hand() if pieces else await self._next()
            if event is None:
                break
            if isinstance(event, h11.Data):
                pieces.append(bytes(event.data))
        return b"".join(pieces)

    def drop(self) -> None:
        """End it at once."""
        self._writer.transport.abort()


class Gateway:
    """All members of one etcd. It retries nothing; a member that fails is not asked again before the others were."""

    def __init__(self, places: Sequence[Place], certificates: Certificates | None) -> None:
        """Touch nothing yet.

        Args:
            places: the first is asked first, so the nearest should be.
            certificates: needed for places with TLS.
        """
        self.places = tuple(places)
        self.certificates = certificates
        self.closed = False
        self._turn = 0
        self._idle: deque[Connection] = deque()
        self._calls: dict[Connection, float] = {}  # and since when each waits for its answer, by the loop's clock
        self._streams: set[Connection] = set()

    @property
    def place(self) -> Place:
        """Return the member that is asked next."""
        return self.places[self._turn]

    def failed(self, place: Place) -> None:
        """Ask the next member from now on; calls that this one has kept waiting for long end without an answer."""
        if place == self.place:
            self._turn = (self._turn + 1) % len(self.places)
        for connection in [idle for idle in self._idle if idle.place == place]:
            self._idle.remove(connection)
            connection.drop()
        long_ago = asyncio.get_running_loop().time() - _LONG
        for connection, since in self._calls.items():
            if connection.place == place and since < long_ago:
                connection.drop()

    async def call(self, path: str, message: object, timeout: float) -> tuple[int, bytes]:
        """Post one message and return the status and the body of the answer.

        Args:
            path: such as /v3/kv/txn.
            timeout: seconds.

        Raises:
            NotSent: nobody has got it.
            NoAnswer: somebody may have got it.
        """
        place = self.place
        try:
            return await self._call(place, path, msgspec.json.encode(message), timeout)
        except (NotSent, NoAnswer):
            self.failed(place)
            raise

    async def _call(self, place: Place, path: str, body: bytes, timeout: float) -> tuple[int, bytes]:
        connection: Connection | None = None
        try:
            async with asyncio.timeout(timeout):
                connection = await self._connection(place)
                answer = await connection.ask("POST", path, body)
        except TimeoutError as exc:
            why = f"{place} did not answer within {timeout:g} s"
            raise (NoAnswer(why) if connection else NotSent(why)) from exc
        else:
            del self._calls[connection]
            if connection.usable and len(self._idle) < _MOST_IDLE and place == self.place and not self.closed:
                self._idle.append(connection)
            else:
                connection.drop()
            return answer
        finally:
            if connection is not None and self._calls.pop(connection, None) is not None:
                connection.drop()

    async def _connection(self, place: Place) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and connection.place == place:
                break
            connection.drop()
        else:
            connection = await self._opened(place)
        self._calls[connection] = asyncio.get_running_loop().time()
        return connection

    async def _opened(self, place: Place) -> Connection:
        connection = None if self.closed else await Connection.open(place, self.certificates)
        if connection is None or self.closed:
            if connection is not None:
                connection.drop()
            raise NotSent("the store is closed")
        return connection

    async def stream(self, path: str) -> Connection:
        """Begin a stream on a connection of its own; `end` it when it is done.

        Raises:
            NotSent: nobody there.
        """
        place = self.place
        try:
            connection = await self._opened(place)
        except NotSent:
            self.failed(place)
            raise
        self._streams.add(connection)
        connection.begin_stream(path)
        return connection

    def end(self, connection: Connection) -> None:
        """End a stream."""
        self._streams.discard(connection)
        connection.drop()

    async def close(self) -> None:
        """End all connections, with the calls that wait on them."""
        self.closed = True
        for connection in (*self._idle, *self._calls, *self._streams):
            connection.drop()
        self._idle.clear()
        await asyncio.sleep(0)  # the loop closes their sockets in its next turn
