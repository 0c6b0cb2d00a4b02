"""Ending all of a resource: kill, terminate what lies outside its processes, kill again; proven before going on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from nodeagent.api.problems import Problem, problem
from nodeagent.monitor.calls import Outcome
from nodeagent.monitor.entrypoints import EntryPoints
from nodeagent.monitor.surroundings import Surroundings
from nodeagent.monitor.timers import Timer
from nodeagent.system.containers import Container

GLANCE: Final = 0.002  # seconds that the loop stands still for a container to be empty
LOOK_AGAIN: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3)  # seconds until the next look
TELL_AFTER: Final = 5  # looks in vain, about 0.1 s
TERMINATE_PATIENCE: Final = 5.0  # seconds for `terminate`, which should take 0.3 (the original's contract)


class Ending:
    """Goes on when nothing of the resource is left, however long that takes. Nothing in here waits for long."""

    def __init__(self, around: Surroundings, container: Container, entries: EntryPoints) -> None:
        self._around = around
        self._container = container
        self._entries = entries
        self._struck = False
        self.since: float | None = None  # when the ending began that is not proven yet, steady seconds
        self._timer: Timer | None = None
        self._after: Callable[[], None] | None = None
        self._trouble: Callable[[Problem], None] = _nothing
        self._terminate: Any = None
        self._name = ""
        self._looks = 0

    @property
    def active(self) -> bool:
        """Whether something is still to be ended."""
        return self._after is not None

    def strike(self) -> None:
        """Kill without waiting: the first thing to do when many have to end."""
        self._struck = True
        try:
            self._container.begin_kill()
        except OSError:
            self._looks = 0  # the next look kills again

    def prove(self, deadline: float) -> bool:
        """Kill, and stand still for the proof until *deadline*; tell whether it came."""
        try:
            return self._container.kill(deadline)
        except OSError:
            return False

    def begin(
        self, after: Callable[[], None], trouble: Callable[[Problem], None], name: str, terminate: Any = None
    ) -> None:
        """End everything, then do *after*.

        Args:
            trouble: is told what is in the way, when that takes long.
            name: of the resource, for the sentence.
            terminate: the settings, when the type's `terminate` has to run.
        """
        since = self.since
        self.cancel()
        self.since = self._around.now() if since is None else since  # begun anew, it is no younger
        self._after, self._trouble, self._name, self._terminate = after, trouble, name, terminate
        self._looks = 0
        self._look()

    def cancel(self) -> None:
        """Let it be: another ending follows."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._after is not None:
            self._entries.drop()
            self._after = None
            self.since = None

    def _look(self) -> None:
        self._timer = None
        if not self._is_empty():
            if self._looks == TELL_AFTER:
                self._trouble(problem("not_killable", name=self._name))
            self._again()
        elif self._terminate is not None and self._entries.has("terminate"):
            self._entries.run("terminate", self._terminate, TERMINATE_PATIENCE, self._terminated)
        else:
            self._done()

    def _is_empty(self) -> bool:
        """Look, and kill; a container that was killed is renewed by `kill` before anything is started in it."""
        try:
            if not self._struck and self._container.is_empty():
                return True
            self.strike()
            if not self._container.kill(self._around.now() + GLANCE):
                return False
        except OSError:  # out of files, a cgroup that cannot be renewed: nothing is proven
            return False
        self._struck = False
        return True

    def _again(self) -> None:
        wait = LOOK_AGAIN[min(self._looks, len(LOOK_AGAIN) - 1)]
        self._looks += 1
        self._timer = self._around.later(wait, self._look)

    def _terminated(self, outcome: Outcome) -> None:
        if outcome.well:
            self._terminate = None
            self._look()
        else:
            self._trouble(outcome.problem or problem("call_died", entry="terminate"))
            self._looks = len(LOOK_AGAIN)
            self._again()

    def _done(self) -> None:
        after, self._after = self._after, None
        self.since = None
        if after is not None:
            after()


def _nothing(bad: Problem) -> None:
    del bad
