"""ARP for IPv4 addresses that move: who claims one, asking who has it, telling the neighbours that it is here now.

Frames: RFC 826; probes and announcements: RFC 5227.
"""

import contextlib
import enum
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from nodeagent.system import packetfilter
from nodeagent.system.addresses import Link
from nodeagent.system.packetfilter import ALL, IF_EQUAL, LOAD_WORD, NOTHING, RETURN, Step

_PROTOCOL = 0x0806  # ETH_P_ARP
_BROADCAST = b"\xff" * 6
_NOBODY = b"\0" * 6
_NO_ADDRESS = b"\0" * 4
_FRAME = struct.Struct(">6s6sHHHBBH6s4s6s4s")
_SENDER, _TARGET = 28, 38  # where a frame has its two IPv4 addresses
_REQUEST, _REPLY = 1, 2
_AT_ONCE = 64  # frames that are read in one go: whoever floods the network must not hold up a monitor


class Kind(enum.Enum):
    """What a frame says about an address: I have it (to whoever probed), here it is, may I take it."""

    ANSWER = 1
    CLAIM = 2
    PROBE = 3


@dataclass(frozen=True, slots=True)
class Claim:
    """A network card has said something about an address."""

    mac: bytes
    kind: Kind


@dataclass(slots=True)
class _Ear:
    link: str
    wake: Callable[[], None]
    heard: list[Claim] = field(default_factory=list)


class ArpLine:
    """One socket for all addresses of a process. Keep it: to close one takes 15 ms.

    What the kernel does not have to tell it does not: frames about other addresses are dropped there.

    Raises:
        OSError: EPERM without CAP_NET_RAW.
    """

    def __init__(self) -> None:
        mode = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self._line = socket.socket(socket.AF_PACKET, mode, socket.htons(_PROTOCOL))
        self._ears: dict[IPv4Address, _Ear] = {}
        self._choose()

    def fileno(self) -> int:
        """Return what becomes readable when something is said about any of the addresses."""
        return self._line.fileno()

    def listen(self, address: IPv4Address, link: Link, wake: Callable[[], None]) -> None:
        """Hear what is said about *address* on that link from now on.

        Args:
            wake: is called when it was read while another address was asked for.
        """
        self._read()
        self._ears[address] = _Ear(link.name, wake)
        self._choose()

    def deafen(self, address: IPv4Address) -> None:
        """Hear nothing more about *address*."""
        if self._ears.pop(address, None) is not None:
            self._choose()

    def heard(self, address: IPv4Address) -> list[Claim]:
        """Take what was said about *address* since the last time."""
        self._read(address)
        if (ear := self._ears.get(address)) is None:
            return []
        heard, ear.heard = ear.heard, []
        return heard

    def probe(self, address: IPv4Address, link: Link) -> None:
        """Ask who has *address*, without claiming it.

        Raises:
            OSError: ENETDOWN when the link is down.
        """
        self._send(link, _REQUEST, _NO_ADDRESS, _NOBODY, address)

    def announce(self, address: IPv4Address, link: Link) -> None:
        """Say that *address* is at this link: as a request, which is the rule, and as a reply, for others.

        Raises:
            OSError: ENETDOWN when the link is down.
        """
        if link.arp:
            self._send(link, _REQUEST, address.packed, _NOBODY, address)
            self._send(link, _REPLY, address.packed, _BROADCAST, address)

    def close(self) -> None:
        """Close the socket."""
        self._line.close()

    def __del__(self) -> None:
        """Close one that was kept to the end."""
        if hasattr(self, "_line"):
            self.close()

    def _send(self, link: Link, operation: int, sender: bytes, target_mac: bytes, target: IPv4Address) -> None:
        addresses = (link.mac, sender, target_mac, target.packed)
        frame = _FRAME.pack(_BROADCAST, link.mac, _PROTOCOL, 1, 0x0800, 6, 4, operation, *addresses)
        self._line.sendto(frame, (link.name, _PROTOCOL))

    def _choose(self) -> None:
        steps = tuple(_steps(self._ears))
        packetfilter.attach(self._line, steps if len(steps) <= packetfilter.MOST else ((RETURN, 0, 0, ALL),))

    def _read(self, asked: IPv4Address | None = None) -> None:
        """Give each address what is said about it."""
        with contextlib.suppress(BlockingIOError):
            for _ in range(_AT_ONCE):
                data, (link, *_) = self._line.recvfrom(2048)
                found = _read_frame(data)
                ear = self._ears.get(found[0]) if found else None
                if found is None or ear is None or ear.link != link:
                    continue
                ear.heard.append(found[1])
                if found[0] != asked:
                    ear.wake()


def _steps(addresses: Iterable[IPv4Address]) -> Iterable[Step]:
    """Let through what comes from one of the addresses, and probes for one: those come from nobody."""
    ours = [
        step for one in addresses for step in ((IF_EQUAL, 0, 1, int(one)), (RETURN, 0, 0, ALL))
    ]  # each is two steps, as no jump is longer than 255
    yield from ((LOAD_WORD, 0, 0, _SENDER), *ours, (IF_EQUAL, 1, 0, 0), (RETURN, 0, 0, NOTHING))
    yield from ((LOAD_WORD, 0, 0, _TARGET), *ours, (RETURN, 0, 0, NOTHING))


def _read_frame(data: bytes) -> tuple[IPv4Address, Claim] | None:
    """Return what a frame says and about which address; None when it says nothing about any."""
    if len(data) < _FRAME.size:
        return None
    _, _, kind, hardware, protocol, _, _, operation, mac, sender, _, target = _FRAME.unpack_from(data)
    if (kind, hardware, protocol) != (_PROTOCOL, 1, 0x0800):
        return None
    if sender == _NO_ADDRESS:
        return IPv4Address(target), Claim(mac, Kind.PROBE)
    # Whoever answers a probe sends it to the address that it came from: to none.
    answers = operation == _REPLY and target == _NO_ADDRESS
    return IPv4Address(sender), Claim(mac, Kind.ANSWER if answers else Kind.CLAIM)
