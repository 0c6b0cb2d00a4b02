"""Lines over the local Unix socket: the same promises as over SSH."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from clusteradmin.client.transport import (
    ConnectFailed,
    ConnectFailure,
    ConnectionLost,
    LineTooLong,
    LineTransport,
    UnixTransport,
)

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def peers(folder: Path, max_line: int = 1_000_000) -> AsyncIterator[tuple[LineTransport, socket.socket]]:
    """A connected transport, and the other end of its socket: bytes as they are, and nothing done by itself."""
    path = folder / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        transport = await UnixTransport.open(path, max_line=max_line)
        peer, _ = listener.accept()
        with peer:
            yield transport, peer
            await transport.close()


async def test_lines_go_both_ways_whole_and_in_order(tmp_path: Path) -> None:
    async with peers(tmp_path) as (transport, peer):
        await transport.send(b"hello\n")
        assert peer.recv(100) == b"hello\n"
        lines = transport.lines()
        peer.sendall(b"one\ntwo\nthr")
        assert await anext(lines) == [b"one\n", b"two\n"]
        peer.sendall(b"ee\n")
        assert await anext(lines) == [b"three\n"]
        peer.shutdown(socket.SHUT_WR)
        with pytest.raises(StopAsyncIteration):
            await anext(lines)


async def test_an_end_in_the_middle_of_a_line_is_no_clean_end(tmp_path: Path) -> None:
    async with peers(tmp_path) as (transport, peer):
        peer.sendall(b"half")
        peer.close()
        with pytest.raises(ConnectionLost, match="in the middle of a line"):
            await anext(transport.lines())


async def test_a_line_above_the_limit_closes_it_with_an_error(tmp_path: Path) -> None:
    async with peers(tmp_path, max_line=100) as (transport, peer):
        peer.sendall(b"x" * 200)
        with pytest.raises(LineTooLong):
            await anext(transport.lines())
        with pytest.raises(ConnectionLost, match="closed here"):
            await transport.send(b"more\n")


async def test_a_peer_that_is_gone_is_a_lost_connection(tmp_path: Path) -> None:
    async with peers(tmp_path) as (transport, peer):
        peer.close()
        with pytest.raises(ConnectionLost):
            await transport.send(b"x" * 1_000_000 + b"\n")


async def test_closing_is_prompt_when_the_peer_takes_nothing_and_ends_who_waits(tmp_path: Path) -> None:
    async with peers(tmp_path) as (transport, _):

        async def read_all() -> list[list[bytes]]:
            return [batch async for batch in transport.lines()]

        reading = asyncio.create_task(read_all())
        sending = asyncio.create_task(transport.send(b"x" * 10_000_000 + b"\n"))
        done, _ = await asyncio.wait([reading, sending], timeout=0.1)
        assert not done
        start = time.monotonic()
        await transport.close()
        assert time.monotonic() - start < 1
        assert await reading == []
        with pytest.raises(ConnectionLost):
            await sending


async def test_a_socket_where_nothing_listens_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConnectFailed, match="No Cluster Service listens at") as caught:
        await UnixTransport.open(tmp_path / "missing")
    assert caught.value.reason is ConnectFailure.REFUSED


async def test_a_socket_that_this_account_may_not_use_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(asyncio, "open_unix_connection", refuse)  # root may use all of them
    with pytest.raises(ConnectFailed, match="may not use") as caught:
        await UnixTransport.open(tmp_path / "socket")
    assert caught.value.reason is ConnectFailure.NOT_PERMITTED
