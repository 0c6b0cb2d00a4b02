"""What every wizard has: answers, pages in an order, and what is still missing on each of them; no window."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Protocol

from nodeagent.api.objects import Snapshot
from nodeagent.api.problems import Problem
from nodeagent.api.requests import CreateGroup, CreateResource


class Step(enum.StrEnum):
    """The pages that wizards are made of."""

    NEW_GROUP = "new_group"
    PREFERRED_OWNERS = "preferred_owners"
    NEW_RESOURCE = "new_resource"
    POSSIBLE_OWNERS = "possible_owners"
    DEPENDENCIES = "dependencies"
    PARAMETERS = "parameters"
    REVIEW = "review"


class Flow(Protocol):
    """The answers so far; a window or a test fills them in and asks what comes next."""

    def steps(self, cluster: Snapshot) -> tuple[Step, ...]:
        """Return the pages in their order; it may depend on the answers. The last one is always the review."""
        ...

    def problems(self, step: Step, cluster: Snapshot) -> tuple[Problem, ...]:
        """Return what is wrong or missing on a page, as the cluster is now."""
        ...

    def request(self, cluster: Snapshot) -> CreateGroup | CreateResource:
        """Return what Finish sends."""
        ...


def first_faulty(flow: Flow, cluster: Snapshot) -> Step | None:
    """Return the first page on which something is wrong or missing, or None when all is ready to be created."""
    return next((step for step in flow.steps(cluster) if flow.problems(step, cluster)), None)


def may_visit(flow: Flow, step: Step, cluster: Snapshot) -> bool:
    """Tell whether nothing is wrong on any page before *step*."""
    order = flow.steps(cluster)
    return step in order and not any(flow.problems(earlier, cluster) for earlier in order[: order.index(step)])


def after(flow: Flow, step: Step, cluster: Snapshot) -> Step:
    """Return the page that follows *step*; the last is its own follower."""
    return _neighbour(flow.steps(cluster), step, 1)


def before(flow: Flow, step: Step, cluster: Snapshot) -> Step:
    """Return the page before *step*; the first is its own."""
    return _neighbour(flow.steps(cluster), step, -1)


def _neighbour(order: tuple[Step, ...], step: Step, distance: int) -> Step:
    place = order.index(step) + distance if step in order else 0
    return order[max(0, min(place, len(order) - 1))]


def at_fault(problem: Problem, fields: Iterable[tuple[Step, frozenset[str]]], otherwise: Step) -> Step:
    """Return the page that holds the field which a refusal of the cluster names."""
    wanted = problem.field.casefold()
    return next((step for step, names in fields if wanted and wanted in names), otherwise)
