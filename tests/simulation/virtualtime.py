"""An asyncio loop whose time is virtual: when nothing is ready it jumps to the next timer.

Everything that runs on it belongs to a simulated process (`Process`), known by a context variable that tasks and
callbacks inherit. A process can be frozen, its callbacks then wait in their order, and it can be killed. No thread is
ever started: what would go into one runs at once.
"""

from __future__ import annotations

import asyncio
import collections
import contextvars
import heapq
import itertools
import selectors
from asyncio import transports
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

MOST_STEPS_AT_ONCE = 200_000  # turns of the loop without time passing: something spins


class Process:
    """What lives and dies as one, and can be frozen."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.frozen = False
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.wake: Callable[[], None] = lambda: None
        self._endings: list[Callable[[], None]] = []
        self._waiting: list[asyncio.Handle] = []
        self._context = contextvars.copy_context()
        self._context.run(PROCESS.set, self)

    @property
    def context(self) -> contextvars.Context:
        """A fresh context of this process."""
        return self._context.copy()

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run a coroutine in this process."""
        return asyncio.get_running_loop().create_task(work, name=name, context=self.context)

    def soon(self, action: Callable[..., Any], *arguments: Any) -> None:
        """Run *action* in this process as soon as it may run."""
        asyncio.get_running_loop().call_soon(action, *arguments, context=self.context)

    def later(self, seconds: float, action: Callable[..., Any], *arguments: Any) -> asyncio.TimerHandle:
        """Run *action* in this process after *seconds* of true time."""
        return asyncio.get_running_loop().call_later(seconds, action, *arguments, context=self.context)

    def on_end(self, action: Callable[[], None]) -> None:
        """Do *action* when this process is killed."""
        self._endings.append(action)

    def holds_back(self, handle: asyncio.Handle) -> bool:
        """Keep *handle* for later when this process is frozen, and for ever when it is dead."""
        if not self.alive and not self.tasks:
            return True
        if self.frozen:
            self._waiting.append(handle)
        return self.frozen

    def thaw(self) -> None:
        """Let it go on, with what waits in its order."""
        self.frozen = False
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.run_again(self._waiting)
        self._waiting = []

    def kill(self) -> None:
        """End it now: its connections are cut, its tasks cancelled."""
        if not self.alive:
            return
        self.alive = False
        for action in self._endings:
            action()
        self.thaw()
        for task in list(self.tasks):
            task.cancel()


PROCESS: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)


class _Gated(asyncio.Handle):
    def _run(self) -> None:
        process = self._context.get(PROCESS)  # type: ignore[attr-defined]
        if process is None or not process.holds_back(self):
            super()._run()


class _GatedTimer(asyncio.TimerHandle):
    def _run(self) -> None:
        process = self._context.get(PROCESS)  # type: ignore[attr-defined]
        if process is None or not process.holds_back(self):
            super()._run()


class _Jump(selectors.BaseSelector):
    """Waiting makes the time pass; nothing from outside ever comes."""

    def __init__(self) -> None:
        self.now = 0.0
        self._keys: dict[int, selectors.SelectorKey] = {}
        self._steps = 0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        number = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        self._keys[number] = selectors.SelectorKey(fileobj, number, events, data)
        return self._keys[number]

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj if isinstance(fileobj, int) else fileobj.fileno())

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing will ever happen again: the simulated world waits for ever")
        if timeout > 0:
            self.now += timeout
            self._steps = 0
        self._steps += 1
        if self._steps > MOST_STEPS_AT_ONCE:
            raise RuntimeError(f"something spins at {self.now:.3f} s")
        return []

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        """See BaseSelector."""
        return self._keys[fileobj if isinstance(fileobj, int) else fileobj.fileno()]

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


class Descriptor:
    """What would have a file descriptor; who waits for it is called when `readable` may have become true."""

    _numbers = itertools.count(1_000_000)

    def __init__(self) -> None:
        self._number = next(self._numbers)
        self.listeners: dict[Callable[[], None], None] = {}

    @property
    def readable(self) -> bool:
        """Whether it would be readable."""
        raise NotImplementedError

    def fileno(self) -> int:
        """Return a number that no real file has."""
        return self._number

    def changed(self) -> None:
        """Wake who waits."""
        for listener in list(self.listeners):
            listener()


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module."""

    _ready: collections.deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self) -> None:
        self._jump = _Jump()
        self.sockets: dict[str, Callable[[asyncio.Protocol], transports.Transport]] = {}
        self.descriptors: dict[int, Descriptor] = {}
        self._readers: dict[int, Callable[[], None]] = {}
        super().__init__(self._jump)
        self.set_task_factory(_task)  # type: ignore[arg-type]

    def time(self) -> float:
        """Return true seconds since the beginning of the world."""
        return self._jump.now

    def run_again(self, handles: list[asyncio.Handle]) -> None:
        """Run what was held back, before anything else."""
        self._ready.extendleft(reversed(handles))

    def _call_soon(self, callback: Any, args: Any, context: contextvars.Context | None) -> asyncio.Handle:
        handle = _Gated(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """See asyncio."""
        timer = _GatedTimer(when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True  # type: ignore[attr-defined]
        return timer

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        """Run *func* at once: a thread would not be deterministic."""
        del executor
        answer = self.create_future()
        try:
            answer.set_result(func(*args))
        except Exception as exc:  # noqa: BLE001 - it is raised where the result is waited for
            answer.set_exception(exc)
        return answer

    async def create_unix_connection(self, protocol_factory: Any, path: Any = None, **_: Any) -> Any:
        """Connect to a simulated socket."""
        await asyncio.sleep(0)
        accept = self.sockets.get(str(path))
        if accept is None:
            raise FileNotFoundError(path)
        protocol = protocol_factory()
        return accept(protocol), protocol

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:  # type: ignore[override]
        """Wait for a simulated descriptor; as asyncio does, in the place of whoever waited for it before."""
        self.remove_reader(fd)
        descriptor, context = self.descriptors[fd], contextvars.copy_context()

        def wake() -> None:
            self.call_soon(callback, *args, context=context)

        self._readers[fd] = wake
        descriptor.listeners[wake] = None
        if descriptor.readable:
            wake()

    def remove_reader(self, fd: Any) -> bool:
        """Wait no more."""
        wake = self._readers.pop(fd, None)
        return wake is not None and self.descriptors[fd].listeners.pop(wake, True) is None


def _task(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], context: contextvars.Context | None = None
) -> asyncio.Task[Any]:
    task = asyncio.Task(work, loop=loop, context=context)
    process = (context.get(PROCESS) if context is not None else None) or PROCESS.get()
    if process is not None:
        process.tasks[task] = None
        task.add_done_callback(lambda ended: process.tasks.pop(ended, None))
    return task
