"""The local socket on which workstations connect, and what all of them are told."""

from __future__ import annotations

import asyncio
import logging
import socket
from pathlib import Path
from typing import Final

from nodeagent.api.problems import Problem, problem
from nodeagent.api.requests import Right
from nodeagent.api.wire import Bye
from nodeagent.database.view import Delta
from nodeagent.service.aside import Aside
from nodeagent.service.following import Following
from nodeagent.service.handlers import Handlers
from nodeagent.service.membership import Membership
from nodeagent.service.news import Gathered, change_lines
from nodeagent.service.rights import Caller, caller
from nodeagent.service.workstation import PIECE, Workstation
from nodeagent.settings import AgentSettings

log = logging.getLogger(__name__)

BATCH: Final = 0.02  # seconds in which changes are gathered before they are sent
BACKLOG: Final = 512  # that connect at one moment
MAXIMUM_WORKSTATIONS: Final = 500  # at a time: open files are limited, and the service needs some for itself
LOOKUP_PATIENCE: Final = 10.0  # seconds for the node's directory of users
LOOKUPS: Final = 4  # at a time
ANSWER_PATIENCE: Final = 0.5  # seconds; who follows an output is not waited for longer


class Connections:
    """The listening socket and all workstations.

    Attributes:
        page_turn: held while a page is made, which takes a millisecond: heartbeats come between any two, of however
            many workstations.
        told: revision up to which all workstations that keep up have been told.
        refusing: why nobody is served, None while everybody is who may be.
    """

    def __init__(
        self, settings: AgentSettings, following: Following, membership: Membership, handlers: Handlers
    ) -> None:
        self._settings = settings
        self.following = following
        self._membership = membership
        self.handlers = handlers
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._workstations: set[Workstation] = set()
        self._lookups = Aside("directory of users", LOOKUPS)
        self._news = Gathered()
        self._timer: asyncio.TimerHandle | None = None
        self.page_turn = asyncio.Lock()
        self.told = 0
        self.refusing: Problem | None = None
        following.listen(self._changed)

    @property
    def node(self) -> int:
        """Return this node's number."""
        return self._membership.node

    @property
    def node_name(self) -> str:
        """Return this node's name."""
        return self._settings.name

    @property
    def logs(self) -> Path:
        """Return the directory of output logs."""
        return self._settings.logs

    # --- the socket ---------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Begin to listen. Every user may connect: what a user may do is judged per connection."""
        path = self._settings.socket_path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        # A reader holds twice the limit at most; the lines are put together by the workstation's own LineReader.
        self._server = await asyncio.start_unix_server(self._accept, str(path), limit=PIECE, backlog=BACKLOG)
        path.chmod(0o666)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer), name="workstation")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        workstation = Workstation(self, reader, writer, Caller("", Right.NONE))
        try:
            if self.refusing is not None:
                workstation.send(Bye(problem=self.refusing))
                return
            if len(self._tasks) > MAXIMUM_WORKSTATIONS:
                workstation.send(Bye(problem=problem("too_many_workstations", maximum=MAXIMUM_WORKSTATIONS)))
                return
            who = await self._who(writer.get_extra_info("socket"))
            if isinstance(who, Problem):
                workstation.send(Bye(problem=who))
                return
            workstation = Workstation(self, reader, writer, who)
            self._workstations.add(workstation)
            await workstation.run()
        except OSError as exc:
            log.debug("a workstation is gone: %s", exc)
        except Exception:  # a fault of ours ends this connection and no other
            log.exception("a connection failed")
        finally:
            self._workstations.discard(workstation)
            await workstation.close()

    async def _who(self, connection: socket.socket) -> Caller | Problem:
        """Say who is at the other end, or why nobody is listened to who may not even look."""
        try:
            who = await self._lookups.run(lambda: caller(connection), LOOKUP_PATIENCE)
        except TimeoutError:
            return problem("users_unknown", node=self.node_name)
        return problem("no_right", user=who.user) if who.right is Right.NONE else who

    async def answer_first(self) -> None:
        """Let what is being worked on be answered: perhaps it is why this service ends or begins anew."""
        if calls := [call for workstation in self._workstations for call in workstation.calls]:
            await asyncio.wait(calls, timeout=ANSWER_PATIENCE)

    async def close(self) -> None:
        """Say goodbye to all and stop listening."""
        if self._server is not None:
            self._server.close()
        if self._timer is not None:
            self._timer.cancel()
        bye = Bye(problem=problem("service_stopping", node=self.node_name))
        for workstation in list(self._workstations):
            workstation.send(bye)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
        self._settings.socket_path.unlink(missing_ok=True)

    # --- what all are told --------------------------------------------------------------------------------------

    def _changed(self, delta: Delta) -> None:
        """Gather a batch of changes; it is sent a moment later, each object once."""
        if not self._workstations:
            return
        if "*" in delta.keys:
            self._news.clear()
            self.told = self.following.view.revision
            for workstation in list(self._workstations):
                workstation.begin_anew()
            return
        if not (delta.changed or delta.removed or delta.logged):
            return
        self._news.add(delta)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BATCH, self.tell)

    def tell(self) -> None:
        """Tell all workstations what was gathered; without anything, only the revision that was reached."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        revision = self.following.view.revision
        if revision == self.told and not self._news:
            return
        changes = self._news.take(self.told, revision)
        self.told = revision
        lines = list(change_lines(changes))  # made once for all
        for workstation in list(self._workstations):
            workstation.take(changes, lines)
