"""What SSH needs to know, asked at the terminal."""

from __future__ import annotations

import sys

from clusteradmin.cli import terminal
from clusteradmin.ssh.credentials import (
    HostKeyQuestion,
    InteractiveQuestion,
    NoPrompter,
    PassphraseQuestion,
    PasswordQuestion,
    Prompter,
)


def prompter() -> Prompter:
    """Return the terminal's prompter, or one that asks nothing where there is no terminal."""
    return TerminalPrompter() if terminal.present() else NoPrompter()


class TerminalPrompter:
    """Asks on the terminal; an end of input (Ctrl-D) is "I do not want to say"."""

    async def accept_host_key(self, question: HostKeyQuestion) -> bool:
        """Show the fingerprint; only the whole word "yes" is a yes, as for ssh."""
        _say(f"The host {question.host} is not known yet.")
        _say(f"Its {question.key.type} key has the fingerprint {question.fingerprint}.")
        _say(f"If that is right, it is remembered in {question.remembered_in}.")
        answer = await _answer("Trust this host? (yes/no) ")
        return answer is not None and answer.strip().casefold() == "yes"

    async def passphrase(self, question: PassphraseQuestion) -> str | None:
        again = " (again)" if question.attempt > 1 else ""
        return await _answer(f"Passphrase of {question.file}{again}: ", secret=True)

    async def password(self, question: PasswordQuestion) -> str | None:
        again = " (again)" if question.attempt > 1 else ""
        return await _answer(f"Password of {question.login}{again}: ", secret=True)

    async def answers(self, question: InteractiveQuestion) -> list[str] | None:
        for text in (question.title, question.instructions):
            if text:
                _say(_harmless(text))
        found: list[str] = []
        for prompt in question.prompts:
            answer = await _answer(_harmless(prompt.text), secret=not prompt.echo)
            if answer is None:
                return None
            found.append(answer)
        return found


async def _answer(text: str, *, secret: bool = False) -> str | None:
    try:
        return await terminal.ask(text, secret=secret)
    except EOFError:
        _say("")
        return None


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _harmless(text: str) -> str:
    """A host's own words may not steer the terminal."""
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)
