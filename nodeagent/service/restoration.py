"""A cluster database that is not what it was: everything here stops and waits for a person (safety rule O7)."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Final

from nodeagent.api.events import Severity
from nodeagent.api.objects import ObjectKind, ObjectRef
from nodeagent.api.problems import refuse
from nodeagent.api.texts import render
from nodeagent.database.store import Baseline, Restored
from nodeagent.monitor.reaping import reap
from nodeagent.service.eventlog import EventLog
from nodeagent.service.following import Following
from nodeagent.service.opening import forget_baseline, note_baseline
from nodeagent.settings import AgentSettings

log = logging.getLogger(__name__)

NOTE_EVERY: Final = 30.0  # seconds; an older state is recognised after a restart unless it is younger than the note


class Restoration:
    """Notes how far the database has come, and acts when it is found to be another or an older one.

    The store itself refuses everything from then on: no heartbeat is confirmed and nothing is decided. What is left to
    do is to stop at once what runs here, also on a node that is not guarded, and to say so where it can be read.
    """

    def __init__(
        self, settings: AgentSettings, following: Following, events: EventLog, stop: Callable[[], Awaitable[None]]
    ) -> None:
        """Begin to listen to the store.

        Args:
            stop: ends all planning and ordering, and everything that runs here; returns when that is proven.
        """
        self._settings = settings
        self._following = following
        self._events = events
        self._stop = stop
        self._wake = asyncio.Event()
        self._noted: Baseline | None = None
        self.found: Restored | None = None
        following.store.on_restored = self._found

    def _found(self, why: Restored) -> None:
        self.found = why
        self._wake.set()

    async def run(self) -> None:
        """Watch over it; ends when everything was stopped."""
        while self.found is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(NOTE_EVERY):
                    await self._wake.wait()
            self._note()
        self._alarm(self.found)
        await self._stop()
        log.critical("everything was stopped, as the cluster database is not what it was")

    def _note(self) -> None:
        """Write down how far the database has come; an older one that was just found changes nothing."""
        baseline = self._following.store.baseline()
        if baseline is None or baseline == self._noted or self.found is not None:
            return
        try:
            note_baseline(self._settings, baseline)
        except OSError as exc:
            log.warning("how far the cluster database has come could not be noted: %s", exc)
        else:
            self._noted = baseline

    def _alarm(self, why: Restored) -> None:
        """Say it in the log, in a file, and to the workstations at this node: the database takes no event now."""
        name = self._settings.name
        entry = self._events.entry(
            Severity.ERROR,
            "event_database_restored",
            reference=ObjectRef(ObjectKind.NODE, str(self._events.node)),
            name=name,
            detail=str(why),
        )
        sentence = render(entry.code, entry.parameters)
        log.critical("%s", sentence)
        try:
            self._settings.alarm.write_text(sentence + "\n", encoding="utf-8")
        except OSError as exc:
            log.warning("the alarm could not be written down: %s", exc)
        self._following.say_here(entry)


def accept_database(settings: AgentSettings) -> None:
    """Take the database as it is now for the right one; nothing of what ran by the former one stays.

    Raises:
        ClusterError: the service runs, or something cannot be stopped.
    """
    file = os.open(settings.run / "service.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise refuse("agent_still_runs", node=settings.name) from None
        if not reap(settings, monitors=True):
            raise refuse("agent_cannot_stop", node=settings.name)
        for path in settings.monitors.glob("*.json"):
            path.unlink()  # epochs that were closed by the former database: the present one may count from lower ones
        forget_baseline(settings)
        settings.alarm.unlink(missing_ok=True)
    finally:
        os.close(file)
