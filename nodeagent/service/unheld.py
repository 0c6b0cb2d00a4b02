"""What runs without a Resource Monitor: nobody would stop it at the deadline, so it is killed (safety rule P8)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from nodeagent.api.objects import ResourceId
from nodeagent.monitor import notes
from nodeagent.monitor.reaping import containers_of, cut_all, cut_orphans, kill_lost, kill_resources
from nodeagent.monitor.strays import kill_strays
from nodeagent.service.enforcing import Enforcement
from nodeagent.settings import AgentSettings

log = logging.getLogger(__name__)

KILL_AGAIN: Final = 1.0  # seconds between attempts to kill what a dead monitor held
STOP_PATIENCE: Final = 5.0  # seconds for the proof that everything has stopped
ATTACH_PATIENCE: Final = 0.3  # seconds for what dead monitors left to end, before heartbeats go on
_NAME: Final = "what nobody holds"


class Unheld:
    """Finds what dead monitors and monitors that nobody knows have left, ends it, and says what does not end."""

    def __init__(
        self,
        settings: AgentSettings,
        config: Path,
        living: Callable[[], Mapping[str, int]],
        enforcement: Enforcement,
        begin: Callable[[Coroutine[Any, Any, None], str], None],
    ) -> None:
        """Begin with nothing found.

        Args:
            living: returns the process number of each monitor that is attached, by name.
            begin: does work aside, under a name.
        """
        self._settings = settings
        self._config = config
        self._living = living
        self._enforcement = enforcement
        self._begin = begin
        self._left: set[ResourceId] = set()

    async def kill_all(self) -> None:
        """Kill what runs without a monitor; what takes long is gone on with aside.

        A monitor that nobody knows comes first: it would start again what it holds.
        """
        held = {one for name in self._living() for one in notes.read(notes.path_of(self._settings.monitors, name)).held}
        gone = await self._kill_unknown_monitors()
        self._left = self._left_behind() - held
        # No heartbeat is sent before this is done: what takes longer is waited for beside them.
        if not (await self.kill(self._left, ATTACH_PATIENCE) and gone):
            self._say()
            self._begin(self._kill_on(), "kill strays")

    async def prove_none(self) -> bool:
        """Kill all that is left, now that nothing may run; True when it is proven that nothing does (rule M5)."""
        gone = await self._kill_unknown_monitors()
        gone = await asyncio.to_thread(kill_lost, self._settings) and gone
        proven = await self.kill(containers_of(self._settings).leftovers()) and gone
        if proven:
            self._left.clear()
            self._enforcement.gone(_NAME)
        return proven

    def is_held(self, resource: ResourceId) -> None:
        """A monitor was ordered to start it: what is left of it is that monitor's to end first."""
        self._left.discard(resource)

    async def kill(self, resources: Iterable[ResourceId], patience: float = STOP_PATIENCE) -> bool:
        """Kill what no monitor holds any more, and what it has outside of processes; True when that is proven."""
        names, containers = list(resources), containers_of(self._settings)
        return await asyncio.to_thread(
            lambda: kill_resources(containers, names, patience) and cut_all(self._notes_of_dead()) and cut_orphans()
        )

    async def _kill_unknown_monitors(self) -> bool:
        return await asyncio.to_thread(kill_strays, self._config, set(self._living().values()))

    async def _kill_on(self) -> None:
        """Go on until all has ended."""
        # Not for long at a time: what has ended belongs to groups that need not wait for the rest.
        while self._left and not await self.kill(self._left, KILL_AGAIN):
            log.error("something that a dead Resource Monitor left behind cannot be killed")
            self._say()
            await asyncio.sleep(KILL_AGAIN)  # nothing tells when a device or file server answers
        self._enforcement.gone(_NAME)

    def _say(self) -> None:
        """This node is unclean, and the groups of what is left are given to nobody, until it has ended."""
        self._left &= self._left_behind()
        self._enforcement.cannot_kill(_NAME, self._left)

    def _left_behind(self) -> set[ResourceId]:
        outside = {name for noted in self._notes_of_dead() for name in noted.outside}
        return outside | set(containers_of(self._settings).leftovers())

    def _notes_of_dead(self) -> list[notes.Notes]:
        living = self._living()
        return [notes.read(path) for path in self._settings.monitors.glob("*.json") if path.stem not in living]
