"""What persons want of this node as a member, read from the database: to be one, to stay out, to begin anew."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
from typing import Final

from msgspec.structs import replace

from nodeagent.api.objects import NodeId
from nodeagent.api.spelling import comparable
from nodeagent.database.records import Life, NodeRecord, encode, node_key
from nodeagent.database.store import Conflict, Transaction, Unavailable, Unknown
from nodeagent.service.following import Following
from nodeagent.service.members import evicted_record

log = logging.getLogger(__name__)

LOOK_AGAIN: Final = 1.0  # seconds at most until the next look; every change is one too
ATTEMPTS: Final = 20  # to take note of a restart


class Standing(enum.Enum):
    """What this node is to be."""

    MEMBER = "member"
    STOPPED = "stopped"
    EVICTED = "evicted"


class Attendance:
    """Reads the node's own record.

    Attributes:
        called: set when the node is to be something else than it is, or to begin anew.
        restart: the service is to begin anew, from what is installed.
    """

    def __init__(self, following: Following, name: str) -> None:
        self._following = following
        self._name = comparable(name)
        self.called = asyncio.Event()
        self.restart = False

    def record(self) -> NodeRecord | None:
        """Return the record of the member of this name."""
        for node in self._following.snapshot.nodes.values():
            if comparable(node.name) == self._name:
                found = self._following.view.node(node.id)
                return found[0] if found else None
        return None

    @property
    def node(self) -> NodeId:
        """Return the number under which the node of this name is known, 0 when it is no member."""
        record = self.record()
        return record.id if record else 0

    def standing(self) -> Standing:
        """Return what the node is to be; who still has a life that has not ended is a member, to leave as one."""
        record = self.record()
        if record is None:
            return Standing.EVICTED if evicted_record(self._following.view, self._name) else Standing.MEMBER
        heartbeat = self._following.view.heartbeat(record.id)
        alive = heartbeat is not None and heartbeat[0].life is Life.ALIVE
        return Standing.STOPPED if record.stopped and not alive else Standing.MEMBER

    async def run(self, standing: Standing) -> None:
        """Wait until the node is to be something else than *standing*, and go on to wait until it is ended."""
        while True:
            record = self.record()
            if standing is Standing.MEMBER:
                self.restart = record is not None and record.restart is not None
                leaves = record is not None and record.stopped is not None
                if self.restart or leaves or self.standing() is not standing:
                    self.called.set()
            elif self.standing() is not standing:
                self.called.set()
            await self._following.next(LOOK_AGAIN)

    async def take_note_of_restart(self) -> None:
        """Delete the wish, so that it is fulfilled once."""
        for _ in range(ATTEMPTS):
            record = self.record()
            if record is None or record.restart is None:
                return
            key = node_key(record.id)
            change = Transaction(
                expect={key: self._following.view.revision_of(key)}, put={key: encode(replace(record, restart=None))}
            )
            with contextlib.suppress(Conflict, Unknown, Unavailable):
                await self._following.reached(await self._following.store.commit(change))
            await self._following.next(LOOK_AGAIN / 10)
        log.warning("that the service was to begin anew could not be noted")
