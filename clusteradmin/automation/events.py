"""The event log as something to iterate over."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from clusteradmin.client.status import ConnectionState, Update
from nodeagent.api.events import LogEntry

if TYPE_CHECKING:
    from clusteradmin.automation.cluster import Cluster


def events_of(cluster: Cluster, timeout: float | None) -> Iterator[LogEntry]:
    """Begin to collect at once, and return what yields; see `Cluster.events`."""
    arrived: queue.SimpleQueue[LogEntry | None] = queue.SimpleQueue()
    client = cluster.client

    def heard(update: Update) -> None:
        for entry in update.logged:
            arrived.put(entry)
        if client.status.state is ConnectionState.CLOSED:
            arrived.put(None)

    async def listen() -> Callable[[], None]:
        return client.listen(heard)

    stop = cluster.run(listen())
    return _entries(arrived, stop, timeout)


def _entries(
    arrived: queue.SimpleQueue[LogEntry | None], stop: Callable[[], None], timeout: float | None
) -> Iterator[LogEntry]:
    try:
        while (entry := arrived.get(timeout=timeout)) is not None:
            yield entry
    except queue.Empty:
        return
    finally:
        stop()
