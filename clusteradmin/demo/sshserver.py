"""python -m clusteradmin.demo.sshserver FILE: the sshd of one node of the demo, on loopback.

Lets one key in as one user, and whatever that user asks to run, runs the node's relay: as OpenSSH does for an account
with ForceCommand and "restrict". No shell, no subsystem, no forwarding.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)

from clusteradmin.demo import programs
from clusteradmin.demo.marked import MARK
from clusteradmin.demo.notices import ALIVE, READY, tell
from clusteradmin.ssh.hostkeys import HostKey

HOST: Final = "127.0.0.1"

_TICK_SECONDS: Final = 1.0
_LOGIN_SECONDS: Final = 30.0
_MOST_CONNECTIONS: Final = 64
_READ_BYTES: Final = 65536
_FAREWELL_SECONDS: Final = 3.0

_BROKEN: Final = (OSError, EOFError, paramiko.SSHException)


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the server of one node is told.

    Attributes:
        host_key: file of the private key by which it proves which node it is.
        client_key: the public key that is let in ("ssh-ed25519 AAAA…").
        relay: the command that connects a session with the node's Cluster Service.
    """

    port: int
    host_key: str
    user: str
    client_key: str
    relay: tuple[str, ...]


class Relayed:
    """One session: the relay's pipes on one side, the channel on the other, a thread for each way."""

    def __init__(self, channel: paramiko.Channel, command: tuple[str, ...]) -> None:
        """Start the relay and the threads. Raises OSError."""
        self._channel = channel
        self._relay = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=programs.environment(os.environ.get(MARK, "")),
            bufsize=0,
        )
        threading.Thread(target=self._carry, name=f"session {channel.get_id()}", daemon=True).start()

    def _carry(self) -> None:
        """Carry until the relay ends, however that comes about, and tell the other side how it ended."""
        relay = self._relay
        assert relay.stdin
        assert relay.stdout
        assert relay.stderr
        inward = threading.Thread(target=self._inward, args=(relay.stdin.fileno(),), daemon=True)
        errors = threading.Thread(
            target=self._outward, args=(relay.stderr.fileno(), self._channel.sendall_stderr), daemon=True
        )
        inward.start()
        errors.start()
        self._outward(relay.stdout.fileno(), self._channel.sendall)
        code = self._await_end()
        errors.join()
        with contextlib.suppress(*_BROKEN):
            self._channel.send_exit_status(code if code >= 0 else 128 - code)  # as a shell says it
        with contextlib.suppress(*_BROKEN):
            self._channel.close()
        inward.join()
        for pipe in (relay.stdout, relay.stderr):
            pipe.close()

    def _inward(self, pipe: int) -> None:
        """From the channel to the relay; an end of the one is an end of the other."""
        with contextlib.suppress(*_BROKEN):
            while data := self._channel.recv(_READ_BYTES):
                _write(pipe, data)
        assert self._relay.stdin
        self._relay.stdin.close()

    def _outward(self, pipe: int, send: Callable[[bytes], None]) -> None:
        """From the relay to the channel; what a broken channel does not take is read all the same, to its end."""
        deaf = False
        while data := os.read(pipe, _READ_BYTES):
            if deaf:
                continue
            try:
                send(data)
            except _BROKEN:
                deaf = True

    def _await_end(self) -> int:
        """Return the relay's exit code; its output has ended, so it has not much left to do."""
        try:
            return self._relay.wait(_FAREWELL_SECONDS)
        except subprocess.TimeoutExpired:
            self._relay.kill()
            return self._relay.wait()


def _write(pipe: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(pipe, view) :]


class Door(paramiko.ServerInterface):
    """Decides on one connection; paramiko refuses by itself whatever is not allowed here."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._client_key = HostKey.parse(settings.client_key)

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        shown = HostKey(key.get_name(), key.asbytes())
        return AUTH_SUCCESSFUL if username == self._settings.user and shown == self._client_key else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        try:
            Relayed(channel, self._settings.relay)
        except OSError:
            return False
        return True


class Server:
    """Accepts connections; each has a thread of paramiko's, each session in it some of `Relayed`."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._host_key = paramiko.Ed25519Key.from_private_key_file(settings.host_key)
        self._connections: dict[paramiko.Transport, float] = {}

    def serve(self) -> None:
        """Serve as long as the demo lives that started this."""
        demo = os.getppid()
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            # The demo holds the port for this node with a socket that never listens; both say that this is well.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((HOST, self._settings.port))
            listener.listen()
            tell(READY)
            while os.getppid() == demo:
                readable, _, _ = select.select([listener], [], [], _TICK_SECONDS)
                if readable:
                    self._accept(listener)
                self._drop()
                tell(ALIVE)

    def _accept(self, listener: socket.socket) -> None:
        link, _ = listener.accept()
        if len(self._connections) >= _MOST_CONNECTIONS:
            link.close()
            return
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = paramiko.Transport(link)
        transport.add_server_key(self._host_key)
        self._connections[transport] = time.monotonic()
        with contextlib.suppress(*_BROKEN):
            transport.start_server(event=threading.Event(), server=Door(self._settings))

    def _drop(self) -> None:
        """Let go of connections that have ended, and of those that do not log in."""
        now = time.monotonic()
        for transport, since in list(self._connections.items()):
            if not transport.is_authenticated() and now - since > _LOGIN_SECONDS:
                transport.close()
            if not transport.is_alive():
                del self._connections[transport]


def main(argv: list[str]) -> int:
    logging.getLogger("paramiko").addHandler(logging.NullHandler())  # refusals are no news for the console
    Server(msgspec.json.decode(Path(argv[0]).read_bytes(), type=ServerSettings)).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
