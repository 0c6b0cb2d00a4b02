"""Frames and bytes: one JSON object per line. Knows no sockets.

The first frame each way is Hello and Welcome; the version is compared before anything else is read. docs/protocol.md
lists every frame.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeVar, get_args

import msgspec

from nodeagent.api.events import Changes, Output, Page
from nodeagent.api.problems import ClusterError, Problem, problem
from nodeagent.api.requests import Reply, Request, Right

PROTOCOL: Final = (1, 1)  # lowest and highest version that this program speaks
SOFTWARE: Final = "0.1.0"
MAXIMUM_LINE: Final = 16 * 1024 * 1024  # bytes; a longer line ends the connection
PAGE_SIZE: Final = 500  # objects; one page is decoded in about a millisecond


T = TypeVar("T")

# What a workstation counts by: every reader of JSON can hold it, and it can be sent back.
Number = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class _Frame(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="frame"):
    pass


class Hello(_Frame, frozen=True, kw_only=True, tag="hello", omit_defaults=False):
    """First frame of a workstation: the versions that it speaks. Sent whole, as the reader's defaults may differ."""

    protocol: tuple[int, int] = PROTOCOL
    software: str = SOFTWARE
    features: tuple[str, ...] = ()


class Welcome(_Frame, frozen=True, kw_only=True, tag="welcome"):
    """Answer to Hello: the highest common version, who the node is and what the user may do."""

    protocol: int
    software: str
    node: int
    node_name: str
    cluster: str
    cluster_name: str
    user: str
    right: Right
    features: tuple[str, ...] = ()


class Call(_Frame, frozen=True, kw_only=True, tag="call"):
    """A request; *id* is chosen by the workstation, *note* is recorded with what it changes."""

    id: Number
    request: Request


class Cancel(_Frame, frozen=True, kw_only=True, tag="cancel"):
    """Forget the call (what it has committed stays), or stop following an output log."""

    id: Number


class Subscribe(_Frame, frozen=True, kw_only=True, tag="subscribe"):
    """Ask for a snapshot in pages and, from then on, Changes; *log* is how many log entries to begin with."""

    log: Number = 1000


class Ping(_Frame, frozen=True, kw_only=True, tag="ping"):
    """Ask whether the other side lives."""

    number: Number = 0


class Answer(_Frame, frozen=True, kw_only=True, tag="answer"):
    """The reply to a call."""

    id: int
    reply: Reply


class Refused(_Frame, frozen=True, kw_only=True, tag="refused"):
    """The call was refused; id 0 means that no call could be read from what came."""

    id: int
    problem: Problem


class Pong(_Frame, frozen=True, kw_only=True, tag="pong"):
    """Answer to Ping."""

    number: int = 0


class Bye(_Frame, frozen=True, kw_only=True, tag="bye"):
    """Last frame of a node before it closes the connection, with the reason."""

    problem: Problem


FromWorkstation = Hello | Call | Cancel | Subscribe | Ping
FromNode = Welcome | Answer | Refused | Changes | Page | Output | Pong | Bye
Frame = FromWorkstation | FromNode

_encoder = msgspec.json.Encoder()
_from_workstation: msgspec.json.Decoder[FromWorkstation] = msgspec.json.Decoder(FromWorkstation)
_from_node: msgspec.json.Decoder[FromNode] = msgspec.json.Decoder(FromNode)


class ProtocolError(ClusterError):
    """The other side broke the rules of the wire."""


def encode(frame: Frame) -> bytes:
    """Return the line for *frame*, with its newline.

    Raises:
        ProtocolError: not_encodable: it holds text that is no Unicode (from a file name or an argument, say).
    """
    try:
        return _encoder.encode(frame) + b"\n"
    except UnicodeEncodeError as exc:
        raise ProtocolError(problem("not_encodable", detail=exc.reason)) from exc


def decode_from_workstation(line: bytes) -> FromWorkstation:
    """Read one line that a workstation sent.

    Raises:
        ProtocolError: not_json; request_unknown; or frame_invalid with the place at fault.
    """
    try:
        return _decode(_from_workstation, line)
    except ProtocolError as exc:
        if (unknown := _unknown_request(line)) is not None:
            raise ProtocolError(problem("request_unknown", request=unknown)) from exc
        raise


class _Asked(msgspec.Struct, frozen=True):
    request: str


class _Asking(msgspec.Struct, frozen=True):
    frame: Literal["call"]
    request: _Asked


_asking: msgspec.json.Decoder[_Asking] = msgspec.json.Decoder(_Asking)
_KNOWN: Final = frozenset(str(kind.__struct_config__.tag) for kind in get_args(Request))


def _unknown_request(line: bytes) -> str | None:
    """Return the name of the request that *line* makes and that this version does not know."""
    try:
        asked = _asking.decode(line).request.request
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if asked in _KNOWN else asked[:100]


class _Numbered(msgspec.Struct, frozen=True):
    id: Number = 0


_numbered: msgspec.json.Decoder[_Numbered] = msgspec.json.Decoder(_Numbered)


def number_of(line: bytes) -> int:
    """Return the id of a call that cannot be read otherwise, so that who waits for it is told; 0 when it has none."""
    try:
        return _numbered.decode(line).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0


def decode_from_node(line: bytes) -> FromNode:
    """Read one line that a node sent.

    Raises:
        ProtocolError: not_json, or frame_invalid with the place at fault.
    """
    return _decode(_from_node, line)


def _decode(decoder: msgspec.json.Decoder[T], line: bytes) -> T:
    try:
        return decoder.decode(line)
    except msgspec.ValidationError as exc:
        raise ProtocolError(problem("frame_invalid", detail=str(exc))) from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ProtocolError(problem("not_json", detail=str(exc))) from exc


class LineReader:
    """Cuts a stream of bytes into lines, and refuses one that is too long."""

    def __init__(self, maximum: int = MAXIMUM_LINE) -> None:
        self._maximum = maximum
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that *data* completes, without their newlines; empty lines are dropped.

        Raises:
            ProtocolError: line_too_long.
        """
        self._rest += data
        lines: list[bytes] = []
        if b"\n" in data:
            *complete, rest = self._rest.split(b"\n")
            self._rest = bytearray(rest)
            lines = [bytes(line) for line in complete if line.strip()]
        if len(self._rest) > self._maximum or any(len(line) > self._maximum for line in lines):
            raise ProtocolError(problem("line_too_long", maximum=self._maximum))
        return lines


def agree(theirs: tuple[int, int], ours: tuple[int, int] = PROTOCOL) -> int:
    """Return the highest version that both sides speak.

    Raises:
        ProtocolError: version_unknown.
    """
    version = min(theirs[1], ours[1])
    if version < max(theirs[0], ours[0]):
        raise ProtocolError(problem("version_unknown", theirs=f"{theirs[0]}-{theirs[1]}", ours=f"{ours[0]}-{ours[1]}"))
    return version
