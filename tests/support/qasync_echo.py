"""A program that exchanges lines over SSH under Qt's event loop: PORT USER KEY-FILE HOST-KEY-FILE.

A process of its own: a loop of Qt's per test would share its QApplication with all tests that come after.
"""

import asyncio
import sys
import threading
from pathlib import Path

# isort: split - PySide6 before qasync, or it may choose another binding
import qasync
from PySide6 import QtWidgets

from clusteradmin.ssh.channel import AgentChannel
from clusteradmin.ssh.config import HostConfig
from clusteradmin.ssh.connection import SshConnection
from clusteradmin.ssh.credentials import Credentials
from clusteradmin.ssh.hostkeys import HostKey
from clusteradmin.ssh.trust import Trust

LINES = [b"%d:" % number + b"x" * (number * 997 % 5000) + b"\n" for number in range(200)] + [b"y" * 3_000_000 + b"\n"]


async def exchange(channel: AgentChannel) -> list[bytes]:
    """Send all lines while reading what comes back."""

    async def send() -> None:
        for line in LINES:
            await channel.send(line)

    received: list[bytes] = []
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(send())
        async for batch in channel.lines():
            received += batch
            if len(received) == len(LINES):
                break
    return received


async def main() -> None:
    port, user, key, host_key = sys.argv[1:]
    trust = Trust(Path("unused"), (HostKey.parse(Path(host_key).read_text()),))
    host = HostConfig("node1", "127.0.0.1", int(port), user, identity_files=(Path(key),), identities_only=True)
    connection = await SshConnection.open(host, Credentials(use_agent=False), trust)
    channel = await connection.exec("cat", owned=True)
    received = await exchange(channel)
    await channel.close()
    loop = type(asyncio.get_running_loop()).__module__.partition(".")[0]
    whole = "all lines" if received == LINES else f"{len(received)} lines"
    sys.stdout.write(f"{loop}: {whole}, {threading.active_count()} thread\n")


if __name__ == "__main__":
    app = QtWidgets.QApplication([])
    app.setQuitOnLastWindowClosed(False)
    qasync.run(main())
