"""Questions at a terminal: secrets are not shown, and everything is as before afterwards."""

import os
import pty
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusteradmin.cli.prompter import TerminalPrompter, prompter
from clusteradmin.ssh.credentials import (
    HostKeyQuestion,
    InteractiveQuestion,
    NoPrompter,
    PassphraseQuestion,
    PasswordQuestion,
    Prompt,
)
from clusteradmin.ssh.hostkeys import HostKey

QUESTION = HostKeyQuestion("node1:22", HostKey("ssh-ed25519", b"\0\0\0\x0bssh-ed25519"), Path("/known_hosts"))


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Make standard input a terminal; what is written to the descriptor is typed there."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        yield ours
        os.close(ours)


def echoes() -> bool:
    return bool(termios.tcgetattr(sys.stdin.fileno())[3] & termios.ECHO)


@pytest.mark.parametrize(("typed", "accepted"), [(b"yes\n", True), (b"y\n", False), (b"no\n", False), (b"\n", False)])
@pytest.mark.asyncio
async def test_a_new_host_is_trusted_by_the_whole_word_only(
    keyboard: int, capsys: pytest.CaptureFixture[str], typed: bytes, accepted: bool
) -> None:
    os.write(keyboard, typed)
    assert await TerminalPrompter().accept_host_key(QUESTION) is accepted
    assert QUESTION.fingerprint in capsys.readouterr().err


@pytest.mark.asyncio
async def test_secrets_are_read_without_echo_and_the_echo_comes_back(keyboard: int) -> None:
    os.write(keyboard, b"s3cret\n")
    assert await TerminalPrompter().password(PasswordQuestion("root@node1:22", 1)) == "s3cret"
    assert echoes()
    os.write(keyboard, b"other\n")
    assert await TerminalPrompter().passphrase(PassphraseQuestion(Path("/k"), 2)) == "other"


@pytest.mark.asyncio
async def test_the_end_of_the_input_is_no_answer(keyboard: int) -> None:
    os.write(keyboard, b"\x04")
    assert await TerminalPrompter().password(PasswordQuestion("root@node1:22", 1)) is None
    assert echoes()


@pytest.mark.asyncio
async def test_a_hosts_own_questions_are_shown_harmlessly(keyboard: int, capsys: pytest.CaptureFixture[str]) -> None:
    os.write(keyboard, b"123456\nblue\n")
    prompts = (Prompt("Code\x1b[2J: ", echo=False), Prompt("Colour: ", echo=True))
    found = await TerminalPrompter().answers(InteractiveQuestion("root@node1:22", "Title", "", prompts))
    assert found == ["123456", "blue"]
    shown = capsys.readouterr().err
    assert "Title" in shown
    assert "\x1b" not in shown


def test_without_a_terminal_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        assert isinstance(prompter(), NoPrompter)
