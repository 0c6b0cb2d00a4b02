"""A workstation at a cluster of real agents: asks, waits for states, and says what changed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from clusteradmin.client.mirror import Mirror
from nodeagent.api import requests as r
from nodeagent.api.events import Changes, Page
from nodeagent.api.objects import ObjectKind, ObjectRef, Resource, ResourceState, Snapshot, ref
from nodeagent.api.properties import Value
from nodeagent.api.texts import sentence
from nodeagent.api.wire import Subscribe
from tests.support.agents import Agent, Talk, running_cluster, short_folder

APPLICATION = "Generic Application"
RUNNABLE: dict[str, Value] = {"CommandLine": "/bin/sleep 1000", "CurrentDirectory": "/"}
RESOURCE, GROUP = ObjectKind.RESOURCE, ObjectKind.GROUP


@dataclass
class Desk:
    """A workstation at a cluster of two nodes, with a mirror of it."""

    agents: list[Agent]
    talk: Talk
    mirror: Mirror = field(default_factory=Mirror)

    @property
    def now(self) -> Snapshot:
        assert self.mirror.snapshot is not None
        return self.mirror.snapshot

    def watch(self, seconds: float = 30.0) -> Talk:
        """Return a second connection that is subscribed; the mirror is up to date with it."""
        watching = self.agents[0].connect(timeout=seconds)
        watching.hello()
        watching.say(Subscribe(log=0))
        self.mirror.expect_snapshot()
        self.listen(watching, lambda: not self.mirror._asked)  # the whole snapshot is there
        return watching

    def listen(self, watching: Talk, reached: Any) -> None:
        while not reached():
            frame = watching.next()
            assert frame is not None
            if isinstance(frame, Page | Changes):
                self.mirror.take(frame)

    def until(self, resource: str, state: ResourceState, seconds: float = 30.0) -> Resource:
        """Wait until the resource is in that state; at most *seconds* without any news."""
        with self.watch(seconds) as watching:
            self.listen(watching, lambda: self.now.resources[resource].state is state)
        return self.now.resources[resource]

    def group(self, **given: Any) -> str:
        return self.talk.do(r.CreateGroup(**{"name": fresh("Group"), **given})).id

    def resource(self, group: str = "", **given: Any) -> str:
        plain = {
            "name": fresh("App"),
            "type": APPLICATION,
            "parameters": dict(RUNNABLE),
            "group": group or self.group(),
        }
        return self.talk.do(r.CreateResource(**{**plain, **given})).id

    def refused(self, request: r.Request) -> str:
        """Return the sentence with which *request* is refused; fail when anything was changed by it."""
        with self.watch():
            before = wished(self.now)
        said = sentence(self.talk.refusal(request))
        with self.watch():
            assert wished(self.now) == before
        return said


def wished(snapshot: Snapshot) -> dict[ObjectRef, tuple[int, object]]:
    """Return what persons decide: of each object the revision of its configuration, and the move that is wanted."""
    return {ref(item): (item.revision, getattr(item, "wish", None)) for item in snapshot.everything()}


def fresh(what: str) -> str:
    return f"{what} {uuid.uuid4().hex[:6]}"


@pytest.fixture(scope="module")
def cluster() -> Iterator[list[Agent]]:
    with short_folder() as home, running_cluster(home) as agents:
        yield agents
        for agent in agents:
            assert "Traceback" not in agent.said, agent.said


@pytest.fixture
def desk(cluster: list[Agent]) -> Iterator[Desk]:
    with cluster[0].greet() as talk:
        yield Desk(cluster, talk)


def self_name(desk: Desk, resource: str) -> str:
    with desk.watch():
        return desk.now.resources[resource].name
