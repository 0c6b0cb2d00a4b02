"""The Cluster Service as a process: one per node; signals, lock, socket, supervisor, around the node's parts."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import logging
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from nodeagent import resourcetypes
from nodeagent.api.events import Severity
from nodeagent.api.problems import problem
from nodeagent.api.texts import render, sentence
from nodeagent.monitor.reaping import has_cgroups
from nodeagent.service.attendance import Standing
from nodeagent.service.connections import Connections
from nodeagent.service.monitors import Monitors, News
from nodeagent.service.opening import open_store
from nodeagent.service.ownnetworks import OwnNetworks
from nodeagent.service.parts import NodeParts
from nodeagent.service.renewing import renew
from nodeagent.service.selfreport import node_report, own_endpoints
from nodeagent.service.supervision import Supervision
from nodeagent.settings import AgentSettings
from nodeagent.system import namedlock
from nodeagent.system.clock import SystemClock, boot_identity, machine_identity
from nodeagent.system.namedlock import HeldError

log = logging.getLogger(__name__)


class AlreadyRunning(Exception):
    """Another service of this node holds the lock."""


class ClusterService:
    """One node's service. Owns nothing that must survive it: the applications belong to the monitors.

    It lives as a member or, stopped or evicted by a person, stands by: then it holds nothing and only answers.

    Attributes:
        restart: it has ended to begin anew, from what is installed now.
    """

    def __init__(self, settings: AgentSettings, config: Path) -> None:
        self._settings = settings
        self._config = config
        self._types, self._failed_types = resourcetypes.installed()
        self._supervision = Supervision()
        self._ending = False
        self._parts: NodeParts | None = None
        self._began = time.time()
        self.restart = False

    async def run(self) -> None:
        """Serve until told to stop, then leave the cluster.

        Raises:
            AlreadyRunning: there is one already.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        for name, why in self._failed_types.items():
            log.error("the resource type %s cannot be loaded: %s", name, why)
        with _lock(self._settings):
            while not (self._ending or self.restart):
                await self._live()

    def _end(self) -> None:
        self._ending = True
        if self._parts is not None:
            self._parts.stopping.set()

    async def _live(self) -> None:
        """Live as what the node is to be, until it is to be something else; each life begins from nothing."""
        clock = SystemClock()
        store, backend = open_store(self._settings)
        made: list[Monitors] = []

        def make_monitors(news: News) -> Monitors:
            made.append(Monitors(self._settings, self._config, clock, news))
            return made[0]

        self._parts = parts = NodeParts(
            self._settings,
            store,
            backend,
            clock,
            (boot_identity(), machine_identity()),
            self._types,
            make_monitors,
            _die,
        )
        connections = Connections(self._settings, parts.following, parts.membership, parts.handlers)
        try:
            await self._serve(parts, connections, made[0])
        finally:
            await connections.close()
            await parts.end()

    async def _serve(self, parts: NodeParts, connections: Connections, monitors: Monitors) -> None:
        report = node_report(self._settings, self._types, cgroups=has_cgroups(self._settings))
        if not await parts.start(replace(report, started=self._began)):
            return
        parts.begin("supervision", self._supervision.run(lambda: parts.membership.profile.self_stop))
        if parts.standing is Standing.MEMBER:
            sshd = functools.partial(own_endpoints, self._settings)
            parts.begin("networks", OwnNetworks(parts.following, parts.membership, parts.events, endpoints=sshd).run())
        if parts.standing is Standing.EVICTED:
            cluster = parts.following.snapshot.cluster.name
            connections.refusing = problem("node_evicted", node=self._settings.name, cluster=cluster)
        await connections.open()
        self._supervision.say("READY=1")
        await self._called_away(parts)
        await connections.answer_first()
        if self._ending:
            self._supervision.say("STOPPING=1")
        if parts.standing is not Standing.MEMBER:
            return
        if parts.attendance.restart and not self._ending:
            await self._renew(parts, monitors)
            self.restart = not self._ending  # it may have been told to end meanwhile
        if not self.restart:
            await parts.leave()

    async def _called_away(self, parts: NodeParts) -> None:
        calls = [asyncio.create_task(event.wait()) for event in (parts.stopping, parts.attendance.called)]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    async def _renew(self, parts: NodeParts, monitors: Monitors) -> None:
        """Have the monitors begin anew, then this service; the applications run on under the same monitors."""
        refused = await renew(monitors)
        detail = "; ".join(f"{name}: {sentence(why)}" for name, why in sorted(refused.items()))
        said = render("monitors_kept", {"detail": detail}) if detail else render("monitors_renewed", {})
        parts.reporting.say(Severity.WARNING if detail else Severity.INFORMATION, "event_node_restarted", detail=said)
        await parts.reporting.flush()
        await parts.attendance.take_note_of_restart()


def _die(part: str, error: BaseException) -> None:
    """End as a crash would: the supervisor starts the service anew, whole, and the applications go on meanwhile."""
    log.critical("%s failed", part, exc_info=error)
    os._exit(70)  # EX_SOFTWARE


@contextlib.contextmanager
def _lock(settings: AgentSettings) -> Iterator[None]:
    """Hold the lock of this node's service for life: one service at a time gives the orders.

    It is a file in the run directory, and a name that stays when that is wiped, or is another one for the same home.
    """
    settings.run.mkdir(parents=True, exist_ok=True)  # users go through it to the socket
    file = os.open(settings.run / "service.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        name = namedlock.take(f"{settings.mark}-{settings.name}")
    except (BlockingIOError, HeldError):
        os.close(file)
        raise AlreadyRunning from None
    try:
        yield
    finally:
        os.close(file)
        if name is not None:
            name.close()
