"""Who is let in: keys, passwords and questions, against a real OpenSSH server."""

import asyncio
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusteradmin.ssh.connection import SshConnection
from clusteradmin.ssh.credentials import (
    Credentials,
    InteractiveQuestion,
    PassphraseQuestion,
    PasswordQuestion,
)
from clusteradmin.ssh.errors import AuthenticationFailed
from clusteradmin.ssh.hostkeys import HostKey
from clusteradmin.ssh.identities import KeyUnusableError, PassphraseNeededError, load_key, public_part
from tests.support.logins import Answers, answer_of, connected, credentials, known
from tests.support.sshd import Sshd, make_key, running_sshd


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A server that takes keys only; no test changes it."""
    with running_sshd(tmp_path_factory.mktemp("sshd"), "AuthenticationMethods publickey\n") as server:
        yield server


@pytest.fixture(scope="module")
def with_passwords(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A server that takes passwords only, by the method of that name."""
    settings = "AuthenticationMethods password\nKbdInteractiveAuthentication no\n"
    with running_sshd(tmp_path_factory.mktemp("sshd"), settings, passwords={"anna": "right"}) as server:
        yield server


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


@pytest.mark.asyncio
async def test_a_key_file_lets_the_user_in_without_a_question(sshd: Sshd, own_file: Path) -> None:
    answers = Answers()
    async with connected(sshd, credentials(answers), known(sshd, own_file)) as connection:
        assert connection.host_key == sshd.host_key
        assert await answer_of(connection, "echo $((6*7))") == "42\n"
    assert answers.asked == []


# --- keys


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.asyncio
async def test_an_encrypted_key_opens_with_its_passphrase_which_is_asked_once(
    tmp_path: Path, own_file: Path, kind: str
) -> None:
    key = make_key(tmp_path / "encrypted", kind, "right")
    with running_sshd(tmp_path / "sshd", f"AuthorizedKeysFile {key}.pub\n") as sshd:
        answers = Answers(passphrases=["wrong", "right"])
        creds = credentials(answers)
        for _ in range(2):
            async with connected(sshd, creds, known(sshd, own_file), identity_files=(key,)):
                pass
        assert answers.asked == [PassphraseQuestion(key, 1), PassphraseQuestion(key, 2)]


@pytest.mark.asyncio
async def test_a_passphrase_that_is_wrong_three_times_leaves_the_key_out(
    sshd: Sshd, own_file: Path, tmp_path: Path
) -> None:
    key = make_key(tmp_path / "encrypted", passphrase="right")
    answers = Answers(passphrases=["a", "b", "c", "right"])
    with pytest.raises(AuthenticationFailed, match="was wrong 3 times") as caught:
        await SshConnection.open(sshd.host(identity_files=(key,)), credentials(answers), known(sshd, own_file))
    assert len(answers.asked) == 3
    assert caught.value.tried == ()


@pytest.mark.asyncio
async def test_a_key_that_costs_no_question_is_offered_before_one_that_does(
    sshd: Sshd, own_file: Path, tmp_path: Path
) -> None:
    encrypted = make_key(tmp_path / "encrypted", passphrase="right")
    answers = Answers()
    files = (encrypted, sshd.user_key)
    async with connected(sshd, credentials(answers), known(sshd, own_file), identity_files=files):
        assert answers.asked == []


@pytest.mark.asyncio
async def test_a_user_whom_no_key_lets_in_is_told_what_was_tried(sshd: Sshd, own_file: Path, tmp_path: Path) -> None:
    stranger, gone = make_key(tmp_path / "stranger"), tmp_path / "gone"
    host = sshd.host(identity_files=(stranger, gone))
    with pytest.raises(AuthenticationFailed) as caught:
        await SshConnection.open(host, credentials(), known(sshd, own_file))
    assert caught.value.tried == ("publickey",)
    assert "publickey" in caught.value.accepted
    assert f"The key {gone} cannot be read" in str(caught.value)


@pytest.mark.asyncio
async def test_a_host_that_allows_no_more_attempts_is_said_to(tmp_path: Path, own_file: Path) -> None:
    with running_sshd(tmp_path / "sshd", "MaxAuthTries 2\n") as sshd:
        files = tuple(make_key(tmp_path / f"key{number}") for number in range(4))
        with pytest.raises(AuthenticationFailed, match="allow no more attempts"):
            await SshConnection.open(sshd.host(identity_files=files), credentials(), known(sshd, own_file))


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An ssh-agent of its own, without keys."""
    socket = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # it says where it listens once it does
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
    yield socket
    process.terminate()
    process.stdout.close()
    process.wait(10)


def add_to_agent(key: Path) -> None:
    subprocess.run(["ssh-add", "-q", key], check=True, stdin=subprocess.DEVNULL)


@pytest.mark.asyncio
async def test_a_key_in_the_agent_lets_the_user_in(sshd: Sshd, own_file: Path, agent: Path, tmp_path: Path) -> None:
    add_to_agent(make_key(tmp_path / "stranger", "rsa"))
    add_to_agent(sshd.user_key)
    creds = Credentials()
    async with connected(sshd, creds, known(sshd, own_file), identity_files=(), identities_only=False):
        pass


@pytest.mark.asyncio
async def test_with_identities_only_other_keys_of_the_agent_are_not_offered(
    tmp_path: Path, own_file: Path, agent: Path
) -> None:
    with running_sshd(tmp_path / "sshd", "MaxAuthTries 1\n") as sshd:
        add_to_agent(make_key(tmp_path / "stranger"))
        add_to_agent(sshd.user_key)
        only_public = sshd.home / "key of the agent"
        only_public.with_name("key of the agent.pub").write_text((sshd.home / "user_key.pub").read_text())
        async with connected(sshd, Credentials(), known(sshd, own_file), identity_files=(only_public,)):
            pass


@pytest.mark.asyncio
async def test_an_agent_that_is_gone_is_no_obstacle(
    sshd: Sshd, own_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "gone"))
    async with connected(sshd, Credentials(), known(sshd, own_file)):
        pass


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("form", ["RFC4716", "PEM"])
def test_key_files_are_read_in_either_form(tmp_path: Path, kind: str, form: str) -> None:
    key = make_key(tmp_path / "key", kind, "right")
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "right", "-N", "right", "-m", form, "-f", key], check=True)
    public = HostKey.parse(key.with_suffix(".pub").read_text())
    assert load_key(key, "right").asbytes() == public.blob
    for passphrase in (None, "wrong"):
        with pytest.raises(PassphraseNeededError):
            load_key(key, passphrase)
    assert public_part(key) == public


def test_the_public_part_of_an_encrypted_key_is_known_without_its_pub_file(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key", passphrase="right")
    public = HostKey.parse(key.with_suffix(".pub").read_text())
    key.with_suffix(".pub").unlink()
    assert public_part(key) == public


def test_a_file_that_is_no_private_key_is_said_to_be_none(sshd: Sshd) -> None:
    with pytest.raises(KeyUnusableError, match="not a private key"):
        load_key(sshd.user_key.with_suffix(".pub"))


# --- passwords and questions


@pytest.mark.asyncio
async def test_a_password_is_asked_once_and_then_offered_again(with_passwords: Sshd, own_file: Path) -> None:
    answers = Answers(passwords=["right"])
    creds = credentials(answers)
    for _ in range(2):
        async with connected(with_passwords, creds, known(with_passwords, own_file)) as connection:
            assert await answer_of(connection, "echo in") == "in\n"
    assert answers.asked == [PasswordQuestion(f"anna@127.0.0.1:{with_passwords.port}", 1)]


@pytest.mark.asyncio
async def test_a_wrong_password_is_asked_again_and_the_third_is_the_last(with_passwords: Sshd, own_file: Path) -> None:
    answers = Answers(passwords=["wrong", "Right", "right ", "right"])
    creds = credentials(answers)
    with pytest.raises(AuthenticationFailed, match="tried password") as caught:
        await SshConnection.open(with_passwords.host(), creds, known(with_passwords, own_file))
    assert [question.attempt for question in answers.asked if isinstance(question, PasswordQuestion)] == [1, 2, 3]
    assert caught.value.tried == ("password",)
    assert creds.password is None


@pytest.mark.asyncio
async def test_a_password_that_is_no_longer_right_is_asked_anew(with_passwords: Sshd, own_file: Path) -> None:
    creds = credentials(Answers(passwords=["right"]))
    creds.remember_password("yesterday's")
    async with connected(with_passwords, creds, known(with_passwords, own_file)):
        assert creds.password == "right"


@pytest.mark.asyncio
async def test_without_terminal_or_window_no_password_is_asked(with_passwords: Sshd, own_file: Path) -> None:
    sentence = r"The password of anna@\S+ cannot be asked without a terminal"
    with pytest.raises(AuthenticationFailed, match=sentence) as caught:
        await SshConnection.open(with_passwords.host(), credentials(), known(with_passwords, own_file))
    assert caught.value.tried == ()
    assert caught.value.accepted == ("password",)


@pytest.fixture(scope="module")
def interactive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A server that asks by itself, and only after a key was right."""
    settings = "AuthenticationMethods publickey,keyboard-interactive\nKbdInteractiveAuthentication yes\n"
    with running_sshd(tmp_path_factory.mktemp("sshd"), settings, passwords={"anna": "right"}) as server:
        yield server


@pytest.mark.asyncio
async def test_after_the_key_the_hosts_own_questions_are_put_to_the_user(interactive: Sshd, own_file: Path) -> None:
    answers = Answers(codes=[["wrong"], ["right"]])
    async with connected(interactive, credentials(answers), known(interactive, own_file)) as connection:
        assert await answer_of(connection, "echo in") == "in\n"
    for question in answers.asked:
        assert isinstance(question, InteractiveQuestion)
        (prompt,) = question.prompts
        assert "Password" in prompt.text
        assert not prompt.echo
    assert len(answers.asked) == 2


@pytest.mark.asyncio
async def test_the_hosts_question_for_the_password_is_not_put_twice(interactive: Sshd, own_file: Path) -> None:
    answers = Answers(codes=[["right"]])
    creds = credentials(answers)
    for _ in range(2):
        async with connected(interactive, creds, known(interactive, own_file)):
            pass
    assert len(answers.asked) == 1


@pytest.mark.asyncio
async def test_questions_that_nobody_answers_end_the_login_with_a_sentence(interactive: Sshd, own_file: Path) -> None:
    trust = known(interactive, own_file)
    with pytest.raises(AuthenticationFailed, match="were not answered") as caught:
        await SshConnection.open(interactive.host(), credentials(Answers()), trust)
    assert caught.value.tried == ("publickey", "keyboard-interactive")
    with pytest.raises(AuthenticationFailed, match="cannot be asked without a terminal or window"):
        await SshConnection.open(interactive.host(), credentials(), trust)


@pytest.mark.asyncio
async def test_the_right_key_alone_is_not_enough_where_two_methods_are_wanted(tmp_path: Path, own_file: Path) -> None:
    settings = "AuthenticationMethods publickey,password\n"
    with running_sshd(tmp_path / "sshd", settings, passwords={"anna": "right"}) as sshd:
        trust = known(sshd, own_file)
        async with connected(sshd, credentials(Answers(passwords=["right"])), trust):
            pass
        with pytest.raises(AuthenticationFailed) as caught:
            await SshConnection.open(sshd.host(), credentials(), trust)
        assert caught.value.accepted == ("password",)


class Hesitant(Answers):
    """Does not come to a decision; tells when it was asked."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.reached = asyncio.Event()

    async def answers(self, question: InteractiveQuestion) -> list[str] | None:
        self.reached.set()
        await asyncio.Event().wait()
        return None


@pytest.mark.asyncio
async def test_a_login_that_is_given_up_while_the_host_asks_leaves_nothing_behind(
    interactive: Sshd, own_file: Path
) -> None:
    prompter = Hesitant()
    trust = known(interactive, own_file)
    opening = asyncio.create_task(SshConnection.open(interactive.host(), credentials(prompter), trust))
    await prompter.reached.wait()
    start = time.monotonic()
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert time.monotonic() - start < 1
