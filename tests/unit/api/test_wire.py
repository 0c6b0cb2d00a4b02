"""Frames and bytes: whatever is sent is read again as it was, and a broken line is refused with its reason."""

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodeagent.api import wire
from nodeagent.api.causes import Cause, Refusal, cause
from nodeagent.api.events import Changes, LogEntry, Output, Page, Severity
from nodeagent.api.fencing import FenceDevice, FenceOption, FenceSetting
from nodeagent.api.objects import (
    Cluster,
    Endpoint,
    Group,
    Interface,
    Network,
    Node,
    ObjectKind,
    ObjectRef,
    Resource,
    ResourceType,
)
from nodeagent.api.problems import Problem, problem
from nodeagent.api.properties import PropertySpec, Value
from nodeagent.api.requests import CreateGroup, Done, NodeAnswer, OutputRead, Reply, Request, Validated
from nodeagent.api.texts import sentence
from nodeagent.api.wire import LineReader, ProtocolError, agree, decode_from_node, decode_from_workstation, encode

# What JSON carries: text without surrogates, finite numbers.
texts = st.text(max_size=8)
numbers = st.floats(allow_nan=False, allow_infinity=False)
st.register_type_strategy(str, texts)
st.register_type_strategy(float, numbers)
st.register_type_strategy(bytes, st.binary(max_size=64))


def built(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for a Struct whose fields are those of its annotations, each given or left at its default."""
    fields = msgspec.structs.fields(kind)
    required = {f.name: field_of(f.type) for f in fields if f.required}
    optional = {f.name: field_of(f.type) for f in fields if not f.required}
    return st.fixed_dictionaries(required, optional=optional).map(lambda values: kind(**values))


def field_of(annotation: Any) -> st.SearchStrategy[Any]:
    return st.integers(0, 2**53 - 1) if annotation is wire.Number else st.from_type(annotation)


def register(*kinds: type[Any]) -> None:
    for kind in kinds:
        st.register_type_strategy(kind, built(kind))


register(FenceSetting, FenceDevice, FenceOption)
register(Problem, Refusal, Cause, Endpoint, PropertySpec, ObjectRef, LogEntry, NodeAnswer)
register(Cluster, Node, Group, Resource, ResourceType, Network, Interface)
register(Done, Validated, OutputRead, Changes, Page, Output)
requests: tuple[type[Any], ...] = Request.__args__
register(*requests)

few = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)


def frames(union: Any) -> tuple[type[Any], ...]:
    return tuple(union.__args__)


@pytest.mark.parametrize("kind", frames(wire.FromWorkstation), ids=lambda kind: kind.__name__)
@few
@given(st.data())
def test_what_a_workstation_sends_is_read_as_it_was(kind: type[Any], data: st.DataObject) -> None:
    frame = data.draw(built(kind))
    line = encode(frame)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode_from_workstation(line[:-1]) == frame


@pytest.mark.parametrize("kind", requests, ids=lambda kind: kind.__name__)
@few
@given(st.data())
def test_every_request_is_read_as_it_was(kind: type[Any], data: st.DataObject) -> None:
    call = wire.Call(id=7, request=data.draw(built(kind)))
    assert decode_from_workstation(encode(call)) == call


@pytest.mark.parametrize("kind", frames(wire.FromNode), ids=lambda kind: kind.__name__)
@few
@given(st.data())
def test_what_a_node_sends_is_read_as_it_was(kind: type[Any], data: st.DataObject) -> None:
    frame = data.draw(built(kind))
    assert decode_from_node(encode(frame)) == frame


@pytest.mark.parametrize("kind", frames(Reply), ids=lambda kind: kind.__name__)
@few
@given(st.data())
def test_every_reply_is_read_as_it_was(kind: type[Any], data: st.DataObject) -> None:
    answer = wire.Answer(id=1, reply=data.draw(built(kind)))
    assert decode_from_node(encode(answer)) == answer


def test_every_request_names_its_reply_right_and_time_limit() -> None:
    replies = frames(Reply)
    for kind in requests:
        assert kind.reply in replies
        assert kind.timeout > 0
        assert kind.__doc__


values: list[Value] = ["", "é👩‍💻\u2028", 0, -1, 2**63, 1.0, -0.0, 0.1, True, False, (), ("a", "")]


@pytest.mark.parametrize("value", values, ids=repr)
def test_a_value_keeps_its_type(value: Value) -> None:
    call = wire.Call(id=1, request=CreateGroup(name="x", properties={"P": value}))
    back = decode_from_workstation(encode(call))
    assert isinstance(back, wire.Call)
    assert isinstance(back.request, CreateGroup)
    assert repr(back.request.properties["P"]) == repr(value)


def test_what_is_no_unicode_is_refused_before_it_is_sent() -> None:
    bad = wire.Call(id=1, request=CreateGroup(name="disk\udcff"))
    with pytest.raises(ProtocolError, match="not valid Unicode"):
        encode(bad)


# --- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b'{"frame":"hello","software":"\xff"}', "not_json"),
        (b'{"frame":"ping","x":' + b"[" * 100_000, "not_json"),
        (b"[]", "frame_invalid"),
        (b"null", "frame_invalid"),
        (b"{}", "frame_invalid"),
        (b'{"frame":"nonsense"}', "frame_invalid"),
        (b'{"frame":"welcome"}', "frame_invalid"),
        (b'{"frame":"ping","number":"1"}', "frame_invalid"),
        (b'{"frame":"ping","number":1e400}', "frame_invalid"),
        (b'{"frame":"ping","number":-1}', "frame_invalid"),
        (b'{"frame":"ping","number":9007199254740992}', "frame_invalid"),
        (b'{"frame":"call","id":1}', "frame_invalid"),
        (b'{"frame":"call","id":1,"request":{"request":"nonsense"}}', "request_unknown"),
        (b'{"frame":"call","id":1,"request":{"request":"move_group","group":5}}', "frame_invalid"),
    ],
)
def test_a_broken_line_is_refused_with_its_reason(line: bytes, code: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode_from_workstation(line)
    assert caught.value.problem.code == code
    assert sentence(caught.value.problem)


@given(st.binary(max_size=200))
def test_no_bytes_lead_to_another_error(line: bytes) -> None:
    for decode in (decode_from_workstation, decode_from_node):
        with contextlib.suppress(ProtocolError):
            decode(line)


def test_a_field_that_a_newer_version_added_is_passed_over() -> None:
    assert decode_from_workstation(b'{"frame":"ping","number":3,"colour":"red"}') == wire.Ping(number=3)


def test_hello_always_says_its_versions() -> None:
    """Left out, they would be taken for the reader's own, which may be newer."""
    assert json.loads(encode(wire.Hello())) == {
        "frame": "hello",
        "protocol": list(wire.PROTOCOL),
        "software": wire.SOFTWARE,
        "features": [],
    }


def test_defaults_are_not_sent() -> None:
    assert encode(wire.Ping()) == b'{"frame":"ping"}\n'
    assert json.loads(encode(wire.Subscribe())) == {"frame": "subscribe"}


# --- lines ------------------------------------------------------------------------------------------------------

lines = st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")))


@given(lines, st.lists(st.integers(1, 12), min_size=1))
def test_lines_do_not_depend_on_how_the_stream_was_cut(whole: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(line + b"\n" for line in whole)
    reader, found, place, turn = LineReader(), list[bytes](), 0, 0
    while place < len(stream):
        step = cuts[turn % len(cuts)]
        found += reader.feed(stream[place : place + step])
        place, turn = place + step, turn + 1
    assert found == [line for line in whole if line.strip()]


def test_an_unfinished_line_waits() -> None:
    reader = LineReader()
    assert reader.feed(b"ab") == []
    assert reader.feed(b"c\nd") == [b"abc"]
    assert reader.feed(b"\n\n \r\n") == [b"d"]
    assert reader.feed(b"") == []


@pytest.mark.parametrize("pieces", [[b"x" * 101], [b"x" * 60, b"x" * 60], [b"ok\n" + b"x" * 101], [b"x" * 101 + b"\n"]])
def test_a_line_that_is_too_long_is_refused_finished_or_not(pieces: list[bytes]) -> None:
    reader = LineReader(maximum=100)
    for piece in pieces[:-1]:
        reader.feed(piece)
    with pytest.raises(ProtocolError) as caught:
        reader.feed(pieces[-1])
    assert caught.value.problem == problem("line_too_long", maximum=100)


def test_the_longest_line_is_read() -> None:
    reader, piece = LineReader(), b"x" * 65536
    for _ in range(wire.MAXIMUM_LINE // len(piece)):
        assert reader.feed(piece) == []
    (line,) = reader.feed(b"\n")
    assert len(line) == wire.MAXIMUM_LINE


# --- versions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theirs", "ours", "version"),
    [((1, 1), (1, 1), 1), ((1, 3), (2, 5), 3), ((2, 9), (1, 4), 4), ((1, 9), (3, 3), 3)],
)
def test_the_highest_common_version_is_spoken(theirs: tuple[int, int], ours: tuple[int, int], version: int) -> None:
    assert agree(theirs, ours) == agree(ours, theirs) == version


@pytest.mark.parametrize(("theirs", "ours"), [((2, 3), (1, 1)), ((1, 1), (2, 3)), ((5, 1), (1, 1))])
def test_without_a_common_version_both_are_named(theirs: tuple[int, int], ours: tuple[int, int]) -> None:
    with pytest.raises(ProtocolError) as caught:
        agree(theirs, ours)
    text = str(caught.value)
    assert f"{theirs[0]}-{theirs[1]}" in text
    assert f"{ours[0]}-{ours[1]}" in text


@given(st.tuples(st.integers(1, 9), st.integers(1, 9)), st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_a_version_that_is_agreed_is_spoken_by_both(theirs: tuple[int, int], ours: tuple[int, int]) -> None:
    try:
        version = agree(theirs, ours)
    except ProtocolError:
        return
    assert theirs[0] <= version <= theirs[1]
    assert ours[0] <= version <= ours[1]


def test_a_log_entry_carries_why_and_about_what() -> None:
    entry = LogEntry(
        sequence=1,
        at=2.5,
        node="a",
        severity=Severity.ERROR,
        code="event_failed",
        object=ObjectRef(ObjectKind.RESOURCE, "app"),
        cause=cause("cause_wanted_online"),
    )
    back = decode_from_node(encode(Changes(after=1, revision=2, logged=(entry,))))
    assert isinstance(back, Changes)
    assert back.logged == (entry,)
