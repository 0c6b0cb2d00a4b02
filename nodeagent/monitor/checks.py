"""The polls of an online resource: looks_alive and is_alive, each at its interval."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from nodeagent.api.problems import Problem, problem
from nodeagent.monitor.calls import Entry, Outcome
from nodeagent.monitor.entrypoints import EntryPoints
from nodeagent.monitor.surroundings import Surroundings
from nodeagent.monitor.timers import Timer
from nodeagent.planner.policies import Policy

CHECK_AGAIN: Final = 1.0  # seconds after which a check is tried again that found another one running


class Checks:
    """Asks a type whether its resource works. *works* is told when it does, *failed* when it does not."""

    def __init__(
        self,
        around: Surroundings,
        entries: EntryPoints,
        works: Callable[[], None],
        failed: Callable[[Problem], None],
    ) -> None:
        self._around = around
        self._entries = entries
        self._works = works
        self._failed = failed
        self._timers: dict[Entry, Timer] = {}
        self._policy = Policy()
        self._mine: Any = None

    def plan(self, policy: Policy, mine: Any, *, noticed: bool) -> None:
        """Poll from now on where the type can be asked.

        Args:
            mine: the settings.
            noticed: failures are an event, so that the frequent poll is not needed: as the end of a process is.
        """
        self._policy, self._mine = policy, mine
        if noticed:
            self._drop("looks_alive")
        entries: tuple[Entry, ...] = ("is_alive",) if noticed else ("looks_alive", "is_alive")
        for entry in entries:
            if self._entries.has(entry):
                self._after(entry, self._interval(entry))

    def drop(self) -> None:
        """Poll no more."""
        for entry in list(self._timers):
            self._drop(entry)

    def _drop(self, entry: Entry) -> None:
        if timer := self._timers.pop(entry, None):
            timer.cancel()

    def _interval(self, entry: Entry) -> float:
        return self._policy.looks_alive if entry == "looks_alive" else self._policy.is_alive

    def _after(self, entry: Entry, seconds: float) -> None:
        self._drop(entry)
        self._timers[entry] = self._around.later(seconds, lambda: self._check(entry))

    def _check(self, entry: Entry) -> None:
        if self._entries.busy:
            self._after(entry, CHECK_AGAIN)
            return
        self._after(entry, self._interval(entry))
        self._run(entry)

    def _run(self, entry: Entry) -> None:
        limit = self._policy.pending_timeout
        self._entries.run(entry, self._mine, limit, lambda outcome: self._checked(entry, outcome))

    def _checked(self, entry: Entry, outcome: Outcome) -> None:
        if outcome.well:
            self._works()
            return
        if entry == "looks_alive" and self._entries.has("is_alive"):
            self._run("is_alive")
        else:
            self._failed(outcome.problem or problem("not_alive"))
