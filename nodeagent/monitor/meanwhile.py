"""What fails in maintenance: it is shown, and nothing is done about it before that is over."""

from __future__ import annotations

from collections.abc import Callable

from nodeagent.api.objects import ResourceState
from nodeagent.api.problems import Problem, problem
from nodeagent.api.texts import render
from nodeagent.planner.policies import Policy


class Meanwhile:
    """Keeps the failure of an online resource. *failed* is told of it when maintenance is over.

    Attributes:
        failure: what is put off.
    """

    def __init__(self, failed: Callable[[Problem], None]) -> None:
        self._failed = failed
        self.failure: Problem | None = None

    def puts_off(self, policy: Policy, state: ResourceState, detail: Problem) -> bool:
        """Tell whether the failure is to wait; what a person asks for, and what was only starting, does not."""
        if not policy.frozen or state is not ResourceState.ONLINE or detail.code == "initiated":
            return False
        self.failure = detail
        return True

    @property
    def shown(self) -> Problem | None:
        """What is shown of it."""
        if self.failure is None:
            return None
        return problem("failed_meanwhile", detail=render(self.failure.code, self.failure.parameters))

    def mended(self) -> bool:
        """Forget a failure that a check had found, as a later one finds all well; True when there was one."""
        found = self.failure is not None and self.failure.code not in ("exited", "killed", "vanished")
        self.failure = None if found else self.failure
        return found

    def drop(self) -> None:
        """It is no matter any more: the resource was stopped."""
        self.failure = None

    def over(self, policy: Policy) -> None:
        """Act now, if maintenance is over."""
        if self.failure is not None and not policy.frozen:
            failure, self.failure = self.failure, None
            self._failed(failure)
