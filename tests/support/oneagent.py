"""One agent that the tests of a module share: after each of them it still answers and has met no fault."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from nodeagent.api import requests as r
from nodeagent.api.events import Page
from nodeagent.api.wire import (
    Ping,
    Pong,
    Subscribe,
)
from tests.support.agents import Agent, Talk, running_agent, short_folder


@pytest.fixture(scope="module")
def agent() -> Iterator[Agent]:
    """An agent that every test leaves running; its log must stay free of faults."""
    with short_folder() as home, running_agent(home) as found:
        yield found


@pytest.fixture(autouse=True)
def still_answers(agent: Agent) -> Iterator[None]:
    """After every test the very same process answers, quickly, and has met no fault of its own."""
    pid = agent.pid
    yield
    assert agent.running
    assert agent.pid == pid
    with agent.greet() as talk:
        began = time.monotonic()
        talk.say(Ping(number=1))
        assert talk.next() == Pong(number=1)
        assert time.monotonic() - began < 5
    for fault in ("Traceback", "never retrieved", "never awaited", "internal_error"):
        assert fault not in agent.said, agent.said


def application(agent: Agent) -> str:
    """Return the id of a resource in a group of its own; it is the same one for all tests."""
    with agent.greet() as talk:
        talk.say(Subscribe(log=0))
        objects: list[Any] = []
        while isinstance(page := talk.next(), Page):
            objects += page.objects
            if page.last:
                break
        found = [item.id for item in objects if item.name == "Application of the frames"]
        if found:
            return str(found[0])
        group = talk.do(r.CreateGroup(name="Group of the frames")).id
        resource = r.CreateResource(name="Application of the frames", type="Generic Application", group=group)
        return talk.do(resource).id


def frames_up_to_last_page(talk: Talk) -> list[Page]:
    pages: list[Page] = []
    while not (pages and pages[-1].last):
        frame = talk.next()
        assert frame is not None
        if isinstance(frame, Page):
            pages.append(frame)
    return pages
