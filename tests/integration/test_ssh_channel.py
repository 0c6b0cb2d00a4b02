"""Lines to and from a command over a real OpenSSH server: that they arrive, and how it ends when it ends badly."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import paramiko
import psutil
import pytest
import pytest_asyncio

from clusteradmin.client.transport import (
    AgentExited,
    ConnectFailed,
    ConnectFailure,
    ConnectionLost,
    LineTooLong,
    LineTransport,
)
from clusteradmin.ssh.channel import AgentChannel
from clusteradmin.ssh.config import SshConfig
from clusteradmin.ssh.connection import SshConnection
from clusteradmin.ssh.credentials import Credentials
from clusteradmin.ssh.errors import HostKeyChanged
from clusteradmin.ssh.jump import open_agent_channel, open_connection
from clusteradmin.ssh.trust import Trust
from tests.support.logins import Answers
from tests.support.sshd import Sshd, free_port, make_key, running_sshd

CLOSE_SECONDS = 1.0

# Says back every line; reads by chunks, as the relay does.
ECHO = "cat"
# Takes nothing, says nothing, and does not even notice that its input ends.
DEAF = "exec sleep 1000 <&-"


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    with running_sshd(tmp_path / "sshd") as server:
        yield server


async def opened(sshd: Sshd) -> SshConnection:
    trust = Trust(sshd.home / "known_hosts", (sshd.host_key,))
    return await SshConnection.open(sshd.host(), Credentials(use_agent=False), trust)


@pytest_asyncio.fixture
async def connection(sshd: Sshd) -> AsyncIterator[SshConnection]:
    connection = await opened(sshd)
    yield connection
    await connection.close()


async def closed_in_time(transport: LineTransport | SshConnection) -> None:
    start = time.monotonic()
    await transport.close()
    assert time.monotonic() - start < CLOSE_SECONDS


def our_threads() -> list[str]:
    """Return the threads that run for connections: paramiko's have no name of ours."""
    return [
        thread.name
        for thread in threading.enumerate()
        if "sshd" not in thread.name and (" ssh " in f" {thread.name} " or isinstance(thread, paramiko.Transport))
    ]


async def read(transport: LineTransport, count: int) -> list[bytes]:
    """Read *count* lines, in however many batches they come."""
    lines: list[bytes] = []
    async for batch in transport.lines():
        lines += batch
        if len(lines) >= count:
            break
    return lines


async def rest_of(transport: LineTransport) -> list[bytes]:
    return [line async for batch in transport.lines() for line in batch]


async def exchange_many(channel: AgentChannel) -> None:
    """Send from several tasks at once, small lines and large, and find each of them whole in what comes back."""
    sent = [
        b"%d:%d:" % (task, number) + b"x" * (number * 997 % 5000) + b"\n" for task in range(4) for number in range(50)
    ]
    sent.append(b"big:" + b"y" * 3_000_000 + b"\n")

    async def send(lines: list[bytes]) -> None:
        for line in lines:
            await channel.send(line)

    async with asyncio.TaskGroup() as tasks:
        for task in range(5):
            tasks.create_task(send(sent[task * 50 : (task + 1) * 50]))
        received = tasks.create_task(read(channel, len(sent)))
    assert sorted(received.result()) == sorted(sent)


@pytest.mark.asyncio
async def test_lines_go_both_ways_whole_and_in_order(connection: SshConnection) -> None:
    channel = await connection.exec(ECHO)
    await channel.send(b"first\n")
    await channel.send(b"second\n")
    assert await read(channel, 2) == [b"first\n", b"second\n"]
    await exchange_many(channel)
    await closed_in_time(channel)


def test_lines_go_both_ways_on_the_windows_loop_too(sshd: Sshd) -> None:
    pytest.importorskip("PySide6")
    arguments = [str(sshd.port), sshd.user, str(sshd.user_key), f"{sshd.host_key_file}.pub"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.qasync_echo", *arguments],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("qasync: all lines, 1 thread\n", "")


@pytest.mark.asyncio
async def test_several_channels_share_a_connection_and_end_apart(connection: SshConnection) -> None:
    one, two = await connection.exec(ECHO), await connection.exec(ECHO)
    await one.close()
    await two.send(b"still here\n")
    assert await read(two, 1) == [b"still here\n"]
    await two.close()
    assert connection.is_active


@pytest.mark.asyncio
async def test_a_reader_that_takes_its_time_slows_the_other_side_down_and_loses_nothing(
    connection: SshConnection,
) -> None:
    count = 300_000
    channel = await connection.exec(f"seq -f '%060g' {count}")  # 18 MB: more than window and inbox hold
    seen = 0
    async for batch in channel.lines():
        assert int(batch[0]) == seen + 1
        seen += len(batch)
        await asyncio.sleep(0)
    assert seen == count
    await channel.close()


@pytest.mark.asyncio
async def test_a_command_that_ends_well_ends_the_lines(connection: SshConnection) -> None:
    channel = await connection.exec("echo one; echo two; echo aside >&2")
    assert await rest_of(channel) == [b"one\n", b"two\n"]
    assert channel.stderr_tail == "aside\n"
    await channel.close()


@pytest.mark.asyncio
async def test_a_node_without_an_agent_is_said_to_have_none(connection: SshConnection) -> None:
    channel = await connection.exec("no-such-agent relay")
    with pytest.raises(AgentExited, match="no-such-agent is not installed there") as caught:
        await rest_of(channel)
    assert caught.value.status == 127
    assert "not found" in caught.value.stderr
    with pytest.raises(AgentExited):  # whoever asks later is told the same
        await rest_of(channel)
    await channel.close()


@pytest.mark.asyncio
async def test_the_last_that_a_failing_command_says_is_kept(connection: SshConnection) -> None:
    channel = await connection.exec("seq 100000 >&2; echo the service is not running >&2; exit 3")
    with pytest.raises(AgentExited, match=r"ended with exit status 3 .*: the service is not running\.$") as caught:
        await rest_of(channel)
    assert len(caught.value.stderr) == 4096
    await channel.close()


@pytest.mark.asyncio
async def test_a_command_that_a_signal_ends_is_said_so(connection: SshConnection) -> None:
    channel = await connection.exec("kill -9 $$")
    with pytest.raises(AgentExited, match="was ended by a signal") as caught:
        await rest_of(channel)
    assert caught.value.status is None
    await channel.close()


@pytest.mark.asyncio
async def test_an_end_in_the_middle_of_a_line_is_no_clean_end(connection: SshConnection) -> None:
    channel = await connection.exec("printf 'whole\\nhalf'")
    lines = channel.lines()
    assert await anext(lines) == [b"whole\n"]
    with pytest.raises(ConnectionLost, match="in the middle of a line"):
        await anext(lines)
    await channel.close()


@pytest.mark.asyncio
async def test_a_line_above_the_limit_closes_the_channel_with_an_error(connection: SshConnection) -> None:
    channel = await connection.exec("echo short; head -c 5000000 /dev/zero; sleep 1000", max_line=100_000)
    lines = channel.lines()
    assert await anext(lines) == [b"short\n"]
    with pytest.raises(LineTooLong, match="more than 100000 bytes"):
        await anext(lines)
    with pytest.raises(ConnectionLost, match="closed here"):
        await channel.send(b"more\n")
    await channel.close()


@pytest.mark.asyncio
async def test_a_forced_command_is_run_in_place_of_ours(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "sshd", 'ForceCommand echo "asked for: $SSH_ORIGINAL_COMMAND"; exec cat\n') as sshd:
        connection = await opened(sshd)
        channel = await connection.exec("clusteragent relay", owned=True)
        await channel.send(b"hello\n")
        assert await read(channel, 2) == [b"asked for: clusteragent relay\n", b"hello\n"]
        await channel.close()


@pytest.mark.asyncio
async def test_a_host_that_opens_no_session_is_said_so(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "sshd", "MaxSessions 0\n") as sshd:
        connection = await opened(sshd)
        with pytest.raises(ConnectFailed, match="opens no session") as caught:
            await connection.exec(ECHO)
        assert caught.value.reason is ConnectFailure.NOT_PERMITTED
        await connection.close()


# --- how it ends


@pytest.mark.asyncio
async def test_a_server_that_is_killed_in_mid_session_is_a_lost_connection(sshd: Sshd) -> None:
    connection = await opened(sshd)
    channel = await connection.exec(ECHO, owned=True)
    await channel.send(b"before\n")
    lines = channel.lines()
    assert await anext(lines) == [b"before\n"]
    sshd.crash()
    with pytest.raises(ConnectionLost, match="was lost: the host ended the SSH connection"):
        await anext(lines)
    assert not connection.is_active
    with pytest.raises(ConnectionLost):
        await channel.send(b"after\n")
    with pytest.raises(ConnectionLost):
        await connection.exec(ECHO)
    await closed_in_time(channel)
    assert our_threads() == []


@pytest.mark.asyncio
async def test_closing_is_prompt_when_the_server_is_frozen(sshd: Sshd) -> None:
    connection = await opened(sshd)
    channel = await connection.exec(ECHO, owned=True)
    await channel.send(b"before\n")
    assert await read(channel, 1) == [b"before\n"]
    sshd.freeze()
    waiting = asyncio.create_task(rest_of(channel))
    await closed_in_time(channel)
    assert await waiting == []  # our own end is a clean end
    assert our_threads() == []


@pytest.mark.parametrize("frozen", [True, False], ids=["server frozen", "command deaf"])
@pytest.mark.parametrize("owned", [True, False])
@pytest.mark.asyncio
async def test_closing_is_prompt_when_nothing_more_is_taken(sshd: Sshd, frozen: bool, owned: bool) -> None:
    connection = await opened(sshd)
    channel = await connection.exec("cat > /dev/null; sleep 1000" if frozen else DEAF, owned=owned)
    if frozen:
        sshd.freeze()

    async def flood() -> None:
        while True:
            await channel.send(b"x" * 200_000 + b"\n")

    flooding = asyncio.create_task(flood())
    # 32 MiB are more than the window and the kernel's buffers take: then it stands still.
    done, _ = await asyncio.wait([flooding], timeout=0.5)
    assert not done
    await closed_in_time(channel)
    with pytest.raises(ConnectionLost):
        await flooding
    await closed_in_time(connection)
    assert our_threads() == []


@pytest.mark.asyncio
async def test_closing_the_connection_ends_its_channels(sshd: Sshd) -> None:
    connection = await opened(sshd)
    channel = await connection.exec(ECHO)
    await closed_in_time(connection)
    with pytest.raises(ConnectionLost):
        await rest_of(channel)
    await closed_in_time(channel)
    await closed_in_time(connection)


@pytest.mark.asyncio
async def test_closing_from_several_tasks_at_once_waits_for_the_one_end(connection: SshConnection) -> None:
    channel = await connection.exec(ECHO)
    await asyncio.gather(channel.close(), channel.close(), channel.close())
    assert not [name for name in our_threads() if "reader" in name or "writer" in name]


@pytest.mark.asyncio
async def test_the_remote_command_ends_with_the_channel(connection: SshConnection, sshd: Sshd) -> None:
    channel = await connection.exec(ECHO)
    await channel.send(b"hello\n")
    await read(channel, 1)
    (command,) = [process for process in sshd.sessions() if process.name() == "cat"]
    await channel.close()
    assert await asyncio.to_thread(psutil.wait_procs, [command], 5) == ([command], [])


@pytest.mark.asyncio
async def test_an_exec_that_the_frozen_server_does_not_answer_is_given_up(sshd: Sshd) -> None:
    connection = await opened(sshd)
    sshd.freeze()
    start = time.monotonic()
    with pytest.raises(ConnectFailed, match=r"did not answer within 0\.5 s") as caught:
        await connection.exec(ECHO, timeout=0.5)
    assert caught.value.reason is ConnectFailure.TIMEOUT
    assert time.monotonic() - start < 1.5
    await closed_in_time(connection)


# --- through other hosts


def config_for(home: Path, sshd: Sshd, gate: Sshd, more: str = "") -> SshConfig:
    (home / ".ssh").mkdir(exist_ok=True)
    (home / ".ssh" / "config").write_text(
        f"Host node1\n HostName 127.0.0.1\n Port {sshd.port}\n User {sshd.user}\n IdentityFile {sshd.user_key}\n"
        f" ProxyJump gate\n"
        f"Host gate\n HostName 127.0.0.1\n Port {gate.port}\n User {gate.user}\n IdentityFile {gate.user_key}\n"
        f"Host *\n IdentitiesOnly yes\n GlobalKnownHostsFile none\n{more}"
    )
    return SshConfig(home, home / "no system")


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Sshd]:
    with running_sshd(tmp_path / "gate", "AllowTcpForwarding yes\n") as server:
        yield server


@pytest.mark.asyncio
async def test_a_node_behind_a_jump_host_is_reached_and_each_hop_proves_itself(
    tmp_path: Path, sshd: Sshd, gate: Sshd
) -> None:
    answers = Answers(accept=True)
    own, config = tmp_path / "known_hosts", config_for(tmp_path, sshd, gate)
    channel = await open_agent_channel(
        "node1", ECHO, Credentials(answers, use_agent=False), own_known_hosts=own, config=config
    )
    assert "through" in channel.description
    await exchange_many(channel)
    await closed_in_time(channel)
    assert own.read_text() == gate.known_hosts_line + sshd.known_hosts_line
    assert len(answers.asked) == 2
    assert our_threads() == []


@pytest.mark.asyncio
async def test_a_changed_key_of_either_hop_is_refused(tmp_path: Path, sshd: Sshd, gate: Sshd) -> None:
    config, wrong = config_for(tmp_path, sshd, gate), make_key(tmp_path / "wrong").with_suffix(".pub").read_text()
    for lines in (
        f"[127.0.0.1]:{gate.port} {wrong}{sshd.known_hosts_line}",
        f"{gate.known_hosts_line}[127.0.0.1]:{sshd.port} {wrong}",
    ):
        own = tmp_path / "known_hosts"
        own.write_text(lines)
        with pytest.raises(HostKeyChanged):
            await open_connection("node1", Credentials(use_agent=False), own_known_hosts=own, config=config)


@pytest.mark.asyncio
async def test_closing_is_prompt_when_the_jump_host_is_frozen(tmp_path: Path, sshd: Sshd, gate: Sshd) -> None:
    own = tmp_path / "known_hosts"
    own.write_text(gate.known_hosts_line + sshd.known_hosts_line)
    channel = await open_agent_channel(
        "node1",
        ECHO,
        Credentials(use_agent=False),
        own_known_hosts=own,
        config=config_for(tmp_path, sshd, gate),
    )
    gate.freeze()
    await closed_in_time(channel)
    assert our_threads() == []


@pytest.mark.asyncio
async def test_a_node_that_the_jump_host_cannot_reach_is_said_so(tmp_path: Path, sshd: Sshd, gate: Sshd) -> None:
    own = tmp_path / "known_hosts"
    own.write_text(gate.known_hosts_line)
    config = config_for(tmp_path, sshd, gate)
    with pytest.raises(ConnectFailed, match="cannot be reached through") as caught:
        await open_connection(f"node1:{free_port()}", Credentials(use_agent=False), own_known_hosts=own, config=config)
    assert caught.value.reason is ConnectFailure.UNREACHABLE


@pytest.mark.asyncio
async def test_the_password_for_a_jump_host_is_not_offered_to_the_node(tmp_path: Path) -> None:
    only = "AuthenticationMethods password\nKbdInteractiveAuthentication no\n"
    with (
        running_sshd(tmp_path / "gate", only, passwords={"bob": "for the gate"}) as gate,
        running_sshd(tmp_path / "sshd", only, passwords={"anna": "for the node"}) as sshd,
    ):
        own = tmp_path / "known_hosts"
        own.write_text(gate.known_hosts_line + sshd.known_hosts_line)
        answers = Answers(passwords=["for the gate", "for the node"])
        credentials, config = Credentials(answers, use_agent=False), config_for(tmp_path, sshd, gate)
        for _ in range(2):
            connection = await open_connection("node1", credentials, own_known_hosts=own, config=config)
            await connection.close()
        assert len(answers.asked) == 2
        assert not any("Failed password" in line for line in sshd.log + gate.log)


@pytest.mark.asyncio
async def test_a_proxy_command_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text("Host node1\n ProxyCommand nc %h %p\n")
    with pytest.raises(ConnectFailed, match="use ProxyJump"):
        await open_connection(
            "node1", Credentials(), own_known_hosts=tmp_path / "known_hosts", config=SshConfig(tmp_path, tmp_path)
        )
