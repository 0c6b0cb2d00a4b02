"""A neighbour that asks for an address all the time, by ARP, ICMP and TCP, and knows which question was answered."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import select
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address

from nodeagent.system.clock import SystemClock
from tests.support.namespaces import Namespace

_ARP = struct.Struct(">6s6sHHHBBH6s4s6s4s")
_ECHO = struct.Struct(">BBHHH")
PAUSE = 0.005  # seconds between two questions of a kind
PORT = 8042
_marks = itertools.count(0x4242)


class Prober:
    """Asks from another host. *answered* holds, for each kind, when the last question that was answered was sent."""

    def __init__(self, address: str, mac: bytes, server: socket.socket) -> None:
        server.setblocking(False)
        self._server = server
        self._address = address
        self._mark = next(_marks)  # what a former one asked may be answered only now
        self._mac = mac
        self._clock = SystemClock()
        self._arp = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        self._arp.bind(("eth0", 0x0806))
        self._icmp = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMP)
        self._tcp: dict[int, tuple[socket.socket, float]] = {}
        self._sent: dict[int, float] = {}
        self.answered: dict[str, float] = {}

    def ask_until(self, moment: float) -> None:
        """Ask until *moment* of the steady clock."""
        number = 0
        while (now := self._clock.steady()) < moment:
            number = (number + 1) % 65536
            self._sent[number] = now
            self._ask_arp(number)
            self._ask_icmp(number)
            self._ask_tcp(now)
            self._listen(now + PAUSE)

    def _ask_arp(self, number: int) -> None:
        """Ask for the address; the number travels in the sender's own address, which the answer repeats."""
        sender = bytes((10, 98)) + number.to_bytes(2)
        target = IPv4Address(self._address).packed
        frame = _ARP.pack(b"\xff" * 6, self._mac, 0x0806, 1, 0x0800, 6, 4, 1, self._mac, sender, b"\0" * 6, target)
        self._arp.send(frame)

    def _ask_icmp(self, number: int) -> None:
        rest = 8 << 8, 0, self._mark, number
        total = sum(rest)
        check = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
        with contextlib.suppress(OSError):  # no neighbour answers: so it is
            self._icmp.sendto(_ECHO.pack(8, 0, check, self._mark, number), (self._address, 0))

    def _ask_tcp(self, now: float) -> None:
        for line, began in list(self._tcp.values()):
            if now - began > 0.05:
                self._drop(line)
        if len(self._tcp) < 10:
            line = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            if line.connect_ex((self._address, PORT)) == errno.EINPROGRESS:
                self._tcp[line.fileno()] = line, now
            else:
                line.close()

    def _drop(self, line: socket.socket) -> None:
        del self._tcp[line.fileno()]
        line.close()

    def _listen(self, until: float) -> None:
        while (rest := until - self._clock.steady()) > 0:
            poll = select.poll()
            for line in (self._arp, self._icmp, self._server):
                poll.register(line, select.POLLIN)
            for line, _ in self._tcp.values():
                poll.register(line, select.POLLOUT)
            for number, _ in poll.poll(max(1.0, rest * 1000)):
                if number == self._arp.fileno():
                    self._heard_arp(self._arp.recv(2048))
                elif number == self._icmp.fileno():
                    self._heard_icmp(self._icmp.recv(2048))
                elif number == self._server.fileno():
                    self._server.accept()[0].close()
                else:
                    self._heard_tcp(*self._tcp[number])

    def _heard_arp(self, data: bytes) -> None:
        *_, operation, _, sender, _, target = _ARP.unpack_from(data)
        if operation == 2 and sender == IPv4Address(self._address).packed and target[:2] == bytes((10, 98)):
            self._note("arp", self._sent[int.from_bytes(target[2:])])

    def _heard_icmp(self, data: bytes) -> None:
        kind, _, _, mark, number = _ECHO.unpack_from(data, 20)
        if (kind, mark) == (0, self._mark):
            self._note("icmp", self._sent[number])

    def _heard_tcp(self, line: socket.socket, began: float) -> None:
        if line.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
            self._note("tcp", began)
        self._drop(line)

    def _note(self, kind: str, sent: float) -> None:
        self.answered[kind] = max(self.answered.get(kind, 0.0), sent)

    def close(self) -> None:
        """Ask no more."""
        for line, _ in list(self._tcp.values()):
            self._drop(line)
        self._arp.close()
        self._icmp.close()
        self._server.close()


@contextmanager
def probing(address: str, asker: Namespace, asked: Namespace) -> Iterator[Prober]:
    """Let *asker* ask *asked*, where a TCP port is open for it."""
    with asked.inside():
        server = socket.create_server(("0.0.0.0", PORT), backlog=100)
    with asker.inside():
        (link,) = json.loads(asker.ip("-j", "link", "show", "dev", "eth0"))
        prober = Prober(address, bytes.fromhex(link["address"].replace(":", "")), server)
    try:
        yield prober
    finally:
        prober.close()
