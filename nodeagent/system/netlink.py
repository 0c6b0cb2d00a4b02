"""Netlink sockets: requests to the kernel's network side, answered before the call returns, and news from it.

Written here, since a Resource Monitor's loop may make single, short system calls only, and starting a program is none.
Formats: linux/netlink.h; the numbers in the modules above this one are from the kernel's headers too.
"""

import errno
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nodeagent.system import packetfilter
from nodeagent.system.closing import Closing
from nodeagent.system.packetfilter import ALL, IF_EQUAL, LOAD_HALF, NOTHING, RETURN

ROUTE = 0  # NETLINK_ROUTE
NETFILTER = 12  # NETLINK_NETFILTER

REQUEST, MULTI, ACK, ROOT_MATCH = 0x1, 0x2, 0x4, 0x300  # NLM_F_*; ROOT_MATCH is NLM_F_DUMP
REPLACE, EXCLUSIVE, CREATE, APPEND = 0x100, 0x200, 0x400, 0x800

_ERROR, _DONE = 2, 3  # NLMSG_ERROR, NLMSG_DONE
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_NESTED = 0x8000
_PIECE = 1 << 18  # bytes read at a time; a dump's message is at most 32 KiB
_PATIENCE = struct.pack("@ll", 1, 0)  # the kernel answers within the sending call; this is for a broken one


class Message(NamedTuple):
    """One message: its type, flags, and what follows the header."""

    type: int
    flags: int
    body: bytes


def attribute(number: int, value: bytes) -> bytes:
    """Pack one attribute."""
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, number) + value + b"\0" * (-length % 4)


def text(number: int, value: str) -> bytes:
    """Pack one attribute that holds a word."""
    return attribute(number, value.encode() + b"\0")


def word(number: int, value: int) -> bytes:
    """Pack one attribute that holds 32 bits in network order, as netfilter has them."""
    return attribute(number, struct.pack(">I", value))


def nested(number: int, *inside: bytes) -> bytes:
    """Pack one attribute that holds others."""
    return attribute(number | _NESTED, b"".join(inside))


def attributes(data: bytes) -> dict[int, bytes]:
    """Unpack attributes; of a number that comes twice the last counts."""
    return dict(each_attribute(data))


def each_attribute(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the attributes in *data*, up to the first that is damaged."""
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, number = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size or at + length > len(data):
            return
        yield number & 0x3FFF, data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3


class Netlink(Closing):
    """One socket. With *groups* it also hears news: `fileno` becomes readable, `news` returns them.

    Args:
        without: type of messages that it does not want to hear.

    Raises:
        OSError: this kernel, or a sandbox, has no such socket.
    """

    def __init__(self, protocol: int, groups: Sequence[int] = (), *, without: int | None = None) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _PATIENCE)
            if without is not None:
                self._leave_out(without)
            self._socket.bind((0, sum(1 << (group - 1) for group in groups)))
        except OSError:
            self._socket.close()
            raise
        self._sequence = 0

    def _leave_out(self, kind: int) -> None:
        """Let the kernel drop messages of that type for this socket, so that they wake nobody."""
        is_kind = (IF_EQUAL, 0, 1, socket.htons(kind))
        packetfilter.attach(self._socket, ((LOAD_HALF, 0, 0, 4), is_kind, (RETURN, 0, 0, NOTHING), (RETURN, 0, 0, ALL)))

    def fileno(self) -> int:
        """Return what becomes readable when there are news."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def order(self, kind: int, flags: int, body: bytes) -> None:
        """Have something done.

        Raises:
            OSError: it is refused, with the kernel's number.
        """
        self.send([Message(kind, flags | REQUEST | ACK, body)])
        self._answers()

    def ask(self, kind: int, flags: int, body: bytes) -> list[Message]:
        """Return all parts of an answer.

        Raises:
            OSError: it is refused, with the kernel's number.
        """
        self.send([Message(kind, flags | REQUEST | (0 if flags & ROOT_MATCH else ACK), body)])
        return self._answers()

    def send(self, messages: Sequence[Message]) -> list[int]:
        """Send messages in one call; returns their sequence numbers."""
        packed: list[bytes] = []
        numbers: list[int] = []
        for message in messages:
            self._sequence += 1
            numbers.append(self._sequence)
            length = _HEADER.size + len(message.body)
            packed.append(_HEADER.pack(length, message.type, message.flags, self._sequence, 0) + message.body)
            packed.append(b"\0" * (-length % 4))
        self._socket.sendto(b"".join(packed), (0, 0))
        return numbers

    def _answers(self) -> list[Message]:
        """Collect until the kernel says done; what belongs to an earlier request is passed over."""
        found: list[Message] = []
        while True:
            for number, message in self._receive():
                if number != self._sequence:
                    continue
                if message.type == _ERROR:
                    code = -int(struct.unpack_from("=i", message.body)[0])
                    if code:
                        raise OSError(code, os.strerror(code))
                    return found
                if message.type == _DONE:
                    return found
                found.append(message)

    def refusals(self, numbers: Sequence[int]) -> dict[int, int]:
        """Return the error of each of these messages that was refused, without waiting for more than has come."""
        found: dict[int, int] = {}
        while True:
            try:
                for number, message in self._receive(socket.MSG_DONTWAIT):
                    if message.type == _ERROR and number in numbers:
                        code = -int(struct.unpack_from("=i", message.body)[0])
                        if code:
                            found.setdefault(number, code)
            except BlockingIOError:
                return found

    def news(self) -> list[Message]:
        """Return what has come, without waiting.

        Raises:
            OSError: ENOBUFS, when more came than the socket holds: some are lost.
        """
        found: list[Message] = []
        while True:
            try:
                found += [message for _, message in self._receive(socket.MSG_DONTWAIT)]
            except BlockingIOError:
                return found

    def _receive(self, flags: int = 0) -> Iterator[tuple[int, Message]]:
        data = self._socket.recv(_PIECE, flags)
        at = 0
        while at + _HEADER.size <= len(data):
            length, kind, mark, number, _ = _HEADER.unpack_from(data, at)
            if length < _HEADER.size or at + length > len(data):
                raise OSError(errno.EBADMSG, os.strerror(errno.EBADMSG))
            yield number, Message(kind, mark, data[at + _HEADER.size : at + length])
            at += (length + 3) & ~3
