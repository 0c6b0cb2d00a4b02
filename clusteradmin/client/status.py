"""How a connection to a cluster stands, and what changed in its picture: what listeners are told."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from clusteradmin.client.mirror import Taken
from nodeagent.api.events import LogEntry
from nodeagent.api.objects import ClusterObject, ObjectRef, ref
from nodeagent.api.problems import ClusterError

BATCH_SECONDS: Final = 0.03
"""How long changes are collected before listeners are told: below what an eye sees, above what a burst needs."""


class ConnectionState(enum.StrEnum):
    """Whether the picture of the cluster is kept up to date."""

    CONNECTING = "connecting"
    LIVE = "live"
    LOST = "lost"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Status:
    """How the connection stands.

    Attributes:
        node: name of the node we are connected to, or were.
        detail: one sentence: what is tried, why it was lost.
        since: wall-clock seconds at which it came to this state.
        next_try: wall-clock seconds of the next attempt; None when none is planned.
        needs_person: trying again by itself is of no use: somebody has to answer a question or correct something.
        attempts: what was tried since the connection was lost, newest last.
    """

    state: ConnectionState = ConnectionState.CLOSED
    node: str = ""
    detail: str = ""
    since: float = 0.0
    next_try: float | None = None
    needs_person: bool = False
    attempts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Update:
    """What changed since the last one.

    Attributes:
        status: the status changed.
        resync: the whole snapshot was replaced: look at everything again.
    """

    changed: tuple[ClusterObject, ...] = ()
    removed: tuple[ObjectRef, ...] = ()
    logged: tuple[LogEntry, ...] = ()
    status: bool = False
    resync: bool = False


class NotConnected(ClusterError):
    """There is no connection to the cluster, or it ended before an answer came."""


Listener = Callable[[Update], None]


class Listeners:
    """Collects what changed and tells it, at most once per `BATCH_SECONDS`, in the loop's thread."""

    def __init__(self) -> None:
        self._listeners: dict[object, Listener] = {}
        self._changed: dict[ObjectRef, ClusterObject] = {}
        self._removed: dict[ObjectRef, None] = {}
        self._logged: list[LogEntry] = []
        self._status = False
        self._resync = False
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, listener: Listener) -> Callable[[], None]:
        """Tell *listener* from now on; return what ends that."""
        token = object()
        self._listeners[token] = listener
        return lambda: self._listeners.pop(token, None) and None

    def note(self, taken: Taken) -> None:
        """Tell soon what a frame did to the mirror."""
        if taken.replaced:
            self._resync = True
            self._changed.clear()
            self._removed.clear()
        for reference in taken.removed:
            self._changed.pop(reference, None)
            self._removed[reference] = None
        for item in taken.changed:
            self._removed.pop(ref(item), None)
            self._changed[ref(item)] = item
        self._logged += taken.logged
        self._tell_soon()

    def note_status(self) -> None:
        """Tell soon that the status changed."""
        self._status = True
        self._tell_soon()

    def _tell_soon(self) -> None:
        if self._timer is None:
            self._loop = asyncio.get_running_loop()
            self._timer = self._loop.call_later(BATCH_SECONDS, self.tell)

    def tell(self) -> None:
        """Tell what has been collected, now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        update = Update(
            tuple(self._changed.values()), tuple(self._removed), tuple(self._logged), self._status, self._resync
        )
        self._changed, self._removed, self._logged = {}, {}, []
        self._status = self._resync = False
        if update == Update():
            return
        assert self._loop is not None  # kept: a window's loop calls us when it does not count as running any more
        for token in tuple(self._listeners):  # a copy: a script's own thread may end its listening meanwhile
            self._loop.call_soon(self._tell_one, token, update)  # each by itself: one that fails silences no other

    def _tell_one(self, token: object, update: Update) -> None:
        if listener := self._listeners.get(token):
            listener(update)
