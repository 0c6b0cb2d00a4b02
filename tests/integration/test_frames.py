"""What comes over the wire, whatever it is: a real agent answers it, refuses it or sends it away, and goes on."""

from __future__ import annotations

import json
import random
import select
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import psutil
import pytest

from nodeagent.api import requests as r
from nodeagent.api import wire
from nodeagent.api.events import Changes, Output, Page
from nodeagent.api.objects import ObjectKind
from nodeagent.api.texts import SENTENCES
from nodeagent.api.wire import (
    MAXIMUM_LINE,
    Answer,
    Bye,
    Call,
    Cancel,
    FromNode,
    Hello,
    Ping,
    Pong,
    Refused,
    Subscribe,
    Welcome,
    encode,
)
from nodeagent.monitor.output import log_path
from nodeagent.service.workstation import MAXIMUM_CALLS, MAXIMUM_FRAME
from tests.support.agents import PATIENCE, Agent, Talk, running_agent, short_folder

SEED = 20031003
MUTATIONS = 2000
TOGETHER = 25  # mutations that go over one connection, each followed by a Ping that must come back
HELLO_PATIENCE = 10.0


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


# --- frames that a workstation might send, and what may become of them on the way


def values(rng: random.Random) -> Any:
    """A JSON value of any kind, and often an unpleasant one."""
    return rng.choice(
        [
            None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, 2**64, -(2**63) - 1, 10**30, 1.5, -0.0, 1e308,
            "", " ", "\x00", "\n", "name", "é", "e\u0301", "🎉", "\u202e", "x" * 5000, "0" * 32, "../../etc/passwd",
            [], {}, [[]], [None], ["a", "a"], [1, 2, 99], {"a": {}}, {"": ""}, [[[[[[[[]]]]]]]],
        ]
    )  # fmt: skip


def valid_frames() -> list[Any]:
    """One frame of each kind, and a call of each request, as the JSON that stands on the wire."""
    nobody, application = "0" * 32, "Generic Application"
    resource = {"kind": "resource", "id": nobody}
    arguments: dict[str, dict[str, Any]] = {
        "create_group": {"name": " "},
        "create_resource": {"name": "R", "type": application, "group": nobody, "parameters": {"CommandLine": "x"}},
        "delete": {**resource, "with_dependents": [nobody]},
        "rename": {**resource, "name": "N"},
        "set_properties": {**resource, "properties": {"RestartThreshold": 3}, "parameters": {}, "expected": 3},
        "set_preferred_owners": {"group": nobody, "nodes": [1]},
        "set_possible_owners": {"resource": nobody, "nodes": [1]},
        "set_dependencies": {"resource": nobody, "providers": [nobody]},
        "change_group": {"resource": nobody, "group": nobody},
        "bring_online": {**resource, "node": 1, "note": "n"},
        "take_offline": {**resource, "note": "n"},
        "initiate_failure": {"resource": nobody},
        "move_group": {"group": nobody, "node": 1},
        "pause_node": {"node": 99},
        "resume_node": {"node": 99},
        "validate_parameters": {"type": application, "parameters": {"CommandLine": "true", "CurrentDirectory": "/"}},
        "read_output": {"resource": nobody, "offset": -10, "limit": 10, "follow": True},
    }  # fmt: skip
    assert set(arguments) == {str(kind.__struct_config__.tag) for kind in get_args(r.Request)}
    calls = [{"frame": "call", "id": 7, "request": {"request": tag, **given}} for tag, given in arguments.items()]
    return [
        *calls,
        {"frame": "ping", "number": 5},
        {"frame": "cancel", "id": 7},
        {"frame": "subscribe", "log": 10},
        {"frame": "hello", "protocol": [1, 1], "software": "0", "features": []},
    ]


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) of a JSON value."""
    found: list[tuple[Any, Any]] = []
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        found += [(value, key), *_places(item)]
    return found


def other_value(rng: random.Random, frame: Any) -> bytes:
    where, key = rng.choice(_places(frame))
    where[key] = values(rng)
    return json.dumps(frame).encode()


def missing_field(rng: random.Random, frame: Any) -> bytes:
    where, key = rng.choice(_places(frame))
    del where[key]
    return json.dumps(frame).encode()


def unknown_field(rng: random.Random, frame: Any) -> bytes:
    where = rng.choice([frame, *(w[k] for w, k in _places(frame) if isinstance(w[k], dict))])
    where[rng.choice(["colour", "", "\x00", "frame", "request", "id"])] = values(rng)
    return json.dumps(frame).encode()


def unknown_verb(rng: random.Random, frame: Any) -> bytes:
    place = frame.get("request", frame)
    place["request" if place is not frame else "frame"] = rng.choice(["reboot", "", "Call", "welcome", "done", 5, None])
    return json.dumps(frame).encode()


def flipped_bits(rng: random.Random, frame: Any) -> bytes:
    line = bytearray(json.dumps(frame).encode())
    for _ in range(rng.randint(1, 4)):
        line[rng.randrange(len(line))] ^= 1 << rng.randrange(8)
    return bytes(line)


def cut_short(rng: random.Random, frame: Any) -> bytes:
    line = json.dumps(frame).encode()
    return line[: rng.randrange(1, len(line))]


def wild_bytes(rng: random.Random, frame: Any) -> bytes:
    line = json.dumps(frame).encode()
    place = rng.randrange(len(line))
    wild = rng.choice(
        [b"\xff\xfe", b"\x00", b"\xed\xa0\x80", b"\xc0\xaf", b'"\\ud800"', b"\r", b"NaN", b"1e999", b"//"]
    )
    return line[:place] + wild + line[place:]


def huge_number(rng: random.Random, frame: Any) -> bytes:
    where, key = rng.choice(_places(frame))
    where[key] = "@"
    digits = rng.choice([b"9" * 19, b"9" * 25, b"9" * 400, b"9" * 5000, b"-" + b"9" * 25, b"0." + b"3" * 500, b"1e400"])
    return json.dumps(frame).encode().replace(b'"@"', digits)


def deep_nesting(rng: random.Random, frame: Any) -> bytes:
    where, key = rng.choice(_places(frame))
    where[key] = "@"
    depth = rng.choice([50, 500, 5000, 100_000])
    opened, closed = rng.choice([(b"[", b"]"), (b'{"a":', b"}")])
    nested = opened * depth + b"1" + closed * depth * rng.choice([0, 1])
    return json.dumps(frame).encode().replace(b'"@"', nested)


def no_frame(rng: random.Random, frame: Any) -> bytes:
    del frame
    return rng.choice(
        [
            b"{}",
            b"[]",
            b"null",
            b"1",
            b'""',
            b"{",
            b"GET / HTTP/1.1",
            b"\x16\x03\x01\x02",
            b"SSH-2.0-x",
            b"\xef\xbb\xbf{}",
        ]
    )


def empty_lines(rng: random.Random, frame: Any) -> bytes:
    return b"\n" * rng.randint(1, 50) + b" \t\r\n" + json.dumps(frame).encode() + b"\n\n"


def repeated(rng: random.Random, frame: Any) -> bytes:
    return b"\n".join([json.dumps(frame).encode()] * rng.randint(2, 20))


KINDS: list[Callable[[random.Random, Any], bytes]] = [
    other_value, missing_field, unknown_field, unknown_verb, flipped_bits, cut_short, wild_bytes, huge_number,
    deep_nesting, no_frame, empty_lines, repeated,
]  # fmt: skip


@dataclass(frozen=True)
class Mutation:
    """One that can be said again: `made(SEED, number)` is always the same."""

    number: int
    kind: str
    data: bytes

    def __str__(self) -> str:
        return f"mutation {self.number} of seed {SEED} ({self.kind}): {self.data[:200]!r}"


def made(number: int) -> Mutation:
    rng = random.Random(SEED * 1_000_003 + number)
    kind = KINDS[number % len(KINDS)]
    frame = rng.choice(valid_frames())
    # No name that could be given, so that what stays valid fills no cluster.
    return Mutation(number, kind.__name__, kind(rng, frame) + b"\n")


def split_anywhere(rng: random.Random, data: bytes) -> Iterator[bytes]:
    while data:
        length = rng.choice([1, 2, 7, 100, 10_000])
        yield data[:length]
        data = data[length:]


ANSWERS = (Answer, Refused, Page, Changes, Output, Pong)


def assert_well_answered(frames: list[FromNode], mutation: Mutation) -> None:
    """Everything that came is a frame of the protocol, and every refusal has a code that has a sentence."""
    for frame in frames:
        assert isinstance(frame, ANSWERS), f"{mutation}: {frame}"
        if isinstance(frame, Refused):
            assert frame.problem.code in SENTENCES, f"{mutation}: {frame}"
            assert frame.problem.code != "internal_error", f"{mutation}: {frame}"


def frames_up_to_pong(talk: Talk, number: int, mutation: Mutation) -> list[FromNode]:
    """Return what came before the pong; calls that are still worked on answer later, which is theirs to do."""
    found: list[FromNode] = []
    while True:
        try:
            frame = talk.next()
        except TimeoutError:
            pytest.fail(f"{mutation}: nothing more came after {found[-3:]}")
        assert frame is not None, f"{mutation}: the connection ended after {found[-3:]}"
        if frame == Pong(number=number):
            return found
        found.append(frame)


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


# --- the relay


class RelayTalk(Talk):
    """A conversation through the relay's pipes."""

    def __init__(self, agent: Agent) -> None:
        self.process = subprocess.Popen(
            agent.command("relay"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._in, self._out, self._err = self.process.stdin, self.process.stdout, self.process.stderr
        super().__init__(socket.socket(socket.AF_UNIX))

    def raw(self, data: bytes) -> None:
        self._in.write(data)
        self._in.flush()

    def next(self) -> FromNode | None:
        while not self._frames:
            ready, _, _ = select.select([self._out.fileno()], [], [], PATIENCE)
            if not ready:
                raise TimeoutError
            data = self._out.raw.read(65536) if hasattr(self._out, "raw") else self._out.read(65536)
            if not data:
                return None
            self._frames += [wire.decode_from_node(line) for line in self._lines.feed(data)]
        return self._frames.pop(0)

    def end(self) -> tuple[int, bytes]:
        """Close its standard input; return its exit code and what it wrote to standard error."""
        with suppress(BrokenPipeError):
            self._in.close()
        return self.process.wait(PATIENCE), self._err.read()

    def close(self) -> None:
        super().close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pipe in (self._in, self._out, self._err):
            with suppress(BrokenPipeError):
                pipe.close()


@pytest.mark.timeout(600)
def test_through_the_relay_mutated_frames_are_answered_as_without_it(agent: Agent) -> None:
    rng = random.Random(SEED + 1)
    with RelayTalk(agent) as talk:
        talk.hello()
        for number in range(2 * MUTATIONS, 2 * MUTATIONS + 600):
            mutation = made(number)
            for part in split_anywhere(rng, mutation.data) if len(mutation.data) < 10_000 else [mutation.data]:
                talk.raw(part)
            talk.say(Ping(number=number))
            assert_well_answered(frames_up_to_pong(talk, number, mutation), mutation)
        assert talk.end() == (0, b"")


def test_the_relay_passes_on_the_last_words_of_a_service_that_sends_it_away(agent: Agent) -> None:
    with RelayTalk(agent) as talk:
        try:
            for _ in range(40):
                talk.raw(b"x" * 1_000_000)
        except BrokenPipeError:
            pass
        frames = talk.rest()
        assert [type(frame) for frame in frames] == [Bye]
        assert frames[0].problem.code == "line_too_long"  # type: ignore[union-attr]
        assert talk.end()[0] == 0


def test_the_relay_ends_when_its_input_ends_and_what_was_said_still_arrives(agent: Agent) -> None:
    done = subprocess.run(
        agent.command("relay"),
        input=encode(Hello()) + encode(Ping(number=4)),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    frames = [wire.decode_from_node(line) for line in done.stdout.splitlines()]
    assert [type(frame) for frame in frames] == [Welcome, Pong]
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_relay_takes_a_file_as_its_input(agent: Agent, tmp_path: Path) -> None:
    file = tmp_path / "frames"
    file.write_bytes(encode(Hello()) + encode(Ping(number=4)))
    with file.open("rb") as frames:
        done = subprocess.run(agent.command("relay"), stdin=frames, capture_output=True, timeout=PATIENCE, check=False)
    assert len(done.stdout.splitlines()) == 2


def test_the_relay_ends_when_the_workstation_is_gone(agent: Agent) -> None:
    with RelayTalk(agent) as talk:
        talk.hello()
        talk._out.close()
        talk.say(*(Ping(number=n) for n in range(3)))
        assert talk.process.wait(PATIENCE) == 0


def test_the_relay_does_not_stand_still_when_both_sides_say_much_at_once(agent: Agent) -> None:
    resource = application(agent)
    log = log_path(agent.settings.logs, resource)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"x" * 65536)
    with RelayTalk(agent) as talk:
        talk.hello()
        # 8 MB of answers, and 4 MB of frames behind the questions: more than any pipe or socket between them holds
        calls = [Call(id=n, request=r.ReadOutput(resource=resource)) for n in range(1, 90)]
        flood = b"".join(encode(Ping(number=n)) for n in range(100_000))
        much = b"".join(map(encode, calls)) + flood + encode(Ping(number=999_999))
        writer = threading.Thread(target=talk.raw, args=(much,))
        writer.start()
        frames = frames_up_to_pong(talk, 999_999, Mutation(0, "", b""))
        assert sum(isinstance(frame, Pong) for frame in frames) == 100_000
        answers = {frame.id for frame in frames if isinstance(frame, Answer)}
        while len(answers) < len(calls):
            frame = talk.next()
            assert isinstance(frame, Answer)
            answers.add(frame.id)
        writer.join(PATIENCE)


def test_without_a_service_the_relay_says_so_and_ends(agent: Agent) -> None:
    with short_folder() as home:
        nobody = Agent(home, "NODE9", "memory:", "TEST")
        done = subprocess.run(nobody.command("relay"), stdin=subprocess.DEVNULL, capture_output=True, check=False)
        frame = wire.decode_from_node(done.stdout)
        assert isinstance(frame, Bye)
        assert frame.problem.code == "service_not_running"
        assert done.returncode == 69
        assert done.stderr == b"The Cluster Service is not running on this node.\n"


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
            (12, "frame_invalid"),
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


# --- connections


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


def frames_up_to_last_page(talk: Talk) -> list[Page]:
    pages: list[Page] = []
    while not (pages and pages[-1].last):
        frame = talk.next()
        assert frame is not None
        if isinstance(frame, Page):
            pages.append(frame)
    return pages


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
