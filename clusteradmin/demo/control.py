"""Talking to a running demo: power a node off and on, ask how it is, end it. Works from any asyncio loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from pathlib import Path
from typing import Final, Protocol, TypeVar

import msgspec

from clusteradmin.demo.problems import DemoError, NoDemoError
from clusteradmin.demo.state import read_state

ANSWER_SECONDS: Final = 60.0

T = TypeVar("T", bound=msgspec.Struct)


class NodeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One node of the demo.

    Attributes:
        service, sshd: numbers of their processes; 0 for none.
        service_starts: how often the Cluster Service was started since the power was turned on.
    """

    name: str
    on: bool
    port: int
    service: int = 0
    sshd: int = 0
    service_starts: int = 0


class DemoStatus(msgspec.Struct, frozen=True, kw_only=True, tag="status"):
    """A running demo; *name* is that of its saved connection, *pid* the process that keeps it running."""

    name: str
    home: str
    pid: int
    nodes: tuple[NodeStatus, ...]


class Power(msgspec.Struct, frozen=True, kw_only=True, tag="power"):
    """Turn the power of a node on or off."""

    node: str
    on: bool


class AskStatus(msgspec.Struct, frozen=True, kw_only=True, tag="ask status"):
    """Say how the demo is."""


class Stop(msgspec.Struct, frozen=True, kw_only=True, tag="stop"):
    """End the demo."""


class Carried(msgspec.Struct, frozen=True, kw_only=True, tag="carried out"):
    """It is done, or has begun in the case of `Stop`."""


class NotCarried(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """It is not; *sentence* says why."""

    sentence: str


Request = Power | AskStatus | Stop
Reply = Carried | NotCarried | DemoStatus

_requests: Final = msgspec.json.Decoder(Request)
_replies: Final = msgspec.json.Decoder(Reply)


# --- asking -----------------------------------------------------------------------------------------------------


async def power(home: Path, node: str, on: bool) -> None:
    """Turn the power of a node of the demo in *home* on or off.

    Off kills its Cluster Service, Resource Monitors, applications and sshd at once, as a power cut does. Returns when
    they are gone, or when Cluster Service and sshd answer again.

    Raises:
        DemoError: no demo runs there, it has no such node, the power is that way already, or it could not be done.
    """
    await _ask(home, Power(node=node, on=on), Carried)


async def status(home: Path) -> DemoStatus:
    """Return how the demo in *home* is. Raises DemoError."""
    return await _ask(home, AskStatus(), DemoStatus)


async def stop(home: Path) -> None:
    """End the demo in *home*, and return when it has gone with everything it had. Raises DemoError."""
    reader, writer = await _connect(home)
    try:
        await _exchange(reader, writer, Stop(), Carried, home)
        with contextlib.suppress(ConnectionError):
            await reader.read()  # the demo's own end closes it
    finally:
        await _close(writer)


async def _ask(home: Path, request: Request, expected: type[T]) -> T:
    reader, writer = await _connect(home)
    try:
        return await _exchange(reader, writer, request, expected, home)
    finally:
        await _close(writer)


async def _connect(home: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    state = read_state(home)
    if state is None:
        raise NoDemoError(f"No demo runs in {home}.")
    try:
        return await asyncio.open_unix_connection(state.control_socket)
    except PermissionError as exc:
        raise DemoError(f"The demo in {home} is another user's.") from exc
    except OSError as exc:
        raise NoDemoError(f"No demo runs in {home}.") from exc


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request, expected: type[T], home: Path
) -> T:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            writer.write(msgspec.json.encode(request) + b"\n")
            await writer.drain()
            line = await reader.readline()
        reply = _replies.decode(line)
    except TimeoutError as exc:
        raise DemoError(f"The demo in {home} did not answer within {ANSWER_SECONDS:g} s.") from exc
    except (ConnectionError, msgspec.DecodeError) as exc:
        raise DemoError(f"The demo in {home} ended before it answered.") from exc
    if isinstance(reply, NotCarried):
        raise DemoError(reply.sentence)
    assert isinstance(reply, expected), reply
    return reply


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


# --- answering --------------------------------------------------------------------------------------------------


class Controlled(Protocol):
    """What answers: the running demo."""

    def power(self, node: str, on: bool) -> Awaitable[None]: ...

    def status(self) -> DemoStatus: ...

    def stop(self) -> None: ...


class ControlServer:
    """Answers at the demo's control socket; who may reach it is decided by the directory that it is in."""

    def __init__(self, demo: Controlled) -> None:
        self._demo = demo
        self._server: asyncio.Server | None = None
        self._waiting: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, path: Path) -> None:
        self._server = await asyncio.start_unix_server(self._greet, path)

    def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer), name="answers at the control socket")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                request = _requests.decode(line)
                writer.write(msgspec.json.encode(await self._answer(request)) + b"\n")
                await writer.drain()
                if isinstance(request, Stop):
                    self._waiting.add(writer)  # left open: its end tells that the demo has gone
                    return
        except (ConnectionError, ValueError):  # gone, or no request of ours
            pass
        finally:
            if writer not in self._waiting:
                writer.close()

    async def _answer(self, request: Request) -> Reply:
        try:
            match request:
                case Power(node=node, on=on):
                    await self._demo.power(node, on)
                case AskStatus():
                    return self._demo.status()
                case Stop():
                    self._demo.stop()
        except DemoError as exc:
            return NotCarried(sentence=str(exc))
        return Carried()

    async def close(self) -> None:
        """Take no more requests; those who wait for the demo's end go on waiting until this process ends."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
