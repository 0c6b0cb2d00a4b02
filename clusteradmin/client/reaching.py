"""Places tried one after the other, or with a short head start for each, until one leads to the cluster."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Final

from clusteradmin.client.agent import AgentConnection
from clusteradmin.client.dialing import Place

HEAD_START: Final = 0.4  # seconds; a node of the same network is greeted in 0.2


async def tried(
    places: Sequence[Place], greet: Callable[[Place], Awaitable[AgentConnection]], head_start: float | None
) -> AsyncGenerator[tuple[Place, asyncio.Future[AgentConnection]], None]:
    """Yield each place with what came of it, as it comes; who leaves early ends what is still on its way.

    Args:
        head_start: seconds after which the next place is tried as well, so that one that keeps silent holds nobody
            up; None waits for its end, because it may ask a person something.
    """
    waiting = list(places)
    running: dict[asyncio.Future[AgentConnection], Place] = {}
    try:
        while waiting or running:
            if waiting:
                place = waiting.pop(0)
                running[asyncio.ensure_future(greet(place))] = place
            patience = head_start if waiting else None
            done, _ = await asyncio.wait(running, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future
    finally:
        for future in running:
            future.cancel()
        for future in running:
            with contextlib.suppress(asyncio.CancelledError, Exception):  # nobody asks any more what came of it
                await (await future).close()
