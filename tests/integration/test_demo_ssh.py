"""The demo's SSH server, with real connections; the relay is a small program of the test's own."""

import asyncio
import contextlib
import hashlib
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import paramiko
import pytest

from clusteradmin.client.transport import AgentExited
from clusteradmin.demo import programs
from clusteradmin.demo.keys import make_key
from clusteradmin.demo.notices import NoticeBoard
from clusteradmin.demo.sshserver import HOST, ServerSettings
from clusteradmin.ssh.channel import AgentChannel
from clusteradmin.ssh.config import HostConfig
from clusteradmin.ssh.connection import SshConnection
from clusteradmin.ssh.credentials import Credentials
from clusteradmin.ssh.errors import AuthenticationFailed, HostKeyChanged
from clusteradmin.ssh.hostkeys import HostKey
from clusteradmin.ssh.trust import Trust
from tests.support.sshd import free_port

ECHO = "import os\nwhile d := os.read(0, 65536):\n  while d: d = d[os.write(1, d):]\n"
SECONDS = 10.0


@dataclass
class Running:
    home: Path
    port: int
    host_key: HostKey
    process: subprocess.Popen[bytes]

    @property
    def key(self) -> Path:
        return self.home / "client_key"

    def host(self, key: Path | None = None, user: str = "anna") -> HostConfig:
        return HostConfig("node1", HOST, self.port, user, identity_files=(key or self.key,), identities_only=True)

    async def connect(self, key: Path | None = None, user: str = "anna") -> SshConnection:
        trust = Trust(self.home / "known_hosts", (self.host_key,))
        return await SshConnection.open(self.host(key, user), Credentials(use_agent=False), trust)

    def transport(self) -> paramiko.Transport:
        """Return a connection for what our own client never asks."""
        transport = paramiko.Transport((HOST, self.port))
        transport.connect(username="anna", pkey=paramiko.Ed25519Key.from_private_key_file(str(self.key)))
        return transport


@contextmanager
def running(home: Path, relay: str = ECHO) -> Iterator[Running]:
    home.mkdir(exist_ok=True)
    client, host = make_key(home / "client_key"), make_key(home / "host_key")
    port = free_port()
    command = (sys.executable, "-c", relay)
    settings = ServerSettings(port=port, host_key=str(home / "host_key"), user="anna", client_key=client, relay=command)
    (home / "settings.json").write_bytes(msgspec.json.encode(settings))
    notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notices.bind(str(home / "notices"))
    process = subprocess.Popen(
        programs.python("clusteradmin.demo.sshserver", str(home / "settings.json")),
        env=programs.environment() | {"NOTIFY_SOCKET": str(home / "notices")},
        start_new_session=True,
    )
    try:
        notices.settimeout(SECONDS * 2)
        assert notices.recv(100) == b"READY=1"
        yield Running(home, port, HostKey.parse(host), process)
    finally:
        notices.close()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path / "node") as found:
        yield found


async def echoed(channel: AgentChannel, line: bytes) -> bytes:
    await channel.send(line)
    async for batch in channel.lines():
        return b"".join(batch)
    return b""


@pytest.mark.asyncio
async def test_whatever_is_asked_to_run_the_relay_runs(server: Running) -> None:
    connection = await server.connect()
    channel = await connection.exec("rm -rf /nowhere", owned=True)
    assert await echoed(channel, b"hello\n") == b"hello\n"
    await channel.close()


@pytest.mark.asyncio
async def test_several_sessions_do_not_disturb_each_other(server: Running) -> None:
    first, second = await server.connect(), await server.connect()
    channels = [await connection.exec("x") for connection in (first, first, second)]
    words = [b"one\n", b"two\n", b"three\n"]
    assert await asyncio.gather(*map(echoed, channels, words)) == words
    await first.close()
    assert await echoed(channels[2], b"still here\n") == b"still here\n"
    for channel in channels:
        await channel.close()
    await second.close()


def test_every_byte_comes_through_as_it_was(server: Running) -> None:
    sent = bytes(range(256)) * 4096 + os.urandom(1 << 20)
    transport = server.transport()
    channel = transport.open_session()
    channel.exec_command("relay")
    got = hashlib.sha256()
    count = 0
    rest = sent
    while count < len(sent):
        channel.settimeout(SECONDS)
        if rest and channel.send_ready():
            rest = rest[channel.send(rest[:32768]) :]
        if channel.recv_ready() or not rest:
            data = channel.recv(65536)
            assert data, "the connection ended early"
            got.update(data)
            count += len(data)
    channel.shutdown_write()
    assert channel.recv(1) == b""
    assert channel.recv_exit_status() == 0
    assert got.digest() == hashlib.sha256(sent).digest()
    transport.close()


@pytest.mark.asyncio
async def test_how_the_relay_ended_and_what_it_said_last_is_told(tmp_path: Path) -> None:
    relay = "import sys; sys.stderr.write('No Cluster Service listens here.\\n'); sys.exit(3)"
    with running(tmp_path / "node", relay) as server:
        connection = await server.connect()
        channel = await connection.exec("relay", owned=True)
        with pytest.raises(AgentExited, match=r"exit status 3 .*No Cluster Service listens here") as ended:
            async for _ in channel.lines():
                pass
        assert ended.value.status == 3
        await channel.close()


@pytest.mark.asyncio
async def test_a_relay_ends_with_its_connection(tmp_path: Path) -> None:
    relay = f"import os\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\nprint('on', flush=True)\n" + ECHO
    with running(tmp_path / "node", relay) as server:
        connection = await server.connect()
        channel = await connection.exec("relay", owned=True)
        async for batch in channel.lines():
            assert batch == [b"on\n"]
            break
        pidfd = os.pidfd_open(int((tmp_path / "pid").read_text()))
        connection.abort()
        await channel.close()
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        assert poll.poll(SECONDS * 1000)
        os.close(pidfd)


@pytest.mark.asyncio
async def test_another_key_is_not_let_in(server: Running) -> None:
    make_key(server.home / "other_key")
    with pytest.raises(AuthenticationFailed):
        await server.connect(key=server.home / "other_key")


@pytest.mark.asyncio
async def test_another_user_is_not_let_in(server: Running) -> None:
    with pytest.raises(AuthenticationFailed):
        await server.connect(user="root")


@pytest.mark.asyncio
async def test_the_host_proves_which_node_it_is(server: Running, tmp_path: Path) -> None:
    other = HostKey.parse(make_key(tmp_path / "another_host_key"))
    with pytest.raises(HostKeyChanged):
        await SshConnection.open(
            server.host(), Credentials(use_agent=False), Trust(server.home / "known_hosts", (other,))
        )


WISHES: dict[str, Callable[[paramiko.Transport], object]] = {
    "shell": lambda transport: transport.open_session().invoke_shell(),
    "subsystem": lambda transport: transport.open_session().invoke_subsystem("sftp"),
    "terminal": lambda transport: transport.open_session().get_pty(),
    "forwarding": lambda transport: transport.open_channel("direct-tcpip", (HOST, 1), (HOST, 0)),
    "listening": lambda transport: transport.request_port_forward(HOST, 0),
}


@pytest.mark.parametrize("wish", WISHES)
def test_nothing_but_the_relay_is_to_be_had(server: Running, wish: str) -> None:
    transport = server.transport()
    with contextlib.closing(transport), pytest.raises(paramiko.SSHException):
        WISHES[wish](transport)


@pytest.mark.asyncio
async def test_it_says_that_it_lives(server: Running, tmp_path: Path) -> None:
    with running(tmp_path / "second") as second:
        heard = asyncio.Event()
        (second.home / "notices").unlink()
        board = NoticeBoard(second.home / "notices", lambda said: heard.set() if "WATCHDOG=1" in said else None)
        with contextlib.closing(board):
            async with asyncio.timeout(SECONDS):
                await heard.wait()


def test_it_ends_when_the_demo_that_started_it_is_gone(tmp_path: Path) -> None:
    client = make_key(tmp_path / "client_key")
    make_key(tmp_path / "host_key")
    settings = ServerSettings(
        port=free_port(), host_key=str(tmp_path / "host_key"), user="anna", client_key=client, relay=("true",)
    )
    (tmp_path / "settings.json").write_bytes(msgspec.json.encode(settings))
    command = programs.python("clusteradmin.demo.sshserver", str(tmp_path / "settings.json"))
    demo = f"import subprocess; print(subprocess.Popen({command!r}).pid, flush=True); input()"
    environment = programs.environment() | {"NOTIFY_SOCKET": str(tmp_path / "notices")}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind(str(tmp_path / "notices"))
        notices.settimeout(SECONDS * 2)
        pipe = subprocess.PIPE
        with subprocess.Popen([sys.executable, "-c", demo], env=environment, stdin=pipe, stdout=pipe) as parent:
            assert parent.stdout is not None
            pidfd = os.pidfd_open(int(parent.stdout.readline()))
            assert notices.recv(100) == b"READY=1"
            parent.kill()
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    assert poll.poll(SECONDS * 1000)
    os.close(pidfd)
