"""New Group: its answers, and which page comes next. An empty, offline group comes out."""

from __future__ import annotations

from dataclasses import dataclass

from clusteradmin.wizards.flow import Step, at_fault
from nodeagent.api.objects import NodeId, ObjectKind, Snapshot
from nodeagent.api.problems import Problem
from nodeagent.api.requests import CreateGroup
from nodeagent.api.rules.names import name_problem
from nodeagent.api.rules.owners import owners_problem

_FIELDS = ((Step.PREFERRED_OWNERS, frozenset({"preferred_owners", "nodes"})),)


@dataclass(slots=True)
class NewGroup:
    """The answers so far."""

    name: str = ""
    description: str = ""
    preferred_owners: tuple[NodeId, ...] = ()

    def steps(self, cluster: Snapshot) -> tuple[Step, ...]:
        """Return the pages in their order."""
        del cluster
        return (Step.NEW_GROUP, Step.PREFERRED_OWNERS, Step.REVIEW)

    def problems(self, step: Step, cluster: Snapshot) -> tuple[Problem, ...]:
        """Return what is wrong or missing on a page."""
        found = None
        if step is Step.NEW_GROUP:
            found = name_problem(ObjectKind.GROUP, self.name, cluster)
        elif step is Step.PREFERRED_OWNERS:
            found = owners_problem(self.preferred_owners, cluster, field="preferred_owners")
        return () if found is None else (found,)

    def request(self, cluster: Snapshot) -> CreateGroup:
        """Return what Finish sends."""
        del cluster
        return CreateGroup(name=self.name, description=self.description, preferred_owners=self.preferred_owners)

    def step_of(self, problem: Problem) -> Step:
        """Return the page on which a refusal of the cluster is to be shown."""
        return at_fault(problem, _FIELDS, Step.NEW_GROUP)
