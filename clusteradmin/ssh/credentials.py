"""What may be offered to a host: agent, identity files, passwords, answers; and whom to ask for them.

Secrets live in memory only, in one object, and are gone with it or when it is told to forget.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol

import paramiko

from clusteradmin.ssh.errors import CannotAsk
from clusteradmin.ssh.hostkeys import HostKey

MOST_QUESTIONS = 3
"""How often a passphrase or password is asked for, as ssh does by default (NumberOfPasswordPrompts)."""


@dataclass(frozen=True, slots=True)
class HostKeyQuestion:
    """May this host, seen for the first time, be trusted? Show the fingerprint."""

    host: str
    key: HostKey
    remembered_in: Path

    @property
    def fingerprint(self) -> str:
        return self.key.fingerprint


@dataclass(frozen=True, slots=True)
class PassphraseQuestion:
    """The passphrase of an encrypted key file; *attempt* counts from 1."""

    file: Path
    attempt: int


@dataclass(frozen=True, slots=True)
class PasswordQuestion:
    """The password of an account, *login* being "user@host:port"; *attempt* counts from 1."""

    login: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question of the host's own; the answer is shown while it is typed only if *echo*."""

    text: str
    echo: bool


@dataclass(frozen=True, slots=True)
class InteractiveQuestion:
    """Questions of the host's own (one-time code, expired password, ...), to be shown as they are."""

    login: str
    title: str
    instructions: str
    prompts: tuple[Prompt, ...]


class Prompter(Protocol):
    """Whoever can ask the user. None is "I do not want to say": what depends on it is left out.

    Called in the event loop's thread; a coroutine may take as long as a person does.

    Raises:
        CannotAsk: there is nobody to ask; its sentence ends up in the error.
    """

    async def accept_host_key(self, question: HostKeyQuestion) -> bool: ...

    async def passphrase(self, question: PassphraseQuestion) -> str | None: ...

    async def password(self, question: PasswordQuestion) -> str | None: ...

    async def answers(self, question: InteractiveQuestion) -> list[str] | None: ...


class NoPrompter:
    """Asks nothing: for scripts, and wherever there is neither a terminal nor a window."""

    how = "cannot be asked without a terminal or window"

    async def accept_host_key(self, question: HostKeyQuestion) -> NoReturn:
        raise CannotAsk(f"whether {question.host} may be trusted {self.how}")  # the end of a sentence: HostKeyRefused

    async def passphrase(self, question: PassphraseQuestion) -> NoReturn:
        raise CannotAsk(f"The passphrase of {question.file} {self.how}.")

    async def password(self, question: PasswordQuestion) -> NoReturn:
        raise CannotAsk(f"The password of {question.login} {self.how}.")

    async def answers(self, question: InteractiveQuestion) -> NoReturn:
        raise CannotAsk(f"What {question.login} wants to know {self.how}.")


class Credentials:
    """What this cluster's hosts may be offered. One object per cluster: its nodes share what was typed.

    A password is offered again only within its *realm*: the cluster, or one jump host. Decrypted key files and the
    agent are shared by all, since they sign and are never sent.
    """

    def __init__(self, prompter: Prompter | None = None, *, use_agent: bool = True, realm: str = "") -> None:
        self.prompter: Prompter = prompter or NoPrompter()
        self.use_agent = use_agent
        self._realm = realm
        self._passwords: dict[str, str] = {}
        self._keys: dict[Path, paramiko.PKey] = {}
        self._asked: set[str] = set()

    def for_jump(self, host: str) -> Credentials:
        """Return the same credentials for a host that is no node: what was typed for one is not for the other."""
        other = Credentials(self.prompter, use_agent=self.use_agent, realm=f"{self._realm} {host}")
        other._passwords, other._keys, other._asked = self._passwords, self._keys, self._asked
        return other

    @property
    def needs_person(self) -> bool:
        """Whether a person had to answer what is asked anew at each login, a one-time code say."""
        return bool(self._asked)

    def remember_question(self, login: str) -> None:
        """Keep that this login asked for something that cannot be offered again."""
        self._asked.add(login)

    @property
    def password(self) -> str | None:
        """The password that was accepted last."""
        return self._passwords.get(self._realm)

    def remember_password(self, password: str | None) -> None:
        """Keep a password that a host accepted; None drops the one that is no longer taken."""
        if password is None:
            self._passwords.pop(self._realm, None)
        else:
            self._passwords[self._realm] = password

    def key(self, file: Path) -> paramiko.PKey | None:
        """Return the key of *file* if it was loaded before."""
        return self._keys.get(file)

    def remember_key(self, file: Path, key: paramiko.PKey) -> None:
        self._keys[file] = key

    def forget(self) -> None:
        """Drop everything that was typed or decrypted."""
        self._passwords.clear()
        self._keys.clear()
        self._asked.clear()

    def __repr__(self) -> str:  # no secret may reach a log
        return f"Credentials(prompter={self.prompter!r}, use_agent={self.use_agent})"
