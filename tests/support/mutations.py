"""Frames that a workstation might send, and what may become of them on the way; each can be made again."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, get_args

import pytest

from nodeagent.api import requests as r
from nodeagent.api.events import Changes, Output, Page
from nodeagent.api.texts import SENTENCES
from nodeagent.api.wire import (
    Answer,
    FromNode,
    Pong,
    Refused,
)
from tests.support.agents import Talk

SEED = 20031003
MUTATIONS = 2000
TOGETHER = 25  # mutations that go over one connection, each followed by a Ping that must come back


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
        "pause_node": {"node": 99, "drain": True},
        "resume_node": {"node": 99, "failback": True},
        "cancel_drain": {"node": 99},
        "stop_node": {"node": 99},
        "start_node": {"node": 99},
        "restart_node": {"node": 99},
        "evict_node": {"node": 99},
        "admit_node": {"name": "N"},
        "begin_maintenance": {**resource, "seconds": 60.5},
        "end_maintenance": {**resource},
        "read_quorum": {},
        "declare_off": {"node": 99, "name": "N", "heartbeat": 3},
        "take_over_now": {"nodes": [1]},
        "set_fence_devices": {"node": 99, "devices": [{"program": "fence_x", "options": {"a": "b"}, "kept": ["c"]}]},
        "describe_fence_program": {"program": "fence_x"},
        "check_fence_devices": {"node": 99},
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
