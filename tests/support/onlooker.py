"""A workstation that looks on: waits for what a cluster of real agents comes to, whichever connection that takes."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pytest

from clusteradmin.client.mirror import Mirror
from nodeagent.api import requests as r
from nodeagent.api.events import Changes, LogEntry, Page
from nodeagent.api.objects import Group, Node, NodeState, ObjectKind, Resource, ResourceState, Snapshot
from nodeagent.api.properties import Value
from nodeagent.api.wire import Bye, Subscribe
from tests.support.agents import Agent, Talk

T = TypeVar("T", Group, Node, Resource)
PATIENCE = 60.0  # seconds; a loaded machine takes its time
SLEEP: dict[str, Value] = {"CommandLine": "/bin/sleep 1000", "CurrentDirectory": "/"}


class Onlooker:
    """Looks on through one agent; when its service ends or begins anew it connects again."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.log: list[LogEntry] = []

    def until(self, test: Callable[[Snapshot], Any], seconds: float = PATIENCE) -> Snapshot:
        """Return the first snapshot of which *test* is true; fail when there is none in time."""
        deadline, mirror = time.monotonic() + seconds, Mirror()
        while time.monotonic() < deadline:
            try:
                with self.agent.connect(timeout=1.0) as talk:
                    talk.hello()
                    talk.say(Subscribe(log=1000))
                    mirror = Mirror()
                    if self._listen(talk, mirror, test, deadline):
                        assert mirror.snapshot is not None
                        return mirror.snapshot
            except (OSError, AssertionError):  # it ended, or is not there (again) yet
                select.select([], [], [], 0.05)  # nothing tells when it is
        pytest.fail(
            f"It never came to that; there is {mirror.snapshot}. {self.agent.name} said:\n{self.agent.said[-5000:]}"
        )

    def until_refused(self, code: str, seconds: float = PATIENCE) -> None:
        """Return when whoever connects is sent away with *code*; fail when that does not come in time."""
        deadline, said = time.monotonic() + seconds, None
        while time.monotonic() < deadline:
            try:
                with self.agent.connect(timeout=1.0) as talk:
                    said = talk.next()
                    if isinstance(said, Bye) and said.problem.code == code:
                        return
            except OSError:  # nobody listens just now
                pass
            select.select([], [], [], 0.05)  # nothing tells when somebody does
        pytest.fail(f"It is not refused with {code}; it said {said}")

    def _listen(self, talk: Talk, mirror: Mirror, test: Callable[[Snapshot], Any], deadline: float) -> bool:
        whole = False
        while time.monotonic() < deadline:
            try:
                frame = talk.next()
            except TimeoutError:  # no news of the cluster; perhaps what is waited for is something else
                if whole and mirror.snapshot is not None and test(mirror.snapshot):
                    return True
                continue
            if frame is None:
                return False
            if isinstance(frame, Page | Changes):
                mirror.take(frame)
                known = {entry.sequence for entry in self.log}
                self.log += [entry for entry in getattr(frame, "logged", ()) if entry.sequence not in known]
                whole |= isinstance(frame, Page) and frame.last
                if whole and mirror.snapshot is not None and test(mirror.snapshot):
                    return True
        return False

    @property
    def now(self) -> Snapshot:
        """The cluster as it is."""
        return self.until(lambda _: True)

    def node(self, name: str) -> Node:
        return find(self.now.nodes.values(), name)

    def group(self, name: str) -> Group:
        return find(self.now.groups.values(), name)

    def resource(self, name: str) -> Resource:
        return find(self.now.resources.values(), name)

    def application(self, name: str, node: int = 1, **parameters: Value) -> Resource:
        """Create a group *name* with an application of that name, and bring it online on *node*."""
        with self.agent.greet() as talk:
            group = talk.do(r.CreateGroup(name=name)).id
            talk.do(
                r.CreateResource(name=name, type="Generic Application", group=group, parameters={**SLEEP, **parameters})
            )
            talk.do(r.BringOnline(kind=ObjectKind.GROUP, id=group, node=node))
        now = self.until(lambda s: runs(s, name, node))
        return find(now.resources.values(), name)

    def codes(self) -> list[str]:
        """Return the codes of all that was logged as far as it was seen."""
        return [entry.code for entry in sorted(self.log, key=lambda entry: entry.sequence)]


def find(items: Iterable[T], name: str) -> T:
    """Return what is called *name*."""
    return next(item for item in items if item.name == name)


def runs(now: Snapshot, name: str, node: int) -> bool:
    """Tell whether the application *name* is online on *node*."""
    found = [one for one in now.resources.values() if one.name == name]
    return bool(found) and found[0].state is ResourceState.ONLINE and now.groups[found[0].group].owner == node


def is_in(now: Snapshot, name: str, state: NodeState) -> bool:
    """Tell whether the node *name* is in *state*."""
    return any(node.name == name and node.state is state for node in now.nodes.values())
