"""Questions between nodes, over one database: asked, answered, lost, late, and about settings that break a type."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
import pytest_asyncio

from nodeagent.api.problems import Problem, problem
from nodeagent.database.memory import MemoryDatabase
from nodeagent.database.records import Ask, ask_key, encode
from nodeagent.database.store import Transaction
from nodeagent.resourcetypes.base import ResourceType, setting
from nodeagent.service import questions
from nodeagent.service.following import Following
from tests.support.offices import PATIENCE, Office, open_office

pytestmark = pytest.mark.asyncio


@dataclass(frozen=True, slots=True)
class Settings:
    wish: str = setting("What the check is to do", default="")


class Oracle(ResourceType[Settings]):
    """Its check does what its setting says."""

    name: ClassVar[str] = "Oracle"
    settings = Settings
    asleep: ClassVar[threading.Event] = threading.Event()
    wake: ClassVar[threading.Event] = threading.Event()

    def validate(self, mine: Settings) -> list[Problem]:
        if mine.wish == "raise":
            raise OSError(36, "File name too long")
        if mine.wish == "hang":
            self.asleep.set()
            self.wake.wait(60)
        if mine.wish == "much":
            return [problem("program_not_found", program="x" * 1000) for _ in range(100)]
        return [problem("program_not_found", program=mine.wish)] if mine.wish else []


TYPES = {"Oracle": Oracle()}


@dataclass
class Pair:
    home: Path
    database: MemoryDatabase
    one: Office
    two: Office

    async def ask(self, wish: str, nodes: list[int] | None = None, timeout: float = PATIENCE) -> dict[int, list[str]]:
        """Return the codes that each node answers, None for one that does not."""
        wanted = nodes or [1, 2]
        found = await self.one.questions.ask(wanted, "Oracle", {"Wish": wish} if wish else {}, timeout)
        assert [answer.node for answer in found] == wanted
        return {a.node: [bad.code for bad in a.problems] if a.answered else ["silent"] for a in found}

    @property
    def left(self) -> list[str]:
        return [key for key in self.database.entries if key.startswith(("asks/", "answers/"))]


@pytest_asyncio.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    database = MemoryDatabase()
    async with (
        open_office(tmp_path, database, "NODE1", types=TYPES) as one,
        open_office(tmp_path, database, "NODE2", types=TYPES) as two,
    ):
        yield Pair(tmp_path, database, one, two)


@pytest.fixture
def hung_check() -> Iterator[None]:
    """End what a hanging check hangs in, so that its thread ends."""
    Oracle.asleep.clear()
    Oracle.wake.clear()
    yield
    Oracle.wake.set()


async def test_every_node_answers_for_itself_and_nothing_is_left(pair: Pair) -> None:
    assert await pair.ask("") == {1: [], 2: []}
    assert await pair.ask("gone") == {1: ["program_not_found"], 2: ["program_not_found"]}
    assert await pair.ask("gone", [2]) == {2: ["program_not_found"]}
    assert pair.left == []


async def test_many_questions_at_once_get_their_own_answers(pair: Pair) -> None:
    found = await asyncio.gather(*(pair.ask("gone" if number % 2 else "") for number in range(40)))
    for number, answer in enumerate(found):
        assert answer == dict.fromkeys((1, 2), ["program_not_found"] if number % 2 else [])
    assert pair.left == []


async def test_a_check_that_breaks_is_an_answer_and_ends_no_service(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL):
        assert await pair.ask("raise") == {1: ["internal_error"], 2: ["internal_error"]}
    assert await pair.ask("") == {1: [], 2: []}


async def test_a_check_that_hangs_is_no_answer_and_holds_up_no_other(
    pair: Pair, hung_check: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "LOOKING", 0.1)
    assert await pair.ask("hang", timeout=0.5) == {1: ["silent"], 2: ["silent"]}
    assert Oracle.asleep.is_set()
    assert await pair.ask("gone") == {1: ["program_not_found"], 2: ["program_not_found"]}
    assert pair.left == []


async def test_an_answer_that_is_too_long_is_cut_and_says_so(pair: Pair) -> None:
    found = await pair.ask("much")
    assert len(found[1]) == 100  # one's own need not travel
    assert found[2][-1] == "too_many_problems"
    assert 1 < len(found[2]) <= questions.MAXIMUM_ANSWER / 1000
    assert pair.left == []


async def test_a_node_without_the_type_says_so(pair: Pair) -> None:
    answers = await pair.one.questions.ask([1, 2], "Sundial", {}, PATIENCE)
    assert [answer.problems[0].code for answer in answers] == ["type_unknown", "type_unknown"]


async def test_a_node_that_is_not_there_is_marked_and_its_question_removed(pair: Pair) -> None:
    assert await pair.ask("", [1, 2, 7], timeout=0.3) == {1: [], 2: [], 7: ["silent"]}
    assert pair.left == []


async def test_a_question_that_waited_is_answered_when_the_service_is_back(pair: Pair) -> None:
    """Asked while nobody listened; the service that begins looks for what it was asked."""
    async with open_office(pair.home, pair.database, "NODE3", types=TYPES) as third:
        number = third.node
    asking = asyncio.create_task(pair.ask("gone", [number]))
    await pair.one.following.next(PATIENCE)
    async with open_office(pair.home, pair.database, "NODE3", types=TYPES):
        assert await asking == {number: ["program_not_found"]}


async def test_an_old_question_is_answered_without_looking_and_a_damaged_one_is_passed_over(pair: Pair) -> None:
    old = Ask(asker=1, question="validate", type="Oracle", parameters={"Wish": "raise"}, expires=1.0)
    put = {ask_key(2, "old"): encode(old), ask_key(2, "damaged"): b"{", ask_key(2, "other"): b'{"asker":"x"}'}
    await pair.one.commit(Transaction(put=put))
    assert await pair.ask("gone") == {1: ["program_not_found"], 2: ["program_not_found"]}
    assert "asks/2/old" not in pair.left


async def test_changes_that_were_missed_hold_up_no_answer(pair: Pair) -> None:
    """The watch of one node breaks and everything is read again: what came meanwhile is found all the same."""
    following: Following = pair.two.following
    asking = asyncio.create_task(pair.ask("gone"))
    await following._reload()
    assert await asking == {1: ["program_not_found"], 2: ["program_not_found"]}


async def test_a_question_larger_than_one_commit_for_all_is_asked_in_several(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "MAXIMUM_ASKED", 10)
    assert await pair.ask("x" * 1000, [1, 2, 8, 9], timeout=0.5) == {
        1: ["program_not_found"],
        2: ["program_not_found"],
        8: ["silent"],
        9: ["silent"],
    }
    assert pair.left == []
