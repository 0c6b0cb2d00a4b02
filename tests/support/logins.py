"""Logging in to a real server in tests: the user who answers its questions, and the usual steps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from clusteradmin.ssh.connection import SshConnection
from clusteradmin.ssh.credentials import (
    Credentials,
    HostKeyQuestion,
    InteractiveQuestion,
    PassphraseQuestion,
    PasswordQuestion,
    Prompter,
)
from clusteradmin.ssh.trust import Trust
from tests.support.sshd import Sshd

Question = HostKeyQuestion | PassphraseQuestion | PasswordQuestion | InteractiveQuestion


@dataclass
class Answers:
    """A `Prompter`: gives *accept* to host keys, and the others one after another; when they run out, None."""

    accept: bool = False
    passphrases: Iterable[str] = ()
    passwords: Iterable[str] = ()
    codes: Iterable[list[str]] = ()
    asked: list[Question] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._passphrases, self._passwords = iter(self.passphrases), iter(self.passwords)
        self._codes = iter(self.codes)

    async def accept_host_key(self, question: HostKeyQuestion) -> bool:
        self.asked.append(question)
        return self.accept

    async def passphrase(self, question: PassphraseQuestion) -> str | None:
        self.asked.append(question)
        return next(self._passphrases, None)

    async def password(self, question: PasswordQuestion) -> str | None:
        self.asked.append(question)
        return next(self._passwords, None)

    async def answers(self, question: InteractiveQuestion) -> list[str] | None:
        self.asked.append(question)
        return next(self._codes, None)


def known(sshd: Sshd, own_file: Path) -> Trust:
    """Write the server's key into *own_file*."""
    own_file.write_text(sshd.known_hosts_line)
    return Trust(own_file)


def credentials(prompter: Prompter | None = None) -> Credentials:
    """Return credentials that leave the agent of whoever runs the tests alone."""
    return Credentials(prompter, use_agent=False)


async def answer_of(connection: SshConnection, command: str) -> str:
    """Run a command and return what it says."""
    channel = await connection.exec(command)
    try:
        return b"".join([line async for batch in channel.lines() for line in batch]).decode()
    finally:
        await channel.close()


@asynccontextmanager
async def connected(sshd: Sshd, creds: Credentials, trust: Trust, **changes: object) -> AsyncIterator[SshConnection]:
    connection = await SshConnection.open(sshd.host(**changes), creds, trust)
    try:
        yield connection
    finally:
        await connection.close()
