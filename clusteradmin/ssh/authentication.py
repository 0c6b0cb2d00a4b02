"""Logging in: which methods are tried in which order, and what is asked on the way."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import re
from collections.abc import Callable
from enum import Enum

import paramiko

from clusteradmin.client.transport import ConnectFailed, ConnectFailure
from clusteradmin.ssh.config import HostConfig
from clusteradmin.ssh.credentials import MOST_QUESTIONS, Credentials, InteractiveQuestion, PasswordQuestion, Prompt
from clusteradmin.ssh.errors import AuthenticationFailed, CannotAsk
from clusteradmin.ssh.offers import KeyOffers
from clusteradmin.ssh.threads import in_thread

_ANSWER_SECONDS = 60.0
"""How long a host, or an agent that wants a touch of a token, may take for one answer. A person has no limit."""

_PARAMIKO_LIMIT_SECONDS = 3600.0
"""paramiko's own limit would count the time a person takes; ours does not."""

_MOST_STEPS = 5
_ASKS_PASSWORD = re.compile(
    r"^(?!.*(?:one-time|one time|otp|new|retype|again)).*\bpassword\b[^:]*:?\s*$", re.IGNORECASE
)


class _Outcome(Enum):
    IN = "logged in"
    STEP = "this method was right, and the host wants another one"
    REFUSED = "refused"


class Login:
    """One attempt to log in, over a transport whose host is trusted already.

    paramiko's calls block, so each runs in a thread. Questions are asked in the event loop between the calls; those
    of the host itself (keyboard-interactive) from within one, with paramiko's thread waiting for the answer.
    """

    def __init__(
        self, transport: paramiko.Transport, host: HostConfig, credentials: Credentials, abort: Callable[[], None]
    ) -> None:
        transport.auth_timeout = _PARAMIKO_LIMIT_SECONDS
        self._transport = transport
        self._host = host
        self._credentials = credentials
        self._abort = abort
        self._accepted: tuple[str, ...] = ()
        self._tried: dict[str, None] = {}
        self._notes: list[str] = []
        self._offered: set[bytes] = set()
        self._questions: _Questions | None = None

    async def run(self) -> None:
        """Log in.

        Raises:
            AuthenticationFailed: no method is left.
            ConnectFailed: the host fell silent.
        """
        methods = {
            "publickey": self._public_keys,
            "password": self._password,
            "keyboard-interactive": self._interactive,
        }
        outcome = await self._attempt("none", lambda: self._transport.auth_none(self._host.user))
        exhausted: set[str] = set()
        for _ in range(len(methods) * _MOST_STEPS):
            if outcome is _Outcome.IN:
                return
            if outcome is _Outcome.STEP:
                exhausted.clear()
            name = next((name for name in methods if name in self._accepted and name not in exhausted), None)
            if name is None:
                break
            exhausted.add(name)
            outcome = await methods[name]()
        raise self._failure()

    def _failure(self) -> AuthenticationFailed:
        return AuthenticationFailed(str(self._host), tuple(self._tried), self._accepted, self._notes)

    async def _attempt(self, method: str, work: Callable[[], list[str]]) -> _Outcome:
        if method != "none":
            self._tried[method] = None
        try:
            async with asyncio.timeout(_ANSWER_SECONDS) as limit:
                self._questions = _Questions(self._host, self._credentials, limit)
                remaining = await in_thread(work, f"ssh login {self._host.alias}", self._interrupt)
        except TimeoutError as exc:
            sentence = f"{self._host} stopped answering while this user was logging in."
            raise ConnectFailed(ConnectFailure.TIMEOUT, sentence) from exc
        except paramiko.BadAuthenticationType as exc:
            self._accepted = tuple(exc.allowed_types)
            return _Outcome.REFUSED
        except (paramiko.SSHException, EOFError, OSError, CannotAsk, concurrent.futures.CancelledError) as exc:
            if self._transport.is_active():
                return _Outcome.REFUSED
            self._note_end(exc)
            raise self._failure() from exc
        self._accepted = tuple(remaining)
        return _Outcome.STEP if remaining else _Outcome.IN

    def _interrupt(self) -> None:
        if self._questions is not None:
            self._questions.cancel()
        self._abort()

    def _note_end(self, exc: BaseException) -> None:
        if self._questions is not None and self._questions.unanswered:
            self._notes.append(self._questions.unanswered)
        elif "used for signing" in str(exc):  # paramiko's words for an agent that says no
            self._notes.append("The SSH agent refused to sign with one of its keys.")
        else:
            self._notes.append("The host ended the conversation; it may allow no more attempts.")

    async def _public_keys(self) -> _Outcome:
        offers = KeyOffers(self._host, self._credentials)
        try:
            async with contextlib.aclosing(offers.keys()) as keys:
                async for key in keys:
                    outcome = await self._offer(key)
                    if outcome is not _Outcome.REFUSED:
                        return outcome
        finally:
            offers.close()
            self._notes += offers.notes
        return _Outcome.REFUSED

    async def _offer(self, key: paramiko.PKey) -> _Outcome:
        if key.asbytes() in self._offered:
            return _Outcome.REFUSED
        self._offered.add(key.asbytes())
        return await self._attempt("publickey", lambda: self._transport.auth_publickey(self._host.user, key))

    async def _password(self) -> _Outcome:
        if (known := self._credentials.password) is not None:
            outcome = await self._try_password(known)
            if outcome is not _Outcome.REFUSED:
                return outcome
            self._credentials.remember_password(None)
        for attempt in range(1, MOST_QUESTIONS + 1):
            password = await self._ask_password(attempt)
            if password is None:
                return _Outcome.REFUSED
            outcome = await self._try_password(password)
            if outcome is not _Outcome.REFUSED:
                self._credentials.remember_password(password)
                return outcome
        return _Outcome.REFUSED

    async def _try_password(self, password: str) -> _Outcome:
        return await self._attempt(
            "password", lambda: self._transport.auth_password(self._host.user, password, fallback=False)
        )

    async def _ask_password(self, attempt: int) -> str | None:
        try:
            password = await self._credentials.prompter.password(PasswordQuestion(str(self._host), attempt))
        except CannotAsk as exc:
            self._notes.append(str(exc))
            return None
        if password is None:
            self._notes.append("No password was given.")
        return password

    async def _interactive(self) -> _Outcome:
        for _ in range(MOST_QUESTIONS):
            outcome = await self._attempt("keyboard-interactive", self._converse)
            if outcome is not _Outcome.REFUSED:
                if self._questions is not None and self._questions.password is not None:
                    self._credentials.remember_password(self._questions.password)
                return outcome
            if self._questions is None or not self._questions.asked:
                break  # it would refuse the next time as well: nothing of what it wants to know was asked
            self._credentials.remember_password(None)
        return _Outcome.REFUSED

    def _converse(self) -> list[str]:
        assert self._questions is not None
        return self._transport.auth_interactive(self._host.user, self._questions.answer)


class _Questions:
    """The host's own questions during one attempt, carried from paramiko's thread to the prompter and back."""

    def __init__(self, host: HostConfig, credentials: Credentials, limit: asyncio.Timeout) -> None:
        self._host = host
        self._credentials = credentials
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._waiting: concurrent.futures.Future[list[str]] | None = None
        self._cancelled = False
        self.asked = False
        self.unanswered = ""
        self.password: str | None = None

    def answer(self, title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        """Runs in paramiko's thread. What it raises ends the connection: no wrong answer is sent in place of none."""
        if not prompts:
            return []
        self.asked = True
        question = InteractiveQuestion(
            str(self._host),
            _text(title),
            _text(instructions),
            tuple(Prompt(_text(text), echo) for text, echo in prompts),
        )
        self._waiting = asyncio.run_coroutine_threadsafe(self._ask(question), self._loop)
        if self._cancelled:
            self._waiting.cancel()
        return self._waiting.result()

    def cancel(self) -> None:
        """Runs in the event loop's thread: release paramiko's thread from waiting."""
        self._cancelled = True
        if self._waiting is not None:
            self._waiting.cancel()

    async def _ask(self, question: InteractiveQuestion) -> list[str]:
        for_password = len(question.prompts) == 1 and _asks_password(question.prompts[0])
        if for_password and self.password is None and self._credentials.password is not None:
            self.password = self._credentials.password
            return [self.password]
        self._limit.reschedule(None)
        try:
            answers = await self._credentials.prompter.answers(question)
        except CannotAsk as exc:
            self.unanswered = str(exc)
            raise
        finally:
            with contextlib.suppress(RuntimeError):  # the attempt is over already
                self._limit.reschedule(self._loop.time() + _ANSWER_SECONDS)
        if answers is None or len(answers) != len(question.prompts):
            self.unanswered = f"The questions of {self._host} were not answered."
            raise CannotAsk(self.unanswered)
        if for_password:
            self.password = answers[0]
        elif question.prompts:
            self._credentials.remember_question(question.login)
        return answers


def _asks_password(prompt: Prompt) -> bool:
    """Tell a question for the account's password from one for a code that is good for one time only."""
    return not prompt.echo and _ASKS_PASSWORD.match(prompt.text) is not None


def _text(said: str | bytes) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said
