"""The connection to the Cluster Service: the newest one counts, and nobody is waited for (safety rule O4)."""

from __future__ import annotations

import os
import selectors
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from nodeagent.monitor.messages import MAXIMUM_LINE, Attach, FromMonitor, ToMonitor, decode_order, encode

MOST_UNSENT: Final = 8 * 1024 * 1024  # bytes; a service that reads so little attaches anew and is told all


class ServiceLine:
    """Listens on a Unix socket and gives the orders of the newest connection to *obey*.

    What a former service sent and was not read is never read. The first order of each must be Attach.
    """

    def __init__(self, path: Path, selector: selectors.BaseSelector, obey: Callable[[ToMonitor], None]) -> None:
        self._path = path
        self._selector = selector
        self._obey = obey
        self._service: socket.socket | None = None
        self._attached = False
        self._unread = b""
        self._unsent = bytearray()
        self._listener = self._listen()
        self._selector.register(self._listener, selectors.EVENT_READ, lambda _: self._accept())

    @property
    def attached(self) -> bool:
        """Whether a service gives orders and hears what is said."""
        return self._attached

    def say(self, message: FromMonitor) -> bool:
        """Send a message to the service; False when there is none: Attached tells the state later."""
        if not self._attached:
            return False
        waiting = bool(self._unsent)
        self._unsent += encode(message)
        if len(self._unsent) > MOST_UNSENT:
            self.drop()
        elif not waiting:
            self._flush()
        return self._attached

    def drop(self) -> None:
        """Let the service go."""
        if self._service is not None:
            self._selector.unregister(self._service)
            self._service.close()
        self._service = None
        self._attached = False
        self._unread = b""
        self._unsent.clear()

    def close(self) -> None:
        """Let the service go and listen no more."""
        self.drop()
        self._selector.unregister(self._listener)
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _listen(self) -> socket.socket:
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        before = os.umask(0o177)
        try:
            listener.bind(str(self._path))
        finally:
            os.umask(before)
        listener.listen(4)
        return listener

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # it has left again, or there is no file descriptor to be had: it is asked again
            return
        self.drop()
        connection.setblocking(False)
        self._service = connection
        self._selector.register(connection, selectors.EVENT_READ, self._ready)

    def _ready(self, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            self._flush()
        if events & selectors.EVENT_READ and self._service is not None:
            self._read(self._service)

    def _read(self, service: socket.socket) -> None:
        try:
            data = service.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.drop()
            return
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            try:
                order = decode_order(line)
            except msgspec.DecodeError:
                self.drop()  # not our service's language: let it attach anew
                return
            if isinstance(order, Attach):
                self._attached = True
            elif not self._attached:
                self.drop()
                return
            self._obey(order)
            if self._service is not service:
                return
        if len(self._unread) > MAXIMUM_LINE:
            self.drop()

    def _flush(self) -> None:
        if self._service is None:
            return
        waiting = bool(self._selector.get_key(self._service).events & selectors.EVENT_WRITE)
        try:
            sent = self._service.send(self._unsent) if self._unsent else 0
        except BlockingIOError:
            sent = 0
        except OSError:
            self.drop()
            return
        del self._unsent[:sent]
        if bool(self._unsent) is not waiting:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)
            self._selector.modify(self._service, events, self._ready)
