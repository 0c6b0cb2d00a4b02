"""ARP for IPv4 addresses that move: is somebody using it, and telling the neighbours that it is here now.

Frames: RFC 826; probing and announcing: RFC 5227, with shorter times, since each adds to a failover.
"""

import select
import socket
import struct
import time
from collections.abc import Collection
from ipaddress import IPv4Address

from nodeagent.system.addresses import Link

PROBES = 3
PROBE_INTERVAL = 0.03  # seconds; neighbours on a LAN answer within one or two thousandths
_PROTOCOL = 0x0806  # ETH_P_ARP
_BROADCAST = b"\xff" * 6
_NOBODY = b"\0" * 6
_FRAME = struct.Struct(">6s6sHHHBBH6s4s6s4s")
_REQUEST, _REPLY = 1, 2


def user_of(address: IPv4Address, link: Link, own: Collection[bytes] = ()) -> str | None:
    """Ask the neighbours for *address*; return the MAC address of who answers, or None when nobody does.

    Takes `PROBES` times `PROBE_INTERVAL` seconds when nobody does.

    Args:
        own: MAC addresses of this node, whose answers do not count.

    Raises:
        OSError: EPERM without CAP_NET_RAW; ENETDOWN when the link is down.
    """
    with _open(link) as line:
        probe = _frame(link.mac, _REQUEST, b"\0\0\0\0", _NOBODY, address.packed)
        poll = select.poll()
        poll.register(line, select.POLLIN)
        for _ in range(PROBES):
            line.send(probe)
            until = time.monotonic() + PROBE_INTERVAL
            while (rest := until - time.monotonic()) > 0 and poll.poll(max(1.0, rest * 1000)):
                found = _claimant(line.recv(2048), address)
                if found is not None and found not in (link.mac, *own):
                    return found.hex(":")
    return None


class Announcer:
    """Tells the neighbours. Keep it where nothing may wait: to close one takes 15 ms, to announce is one call each.

    Raises:
        OSError: EPERM without CAP_NET_RAW.
    """

    def __init__(self) -> None:
        self._line = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0)

    def announce(self, address: IPv4Address, link: Link) -> None:
        """Say that *address* is at this link: as a request, which is the rule, and as a reply, for others.

        Raises:
            OSError: ENETDOWN when the link is down.
        """
        if not link.arp:
            return
        for operation, target in ((_REQUEST, _NOBODY), (_REPLY, _BROADCAST)):
            frame = _frame(link.mac, operation, address.packed, target, address.packed)
            self._line.sendto(frame, (link.name, _PROTOCOL))

    def close(self) -> None:
        """Close the socket."""
        self._line.close()

    def __del__(self) -> None:
        """Close one that was kept to the end."""
        if hasattr(self, "_line"):
            self.close()


def _open(link: Link) -> socket.socket:
    line = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0)
    try:
        line.bind((link.name, _PROTOCOL))
    except OSError:
        line.close()
        raise
    return line


def _frame(mac: bytes, operation: int, sender: bytes, target_mac: bytes, target: bytes) -> bytes:
    return _FRAME.pack(_BROADCAST, mac, _PROTOCOL, 1, 0x0800, 6, 4, operation, mac, sender, target_mac, target)


def _claimant(data: bytes, address: IPv4Address) -> bytes | None:
    """Return the MAC address of whoever claims *address* in this frame: as its sender, or probing for it as we do."""
    if len(data) < _FRAME.size:
        return None
    _, _, kind, hardware, protocol, _, _, _, mac, sender, _, target = _FRAME.unpack_from(data)
    if (kind, hardware, protocol) != (_PROTOCOL, 1, 0x0800):
        return None
    probing = sender == b"\0\0\0\0" and target == address.packed
    return bytes(mac) if sender == address.packed or probing else None
