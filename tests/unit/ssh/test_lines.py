"""Cutting a stream of bytes into lines, and the sentence for a command that ended."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusteradmin.client.transport import AgentExited, LineSplitter, LineTooLong


@given(st.lists(st.binary(max_size=20).map(lambda part: part.replace(b"\0", b"\n"))))
def test_lines_come_out_whole_however_the_bytes_arrive(parts: list[bytes]) -> None:
    splitter = LineSplitter("to a test")
    lines = [line for part in parts for line in splitter.feed(part)]
    *whole, rest = b"".join(parts).split(b"\n")
    assert lines == [line + b"\n" for line in whole]
    assert splitter.unfinished is bool(rest)


@pytest.mark.parametrize("parts", [[b"x" * 10], [b"x" * 5] * 2, [b"ok\n" + b"x" * 10 + b"\n"], [b"x" * 9, b"x\n"]])
def test_a_line_above_the_limit_is_an_error(parts: list[bytes]) -> None:
    splitter = LineSplitter("to a test", limit=10)
    *before, last = parts
    for part in before:
        splitter.feed(part)
    with pytest.raises(LineTooLong, match="more than 10 bytes"):
        splitter.feed(last)


def test_a_line_of_the_limit_passes_with_its_newline() -> None:
    assert LineSplitter("to a test", limit=10).feed(b"x" * 9 + b"\n") == [b"x" * 9 + b"\n"]


@pytest.mark.parametrize(
    ("status", "stderr", "sentence"),
    [
        (127, "sh: 1: clusteragent: not found\n", "clusteragent is not installed there, or not in the PATH"),
        (126, "", "clusteragent is there but this account may not run it"),
        (
            1,
            "first\nthe service is not running\n",
            r"ended with exit status 1 \(over SSH\): the service is not running.",
        ),
        (None, "", r"clusteragent was ended by a signal \(over SSH\)\."),
    ],
)
def test_a_command_that_ended_is_said_so_in_a_sentence(status: int | None, stderr: str, sentence: str) -> None:
    with pytest.raises(AgentExited, match=sentence):
        raise AgentExited("over SSH", "clusteragent relay", status, stderr)
