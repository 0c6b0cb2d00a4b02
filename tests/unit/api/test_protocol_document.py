"""docs/protocol.md says what the program does: it is made from it, and every example is a frame."""

from typing import Any

import pytest

from nodeagent.api import wire
from nodeagent.api.objects import ClusterObject
from nodeagent.api.requests import Reply, Request
from nodeagent.api.wire import decode_from_node, decode_from_workstation, encode
from tests.unit.api import protocoldocument as document


def test_the_document_is_up_to_date() -> None:
    text = document.DOCUMENT.read_text(encoding="utf-8")
    assert document.renewed(text) == text, "write it anew: python -m tests.unit.api.protocoldocument"


@pytest.mark.parametrize(
    ("examples", "union"),
    [
        (document.FROM_WORKSTATION, wire.FromWorkstation),
        (document.FROM_NODE, wire.FromNode),
        (document.REQUESTS, Request),
        (document.REPLIES, Reply),
        (document.OBJECTS, ClusterObject),
    ],
)
def test_everything_that_travels_has_one_example(examples: tuple[Any, ...], union: Any) -> None:
    assert {type(example) for example in examples} == set(union.__args__)
    assert len(examples) == len(union.__args__)


def test_every_example_is_read_as_it_is_written() -> None:
    for frame in document.FROM_WORKSTATION:
        assert decode_from_workstation(encode(frame)) == frame
    for answer in document.FROM_NODE:
        assert decode_from_node(encode(answer)) == answer
    for request in document.REQUESTS:
        call = wire.Call(id=1, request=request)
        assert decode_from_workstation(encode(call)) == call
    for reply in document.REPLIES:
        replied = wire.Answer(id=1, reply=reply)
        assert decode_from_node(encode(replied)) == replied


def test_a_document_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for"):
        document.renewed("# Nothing")
