"""A cluster as the workstation sees it: connected, watched, reconnected, and asked."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import dataclasses
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Final, TypeVar

from clusteradmin.client.agent import PATIENT_PINGS, SILENT_PINGS, AgentConnection, News
from clusteradmin.client.backoff import Backoff
from clusteradmin.client.dialing import Dialer, Place
from clusteradmin.client.mirror import IncompleteSnapshot, Mirror
from clusteradmin.client.outputs import follow_output
from clusteradmin.client.reaching import HEAD_START, tried
from clusteradmin.client.status import ConnectionState, Listeners, NotConnected, Status, Update
from clusteradmin.client.transport import ConnectionLost, FellSilent, TransportError
from clusteradmin.client.waiters import Waiters
from clusteradmin.settings import ClientHome, KnownNode, SettingsError, nodes_of
from clusteradmin.ssh.config import ConfigError
from clusteradmin.ssh.credentials import Prompter
from clusteradmin.ssh.errors import SshError
from nodeagent.api import wire
from nodeagent.api.events import LogEntry
from nodeagent.api.objects import NodeId, ResourceId, Snapshot
from nodeagent.api.problems import ClusterError, problem
from nodeagent.api.requests import Reply, Request, Right

__all__ = ["Cluster", "ConnectionState", "NotConnected", "Status", "Update"]

LOG_ENTRIES: Final = 100_000  # kept here; the nodes keep more
LOG_AT_FIRST: Final = 1000
SNAPSHOT_SECONDS: Final = 30.0
MOST_ATTEMPTS: Final = 50

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Cluster:
    """A cluster that is opened by a target and from then on kept up to date, over whichever node answers.

    Belongs to the loop in which it is started. Nothing is polled: the nodes tell what changes.
    """

    def __init__(
        self, target: str, *, prompter: Prompter, home: ClientHome | None = None, reconnect: bool = True
    ) -> None:
        """Prepare to open *target*.

        Args:
            target: a saved connection's name, "" or "." for this machine, unix:/path, or [user@]host[:port].
            prompter: who can be asked for what the connection needs.
            reconnect: go on trying when the connection is lost.

        Raises:
            SettingsError: the saved connection cannot be read.
        """
        self.target = target
        self.home = home or ClientHome.default()
        self.saved = self.home.resolve(target)
        self.log: collections.deque[LogEntry] = collections.deque(maxlen=LOG_ENTRIES)
        self.status = Status()
        self.user = ""
        self.right = Right.NONE
        self._dialer = Dialer(self.saved, prompter, self.home)
        self._reconnect = reconnect
        self._mirror = Mirror()
        self._listeners = Listeners()
        self._nodes: tuple[KnownNode, ...] = self.saved.nodes
        self._last_place: Place | None = None
        self._target_node: NodeId = 0
        self._connection: AgentConnection | None = None
        self._last_heard = 0.0  # by the connection before
        self._fresh: asyncio.Future[None] | None = None
        self._opened: asyncio.Future[None] | None = None
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._waiters = Waiters()

    # --- what is known ------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The cluster's name, or the target before it is known."""
        snapshot = self.snapshot
        return snapshot.cluster.name if snapshot else self.saved.cluster_name or self.target or "."

    @property
    def snapshot(self) -> Snapshot | None:
        """The cluster as last heard of; None before the first time."""
        return self._mirror.snapshot

    @property
    def last_heard(self) -> float:
        """When the node last said anything, by `time.monotonic`; 0 for never."""
        return self._connection.last_heard if self._connection else self._last_heard

    @property
    def connected_node(self) -> NodeId:
        """The node that serves us, 0 when none does."""
        return self._connection.welcome.node if self._connection else 0

    # --- opening and closing ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to connect in the background; the status tells how it goes. Starting twice is not an error."""
        if self._task is None or self._task.done():
            self._opened = asyncio.get_running_loop().create_future()
            self._opened.add_done_callback(_looked_at)
            self._task = asyncio.create_task(self._run(), name=f"connection to {self.target or '.'}")

    async def open(self) -> None:
        """Connect and return when the cluster is there.

        Raises:
            NotConnected: it cannot be reached; everything is closed again.
        """
        self.start()
        assert self._opened is not None
        try:
            await asyncio.shield(self._opened)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Leave the cluster; what was typed for it is forgotten. Closing twice is not an error."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._dialer.forget()
        self._show(ConnectionState.CLOSED)
        self._listeners.tell()
        self._waiters.fail(self._not_connected("it was closed"))

    def try_now(self) -> None:
        """Do not wait for the next attempt; this one may ask questions."""
        self._wake.set()
        if self._task is not None and self._task.done():
            self.start()

    # --- connecting ---------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        pause, may_ask, silent = Backoff(), True, False
        while True:
            failures = await self._reach(may_ask, silent)
            if self._connection is not None:
                pause.reset()
                why: BaseException = await self._serve()
                hopeless, silent = False, isinstance(why, FellSilent)
                seconds = 0.0 if silent else pause.next()  # another node is there already
            else:
                why, hopeless = failures[0], all(map(_needs_a_person, failures))
                seconds = pause.next()
            self._show(ConnectionState.LOST, detail=str(why))
            if not self._reconnect:
                break
            may_ask = await self._wait(None if hopeless else seconds)
        self._waiters.fail(self._not_connected(self.status.detail))

    async def _wait(self, seconds: float | None) -> bool:
        """Wait for the next attempt, or for a person (None); return whether it was a person."""
        self._show(next_try=None if seconds is None else time.time() + seconds, needs_person=seconds is None)
        self._wake.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return False
        return True

    async def _reach(self, may_ask: bool, silent: bool) -> list[Exception]:
        """Try every place once, until one leads to the cluster; return what went wrong on the way.

        Args:
            silent: the place where we were last fell silent, so it is the last to try.
        """
        failures: list[Exception] = []
        try:
            places = self._dialer.places(self._nodes, self._last_place, self._target_node)
        except ConfigError as exc:
            self._attempted(str(self.target), exc)
            places, failures = [], [exc]
        if silent:
            places.sort(key=lambda place: place == self._last_place)

        async def greet(place: Place) -> AgentConnection:
            return await self._greet(place, may_ask)

        attempts = tried(places, greet, None if may_ask else HEAD_START)
        async with contextlib.aclosing(attempts):
            async for place, greeted in attempts:
                try:
                    await self._take(await greeted, place)
                except (TransportError, ClusterError, ConfigError) as exc:
                    failures.append(exc)
                    self._attempted(place.text, exc)
                else:
                    return failures
        assert self._opened is not None
        if not self._opened.done():
            self._opened.set_exception(_not_connected(failures[0]))
        return failures

    async def _greet(self, place: Place, may_ask: bool) -> AgentConnection:
        # Once lost it stays lost until it is back: the picture is old all the while.
        begins = self.status.state in (ConnectionState.CLOSED, ConnectionState.CONNECTING)
        state = ConnectionState.CONNECTING if begins else ConnectionState.LOST
        self._show(state, detail=f"Connecting to {place.text}.", next_try=None, needs_person=False)
        transport = await self._dialer.dial(place, may_ask=may_ask)
        pings = PATIENT_PINGS if self._dialer.needs_person else SILENT_PINGS
        return await AgentConnection.open(transport, on_news=self._news, silent_pings=pings)

    async def _take(self, connection: AgentConnection, place: Place) -> None:
        """Let the cluster be served by this connection, which is closed if that fails."""
        try:
            self._check_identity(connection, place)
            await self._fetch(connection)
        except TimeoutError:
            await connection.close()
            limit = f"the snapshot did not come within {SNAPSHOT_SECONDS:g} s"
            raise ConnectionLost(connection.description, limit) from None
        except BaseException:
            await connection.close()
            raise
        self._connection, self._last_place = connection, place
        welcome = connection.welcome
        self.user, self.right = welcome.user, welcome.right
        if place.node is None:
            self._target_node = welcome.node
        self._learn()
        self._show(ConnectionState.LIVE, node=welcome.node_name, detail="", attempts=())
        assert self._opened is not None
        if not self._opened.done():
            self._opened.set_result(None)

    def _check_identity(self, connection: AgentConnection, place: Place) -> None:
        """A node that belongs to another cluster now must not be shown, or steered, as this one."""
        known = self.snapshot.cluster.id if self.snapshot else ""
        if known and connection.welcome.cluster != known:
            other = connection.welcome.cluster_name
            raise ConnectionLost(connection.description, f"{place.text} belongs to another cluster, {other}")

    async def _fetch(self, connection: AgentConnection) -> None:
        """Return when a whole snapshot has come over *connection*. Raises why it ended, or TimeoutError."""
        self._mirror.expect_snapshot()
        self._fresh = fresh = asyncio.get_running_loop().create_future()
        ended = asyncio.ensure_future(connection.wait_ended())
        ended.add_done_callback(lambda _: fresh.done() or fresh.cancel())
        try:
            async with asyncio.timeout(SNAPSHOT_SECONDS):
                await connection.subscribe(LOG_AT_FIRST)
                await asyncio.wait([fresh])
        finally:
            self._fresh = None
            ended.cancel()
        if fresh.cancelled():
            raise ended.result()

    async def _serve(self) -> BaseException:
        """Stay until the connection ends; return why."""
        assert self._connection is not None
        connection = self._connection
        try:
            return await connection.wait_ended()
        finally:
            self._last_heard = connection.last_heard
            self._connection = None
            await connection.close()

    # --- news ---------------------------------------------------------------------------------------------------

    def _news(self, frames: Sequence[News]) -> None:
        gap = False
        for frame in frames:
            try:
                taken = self._mirror.take(frame)
            except IncompleteSnapshot as exc:
                raise wire.ProtocolError(problem("frame_invalid", detail=str(exc))) from exc
            self.log.extend(taken.logged)
            self._listeners.note(taken)
            gap |= taken.gap
            if taken.replaced and self._fresh is not None and not self._fresh.done():
                self._fresh.set_result(None)
        if self.snapshot is not None:
            self._waiters.look(self.snapshot)
            if self._connection is not None and nodes_of(self.snapshot) != self._nodes:
                self._learn()
        if gap and self._connection is not None:
            self._mirror.expect_snapshot()
            self._connection.subscribe_soon(LOG_AT_FIRST)

    def _learn(self) -> None:
        """Keep where the nodes are, to go on by another one; with a saved connection for the next time too."""
        assert self.snapshot is not None
        self._nodes = nodes_of(self.snapshot)
        if self.saved.name:
            try:
                self.saved = self.home.learn(self.saved.name, self.snapshot) or self.saved
            except SettingsError as exc:
                _log.warning("%s", exc)

    def listen(self, listener: Callable[[Update], None]) -> Callable[[], None]:
        """Tell *listener* of all changes from now on, in the loop's thread; return what ends that."""
        return self._listeners.add(listener)

    def _show(self, state: ConnectionState | None = None, **changes: object) -> None:
        """Change the status; a new state begins now and plans no attempt unless told."""
        if state is not None and state is not self.status.state:
            changes = {"since": time.time(), "next_try": None, **changes}
        wanted = state or self.status.state
        new = dataclasses.replace(self.status, state=wanted, **changes)  # type: ignore[arg-type]  # keywords of Status
        if new != self.status:
            self.status = new
            self._listeners.note_status()

    def _attempted(self, place: str, why: Exception) -> None:
        line = f"{time.strftime('%H:%M:%S')}  {place}: {why}"
        self._show(attempts=(*self.status.attempts, line)[-MOST_ATTEMPTS:])

    # --- asking -------------------------------------------------------------------------------------------------

    async def call(self, request: Request, *, timeout: float | None = None) -> Reply:
        """Send *request* to the cluster and return the reply.

        Args:
            timeout: seconds; None is the request's own limit.

        Raises:
            ClusterError: the refusal; timed_out.
            NotConnected: there is no connection, or it ended before the answer: then the outcome is not known.
        """
        connection = self._connection
        if connection is None:
            raise self._not_connected(self.status.detail)
        try:
            return await connection.call(request, timeout=timeout)
        except ConnectionLost as exc:
            raise self._not_connected(f"{exc} Whether the request was carried out is not known.") from exc

    async def until(self, test: Callable[[Snapshot], T | None], timeout: float | None = None) -> T:
        """Return the first result of *test* that is not None, now or after a change; *timeout* in seconds.

        Raises:
            TimeoutError: there was none in time.
            NotConnected: the connection is closed, or lost for good.
        """
        if self.snapshot is not None and (found := test(self.snapshot)) is not None:
            return found
        if self._task is None or self._task.done():
            raise self._not_connected(self.status.detail)
        return await self._waiters.wait(test, timeout)

    def output(self, resource: ResourceId, *, follow: bool = True) -> AsyncGenerator[bytes, None]:
        """Yield what the resource wrote on the node that has it and, when following, what it writes from now on.

        Goes along when the resource moves. Needs a second connection when another node has it.

        Raises:
            ClusterError: resource_unknown, or with what the node refuses.
            NotConnected: the node cannot be reached.
        """
        return follow_output(self, resource, follow=follow)

    async def connect_to(self, node: NodeId) -> AgentConnection:
        """Open a second connection, to *node* itself; the caller closes it.

        Raises:
            NotConnected: it cannot be reached.
        """
        known = next((one for one in self._nodes if one.id == node), None)
        name = known.name if known else f"node {node}"
        why: Exception = ConnectionLost(f"to {name}", "it has not reported where it can be reached")
        for place in self._dialer.places_of(known) if known else []:
            try:
                return await AgentConnection.open(await self._dialer.dial(place, may_ask=True))
            except (TransportError, ClusterError, ConfigError) as exc:
                why = exc
        raise _not_connected(why)

    @property
    def own_connection(self) -> AgentConnection:
        """The connection itself, for what `call` does not cover.

        Raises:
            NotConnected: there is none.
        """
        if self._connection is None:
            raise self._not_connected(self.status.detail)
        return self._connection

    def _not_connected(self, detail: str) -> NotConnected:
        return NotConnected(problem("not_connected", detail=detail or "it was not opened."))


def _not_connected(why: Exception) -> NotConnected:
    """Return the error for a person: what the other side refused keeps its own sentence."""
    if isinstance(why, ClusterError):
        return NotConnected(why.problem)
    return NotConnected(problem("not_connected", detail=str(why)))


def _needs_a_person(why: Exception) -> bool:
    """Tell whether trying again by itself is of no use: a wrong key, a password, no right, versions that do not fit."""
    if isinstance(why, ClusterError) and why.problem.code == "no_right":
        return True
    return isinstance(why, (SshError, ConfigError, wire.ProtocolError))


def _looked_at(future: asyncio.Future[None]) -> None:
    """Keep asyncio from reporting a failure that the status has told."""
    if not future.cancelled():
        future.exception()
