"""A user who answers the questions of a login as the test says, and keeps count of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from clusteradmin.ssh.credentials import HostKeyQuestion, InteractiveQuestion, PassphraseQuestion, PasswordQuestion

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
