"""Small questions to other nodes, through the cluster database: validate these settings on your machine."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from nodeagent.api.objects import NodeId
from nodeagent.api.problems import Problem, problem
from nodeagent.api.properties import Value
from nodeagent.api.requests import NodeAnswer
from nodeagent.database.records import Ask, AskAnswer, answer_key, ask_key, decode, encode
from nodeagent.database.store import MAXIMUM_OPERATIONS, Entry, StoreError, Transaction
from nodeagent.database.view import Delta
from nodeagent.resourcetypes.base import ResourceError, ResourceType
from nodeagent.service.aside import Aside
from nodeagent.service.following import Following
from nodeagent.system.clock import Clock

log = logging.getLogger(__name__)

Answerer = Callable[[str, Mapping[str, Value]], Awaitable[list[Problem]]]

VALIDATE: Final = "validate"
EXPIRY: Final = 30.0  # seconds after which nobody answers a question any more
LOOKING: Final = 5.0  # seconds that a type's check may take on this node; its file system may be a dead server's
CHECKS: Final = 4  # at a time
MAXIMUM_ANSWER: Final = 16 * 1024  # bytes
MAXIMUM_ASKED: Final = 256 * 1024  # bytes of questions in one commit
WAITING: Final = 100  # questions to this node that wait


class Questions:
    """Asks other nodes, and answers those that ask this one."""

    def __init__(self, following: Following, types: Mapping[str, ResourceType[Any]], clock: Clock) -> None:
        self._following = following
        self._types = types
        self._clock = clock
        self.node: NodeId = 0
        self._asked: asyncio.Queue[str] = asyncio.Queue(maxsize=WAITING)
        self._answers: dict[str, asyncio.Event] = {}
        self._checks = Aside("validates settings", CHECKS)
        self._others: dict[str, Answerer] = {}
        self._answering: set[asyncio.Task[None]] = set()
        following.listen(self._changed)

    def answer_others(self, question: str, answerer: Answerer) -> None:
        """Have *answerer* answer what is asked by *question*; it may take its time."""
        self._others[question] = answerer

    def _changed(self, delta: Delta) -> None:
        mine = f"asks/{self.node}/"
        if "*" in delta.keys:  # some changes were missed: look for questions and answers among what there is
            self._look_at(mine)
            for waiting in self._answers.values():
                waiting.set()
        for key in delta.keys:
            if key.startswith(mine):
                self._look_at(key)
            elif key.startswith("answers/") and (found := self._answers.get(key.split("/")[1])):
                found.set()

    def _look_at(self, prefix: str) -> None:
        if not self._asked.full():  # whoever asked is told that this node did not answer
            self._asked.put_nowait(prefix)

    async def run(self) -> None:
        """Answer for ever, beginning with what was asked before this service was there."""
        self._look_at(f"asks/{self.node}/")
        try:
            while True:
                prefix = await self._asked.get()
                try:
                    await self._answer_all(prefix)
                except StoreError as exc:
                    log.info("a question stays unanswered: %s", exc)
        finally:
            for task in self._answering:
                task.cancel()

    async def _answer_all(self, prefix: str) -> None:
        for key, entry in (await self._following.store.read(prefix)).entries.items():
            try:
                ask = decode(entry.value, Ask)
            except msgspec.DecodeError as exc:
                log.warning("a question cannot be read: %s", exc)
                continue
            if ask.question not in self._others:
                await self._answer(key, entry, ask)
            elif not any(task.get_name() == key for task in self._answering):
                task = asyncio.create_task(self._answer_aside(key, entry, ask), name=key)
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)

    async def _answer_aside(self, key: str, entry: Entry, ask: Ask) -> None:
        try:
            await self._answer(key, entry, ask)
        except StoreError as exc:
            log.info("a question stays unanswered: %s", exc)

    async def _answer(self, key: str, entry: Entry, ask: Ask) -> None:
        found: list[Problem] = []
        if self._clock.wall() < ask.expires:
            try:
                found = await self._look(ask.question, ask.type, ask.parameters)
            except TimeoutError:
                log.warning("looking at the settings of a %s takes too long here", ask.type)
                return
        value = encode(AskAnswer(node=self.node, problems=tuple(found)))
        while len(value) > MAXIMUM_ANSWER:
            found = found[: len(found) // 2]
            value = encode(AskAnswer(node=self.node, problems=(*found, problem("too_many_problems"))))
        name = key.rsplit("/", 1)[1]
        await self._following.store.commit(
            Transaction(expect={key: entry.revision}, put={answer_key(name, self.node): value}, delete=(key,))
        )

    async def _look(self, question: str, kind: str, parameters: Mapping[str, Value]) -> list[Problem]:
        return await self._others.get(question, self.validate)(kind, parameters)

    async def validate(self, kind: str, parameters: Mapping[str, Value]) -> list[Problem]:
        """Return what on this node speaks against a resource of *kind* with these parameters.

        Raises:
            TimeoutError: the type's own check takes longer than `LOOKING`.
        """
        known = self._types.get(kind)
        if known is None:
            return [problem("type_unknown", name=kind)]

        def look() -> list[Problem]:
            try:
                return known.validate(known.read(parameters))
            except ResourceError as exc:
                return [exc.problem]
            except Exception as exc:  # a type is other people's code: its fault is an answer, and ends nothing here
                log.exception("the check of %s failed", kind)
                return [problem("internal_error", detail=f"{type(exc).__name__}: {exc}")]

        return await self._checks.run(look, LOOKING)

    async def ask(
        self,
        nodes: list[NodeId],
        kind: str,
        parameters: Mapping[str, Value],
        timeout: float,
        *,
        question: str = VALIDATE,
    ) -> list[NodeAnswer]:
        """Ask *nodes* to validate, or something else; those that do not answer within *timeout* seconds are marked so.

        Raises:
            StoreError: they could not be asked.
        """
        answers: dict[NodeId, tuple[Problem, ...]] = {}
        others = [node for node in nodes if node != self.node]
        name = uuid.uuid4().hex
        self._answers[name] = asyncio.Event()
        try:
            async with asyncio.timeout(timeout):
                await self._put_question(name, others, kind, parameters, timeout, question)
                if self.node in nodes:
                    answers[self.node] = tuple(await self._look(question, kind, parameters))
                while any(node not in answers for node in others):
                    await self._collect(name, answers)
        except TimeoutError:
            log.info("not all nodes answered")
        finally:
            del self._answers[name]
            if others:
                await self._clean(name, others)
        return [NodeAnswer(node=n, answered=n in answers, problems=answers.get(n, ())) for n in nodes]

    async def _put_question(
        self,
        name: str,
        nodes: list[NodeId],
        kind: str,
        parameters: Mapping[str, Value],
        timeout: float,
        asked: str,
    ) -> None:
        question = encode(
            Ask(
                asker=self.node,
                question=asked,
                type=kind,
                parameters=dict(parameters),
                expires=self._clock.wall() + max(EXPIRY, timeout),
            )
        )
        together = max(1, min(MAXIMUM_OPERATIONS, MAXIMUM_ASKED // len(question)))
        for start in range(0, len(nodes), together):
            some = nodes[start : start + together]
            await self._following.store.commit(Transaction(put={ask_key(node, name): question for node in some}))

    async def _collect(self, name: str, answers: dict[NodeId, tuple[Problem, ...]]) -> None:
        await self._answers[name].wait()
        self._answers[name].clear()
        for entry in (await self._following.store.read(f"answers/{name}/")).entries.values():
            answer = decode(entry.value, AskAnswer)
            answers[answer.node] = answer.problems

    async def _clean(self, name: str, nodes: list[NodeId]) -> None:
        keys = [key for node in nodes for key in (ask_key(node, name), answer_key(name, node))]
        try:
            for start in range(0, len(keys), MAXIMUM_OPERATIONS):
                await self._following.store.commit(Transaction(delete=tuple(keys[start : start + MAXIMUM_OPERATIONS])))
        except StoreError as exc:
            log.info("an old question stays in the database: %s", exc)
