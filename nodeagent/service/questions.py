"""Small questions to other nodes, through the cluster database: validate these settings on your machine."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping
from typing import Any, Final

from nodeagent.api.objects import NodeId
from nodeagent.api.problems import Problem
from nodeagent.api.properties import Value
from nodeagent.api.requests import NodeAnswer
from nodeagent.database.records import Ask, AskAnswer, answer_key, ask_key, decode, encode
from nodeagent.database.store import Conflict, Transaction, Unavailable, Unknown
from nodeagent.database.view import Delta
from nodeagent.resourcetypes.base import ResourceError, ResourceType
from nodeagent.service.following import Following
from nodeagent.system.clock import Clock

log = logging.getLogger(__name__)

VALIDATE: Final = "validate"
EXPIRY: Final = 30.0  # seconds after which nobody answers a question any more
MAXIMUM_ANSWER: Final = 16 * 1024  # bytes


class Questions:
    """Asks other nodes, and answers those that ask this one."""

    def __init__(self, following: Following, types: Mapping[str, ResourceType[Any]], clock: Clock) -> None:
        self._following = following
        self._types = types
        self._clock = clock
        self.node: NodeId = 0
        self._asked: asyncio.Queue[str] = asyncio.Queue(maxsize=100)
        self._answers: dict[str, asyncio.Event] = {}
        following.listen(self._changed)

    def _changed(self, delta: Delta) -> None:
        mine = f"asks/{self.node}/"
        for key in delta.keys:
            if key.startswith(mine) and not self._asked.full():
                self._asked.put_nowait(key)
            elif key.startswith("answers/"):
                waiting = self._answers.get(key.split("/")[1])
                if waiting is not None:
                    waiting.set()

    async def run(self) -> None:
        """Answer for ever."""
        while True:
            key = await self._asked.get()
            try:
                await self._answer(key)
            except (Conflict, Unknown, Unavailable) as exc:
                log.info("a question stays unanswered: %s", exc)

    async def _answer(self, key: str) -> None:
        entry = (await self._following.store.read(key)).entries.get(key)
        if entry is None:
            return
        ask = decode(entry.value, Ask)
        found: list[Problem] = []
        if self._clock.wall() < ask.expires:
            found = await asyncio.to_thread(self.validate, ask.type, ask.parameters)
        value = encode(AskAnswer(node=self.node, problems=tuple(found)))
        if len(value) > MAXIMUM_ANSWER:
            value = encode(AskAnswer(node=self.node, problems=tuple(found[:3])))
        name = key.rsplit("/", 1)[1]
        await self._following.store.commit(
            Transaction(expect={key: entry.revision}, put={answer_key(name, self.node): value}, delete=(key,))
        )

    def validate(self, kind: str, parameters: Mapping[str, Value]) -> list[Problem]:
        """Return what on this node speaks against a resource of *kind* with these parameters; may block."""
        known = self._types.get(kind)
        if known is None:
            return [Problem(code="type_unknown", parameters={"name": kind})]
        try:
            return known.validate(known.read(parameters))
        except ResourceError as exc:
            return [exc.problem]

    async def ask(
        self, nodes: list[NodeId], kind: str, parameters: Mapping[str, Value], timeout: float
    ) -> list[NodeAnswer]:
        """Ask *nodes* to validate; those that do not answer within *timeout* seconds are marked so."""
        answers: dict[NodeId, tuple[Problem, ...]] = {}
        others = [node for node in nodes if node != self.node]
        name = uuid.uuid4().hex
        if others:
            question = encode(
                Ask(
                    asker=self.node,
                    question=VALIDATE,
                    type=kind,
                    parameters=dict(parameters),
                    expires=self._clock.wall() + EXPIRY,
                )
            )
            self._answers[name] = asyncio.Event()
            await self._following.store.commit(Transaction(put={ask_key(n, name): question for n in others}))
        if self.node in nodes:
            answers[self.node] = tuple(await asyncio.to_thread(self.validate, kind, parameters))
        try:
            async with asyncio.timeout(timeout):
                while any(node not in answers for node in others):
                    await self._collect(name, answers)
        except TimeoutError:
            log.info("not all nodes answered")
        finally:
            self._answers.pop(name, None)
            if others:
                await self._clean(name, others)
        return [NodeAnswer(node=n, answered=n in answers, problems=answers.get(n, ())) for n in nodes]

    async def _collect(self, name: str, answers: dict[NodeId, tuple[Problem, ...]]) -> None:
        await self._answers[name].wait()
        self._answers[name].clear()
        for entry in (await self._following.store.read(f"answers/{name}/")).entries.values():
            answer = decode(entry.value, AskAnswer)
            answers[answer.node] = answer.problems

    async def _clean(self, name: str, nodes: list[NodeId]) -> None:
        keys = [ask_key(node, name) for node in nodes] + [answer_key(name, node) for node in nodes]
        try:
            await self._following.store.commit(Transaction(delete=tuple(keys)))
        except (Conflict, Unknown, Unavailable) as exc:
            log.info("an old question stays in the database: %s", exc)
