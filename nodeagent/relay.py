"""What SSH starts: copies standard input and output to and from the node's local socket."""

from __future__ import annotations

import os
import selectors
import socket
import sys
from pathlib import Path

from nodeagent.api.problems import problem
from nodeagent.api.wire import Bye, encode

PIECE = 65536


def relay(path: Path) -> int:
    """Copy until either side ends; exit code 0, or 69 (service unavailable) when nobody listens."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(path))
    except OSError as exc:
        os.write(1, encode(Bye(problem=problem("service_not_running", detail=exc.strerror or str(exc)))))
        sys.stderr.write("The Cluster Service is not running on this node.\n")
        return 69
    with connection, selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        selector.register(connection, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fd == 0:
                    data = os.read(0, PIECE)
                    if not data:
                        return 0
                    connection.sendall(data)
                else:
                    data = connection.recv(PIECE)
                    if not data:
                        return 0
                    _write_all(data)


def _write_all(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]
