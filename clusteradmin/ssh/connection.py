"""One SSH connection: dialled, its host verified, logged in; commands are run over it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Sequence
from typing import TypeVar

import paramiko

from clusteradmin.client.transport import MAX_LINE_BYTES, ConnectFailed, ConnectFailure, ConnectionLost
from clusteradmin.ssh.authentication import Login
from clusteradmin.ssh.channel import AgentChannel
from clusteradmin.ssh.config import HostConfig
from clusteradmin.ssh.credentials import Credentials
from clusteradmin.ssh.dial import dial
from clusteradmin.ssh.hostkeys import HostKey
from clusteradmin.ssh.threads import in_thread
from clusteradmin.ssh.trust import Trust

OPEN_SECONDS = 15.0
"""The limit for each step that waits for the host: dialling, agreeing on keys, opening a channel."""

_JOIN_SECONDS = 0.5
_LOG = "clusteradmin.ssh.transport"
_SIGNATURES = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}  # one type of key, several ways to sign (RFC 8332)

T = TypeVar("T")

logging.getLogger(_LOG).addHandler(logging.NullHandler())  # or paramiko's tracebacks land on the user's terminal


class SshConnection:
    """A connection whose host is the right one and lets the user in.

    paramiko keeps one thread per connection; each blocking call of ours has a short-lived one (`in_thread`). All of
    them have ended when `close` returns.
    """

    def __init__(
        self, host: HostConfig, carrier: socket.socket | paramiko.Channel, via: SshConnection | None = None
    ) -> None:
        """Take over *carrier* and *via*, which are closed with this; use `open`."""
        self.host = host
        self._carrier = carrier
        self._via = via
        self._closed = False
        self._transport = paramiko.Transport(carrier)
        self._transport.set_log_channel(_LOG)

    @classmethod
    async def open(
        cls,
        host: HostConfig,
        credentials: Credentials,
        trust: Trust,
        *,
        via: SshConnection | None = None,
        timeout: float = OPEN_SECONDS,
    ) -> SshConnection:
        """Connect, verify the host and log in. *timeout* (seconds) is per step; people have no limit.

        Args:
            via: a connection to go through; it belongs to the new one from now on, also when this fails.

        Raises:
            ConnectFailed: not reached, or it does not speak SSH with us.
            HostKeyChanged, HostKeyRevoked, HostKeyRefused: it is not, or may not be, the host that is meant.
            AuthenticationFailed: it does not let the user in.
        """
        try:
            carrier = await (via.forward(host, timeout) if via else dial(host.hostname, host.port, timeout))
        except BaseException:
            if via:
                await via.close()
            raise
        connection = cls(host, carrier, via)
        try:
            await connection._agree(trust.key_types(host), timeout)
            await trust.check(host, connection.host_key, credentials.prompter)
            await Login(connection._transport, host, credentials, connection.abort).run()
        except BaseException:
            await connection.close()
            raise
        return connection

    @property
    def description(self) -> str:
        through = f" through {self._via.host}" if self._via else ""
        return f"over SSH to {self.host}{through}"

    @property
    def host_key(self) -> HostKey:
        """The key by which the host proved who it is."""
        key = self._transport.get_remote_server_key()
        return HostKey(key.get_name(), key.asbytes())

    @property
    def is_active(self) -> bool:
        """False once the end is known; a frozen host is not noticed here."""
        return not self._closed and self._transport.is_active()

    async def _agree(self, key_types: Sequence[str], timeout: float) -> None:
        """Exchange versions and keys."""
        options = self._transport.get_security_options()
        options.ciphers = sorted(options.ciphers, key=lambda cipher: "-gcm" not in cipher)  # by far the fastest here
        options.key_types = [way for kind in key_types for way in _SIGNATURES.get(kind, (kind,))]
        # paramiko measures by the wall clock, which may be set: its limits only come after ours.
        self._transport.banner_timeout = self._transport.handshake_timeout = timeout + 1
        try:
            async with asyncio.timeout(timeout):
                await in_thread(self._transport.start_client, f"ssh handshake {self.host.alias}", self.abort)
        except TimeoutError as exc:
            sentence = f"{self.host} took the connection, but its SSH server did not answer within {timeout:g} s."
            raise ConnectFailed(ConnectFailure.TIMEOUT, sentence) from exc
        except (paramiko.SSHException, EOFError, OSError) as exc:
            reason = str(exc) or "it ended the connection"
            sentence = f"No SSH connection with {self.host} came about: {reason.rstrip('.')}."
            raise ConnectFailed(ConnectFailure.PROTOCOL, sentence) from exc

    async def exec(
        self, command: str, *, timeout: float = OPEN_SECONDS, max_line: int = MAX_LINE_BYTES, owned: bool = False
    ) -> AgentChannel:
        """Run *command* there and return its lines.

        Args:
            owned: the connection is used for nothing else, and is closed with the channel.

        Raises:
            ConnectFailed: the host refuses to run commands for this user, or does not answer within *timeout*.
            ConnectionLost: the connection has ended.
        """
        channel = await self._open_channel("session", None, timeout)
        try:
            await self._in_time(lambda: channel.exec_command(command), timeout)
        except paramiko.SSHException as exc:
            if not self.is_active:
                raise ConnectionLost(self.description, str(exc)) from exc
            sentence = f"{self.host} does not run commands for this user."
            raise ConnectFailed(ConnectFailure.NOT_PERMITTED, sentence) from exc
        return AgentChannel(
            channel,
            self.description,
            command,
            abort=self.abort,
            closed=self.close if owned else None,
            max_line=max_line,
        )

    async def forward(self, target: HostConfig, timeout: float = OPEN_SECONDS) -> paramiko.Channel:
        """Return a TCP connection that the host of this one makes to *target*. Raises ConnectFailed."""
        return await self._open_channel("direct-tcpip", (target.hostname, target.port), timeout)

    async def _open_channel(self, kind: str, target: tuple[str, int] | None, timeout: float) -> paramiko.Channel:
        origin = ("127.0.0.1", 0) if target else None  # sshd only logs it
        try:
            return await self._in_time(lambda: self._transport.open_channel(kind, target, origin), timeout)
        except paramiko.ChannelException as exc:
            if target is None:
                sentence = f"{self.host} lets this user log in, but opens no session ({exc.text})."
                raise ConnectFailed(ConnectFailure.NOT_PERMITTED, sentence) from exc
            sentence = f"{target[0]} port {target[1]} cannot be reached through {self.host} ({exc.text})."
            raise ConnectFailed(ConnectFailure.UNREACHABLE, sentence) from exc
        except (paramiko.SSHException, EOFError, OSError) as exc:
            raise ConnectionLost(self.description, str(exc)) from exc

    async def _in_time(self, work: Callable[[], T], timeout: float) -> T:
        """Run a blocking call; one that takes too long costs the connection, since nothing else ends it."""
        try:
            async with asyncio.timeout(timeout):
                return await in_thread(work, f"ssh open {self.host.alias}", self.abort)
        except TimeoutError as exc:
            raise ConnectFailed(ConnectFailure.TIMEOUT, f"{self.host} did not answer within {timeout:g} s.") from exc

    def abort(self) -> None:
        """Cut the connection without waiting or saying goodbye; everything that blocks on it ends. Then `close`."""
        if self._via:
            self._via.abort()
        elif isinstance(self._carrier, socket.socket):
            with contextlib.suppress(OSError):  # not connected any more
                self._carrier.shutdown(socket.SHUT_RDWR)

    async def close(self) -> None:
        """End it, and all its channels, in less than a second. Closing twice is not an error."""
        if self._closed:
            return
        self._closed = True
        # Cut first: paramiko's thread then leaves by itself. Its own close() would pull the descriptor from under it.
        self.abort()
        await in_thread(self._join, f"ssh close {self.host.alias}")
        if self._via:
            await self._via.close()

    def _join(self) -> None:
        if self._transport.is_alive():
            self._transport.join(_JOIN_SECONDS)
        self._transport.close()
        self._carrier.close()
