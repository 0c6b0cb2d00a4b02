"""What SSH starts: copies standard input and output to and from the node's local socket."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path
from selectors import EVENT_READ, EVENT_WRITE, PollSelector
from typing import Final

from nodeagent.api.problems import problem
from nodeagent.api.wire import Bye, encode

PIECE: Final = 65536  # bytes
LAST_WORDS: Final = 5.0  # seconds of silence after which a service is left that does not end the connection


def relay(path: Path) -> int:
    """Copy until either side ends; exit code 0, or 69 (service unavailable) when nobody listens.

    When one side ends, what the other has already said still arrives: a refusal, above all.
    """
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # who has ended is found out by the call that fails
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(str(path))
        except OSError as exc:
            _write_all(encode(Bye(problem=problem("service_not_running", detail=exc.strerror or str(exc)))))
            sys.stderr.write("The Cluster Service is not running on this node.\n")
            return 69
        connection.setblocking(False)
        _Relay(connection).run()
    return 0


class _Relay:
    """Never waits for the service to read while the service waits for what it said to be read."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._waiting = b""  # read, and not taken by the service yet
        self._ended = False  # nothing more is read

    def run(self) -> None:
        # poll also takes a file as standard input, which epoll does not.
        with PollSelector() as selector:
            selector.register(self._connection, EVENT_READ)
            selector.register(0, EVENT_READ)
            while events := selector.select(LAST_WORDS if self._ended else None):
                reading = not (self._waiting or self._ended)
                for key, what in events:
                    if key.fd == 0:
                        self._read()
                    elif what & EVENT_READ and not self._copy_out():
                        return
                self._pass_on()
                if reading and (self._waiting or self._ended):
                    selector.unregister(0)
                    selector.modify(self._connection, EVENT_READ | (EVENT_WRITE if self._waiting else 0))
                elif not reading and not self._waiting:
                    selector.modify(self._connection, EVENT_READ)
                    if not self._ended:
                        selector.register(0, EVENT_READ)

    def _read(self) -> None:
        try:
            self._waiting = os.read(0, PIECE)
        except OSError:
            self._waiting = b""
        if not self._waiting:
            self._end()

    def _pass_on(self) -> None:
        if not self._waiting:
            return
        try:
            self._waiting = self._waiting[self._connection.send(self._waiting) :]
        except BlockingIOError:
            return
        except OSError:  # nobody takes it; the service's last words may still be on their way
            self._waiting = b""
            self._ended = True

    def _end(self) -> None:
        self._ended = True
        try:
            self._connection.shutdown(socket.SHUT_WR)
        except OSError:
            return  # it has ended as well: reading finds out

    def _copy_out(self) -> bool:
        try:
            data = self._connection.recv(PIECE)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return bool(data) and _write_all(data)


def _write_all(data: bytes) -> bool:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(1, view) :]
    except OSError:  # the workstation is gone
        return False
    return True
