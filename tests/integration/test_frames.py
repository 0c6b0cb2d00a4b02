"""Frames of every kind, whole and broken: a real agent answers or refuses each, and goes on."""

from __future__ import annotations

import random
import socket
import time

import pytest

from nodeagent.api import requests as r
from nodeagent.api.texts import SENTENCES
from nodeagent.api.wire import (
    MAXIMUM_LINE,
    Bye,
    Call,
    Hello,
    Ping,
    Pong,
    Refused,
    Welcome,
    encode,
)
from nodeagent.service.workstation import MAXIMUM_FRAME
from tests.support.agents import Agent
from tests.support.mutations import (
    KINDS,
    MUTATIONS,
    SEED,
    TOGETHER,
    assert_well_answered,
    frames_up_to_pong,
    made,
    split_anywhere,
)
from tests.support.oneagent import agent, still_answers

__all__ = ["agent", "still_answers"]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("splitting", [False, True], ids=["whole", "split at any byte"])
def test_mutated_frames_are_answered_or_refused_and_do_no_harm(agent: Agent, splitting: bool) -> None:
    rng = random.Random(SEED)
    kinds: dict[str, int] = {}
    refused = 0
    for start in range(0, MUTATIONS // 2, TOGETHER):
        with agent.greet() as talk:
            for number in range(start, start + TOGETHER):
                mutation = made(number if splitting else number + MUTATIONS // 2)
                pong = 1_000_000 + number
                data = mutation.data + encode(Ping(number=pong))
                parts = split_anywhere(rng, data) if splitting and len(data) < 10_000 else iter([data])
                for part in parts:
                    talk.raw(part)
                frames = frames_up_to_pong(talk, pong, mutation)
                assert_well_answered(frames, mutation)
                kinds[mutation.kind] = kinds.get(mutation.kind, 0) + 1
                refused += sum(isinstance(frame, Refused) for frame in frames)
    assert set(kinds) == {kind.__name__ for kind in KINDS}
    assert refused > MUTATIONS // 4  # most of them are not valid any more


def test_as_a_first_frame_each_ends_with_a_reason_or_a_welcome(agent: Agent) -> None:
    for number in range(120):
        mutation = made(MUTATIONS + number)
        with agent.connect() as talk:
            try:
                talk.raw(mutation.data)
                talk.connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it has been sent away while it was still speaking
            frames = talk.rest()
        if not mutation.data.strip():
            assert frames == []
            continue
        assert frames, mutation
        assert isinstance(frames[0], Welcome | Bye), f"{mutation}: {frames[0]}"
        if isinstance(frames[0], Bye):
            assert len(frames) == 1
            assert frames[0].problem.code in SENTENCES


# --- lines that are too long, and calls that cannot be read


@pytest.mark.parametrize("greeted", [False, True], ids=["before hello", "after hello"])
def test_a_line_above_the_limit_ends_the_connection_with_the_reason(agent: Agent, greeted: bool) -> None:
    with agent.greet() if greeted else agent.connect() as talk:
        try:
            for _ in range(MAXIMUM_LINE // 1_000_000 + 10):
                talk.raw(b"x" * 1_000_000)
        except OSError:
            pass  # it has been sent away while it was still speaking
        frames = talk.rest()
        assert [frame.problem.code for frame in frames if isinstance(frame, Bye)] == ["line_too_long"]
        assert len(frames) == 1


def test_a_frame_that_the_database_could_not_take_is_refused_by_its_number_and_the_connection_stays(
    agent: Agent,
) -> None:
    with agent.greet() as talk:
        for size in (MAXIMUM_FRAME + 1, MAXIMUM_LINE - 1000):
            talk.say(Call(id=5, request=r.CreateGroup(name="x" * size)))
            refused = talk.next()
            assert isinstance(refused, Refused)
            assert (refused.id, refused.problem.code) == (5, "too_large")
        talk.say(Ping(number=6))
        assert talk.next() == Pong(number=6)


def test_values_that_take_long_to_look_at_hold_up_nobody(agent: Agent) -> None:
    """Names of marks that are composed in quadratic time, many unknown properties, one node many times over."""
    marks = "a" + "\u0300\u0323" * 80_000
    group = r.CreateGroup(name="G", properties={f"Property{n}": 1 for n in range(40_000)})
    owners = r.CreateGroup(name="G", preferred_owners=(1,) * 300_000)
    with agent.greet() as talk, agent.greet() as other:
        for request, code in (
            (r.CreateGroup(name=marks), "name_too_long"),
            (group, "property_unknown"),
            (owners, "node_twice"),
        ):
            talk.say(Call(id=1, request=request))
            other.say(Ping(number=1))
            began = time.monotonic()
            assert other.next() == Pong(number=1)
            assert time.monotonic() - began < 5
            answer, _ = talk.until_answered(1)
            assert isinstance(answer, Refused)
            assert answer.problem.code == code


def test_a_call_that_cannot_be_read_is_refused_by_its_number(agent: Agent) -> None:
    with agent.greet() as talk:
        talk.raw(b'{"frame":"call","id":12,"request":{"request":"reboot"}}\n{"frame":"call","id":"x","request":{}}\n')
        refusals = [talk.next(), talk.next()]
        assert [(f.id, f.problem.code) for f in refusals if isinstance(f, Refused)] == [
            (12, "request_unknown"),
            (0, "frame_invalid"),
        ]


def test_wrong_versions_are_told_which_one_is_older(agent: Agent) -> None:
    for protocol in ((2, 3), (0, 0), (99, 99)):
        with agent.connect() as talk:
            talk.say(Hello(protocol=protocol))
            frames = talk.rest()
            assert [frame.problem.code for frame in frames if isinstance(frame, Bye)] == ["version_unknown"]


def test_a_second_hello_is_refused_and_does_not_end_the_connection(agent: Agent) -> None:
    with agent.greet() as talk:
        talk.say(Hello(), Ping(number=1))
        refused = talk.next()
        assert isinstance(refused, Refused)
        assert refused.problem.code == "frame_unexpected"
        assert talk.next() == Pong(number=1)
