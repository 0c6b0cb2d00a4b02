"""The running demo: three nodes, who may control them, and their end, in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clusteradmin.demo import window
from clusteradmin.demo.arguments import Options
from clusteradmin.demo.children import Child, Children
from clusteradmin.demo.contents import GROUP, choose_notepad, fill, take_all_offline
from clusteradmin.demo.control import ControlServer, DemoStatus
from clusteradmin.demo.keeping import clock
from clusteradmin.demo.leftovers import withdraw
from clusteradmin.demo.marked import kill_marked
from clusteradmin.demo.node import Node, NodeFiles
from clusteradmin.demo.problems import DemoError, StillRunningError
from clusteradmin.demo.state import State
from clusteradmin.demo.supervision import TICK_SECONDS, Naps
from clusteradmin.settings import ClientHome
from nodeagent.api.problems import ClusterError

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_CLOSE_SECONDS: Final = 5.0
_OFFLINE_SECONDS: Final = 15.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: decided, written down, nothing started yet."""

    name: str
    home: Path
    clients: ClientHome
    state: State
    nodes: Sequence[NodeFiles]
    options: Options


class World:
    """Everything that a demo runs. Nothing in here blocks, so that nobody's silence is ours."""

    def __init__(self, plan: Plan, children: Children, say: Say) -> None:
        self._plan = plan
        self._children = children
        self._say = say
        self._nodes = {files.name: Node(files, plan.state.mark, children, say) for files in plan.nodes}
        self._control = ControlServer(self)
        self._stopping = asyncio.Event()
        self._hurried = asyncio.Event()
        self._window: Child | None = None

    # --- what is asked of it ------------------------------------------------------------------------------------

    async def power(self, node: str, on: bool) -> None:
        """Switch a node. Raises DemoError."""
        found = self._nodes.get(node.upper())
        if found is None:
            raise DemoError(f"The demo has no node {node}. It has {', '.join(self._nodes)}.")
        if self._stopping.is_set():
            raise DemoError("The demo is ending.")
        await (found.power_on() if on else found.power_off())

    def status(self) -> DemoStatus:
        nodes = tuple(node.status for node in self._nodes.values())
        return DemoStatus(name=self._plan.name, home=str(self._plan.home), pid=os.getpid(), nodes=nodes)

    def stop(self) -> None:
        """Begin the end; asked twice, no application is waited for."""
        if self._stopping.is_set():
            self._hurried.set()
        self._stopping.set()

    # --- from the beginning to the end --------------------------------------------------------------------------

    async def run(self) -> int:
        """Run until told to stop or the window is closed; return the exit code. Raises DemoError."""
        loop = asyncio.get_running_loop()
        for number in ENDING:
            loop.add_signal_handler(number, self.stop)
        ticking = asyncio.create_task(self._tick(), name="watches over the demo")
        try:
            built = await _until(self._build(), self._stopping)
            return await self._show() if built else 0
        finally:
            self._stopping.set()
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)
            await self._end()

    async def _tick(self) -> None:
        naps = Naps(clock())
        while True:
            await asyncio.sleep(TICK_SECONDS)
            slept = naps.look(clock())
            if slept:
                self._say(f"Everything here slept for {slept:.0f} s; each node is given time to wake up.")
            for node in self._nodes.values():
                node.tick(bool(slept))

    async def _build(self) -> None:
        await self._control.start(self._plan.state.control_socket)
        for node in self._nodes.values():  # one after the other, so that the first one joins as the first
            await node.power_on()
        options = self._plan.options
        shown = {} if options.headless or options.screenshot else os.environ
        notepad = None if options.empty else choose_notepad(shown)
        try:
            await fill(self._plan.nodes[0].socket, len(self._nodes), notepad, self._say)
        except ClusterError as exc:
            self._say(f"The group {GROUP} is not online: {exc}")

    async def _show(self) -> int:
        """Say that everything is there, show it, and return when it is no longer wanted, with the exit code."""
        options, name = self._plan.options, self._plan.name
        self._say(f"ready: clusteradmin --cluster {shlex.quote(name)}")
        if options.screenshot:
            return await self._watch(window.command(name, options.screenshot), stopped=1)
        if options.headless:
            await self._stopping.wait()
            return 0
        if not window.has_display(os.environ):
            self._say("There is no display here, so the demo runs without its window.")
            await self._stopping.wait()
            return 0
        code = await self._watch(window.command(name), stopped=0)
        if options.stay:
            await self._stopping.wait()
        return code

    async def _watch(self, command: Sequence[str], stopped: int) -> int:
        """Run the window until it is closed, and return its exit code; or until we are told to stop: then *stopped*."""
        environment = window.environment(os.environ, self._plan.state.mark)
        self._window = self._children.start(command, environment)
        stop = asyncio.ensure_future(self._stopping.wait())
        ends: list[asyncio.Future[Any]] = [self._window.ended, stop]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not self._window.ended.done():
            return stopped
        code = self._window.ended.result()
        return code if code >= 0 else 1

    async def _end(self) -> None:
        """End everything, whatever fails on the way. Raises StillRunningError."""
        withdraw(self._plan.clients, str(self._plan.home))
        if self._window is not None:
            await self._window.end(_CLOSE_SECONDS)
        await self._control.close()
        await self._take_offline()
        ends = await asyncio.gather(*(node.shut_down() for node in self._nodes.values()), return_exceptions=True)
        all_killed = await asyncio.to_thread(kill_marked, self._plan.state.mark)
        for failure in ends:
            if failure is not None:
                raise StillRunningError(str(failure)) from failure
        if not all_killed:
            raise StillRunningError("Not all processes of the demo can be killed.")

    async def _take_offline(self) -> None:
        """Let the applications end in order, as far as that can be had: afterwards they are killed."""
        alive = next((node for node in self._nodes.values() if node.service.ready.is_set()), None)
        if alive is not None:
            with contextlib.suppress(ClusterError, TimeoutError):
                async with asyncio.timeout(_OFFLINE_SECONDS):
                    await _until(take_all_offline(alive.files.socket), self._hurried)


async def _until(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> bool:
    """Do *work*, unless *stop* is set before it is done; return whether it was done."""
    task, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        return task.done()
    finally:
        for each in (task, stopped):
            each.cancel()
        await asyncio.gather(task, stopped, return_exceptions=True)
