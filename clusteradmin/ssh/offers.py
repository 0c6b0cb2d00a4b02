"""The keys a host is offered: which, in which order, and the questions they need."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import paramiko

from clusteradmin.ssh.config import HostConfig
from clusteradmin.ssh.credentials import MOST_QUESTIONS, Credentials, PassphraseQuestion
from clusteradmin.ssh.errors import CannotAsk
from clusteradmin.ssh.hostkeys import HostKey
from clusteradmin.ssh.identities import KeyUnusableError, PassphraseNeededError, load_key, public_part
from clusteradmin.ssh.threads import in_thread


class KeyOffers:
    """The user's keys, those that cost no question first.

    Order: keys of the agent that are configured for the host, other keys of the agent (unless IdentitiesOnly), plain
    files, encrypted files. paramiko cannot ask a host beforehand whether it would take a key, so each offer counts as
    an attempt, and a passphrase may be asked for a key that is then refused.
    """

    def __init__(self, host: HostConfig, credentials: Credentials) -> None:
        self._host = host
        self._credentials = credentials
        self._agent: paramiko.Agent | None = None
        self.notes: list[str] = []

    async def keys(self) -> AsyncGenerator[paramiko.PKey, None]:
        """Yield the keys; what could not be offered is said in ``notes``."""
        files = {file: public_part(file) for file in self._host.identity_files}
        in_agent: set[HostKey] = set()
        for key in await self._agent_keys(set(files.values())):
            in_agent.add(HostKey(key.get_name(), key.asbytes()))
            yield key
        encrypted: list[Path] = []
        for file in (file for file, public in files.items() if public not in in_agent):
            try:
                plain = await self._load(file)
            except PassphraseNeededError:
                encrypted.append(file)
                continue
            if plain is not None:
                yield plain
        for file in encrypted:
            opened = await self._decrypt(file)
            if opened is not None:
                yield opened

    def close(self) -> None:
        """Let go of the agent."""
        if self._agent is not None:
            self._agent.close()
            self._agent = None

    async def _agent_keys(self, configured: set[HostKey | None]) -> list[paramiko.AgentKey]:
        if not self._credentials.use_agent:
            return []
        try:
            self._agent = await in_thread(_agent, "ssh agent")
        except (paramiko.SSHException, OSError) as exc:
            self.notes.append(f"The SSH agent does not answer as one ({exc}).")
            return []
        if self._agent is None:
            return []
        ours = {key: HostKey(key.get_name(), key.asbytes()) in configured for key in self._agent.get_keys()}
        wanted = [key for key, is_ours in ours.items() if is_ours or not self._host.identities_only]
        return sorted(wanted, key=lambda key: not ours[key])

    async def _load(self, file: Path, passphrase: str | None = None) -> paramiko.PKey | None:
        if known := self._credentials.key(file):
            return known
        try:
            key = await in_thread(lambda: load_key(file, passphrase), f"load {file.name}")
        except KeyUnusableError as exc:
            self.notes.append(str(exc))
            return None
        self._credentials.remember_key(file, key)
        return key

    async def _decrypt(self, file: Path) -> paramiko.PKey | None:
        for attempt in range(1, MOST_QUESTIONS + 1):
            try:
                passphrase = await self._credentials.prompter.passphrase(PassphraseQuestion(file, attempt))
            except CannotAsk as exc:
                self.notes.append(str(exc))
                return None
            if passphrase is None:
                self.notes.append(f"No passphrase was given for the key {file}.")
                return None
            try:
                return await self._load(file, passphrase)
            except PassphraseNeededError:
                continue
        self.notes.append(f"The passphrase for the key {file} was wrong {MOST_QUESTIONS} times.")
        return None


def _agent() -> paramiko.Agent | None:
    """Connect to the user's agent, if there is one."""
    address = os.environ.get("SSH_AUTH_SOCK", "")
    if sys.platform != "win32":
        with socket.socket(socket.AF_UNIX) as probe:  # paramiko does not close its socket when nobody listens
            if not address or probe.connect_ex(address):
                return None
    return paramiko.Agent()
