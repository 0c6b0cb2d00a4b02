"""Connections to a real agent: silent, many at once, not reading; their calls, subscriptions and followed logs."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, suppress

import psutil
import pytest

from nodeagent.api import requests as r
from nodeagent.api.events import Changes, Output, Page
from nodeagent.api.objects import ObjectKind
from nodeagent.api.wire import (
    Answer,
    Bye,
    Call,
    Cancel,
    Hello,
    Ping,
    Pong,
    Refused,
    Subscribe,
    Welcome,
    encode,
)
from nodeagent.monitor.output import log_path
from nodeagent.service.workstation import MAXIMUM_CALLS
from tests.support.agents import PATIENCE, Agent, running_agent, short_folder
from tests.support.mutations import (
    Mutation,
    assert_well_answered,
    frames_up_to_pong,
)
from tests.support.oneagent import agent, application, frames_up_to_last_page, still_answers

__all__ = ["agent", "still_answers"]

HELLO_PATIENCE = 10.0


def test_who_says_nothing_is_sent_away_after_a_while(agent: Agent) -> None:
    with agent.connect() as silent, agent.connect() as half:
        half.raw(b'{"frame":"hel')
        began = time.monotonic()
        for talk in (silent, half):
            frames = talk.rest()
            assert [frame.problem.code for frame in frames if isinstance(frame, Bye)] == ["hello_missing"]
        assert time.monotonic() - began > HELLO_PATIENCE / 2


def test_two_hundred_connections_at_once_are_all_served(agent: Agent) -> None:
    with ExitStack() as stack:
        talks = [stack.enter_context(agent.connect()) for _ in range(200)]
        for talk in talks:
            talk.say(Hello(), Subscribe(log=5), Ping(number=1))
        for talk in talks:
            assert isinstance(talk.next(), Welcome)
            frames = frames_up_to_pong(talk, 1, Mutation(0, "", b""))
            while not any(isinstance(frame, Page) and frame.last for frame in frames):
                frame = talk.next()
                assert frame is not None
                frames.append(frame)
        begun = open_files(agent)
    until = time.monotonic() + PATIENCE
    while open_files(agent) > begun - 190:
        assert time.monotonic() < until, "the connections are not closed"
        with agent.greet():
            pass


def open_files(agent: Agent) -> int:
    return psutil.Process(agent.pid).num_fds()


def test_a_workstation_that_stops_reading_costs_little_and_others_are_served(agent: Agent) -> None:
    resource = application(agent)
    changes = [
        r.SetProperties(kind=ObjectKind.RESOURCE, id=resource, properties={"Description": letter * 32_000})
        for letter in "😀🎉"
    ]
    with agent.greet() as deaf, agent.greet() as reader:
        deaf.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.say(Subscribe(log=0))
        reader.say(Subscribe(log=0))
        process = psutil.Process(agent.pid)
        for turn in range(10):
            reader.do(changes[turn % 2])
        before = process.memory_info().rss
        # 26 MB of changes to an object that is sent whole; what nobody reads is one object, in its newest form.
        for turn in range(200):
            reader.do(changes[turn % 2])
        assert process.memory_info().rss - before < 15_000_000
        # Now it asks for more than may wait: pongs that nobody reads.
        deaf.connection.settimeout(1.0)
        with suppress(OSError):  # which one depends on the moment
            while True:
                deaf.raw(encode(Ping(number=1)) * 10_000)
        assert process.memory_info().rss - before < 30_000_000
        began = time.monotonic()
        reader.say(Ping(number=77))
        while reader.next() != Pong(number=77):
            pass
        assert time.monotonic() - began < 5
        reader.do(changes[0])
    log_path(agent.settings.logs, resource).unlink(missing_ok=True)


# --- calls


def test_calls_above_the_limit_are_refused_and_those_below_it_go_on(agent: Agent) -> None:
    resource = application(agent)
    following = [Call(id=n, request=r.ReadOutput(resource=resource, follow=True)) for n in range(MAXIMUM_CALLS)]
    with agent.greet() as talk:
        talk.say(*following)
        for call in following:
            answer, _ = talk.until_answered(call.id)
            assert isinstance(answer, Answer)
        talk.say(Call(id=500, request=r.PauseNode(node=99)), Call(id=3, request=r.PauseNode(node=99)))
        for number, code in ((500, "too_many_calls"), (3, "too_many_calls")):
            answer, _ = talk.until_answered(number)
            assert isinstance(answer, Refused)
            assert answer.problem.code == code
        talk.say(*(Cancel(id=call.id) for call in following), Ping(number=1))
        frames_up_to_pong(talk, 1, Mutation(0, "", b""))
        talk.say(Call(id=3, request=r.PauseNode(node=99)))
        answer, _ = talk.until_answered(3)
        assert isinstance(answer, Refused)
        assert answer.problem.code == "node_unknown"


def test_a_number_that_is_in_use_is_refused(agent: Agent) -> None:
    resource = application(agent)
    with agent.greet() as talk:
        talk.say(Call(id=1, request=r.ReadOutput(resource=resource, follow=True)))
        talk.say(Call(id=1, request=r.PauseNode(node=99)))
        answer, _ = talk.until_answered(1)
        while isinstance(answer, Answer):  # that of the first one
            answer, _ = talk.until_answered(1)
        assert answer.problem.code == "call_id_in_use"


def test_a_call_can_be_cancelled_in_the_packet_in_which_it_came(agent: Agent) -> None:
    resource = application(agent)
    with agent.greet() as talk:
        for number in range(1, 50):
            request = r.ReadOutput(resource=resource, follow=True) if number % 2 else r.PauseNode(node=99)
            talk.say(Call(id=number, request=request), Cancel(id=number))
        talk.say(Cancel(id=9999), Ping(number=1))
        assert_well_answered(frames_up_to_pong(talk, 1, Mutation(0, "cancel", b"")), Mutation(0, "cancel", b""))


def test_subscribed_twice_the_snapshot_comes_whole_again_and_changes_come_once(agent: Agent) -> None:
    resource = application(agent)
    with agent.greet() as talk:
        talk.say(Subscribe(log=3), Subscribe(log=3))
        first = frames_up_to_last_page(talk)
        talk.say(Subscribe(log=3))
        again = frames_up_to_last_page(talk)
        assert {item.id for page in again for item in page.objects} >= {item.id for item in first[-1].objects}
        rename = r.SetProperties(kind=ObjectKind.RESOURCE, id=resource, properties={"Description": "twice"})
        talk.say(Call(id=1, request=rename))
        answer, news = talk.until_answered(1)
        assert isinstance(answer, Answer)
        told = [item for frame in news if isinstance(frame, Changes) for item in frame.changed if item.id == resource]
        assert len(told) == 1
        back = r.SetProperties(kind=ObjectKind.RESOURCE, id=resource, properties={"Description": None})
        talk.do(back)


def test_output_is_followed_until_it_is_cancelled(agent: Agent) -> None:
    resource = application(agent)
    log = log_path(agent.settings.logs, resource)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"one\n")
    with agent.greet() as talk:
        talk.say(Call(id=1, request=r.ReadOutput(resource=resource, follow=True)))
        answer, _ = talk.until_answered(1)
        assert isinstance(answer, Answer)
        assert answer.reply == r.OutputRead(data=b"one\n", offset=4)
        with log.open("ab") as file:
            file.write(b"two\n")
        assert talk.next() == Output(id=1, data=b"two\n", offset=8)
        log.write_bytes(b"new\n")
        assert talk.next() == Output(id=1, data=b"new\n", offset=4, truncated=True)
        talk.say(Cancel(id=1), Ping(number=1))
        assert talk.next() == Pong(number=1)
        with log.open("ab") as file:
            file.write(b"nobody\n")
        # A call by the same number is possible again, and nothing of the log comes between.
        talk.say(Call(id=1, request=r.PauseNode(node=99)))
        answer, others = talk.until_answered(1)
        assert isinstance(answer, Refused)
        assert others == []
    log.unlink()


def test_a_service_that_ends_says_goodbye(agent: Agent) -> None:
    del agent
    with short_folder() as home, running_agent(home) as other, other.greet() as talk:
        other.terminate()
        frames = talk.rest()
        assert [frame.problem.code for frame in frames if isinstance(frame, Bye)] == ["service_stopping"]
        with pytest.raises(OSError, match="No such file"):
            other.connect()


def test_after_a_kill_it_listens_again(agent: Agent) -> None:
    del agent
    with short_folder() as home, running_agent(home) as other:
        other.greet().close()
        other.kill()
        with pytest.raises(ConnectionRefusedError):
            other.connect()
        other.start()
        other.greet().close()
