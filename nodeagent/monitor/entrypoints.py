"""A resource's entry points, one at a time, each with its time limit and the progress that it reports."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from typing import Any, Final

from nodeagent.api.problems import problem
from nodeagent.monitor.calls import Call, Entry, Outcome, begin
from nodeagent.monitor.surroundings import Surroundings
from nodeagent.monitor.timers import Timer
from nodeagent.resourcetypes.base import ApplicationType, ResourceType
from nodeagent.system.containers import Container

PROGRESS_INTERVAL: Final = 0.2  # seconds between two reports of progress that are passed on


class EntryPoints:
    """Runs entry points of one resource in children. A new one ends the one before."""

    def __init__(self, around: Surroundings, kind: ResourceType[Any], container: Container) -> None:
        self._around = around
        self._kind = kind
        self._container = container
        self._call: Call | None = None
        self._begun: Call | None = None
        self._limit: Timer | None = None
        self._seconds = 0.0
        self._entry: Entry = "online"
        self._ended: Callable[[Outcome], None] = _nothing
        self._progress: Callable[[str], None] | None = None
        self._news: str | None = None
        self._passing: Timer | None = None

    @property
    def busy(self) -> bool:
        """Whether one is running."""
        return self._call is not None

    def has(self, entry: Entry) -> bool:
        """Tell whether the type has something to do there."""
        if entry == "looks_alive":
            return self.has("is_alive")
        own = getattr(type(self._kind), entry)
        return own is not getattr(ResourceType, entry) and own is not getattr(ApplicationType, entry)

    def run(
        self,
        entry: Entry,
        mine: Any,
        seconds: float,
        ended: Callable[[Outcome], None],
        progress: Callable[[str], None] | None = None,
    ) -> None:
        """Start *entry*; *ended* gets what came of it: a failure too when it died or was silent for *seconds*."""
        self.drop()
        self._entry, self._seconds, self._ended, self._progress = entry, seconds, ended, progress
        try:
            call, self._begun = self._begun or self._begin(entry, mine), None
        except OSError as exc:
            ended(Outcome(done=True, well=False, problem=problem("call_failed", entry=entry, detail=str(exc))))
            return
        self._call = call
        self._around.watch(call, self._readable)
        self._around.watch(call.process, self._readable)
        self._restart_limit()

    def wait(self, entry: Entry, mine: Any, deadline: float) -> bool:
        """Run *entry* and stand still until it has ended, or until *deadline*; tell whether all is well."""
        try:
            call = self._begin(entry, mine)
        except OSError:
            return False
        poll = select.poll()
        poll.register(call, select.POLLIN)
        poll.register(call.process, select.POLLIN)
        over = False
        while not over and (rest := deadline - self._around.now()) > 0:
            poll.poll(rest * 1000)
            _, over = call.read()
        call.close()
        return call.outcome is not None and call.outcome.well

    def hand_over(self, other: EntryPoints) -> None:
        """Let the next one that *other* runs be the one that is running here, and is of the same kind."""
        other._begun, self._call = self._call, None
        if other._begun is not None:
            self._around.unwatch(other._begun)
            self._around.unwatch(other._begun.process)
        self.drop()

    def drop(self) -> None:
        """End the one that is running; nobody hears of it."""
        for timer in (self._limit, self._passing):
            if timer is not None:
                timer.cancel()
        self._limit = self._passing = self._news = None
        if self._call is not None:
            self._around.unwatch(self._call)
            self._around.unwatch(self._call.process)
            self._call.close()
            self._call = None

    def _begin(self, entry: Entry, mine: Any) -> Call:
        output = self._around.open_output(self._container.name)
        try:
            return begin(self._kind, entry, mine, self._container, output)
        finally:
            if output is not None:
                os.close(output)

    def _restart_limit(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self._limit = self._around.later(self._seconds, self._too_long)

    def _too_long(self) -> None:
        self._finish(Outcome(done=True, well=False, problem=problem("pending_timeout", seconds=self._seconds)))

    def _readable(self) -> None:
        call = self._call
        if call is None:
            return
        reports, over = call.read()
        if over:
            died = problem("call_died", entry=self._entry)
            self._finish(call.outcome or Outcome(done=True, well=False, problem=died))
        elif reports and self._progress is not None:
            self._restart_limit()
            self._news = reports[-1]
            if self._passing is None:
                self._pass_on()

    def _pass_on(self) -> None:
        """Pass the newest report on, and the next one not before some time: a tight loop may make thousands."""
        self._passing = None
        if self._news is not None and self._progress is not None:
            news, self._news = self._news, None
            self._passing = self._around.later(PROGRESS_INTERVAL, self._pass_on)
            self._progress(news)

    def _finish(self, outcome: Outcome) -> None:
        ended = self._ended
        self.drop()
        ended(outcome)


def _nothing(outcome: Outcome) -> None:
    del outcome
