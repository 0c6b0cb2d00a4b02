"""A cluster without a connection: it shows the snapshots that it is given and records what it is asked."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from pathlib import Path

from clusteradmin.client.cluster import Cluster, ConnectionState, Status, Update
from clusteradmin.settings import ClientHome
from clusteradmin.ssh.credentials import NoPrompter
from nodeagent.api.events import LogEntry
from nodeagent.api.objects import ResourceId, Snapshot
from nodeagent.api.problems import ClusterError, Problem
from nodeagent.api.requests import Done, Reply, Request, Right

_NOWHERE = Path("/nonexistent/cluster-administrator")


class StandInCluster(Cluster):
    """Everything that a window asks of a cluster, fed by hand.

    Attributes:
        requests: what was asked, oldest first.
        refusal: what every request is refused with, None to do none of it and say that it is done.
    """

    def __init__(self, snapshot: Snapshot | None = None, *, target: str = "test", home: Path = _NOWHERE) -> None:
        super().__init__(target, prompter=NoPrompter(), home=ClientHome(home))
        self._given = snapshot
        self._told: list[Callable[[Update], None]] = []
        self.requests: list[Request] = []
        self.refusal: Problem | None = None
        self.outputs: asyncio.Queue[bytes] = asyncio.Queue()
        self.tries = 0
        self.closed = False
        self.user = "anna"
        self.right = Right.ADMINISTER
        self._heard = time.monotonic()
        node = snapshot.nodes[min(snapshot.nodes)].name if snapshot is not None else ""
        state = ConnectionState.CONNECTING if snapshot is None else ConnectionState.LIVE
        self.status = Status(state, node=node, since=time.time())

    @property
    def snapshot(self) -> Snapshot | None:
        return self._given

    @property
    def last_heard(self) -> float:
        return self._heard

    def listen(self, listener: Callable[[Update], None]) -> Callable[[], None]:
        self._told.append(listener)
        return lambda: self._told.remove(listener) if listener in self._told else None

    def start(self) -> None:
        pass

    def try_now(self) -> None:
        self.tries += 1

    async def close(self) -> None:
        self.closed = True

    async def call(self, request: Request, *, timeout: float | None = None) -> Reply:
        self.requests.append(request)
        if self.refusal is not None:
            raise ClusterError(self.refusal)
        return Done(revision=1)

    async def output(self, resource: ResourceId, *, follow: bool = True) -> AsyncGenerator[bytes, None]:
        while True:
            yield await self.outputs.get()

    # By hand

    def show(self, snapshot: Snapshot, logged: Iterable[LogEntry] = ()) -> None:
        """Have the cluster report *snapshot*."""
        self._given = snapshot
        self._heard = time.monotonic()
        self._tell(Update(logged=tuple(logged)))

    def log_now(self, *entries: LogEntry) -> None:
        """Have the cluster report entries of its event log."""
        self.log.extend(entries)
        self._tell(Update(logged=entries))

    def lose(self, detail: str = "atlas does not answer.", *, next_try: float | None = None) -> None:
        """Have the connection break."""
        self.status = Status(
            ConnectionState.LOST, node=self.status.node, detail=detail, since=time.time(), next_try=next_try
        )
        self._tell(Update(status=True))

    def _tell(self, update: Update) -> None:
        for listener in tuple(self._told):
            listener(update)
