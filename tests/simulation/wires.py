"""The socket between a simulated service and a simulated monitor, from both sides."""

from __future__ import annotations

import asyncio
import selectors
import socket
from asyncio import transports
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nodeagent.monitor.serviceline import ServiceLine
from nodeagent.system.clock import Clock, MonotonicTimer
from tests.simulation.virtualtime import PROCESS, Descriptor, Process, VirtualLoop

LATENCY = 0.0002  # seconds from one side to the other


class Connection(Descriptor):
    """The monitor's end: what `ServiceLine` takes for a socket."""

    def __init__(self, protocol: asyncio.Protocol, service: Process) -> None:
        super().__init__()
        self._protocol = protocol
        self._service = service
        self._received = bytearray()
        self._ended = False
        self._closed = False
        self._to_service = bytearray()
        self._flushing = False

    @property
    def readable(self) -> bool:
        """Whether there is something to read, or the end."""
        return bool(self._received) or self._ended

    def setblocking(self, flag: bool) -> None:
        """Nothing in here blocks."""

    def recv(self, size: int) -> bytes:
        """Read what has come; nothing at the end."""
        if not self._received and not self._ended:
            raise BlockingIOError
        data = bytes(self._received[:size])
        del self._received[:size]
        return data

    def send(self, data: bytes | bytearray) -> int:
        """Send to the service."""
        if self._ended:
            raise BrokenPipeError
        self._to_service += data
        self._flush_later()
        return len(data)

    def close(self) -> None:
        """Hang up."""
        self._closed = True
        self._flush_later()

    def take(self, data: bytes) -> None:
        """Receive what the service sent."""
        if not self._closed:
            self._received += data
            self.changed()

    def end(self) -> None:
        """Learn that the service has hung up."""
        self._ended = True
        self.changed()

    def _flush_later(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._service.later(LATENCY, self._flush)

    def _flush(self) -> None:
        self._flushing = False
        data, self._to_service = bytes(self._to_service), bytearray()
        if data and self._service.alive:
            self._protocol.data_received(data)
        if self._closed and self._service.alive:
            self._protocol.connection_lost(None)


class ServiceEnd(transports.Transport):
    """The service's end: an asyncio transport."""

    def __init__(self, connection: Connection, monitor: Process) -> None:
        super().__init__()
        self._connection = connection
        self._monitor = monitor
        self._closing = False
        self._unsent = bytearray()
        self._flushing = False

    def write(self, data: Any) -> None:
        """Send to the monitor."""
        if self._closing:
            return
        self._unsent += data
        self._flush_later()

    def close(self) -> None:
        """Hang up; what was written arrives first."""
        if not self._closing:
            self._closing = True
            self._flush_later()

    abort = close

    def is_closing(self) -> bool:
        """Tell whether `close` was called."""
        return self._closing

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Know nothing."""
        del name
        return default

    def _flush_later(self) -> None:
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_later(LATENCY, self._flush, context=KERNEL.context)

    def _flush(self) -> None:
        self._flushing = False
        data, self._unsent = bytes(self._unsent), bytearray()
        if self._monitor.alive:
            if data:
                self._connection.take(data)
            if self._closing:
                self._connection.end()


KERNEL = Process("wires")  # bytes on their way belong to neither side


class Listener(Descriptor):
    """What a monitor listens on."""

    def __init__(self, path: Path, loop: VirtualLoop, monitor: Process) -> None:
        super().__init__()
        self._path = str(path)
        self._loop = loop
        self._monitor = monitor
        self._waiting: list[Connection] = []
        loop.sockets[self._path] = self._connect
        monitor.on_end(self.close)

    @property
    def readable(self) -> bool:
        """Whether somebody wants to connect."""
        return bool(self._waiting)

    def accept(self) -> tuple[Connection, None]:
        """Take the next connection."""
        return self._waiting.pop(0), None

    def close(self) -> None:
        """Listen no more."""
        if self._loop.sockets.get(self._path) == self._connect:
            del self._loop.sockets[self._path]

    def _connect(self, protocol: asyncio.Protocol) -> transports.Transport:
        service = PROCESS.get()
        assert service is not None
        connection = Connection(protocol, service)
        transport = ServiceEnd(connection, self._monitor)
        protocol.connection_made(transport)
        self._monitor.on_end(connection.close)
        service.on_end(transport.close)
        self._waiting.append(connection)
        self.changed()
        return transport


class Line(ServiceLine):
    """The production's, on a simulated socket."""

    def _listen(self) -> socket.socket:
        monitor = PROCESS.get()
        assert monitor is not None
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        return Listener(self._path, loop, monitor)  # type: ignore[return-value]


class VirtualSelector(selectors.BaseSelector):
    """The monitor's selector: it never waits, `wake` calls the monitor's turn when something is ready."""

    def __init__(self) -> None:
        monitor = PROCESS.get()
        assert monitor is not None
        self._wake: Callable[[], None] = monitor.wake
        self._keys: dict[int, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """See BaseSelector."""
        key = selectors.SelectorKey(fileobj, fileobj.fileno(), events, data)
        if key.fd in self._keys:
            raise KeyError(f"{fileobj} is registered twice")
        self._keys[key.fd] = key
        fileobj.listeners[self._wake] = None
        if fileobj.readable:
            self._wake()
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """See BaseSelector."""
        fileobj.listeners.pop(self._wake, None)
        return self._keys.pop(fileobj.fileno())

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """See BaseSelector."""
        key = selectors.SelectorKey(fileobj, fileobj.fileno(), events, data)
        self._keys[key.fd] = key
        return key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready."""
        del timeout
        return [(key, selectors.EVENT_READ) for key in self._keys.values() if key.fileobj.readable]  # type: ignore[union-attr]

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        """See BaseSelector."""
        return self._keys[fileobj if isinstance(fileobj, int) else fileobj.fileno()]

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """See BaseSelector."""
        return self._keys


class Alarm(MonotonicTimer):
    """The monitor's timer, on the node's simulated clock."""

    def __init__(self, clock: Clock) -> None:
        monitor = PROCESS.get()
        assert monitor is not None
        self._monitor = monitor
        self._clock = clock
        self._moment: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def deadline(self) -> float | None:
        """Return when it is due."""
        return self._moment

    def fileno(self) -> int:
        """Return a number that no file has."""
        return -1

    def arm(self, deadline: float) -> None:
        """Call the monitor's turn at *deadline*."""
        self.disarm()
        self._moment = deadline
        wait = self._clock.true_until(deadline)  # type: ignore[attr-defined]
        self._timer = self._monitor.later(max(0.0, wait) + 1e-6, self._ring)

    def disarm(self) -> None:
        """Let it be."""
        self._moment = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """Let it be."""
        self.disarm()

    def _ring(self) -> None:
        self._moment = self._timer = None
        self._monitor.wake()
