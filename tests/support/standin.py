"""A cluster without a connection: it shows the snapshots that it is given and records what it is asked."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from pathlib import Path
from typing import TypeVar

from clusteradmin.client.cluster import Cluster, ConnectionState, Status, Update
from clusteradmin.settings import ClientHome
from clusteradmin.ssh.credentials import NoPrompter
from nodeagent.api.events import LogEntry
from nodeagent.api.objects import ResourceId, Snapshot, ref
from nodeagent.api.problems import ClusterError, Problem, problem
from nodeagent.api.quorum import Voter
from nodeagent.api.requests import (
    Done,
    NodeAnswer,
    QuorumRead,
    ReadQuorum,
    Reply,
    Request,
    Right,
    Validated,
    ValidateParameters,
)

T = TypeVar("T")
_NOWHERE = Path("/nonexistent/cluster-administrator")


class StandInCluster(Cluster):
    """Everything that a window asks of a cluster, fed by hand.

    Attributes:
        requests: what was asked, oldest first.
        answer: says what comes back; it may raise a refusal.
        refusal: what every request is refused with, None to ask `answer`.
        gate: holds all answers back until it is set, as it is at first.
    """

    def __init__(
        self,
        snapshot: Snapshot | None = None,
        *,
        target: str = "test",
        home: Path = _NOWHERE,
        right: Right = Right.ADMINISTER,
    ) -> None:
        super().__init__(target, prompter=NoPrompter(), home=ClientHome(home))
        self._given = snapshot
        self._told: dict[object, Callable[[Update], None]] = {}
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Reply] = self.plain_answer
        self.refusal: Problem | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.outputs: asyncio.Queue[bytes] = asyncio.Queue()
        self.tries = 0
        self.closed = False
        self.user = "anna"
        self.right = right
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

    @property
    def listeners(self) -> int:
        """How many still listen."""
        return len(self._told)

    def listen(self, listener: Callable[[Update], None]) -> Callable[[], None]:
        token = object()
        self._told[token] = listener

        def stop() -> None:
            self._told.pop(token, None)

        return stop

    def start(self) -> None:
        pass

    def try_now(self) -> None:
        self.tries += 1

    async def close(self) -> None:
        self.closed = True

    async def call(self, request: Request, *, timeout: float | None = None) -> Reply:
        del timeout
        self.requests.append(request)
        await self.gate.wait()
        if self.refusal is not None:
            raise ClusterError(self.refusal)
        return self.answer(request)

    async def until(self, test: Callable[[Snapshot], T | None], timeout: float | None = None) -> T:
        found: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def look(_: Update) -> None:
            result = test(self._given) if self._given is not None else None
            if result is not None and not found.done():
                found.set_result(result)

        stop = self.listen(look)
        look(Update())
        try:
            async with asyncio.timeout(timeout):
                return await found
        finally:
            stop()

    async def output(self, resource: ResourceId, *, follow: bool = True) -> AsyncGenerator[bytes, None]:
        while True:
            yield await self.outputs.get()

    # By hand

    def plain_answer(self, request: Request) -> Reply:
        """Say that it is done, or that every node could run it."""
        if isinstance(request, ValidateParameters):
            return Validated(answers=tuple(NodeAnswer(node=node) for node in request.possible_owners or ()))
        if isinstance(request, ReadQuorum):
            voters = (Voter(name="atlas", leader=True), Voter(name="boreas"), Voter(name="castor", answering=False))
            return QuorumRead(
                voters=voters,
                needed=2,
                now=problem("quorum_missing", answering=2, voters=3, missing=("castor",), needed=2),
                next_loss=problem("quorum_loss_stop"),
                failover=problem("failover_yes"),
            )
        return Done(revision=self._given.revision if self._given is not None else 0, id="new")

    def show(self, snapshot: Snapshot, logged: Iterable[LogEntry] = ()) -> None:
        """Have the cluster report *snapshot*, what is different in it, and entries of its event log."""
        before = {ref(item): item for item in self._given.everything()} if self._given else {}
        after = {ref(item): item for item in snapshot.everything()}
        entries = tuple(logged)
        self.log.extend(entries)
        changed = tuple(item for reference, item in after.items() if before.get(reference) != item)
        self.report(snapshot, Update(changed=changed, removed=tuple(before.keys() - after.keys()), logged=entries))

    def report(self, snapshot: Snapshot, update: Update) -> None:
        """Have the cluster report *snapshot*, and what the caller knows to be different in it."""
        self._given = snapshot
        self._heard = time.monotonic()
        self._tell(update)

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
        for listener in tuple(self._told.values()):
            listener(update)
