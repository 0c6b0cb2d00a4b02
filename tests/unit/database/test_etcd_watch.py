"""A watch on a member that no longer knows what happens is left, whatever the member says of itself."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from nodeagent.database.etcdgateway import Gateway, Place
from nodeagent.database.etcdwatch import EtcdWatch
from nodeagent.database.store import Compacted, Unavailable

pytestmark = pytest.mark.asyncio

Answer = Callable[[dict[str, object]], list[object]]
PATIENCE = 20.0  # seconds; the time limits themselves are about one


def event(revision: int) -> object:
    key = base64.b64encode(b"k").decode()
    return {"result": {"events": [{"kv": {"key": key, "mod_revision": str(revision)}}]}}


@asynccontextmanager
async def member(answer: Answer) -> AsyncIterator[Gateway]:
    """A member that answers each message of a watch as *answer* says: lines of JSON in HTTP chunks."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
        try:
            while size := int(await reader.readline(), 16):
                message = json.loads(await reader.readexactly(size))
                await reader.readline()
                for said in answer(message):
                    line = json.dumps(said).encode() + b"\n"
                    for piece in (line[:7], line[7:]):  # lines and chunks have nothing to do with each other
                        writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    gateway = Gateway([Place("127.0.0.1", port, secure=False), Place("127.0.0.1", 1, secure=False)], None)
    try:
        yield gateway
    finally:
        await gateway.close()
        server.close()


async def revisions(gateway: Gateway, *, after: int, committed: int = 0) -> list[int]:
    """Return what a watch tells until it breaks, and let its error through when it has told nothing."""
    watch, found = EtcdWatch(gateway, b"k", b"l", lambda: committed), []
    try:
        async with asyncio.timeout(PATIENCE):
            async for batch in watch.batches(after):
                found += [event.kv.mod_revision for event in batch]
    except Unavailable:
        if not found:
            raise
    return found


def progress(message: dict[str, object]) -> list[object]:
    return [{"result": {"created": "create_request" in message, "header": {"revision": "99"}}}]


async def test_a_member_that_says_nothing_is_left() -> None:
    async with member(lambda _message: []) as gateway:
        first = gateway.place
        with pytest.raises(Unavailable, match="silent"):
            await revisions(gateway, after=1)
        assert gateway.place != first


async def test_a_member_that_answers_but_does_not_tell_what_was_committed_is_left() -> None:
    async with member(progress) as gateway:
        with pytest.raises(Unavailable, match="behind"):
            await revisions(gateway, after=4, committed=5)


async def test_a_quiet_member_that_is_not_behind_is_kept() -> None:
    async with member(progress) as gateway:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await revisions(gateway, after=5, committed=5)


async def test_the_revision_of_a_progress_answer_moves_nothing() -> None:
    """Members before 3.4.25 may send it ahead of the changes that it speaks of."""
    answers: list[list[object]] = [
        [*progress({}), event(6)],
        [*progress({}), event(7)],
        [{"error": {"message": "enough"}}],
    ]

    def answer(_message: dict[str, object]) -> list[object]:
        return answers.pop(0)

    async with member(answer) as gateway:
        assert await revisions(gateway, after=5) == [6, 7]


async def test_what_is_older_than_asked_for_is_dropped_and_fragments_are_joined() -> None:
    def answer(message: dict[str, object]) -> list[object]:
        if "create_request" not in message:
            return []
        part = {"result": {"fragment": True, "events": event(7)["result"]["events"]}}  # type: ignore[index] # of a dict
        return [event(5), part, event(7)]

    async with member(answer) as gateway:
        assert await revisions(gateway, after=5) == [7, 7]


async def test_what_is_no_http_breaks_the_watch() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\nnot a length\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    gateway = Gateway([Place("127.0.0.1", server.sockets[0].getsockname()[1], secure=False)], None)
    with pytest.raises(Unavailable, match="does not speak HTTP"):
        await revisions(gateway, after=1)
    await gateway.close()
    server.close()


async def test_a_cancelled_watch_says_why() -> None:
    async with member(lambda _m: [{"result": {"canceled": True, "compact_revision": "9"}}]) as gateway:
        with pytest.raises(Compacted, match="9"):
            await revisions(gateway, after=5)
    async with member(lambda _m: [{"error": {"message": "etcdserver: no leader"}}]) as gateway:
        with pytest.raises(Unavailable, match="no leader"):
            await revisions(gateway, after=5)
    async with member(lambda _m: ["nonsense"]) as gateway:
        with pytest.raises(Unavailable):
            await revisions(gateway, after=5)


async def test_a_member_may_be_quiet_between_the_fragments_of_a_commit() -> None:
    """It is asked meanwhile whether it is there; what has come so far waits for the rest."""
    part = {"result": {"fragment": True, "events": event(7)["result"]["events"]}}  # type: ignore[index] # of a dict

    answers: list[list[object]] = [[part], [event(7)], [{"error": {"message": "enough"}}]]

    async with member(lambda _message: answers.pop(0)) as gateway:
        assert await revisions(gateway, after=5) == [7, 7]
