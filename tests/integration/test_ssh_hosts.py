"""Which hosts are talked to: their keys, and those that do not answer, with a real OpenSSH server."""

import asyncio
import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clusteradmin.client.transport import ConnectFailed, ConnectFailure
from clusteradmin.ssh.connection import SshConnection
from clusteradmin.ssh.credentials import (
    HostKeyQuestion,
)
from clusteradmin.ssh.errors import HostKeyChanged, HostKeyRefused, HostKeyRevoked
from clusteradmin.ssh.hostkeys import HostKey
from clusteradmin.ssh.trust import Trust
from tests.support.logins import Answers, connected, credentials, known
from tests.support.sshd import Sshd, free_port, make_key, running_sshd


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A server that takes keys only; no test changes it."""
    with running_sshd(tmp_path_factory.mktemp("sshd"), "AuthenticationMethods publickey\n") as server:
        yield server


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


def fingerprint_by_openssh(key: Path) -> str:
    said = subprocess.run(["ssh-keygen", "-l", "-f", key], capture_output=True, text=True, check=True).stdout
    return said.split()[1]


@pytest.mark.asyncio
async def test_the_first_time_the_fingerprint_is_shown_and_an_accepted_key_is_known_from_then_on(
    sshd: Sshd, own_file: Path
) -> None:
    answers = Answers(accept=True)
    async with connected(sshd, credentials(answers), Trust(own_file)):
        pass
    (question,) = answers.asked
    assert isinstance(question, HostKeyQuestion)
    assert question.fingerprint == fingerprint_by_openssh(sshd.host_key_file)
    assert own_file.read_text() == sshd.known_hosts_line
    async with connected(sshd, credentials(), Trust(own_file)):
        pass


@pytest.mark.asyncio
async def test_a_refused_host_key_ends_it_before_anything_is_offered(sshd: Sshd, own_file: Path) -> None:
    before = len(sshd.log)
    with pytest.raises(HostKeyRefused, match="it was not accepted"):
        await SshConnection.open(sshd.host(), credentials(Answers(accept=False)), Trust(own_file))
    assert not own_file.exists()
    assert not any("publickey" in line for line in sshd.log[before:])


@pytest.mark.asyncio
async def test_without_terminal_or_window_an_unknown_host_is_refused_with_a_sentence(
    sshd: Sshd, own_file: Path
) -> None:
    with pytest.raises(HostKeyRefused, match="cannot be asked without a terminal or window"):
        await SshConnection.open(sshd.host(), credentials(), Trust(own_file))


@pytest.mark.asyncio
async def test_a_changed_host_key_is_refused_without_a_question(sshd: Sshd, own_file: Path, tmp_path: Path) -> None:
    other = HostKey.parse(make_key(tmp_path / "other").with_suffix(".pub").read_text())
    own_file.write_text(f"[127.0.0.1]:{sshd.port} {other}\n")
    answers = Answers(accept=True)
    with pytest.raises(HostKeyChanged) as caught:
        await SshConnection.open(sshd.host(), credentials(answers), Trust(own_file))
    assert answers.asked == []
    assert caught.value.shown == sshd.host_key
    assert f"{own_file} line 1" in str(caught.value)
    assert sshd.host_key.fingerprint in str(caught.value)
    assert other.fingerprint in str(caught.value)


@pytest.mark.asyncio
async def test_a_changed_key_in_the_users_own_file_is_refused_too(sshd: Sshd, own_file: Path, tmp_path: Path) -> None:
    other = HostKey.parse(make_key(tmp_path / "other").with_suffix(".pub").read_text())
    users = tmp_path / "users_known_hosts"
    users.write_text(f"[127.0.0.1]:{sshd.port} {other}\n")
    host = sshd.host(known_hosts_files=(users,))
    with pytest.raises(HostKeyChanged, match="users_known_hosts line 1"):
        await SshConnection.open(host, credentials(Answers(accept=True)), Trust(own_file))


@pytest.mark.asyncio
async def test_a_revoked_host_key_is_refused_although_it_is_known(sshd: Sshd, own_file: Path) -> None:
    own_file.write_text(f"{sshd.known_hosts_line}@revoked * {sshd.host_key}\n")
    with pytest.raises(HostKeyRevoked, match="line 2"):
        await SshConnection.open(sshd.host(), credentials(Answers(accept=True)), Trust(own_file))


@pytest.mark.asyncio
async def test_the_key_reported_by_the_cluster_needs_no_question_and_no_file(sshd: Sshd, own_file: Path) -> None:
    async with connected(sshd, credentials(), Trust(own_file, (sshd.host_key,))) as connection:
        assert connection.is_active
    assert not own_file.exists()


@pytest.mark.asyncio
async def test_another_key_than_the_reported_one_is_refused_although_a_file_knows_it(
    sshd: Sshd, own_file: Path, tmp_path: Path
) -> None:
    other = HostKey.parse(make_key(tmp_path / "other").with_suffix(".pub").read_text())
    own_file.write_text(sshd.known_hosts_line)
    with pytest.raises(HostKeyChanged, match="the cluster reported"):
        await SshConnection.open(sshd.host(), credentials(Answers(accept=True)), Trust(own_file, (other,)))


@pytest.mark.asyncio
async def test_a_host_with_several_keys_is_asked_for_the_one_it_is_known_by(tmp_path: Path, own_file: Path) -> None:
    kinds = ("rsa", "ecdsa", "ed25519")
    with running_sshd(tmp_path / "sshd", host_key_kinds=kinds) as sshd:
        for kind in kinds:
            key = HostKey.parse((sshd.home / f"host_{kind}.pub").read_text())
            own_file.write_text(f"[127.0.0.1]:{sshd.port} {key}\n")
            async with connected(sshd, credentials(), Trust(own_file)) as connection:
                assert connection.host_key == key
        # Known by a key that it has no longer: not a host that is seen for the first time.
        lost = HostKey.parse(make_key(tmp_path / "lost").with_suffix(".pub").read_text())
        own_file.write_text(f"[127.0.0.1]:{sshd.port} {lost}\n")
        with pytest.raises(HostKeyChanged):
            await SshConnection.open(sshd.host(), credentials(Answers(accept=True)), Trust(own_file))


# --- no connection at all


@pytest.mark.asyncio
async def test_a_port_where_nothing_listens_refuses(tmp_path: Path, sshd: Sshd) -> None:
    host = replace(sshd.host(), port=free_port())
    with pytest.raises(ConnectFailed, match="refused the connection") as caught:
        await SshConnection.open(host, credentials(), Trust(tmp_path / "known_hosts"))
    assert caught.value.reason is ConnectFailure.REFUSED


@pytest.mark.asyncio
async def test_a_name_that_does_not_exist_is_said_so(tmp_path: Path, sshd: Sshd) -> None:
    for name in ("no-such-host.invalid", "a" * 64 + ".invalid", "a..b"):
        with pytest.raises(ConnectFailed, match="cannot be resolved") as caught:
            await SshConnection.open(
                replace(sshd.host(), hostname=name), credentials(), Trust(tmp_path / "known_hosts")
            )
        assert caught.value.reason is ConnectFailure.UNRESOLVABLE


@pytest.mark.asyncio
async def test_what_is_no_ssh_server_is_said_to_be_none(tmp_path: Path, sshd: Sshd) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        host = replace(sshd.host(), port=server.sockets[0].getsockname()[1])
        with pytest.raises(ConnectFailed, match="No SSH connection with") as caught:
            await SshConnection.open(host, credentials(), Trust(tmp_path / "known_hosts"))
    assert caught.value.reason is ConnectFailure.PROTOCOL


@pytest.mark.asyncio
async def test_a_frozen_server_is_given_up_in_time_with_a_sentence(tmp_path: Path, own_file: Path) -> None:
    with running_sshd(tmp_path / "sshd") as sshd:
        sshd.freeze()
        start = time.monotonic()
        with pytest.raises(ConnectFailed, match=r"its SSH server did not answer within 0\.7 s") as caught:
            await SshConnection.open(sshd.host(), credentials(), known(sshd, own_file), timeout=0.7)
        assert caught.value.reason is ConnectFailure.TIMEOUT
        assert time.monotonic() - start < 2


@pytest.mark.asyncio
async def test_an_address_that_refuses_does_not_keep_us_from_the_next_one(
    monkeypatch: pytest.MonkeyPatch, sshd: Sshd, own_file: Path
) -> None:
    resolved = socket.getaddrinfo("127.0.0.1", free_port(), type=socket.SOCK_STREAM)
    resolved += socket.getaddrinfo("127.0.0.1", sshd.port, type=socket.SOCK_STREAM)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: resolved)  # a name with two addresses
    async with connected(sshd, credentials(), Trust(own_file, (sshd.host_key,))) as connection:
        assert connection.is_active


@pytest.mark.asyncio
async def test_a_host_key_that_cannot_be_kept_is_trusted_this_time(
    sshd: Sshd, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a file").touch()
    async with connected(sshd, credentials(Answers(accept=True)), Trust(tmp_path / "a file" / "known_hosts")):
        assert "could not be kept" in caplog.text
