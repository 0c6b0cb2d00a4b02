"""Output logs: read from any place, followed while they grow, are cut and begin anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nodeagent.monitor import output
from nodeagent.monitor.output import log_path
from nodeagent.service import outputlogs
from nodeagent.service.outputlogs import PIECE, follow, read

PATIENCE = 20.0  # seconds


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = log_path(tmp_path, "app")
    path.write_bytes(b"0123456789")
    return path


@pytest.mark.parametrize(
    ("offset", "limit", "found"),
    [
        (0, 4, (b"0123", 4)),
        (4, 100, (b"456789", 10)),
        (-3, 100, (b"789", 10)),
        (-100, 4, (b"0123", 4)),
        (10, 100, (b"", 10)),
        (11, 100, (b"", 10)),
        (10**30, 100, (b"", 10)),
        (-(10**30), 100, (b"0123456789", 10)),
        (0, 0, (b"", 0)),
        (0, -5, (b"", 0)),
        (0, 10**30, (b"0123456789", 10)),
    ],
)
def test_any_offset_and_limit_gives_what_there_is(log: Path, offset: int, limit: int, found: tuple[bytes, int]) -> None:
    assert read(log.parent, "app", offset, limit) == found


def test_a_log_that_does_not_exist_yet_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path, "nothing", -100, 100) == (b"", 0)


def test_no_more_than_a_piece_is_read_at_a_time(log: Path) -> None:
    log.write_bytes(b"x" * (PIECE + 10))
    data, reached = read(log.parent, "app", 0, 10 * PIECE)
    assert (len(data), reached) == (PIECE, PIECE)


async def _next(news: AsyncIterator[tuple[bytes, int, bool]]) -> tuple[bytes, int, bool]:
    async with asyncio.timeout(PATIENCE):
        return await anext(news)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputlogs, "LOOK_EVERY", 0.005)


@pytest.mark.asyncio
async def test_what_is_added_is_told_from_where_the_reader_was(log: Path) -> None:
    news = follow(log.parent, "app", 8)
    assert await _next(news) == (b"89", 10, False)
    with log.open("ab") as file:
        file.write(b"more")
    assert await _next(news) == (b"more", 14, False)


@pytest.mark.asyncio
async def test_a_log_that_is_cut_while_it_is_followed_goes_on_from_its_new_beginning(log: Path) -> None:
    news = follow(log.parent, "app", 10)
    with log.open("ab") as file:  # as the application has it open
        assert output.limit(log.parent, "app", maximum=5)
        assert await _next(news) == (b"", 0, True)
        file.write(b"new")
        file.flush()
        assert await _next(news) == (b"new", 3, False)


@pytest.mark.asyncio
async def test_a_log_that_is_cut_and_written_before_the_next_look_is_told_as_cut(log: Path) -> None:
    news = follow(log.parent, "app", 10)
    log.write_bytes(b"new")
    assert await _next(news) == (b"new", 3, True)


@pytest.mark.asyncio
async def test_a_log_that_comes_later_is_followed_from_its_first_byte(tmp_path: Path) -> None:
    news = follow(tmp_path, "later", 0)
    waiting = asyncio.ensure_future(_next(news))
    await asyncio.sleep(0)
    log_path(tmp_path, "later").write_bytes(b"first")
    assert await waiting == (b"first", 5, False)


@pytest.mark.asyncio
async def test_much_at_once_comes_in_pieces_and_without_a_pause(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputlogs, "LOOK_EVERY", 1000.0)
    log.write_bytes(b"x" * (3 * PIECE))
    news = follow(log.parent, "app", 0)
    assert [await _next(news) for _ in range(3)] == [(b"x" * PIECE, n * PIECE, False) for n in (1, 2, 3)]
