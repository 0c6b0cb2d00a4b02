"""From the text of a target to a connection: ssh_config, and the hosts to go through (ProxyJump)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clusteradmin.client.transport import MAX_LINE_BYTES, ConnectFailed, ConnectFailure
from clusteradmin.ssh.channel import AgentChannel
from clusteradmin.ssh.config import ConfigError, HostConfig, SshConfig, Target
from clusteradmin.ssh.connection import OPEN_SECONDS, SshConnection
from clusteradmin.ssh.credentials import Credentials
from clusteradmin.ssh.hostkeys import HostKey
from clusteradmin.ssh.threads import in_thread
from clusteradmin.ssh.trust import Trust

MOST_JUMPS = 8


def route(target: Target | str, config: SshConfig) -> list[HostConfig]:
    """Return the hosts to connect to one through the other; the target is the last.

    As for ssh: the first jump host may have a ProxyJump of its own, that of the others is replaced by the list.

    Raises:
        ConfigError: a name cannot be understood, or the jumps go round in a circle.
    """
    hosts = [config.look_up(target)]
    while jumps := hosts[0].proxy_jump:
        hosts = [*map(config.look_up, jumps), *hosts]
        if len(hosts) > MOST_JUMPS + 1:
            raise ConfigError(f"The way to {target} leads over more than {MOST_JUMPS} jump hosts; check ProxyJump.")
    return hosts


async def open_connection(
    target: Target | str,
    credentials: Credentials,
    *,
    own_known_hosts: Path,
    expected_host_keys: Sequence[HostKey] = (),
    config: SshConfig | None = None,
    timeout: float = OPEN_SECONDS,
) -> SshConnection:
    """Connect to *target* (alias, or [user@]host[:port]) as ssh would, over its jump hosts.

    Each hop has its own configuration, host key and login. Passwords typed for a jump host are not offered to the
    target, nor the other way round.

    Args:
        own_known_hosts: where accepted host keys are kept.
        expected_host_keys: reported by the cluster for the target: one of them, or no connection.
        timeout: seconds per step.

    Raises:
        ConfigError, ConnectFailed, SshError (see `SshConnection.open`).
    """
    source = config or SshConfig()
    hosts = await in_thread(lambda: route(target, source), "read ssh_config")  # Match exec may take its time
    if hosts[0].proxy_command:
        sentence = f"ssh_config reaches {hosts[0].alias} by a ProxyCommand, which is not supported: use ProxyJump."
        raise ConnectFailed(ConnectFailure.PROTOCOL, sentence)
    connection: SshConnection | None = None
    for position, host in enumerate(hosts, 1):
        last = position == len(hosts)
        connection = await SshConnection.open(
            host,
            credentials if last else credentials.for_jump(str(host)),
            Trust(own_known_hosts, tuple(expected_host_keys) if last else ()),
            via=connection,
            timeout=timeout,
        )
    assert connection is not None  # a route has at least its target
    return connection


async def open_agent_channel(
    target: Target | str,
    command: str,
    credentials: Credentials,
    *,
    own_known_hosts: Path,
    expected_host_keys: Sequence[HostKey] = (),
    config: SshConfig | None = None,
    timeout: float = OPEN_SECONDS,
    max_line: int = MAX_LINE_BYTES,
) -> AgentChannel:
    """Connect as `open_connection` does and run *command*; closing the channel closes the connections below."""
    connection = await open_connection(
        target,
        credentials,
        own_known_hosts=own_known_hosts,
        expected_host_keys=expected_host_keys,
        config=config,
        timeout=timeout,
    )
    try:
        return await connection.exec(command, timeout=timeout, max_line=max_line, owned=True)
    except BaseException:
        await connection.close()
        raise
