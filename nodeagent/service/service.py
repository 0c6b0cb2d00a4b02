"""The Cluster Service as a process: one per node; signals, lock, socket, supervisor, around the node's parts."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from nodeagent import resourcetypes
from nodeagent.monitor.reaping import has_cgroups
from nodeagent.service.connections import Connections
from nodeagent.service.monitors import Monitors
from nodeagent.service.opening import open_store
from nodeagent.service.parts import NodeParts
from nodeagent.service.selfreport import node_report
from nodeagent.service.supervision import Supervision
from nodeagent.settings import AgentSettings
from nodeagent.system.clock import SystemClock, boot_identity, machine_id

log = logging.getLogger(__name__)


class AlreadyRunning(Exception):
    """Another service of this node holds the lock."""


class ClusterService:
    """One node's service. Owns nothing that must survive it: the applications belong to the monitors."""

    def __init__(self, settings: AgentSettings, config: Path) -> None:
        self._settings = settings
        self._types, self._failed_types = resourcetypes.installed()
        clock = SystemClock()
        store, backend = open_store(settings)
        self._parts = NodeParts(
            settings,
            store,
            backend,
            clock,
            (boot_identity(), machine_id() or ""),
            self._types,
            lambda news: Monitors(settings, config, clock, news),
            _die,
        )
        parts = self._parts
        self._connections = Connections(settings, parts.following, parts.membership, parts.handlers)
        self._supervision = Supervision()

    async def run(self) -> None:
        """Serve until told to stop, then leave the cluster.

        Raises:
            AlreadyRunning: there is one already.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._parts.stopping.set)
        with _lock(self._settings):
            try:
                await self._serve()
            finally:
                await self._connections.close()
                await self._parts.end()

    async def _serve(self) -> None:
        for name, why in self._failed_types.items():
            log.error("the resource type %s cannot be loaded: %s", name, why)
        report = node_report(self._settings, self._types, cgroups=has_cgroups(self._settings))
        if not await self._parts.start(report):
            return
        self._parts.begin("supervision", self._supervision.run())
        await self._connections.open()
        self._supervision.say("READY=1")
        await self._parts.stopping.wait()
        self._supervision.say("STOPPING=1")
        await self._parts.leave()


def _die(part: str, error: BaseException) -> None:
    """End as a crash would: the supervisor starts the service anew, whole, and the applications go on meanwhile."""
    log.critical("%s failed", part, exc_info=error)
    os._exit(70)  # EX_SOFTWARE


@contextlib.contextmanager
def _lock(settings: AgentSettings) -> Iterator[None]:
    """Hold the lock of this node's service for life: one service at a time gives the orders."""
    settings.run.mkdir(parents=True, exist_ok=True)  # users go through it to the socket
    file = os.open(settings.run / "service.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise AlreadyRunning from None
    try:
        yield
    finally:
        os.close(file)
