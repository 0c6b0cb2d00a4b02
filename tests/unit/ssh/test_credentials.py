"""What is kept of the things a user typed, and for whom."""

import asyncio

import pytest

from clusteradmin.ssh.authentication import _asks_password, _Questions
from clusteradmin.ssh.config import HostConfig
from clusteradmin.ssh.credentials import Credentials, Prompt
from tests.support.logins import Answers


def test_a_password_is_known_to_the_cluster_and_not_to_its_jump_host() -> None:
    cluster = Credentials()
    gate = cluster.for_jump("gate")
    cluster.remember_password("cluster's")
    assert cluster.for_jump("gate").password is None
    assert cluster.password == "cluster's"
    gate.remember_password("gate's")
    assert [cluster.password, gate.password] == ["cluster's", "gate's"]
    assert cluster.for_jump("gate").password == "gate's"
    assert cluster.for_jump("other").password is None


def test_forgetting_forgets_jump_hosts_too() -> None:
    cluster = Credentials()
    gate = cluster.for_jump("gate")
    cluster.remember_password("cluster's")
    gate.remember_password("gate's")
    cluster.forget()
    assert (cluster.password, gate.password) == (None, None)


def test_a_secret_does_not_show_in_a_log() -> None:
    credentials = Credentials()
    credentials.remember_password("swordfish")
    assert "swordfish" not in f"{credentials!r} {credentials}"


@pytest.mark.parametrize(
    "text", ["Password: ", "root@node1's password: ", "Password for root:", "(anna@node1) Password: "]
)
def test_a_question_for_the_password_is_known_as_one(text: str) -> None:
    assert _asks_password(Prompt(text, echo=False))
    assert not _asks_password(Prompt(text, echo=True))


@pytest.mark.parametrize(
    "text",
    [
        "Verification code: ",
        "One-time password (OATH) for anna: ",
        "New password: ",
        "Retype new password: ",
        "PIN:",
        "OTP Password:",
    ],
)
def test_a_question_for_anything_else_is_put_to_the_user(text: str) -> None:
    assert not _asks_password(Prompt(text, echo=False))


@pytest.mark.asyncio
async def test_a_login_needs_a_person_again_only_for_what_cannot_be_offered_twice() -> None:
    cluster = Credentials(Answers(codes=[["secret"], ["123456"]]))
    async with asyncio.timeout(10) as limit:
        questions = _Questions(HostConfig("gate", "127.0.0.1", 22, "anna"), cluster.for_jump("gate"), limit)
        assert await asyncio.to_thread(questions.answer, "", "", [("Password: ", False)]) == ["secret"]
        before = cluster.needs_person
        assert await asyncio.to_thread(questions.answer, "", "", [("Verification code: ", True)]) == ["123456"]
    asked = cluster.needs_person
    cluster.forget()
    assert (before, asked, cluster.needs_person) == (False, True, False)
