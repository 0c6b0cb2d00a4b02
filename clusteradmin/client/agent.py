"""One conversation with a Cluster Service: greeting, calls and their answers, news, and whether it is still there."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, Final

from clusteradmin.client.transport import ConnectionLost, FellSilent, LineTransport, TransportError
from nodeagent.api import wire
from nodeagent.api.events import Changes, Output, Page
from nodeagent.api.problems import ClusterError, refuse
from nodeagent.api.requests import OutputRead, ReadOutput, Reply, Request
from nodeagent.api.wire import Answer, Bye, Call, Cancel, Frame, Hello, Ping, Pong, Refused, Subscribe, Welcome

News = Page | Changes

GREETING_SECONDS: Final = 10.0
PING_SECONDS: Final = 0.75
SILENT_PINGS: Final = 3
"""So many intervals without a word, and the other side counts as gone: 2.3 to 3 s after its last one, so that another
node serves within 5 s. Counted in intervals and not by the clock: a workstation that slept, or whose loop was busy, has
not listened and so knows nothing of the other side."""
PATIENT_PINGS: Final = 8
"""The same where a new connection would cost a person a one-time code: 6 s."""

_log = logging.getLogger(__name__)
_KEPT_OUTPUT: Final = 1024  # frames of a followed log that wait for a slow reader; then the oldest go


class AgentConnection:
    """Speaks the protocol over any `LineTransport`. Two tasks belong to it: one reads, one asks for signs of life."""

    def __init__(
        self,
        transport: LineTransport,
        on_news: Callable[[Sequence[News]], None] | None = None,
        silent_pings: int = SILENT_PINGS,
    ) -> None:
        self.welcome: Welcome
        self.last_heard = 0.0
        """By the loop's clock (`time.monotonic`), seconds."""
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._batches: AsyncIterator[list[bytes]] = transport.lines()
        self._on_news = on_news
        self._silent_pings = silent_pings
        self._calls: dict[int, asyncio.Future[Reply]] = {}
        self._followed: dict[int, asyncio.Queue[Output | None]] = {}
        self._last_id = 0
        self._heard_something = True
        self._ended: asyncio.Future[BaseException] = self._loop.create_future()
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(
        cls,
        transport: LineTransport,
        *,
        on_news: Callable[[Sequence[News]], None] | None = None,
        timeout: float = GREETING_SECONDS,
        silent_pings: int = SILENT_PINGS,
    ) -> AgentConnection:
        """Greet the Cluster Service at the other end; the transport is closed when that fails.

        Args:
            on_news: gets what was subscribed to, once for all that came together.
            timeout: for the greeting, seconds.
            silent_pings: intervals without a word after which the other side counts as gone.

        Raises:
            TransportError: the connection did not last until the welcome.
            ClusterError: version_unknown, timed_out, or with what the other side refuses us.
        """
        self = cls(transport, on_news, silent_pings)
        try:
            async with asyncio.timeout(timeout):
                rest = await self._greet()
        except TimeoutError:
            await transport.close()
            raise refuse("timed_out", seconds=timeout) from None
        except BaseException:
            await transport.close()
            raise
        self._heard()
        self._start(self._read(rest), "reads from the Cluster Service")
        self._start(self._watch(), "watches the Cluster Service")
        return self

    @property
    def description(self) -> str:
        """Where it leads, for messages."""
        return self._transport.description

    async def _greet(self) -> list[bytes]:
        await self._transport.send(wire.encode(Hello()))
        async for first, *rest in self._batches:
            match wire.decode_from_node(first):
                case Welcome() as welcome:
                    wire.agree((welcome.protocol, welcome.protocol))
                    self.welcome = welcome
                    return rest
                case Bye() | Refused() as refusal:
                    raise ClusterError(refusal.problem)
                case frame:
                    raise wire.ProtocolError(refuse("frame_unexpected", frame=_name(frame)).problem)
        raise ConnectionLost(self.description, "the Cluster Service closed it before it said anything")

    # --- what comes ---------------------------------------------------------------------------------------------

    async def _read(self, lines: list[bytes]) -> None:
        try:
            await self._take(lines)
            async for batch in self._batches:
                self._heard()
                await self._take(batch)
            self._end(ConnectionLost(self.description, "the Cluster Service closed it"))
        except (TransportError, ClusterError) as exc:
            self._end(exc)
            await self._transport.close()

    def _heard(self) -> None:
        self._heard_something = True
        self.last_heard = self._loop.time()

    async def _take(self, lines: list[bytes]) -> None:
        news: list[News] = []
        for line in lines:
            match wire.decode_from_node(line):
                case Page() | Changes() as item:
                    news.append(item)
                    if isinstance(item, Page):
                        await asyncio.sleep(0)  # a page takes a millisecond: a window draws between them
                case Answer(id=number, reply=reply):
                    self._settle(number, reply)
                case Refused(id=0, problem=problem):
                    self._refused_unread(ClusterError(problem))
                case Refused(id=number, problem=problem):
                    self._settle(number, ClusterError(problem))
                case Output() as output:
                    _put(self._followed.get(output.id), output)
                case Bye(problem=problem):
                    raise ClusterError(problem)
                case Pong():
                    pass
                case Welcome() as frame:
                    raise wire.ProtocolError(refuse("frame_unexpected", frame=_name(frame)).problem)
        if news and self._on_news is not None:
            self._on_news(news)

    def _refused_unread(self, why: ClusterError) -> None:
        """The other side could not read one of our frames, and so cannot say which: an older one, asked for more."""
        if len(self._calls) == 1:
            self._settle(next(iter(self._calls)), why)
        else:
            _log.warning("%s: a frame was refused: %s", self.description, why)

    def _settle(self, number: int, outcome: Reply | ClusterError) -> None:
        answer = self._calls.get(number)
        if answer is None or answer.done():
            return  # it came after its time limit
        if isinstance(outcome, ClusterError):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)

    def _end(self, why: BaseException) -> None:
        """Tell everybody who waits; the first reason counts."""
        if self._ended.done():
            return
        self._ended.set_result(why)
        for answer in self._calls.values():
            if not answer.done():
                answer.set_exception(ConnectionLost(self.description, str(why)))
        for queue in self._followed.values():
            _put(queue, None)

    # --- what goes ----------------------------------------------------------------------------------------------

    async def call(self, request: Request, *, timeout: float | None = None) -> Reply:
        """Send *request* and return the reply.

        Args:
            timeout: seconds; None is the request's own limit.

        Raises:
            ClusterError: the refusal, or timed_out.
            ConnectionLost: it ended first; whether the request was carried out is not known.
        """
        return await self._call(self._next_id(), request, request.timeout if timeout is None else timeout)

    async def _call(self, number: int, request: Request, seconds: float) -> Reply:
        self._raise_if_ended()
        answer: asyncio.Future[Reply] = self._loop.create_future()
        self._calls[number] = answer
        try:
            async with asyncio.timeout(seconds):
                await self._transport.send(wire.encode(Call(id=number, request=request)))
                return await answer
        except TimeoutError:
            self._post(Cancel(id=number))
            raise refuse("timed_out", seconds=seconds) from None
        except asyncio.CancelledError:
            self._post(Cancel(id=number))
            raise
        finally:
            del self._calls[number]
            if answer.done() and not answer.cancelled():
                answer.exception()  # it failed while it was being sent: looked at

    async def follow(self, request: ReadOutput) -> AsyncGenerator[bytes, None]:
        """Yield what an output log holds and, when the request says so, what is added to it, until it is closed.

        Raises:
            ClusterError, ConnectionLost: as `call`.
        """
        number = self._next_id()
        queue: asyncio.Queue[Output | None] = asyncio.Queue(_KEPT_OUTPUT)
        self._followed[number] = queue
        try:
            reply = await self._call(number, request, request.timeout)
            if isinstance(reply, OutputRead) and reply.data:
                yield reply.data
            while request.follow and (output := await queue.get()) is not None:
                yield output.data
        finally:
            del self._followed[number]
            if request.follow:
                self._post(Cancel(id=number))
        if request.follow:
            self._raise_if_ended()

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    async def subscribe(self, log: int = 1000) -> None:
        """Ask for a snapshot and for all changes after it; *log* is how many log entries to begin with.

        Raises:
            ConnectionLost: see there.
        """
        await self._transport.send(wire.encode(Subscribe(log=log)))

    def subscribe_soon(self, log: int = 1000) -> None:
        """The same, for those who cannot wait; a failure shows as the end of the connection."""
        self._post(Subscribe(log=log))

    def _post(self, frame: Frame) -> None:
        if not self._ended.done():
            self._start(self._send_quietly(frame), f"sends {_name(frame)}")

    async def _send_quietly(self, frame: Frame) -> None:
        """Send within one interval; whoever reads learns of a broken connection."""
        with contextlib.suppress(TransportError, TimeoutError):
            async with asyncio.timeout(PING_SECONDS):
                await self._transport.send(wire.encode(frame))

    async def _watch(self) -> None:
        silent = number = 0
        while not self._ended.done():
            number += 1
            self._heard_something = False
            self._post(Ping(number=number))
            await asyncio.wait([self._ended], timeout=PING_SECONDS)
            silent = 0 if self._heard_something else silent + 1
            if silent >= self._silent_pings:
                limit = f"{PING_SECONDS * self._silent_pings:g}"
                self._end(FellSilent(self.description, f"the Cluster Service said nothing for {limit} s"))
                await self._transport.close()

    # --- its end ------------------------------------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self._ended.done()

    def _raise_if_ended(self) -> None:
        if self._ended.done():
            raise ConnectionLost(self.description, str(self._ended.result()))

    async def wait_ended(self) -> BaseException:
        """Return why it ended, when it has: a TransportError, a ClusterError, or a fault of ours."""
        return await asyncio.shield(self._ended)

    async def close(self) -> None:
        """End it, in less than a second whatever the other side does. Closing twice is not an error."""
        self._end(ConnectionLost(self.description, "it was closed here"))
        await self._transport.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        task = self._loop.create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._end(fault)


def _put(queue: asyncio.Queue[Output | None] | None, item: Output | None) -> None:
    if queue is None:
        return
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(item)


def _name(frame: Frame) -> str:
    return str(frame.__struct_config__.tag)
