"""IPv4 addresses and links of this node by netlink: added for a number of seconds, removed, watched.

An address that this product adds carries a mark in the kernel (IFA_PROTO), so that it is told from the node's own.
"""

import contextlib
import errno
import functools
import math
import os
import platform
import re
import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path

from nodeagent.system import netlink
from nodeagent.system.netlink import Netlink, attribute, attributes

_NEW_LINK, _DEL_LINK, _GET_LINK = 16, 17, 18  # RTM_*
_NEW_ADDRESS, _DEL_ADDRESS, _GET_ADDRESS = 20, 21, 22
_GROUP_LINK, _GROUP_IPV4 = 1, 5  # RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR
_UP, _LOOPBACK, _NO_ARP, _LOWER_UP = 0x1, 0x8, 0x80, 0x10000  # IFF_*
_IFLA_ADDRESS, _IFLA_NAME = 1, 3
_IFA_ADDRESS, _IFA_LOCAL, _IFA_CACHE, _IFA_PROTO = 1, 2, 6, 11
_LINK = struct.Struct("=BxHiII")  # family, type, index, flags, change
_ADDRESS = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, index
_CACHE = struct.Struct("=IIII")  # preferred, valid, created, updated
_ETHER = 1  # ARPHRD_ETHER
FOREVER = 0xFFFFFFFF  # valid_lft: infinite
MARK = 0xCA  # IFA_PROTO of what is ours; 0 to 3 are the kernel's
MARKS_SINCE = (5, 18)  # kernel that keeps IFA_PROTO


@dataclass(frozen=True, slots=True)
class Link:
    """A network card.

    Attributes:
        up: it is switched on and has a carrier.
        mac: six bytes, or empty where there are none.
        arp: neighbours are found by ARP on it.
    """

    index: int
    name: str
    up: bool
    loopback: bool
    arp: bool
    mac: bytes


@dataclass(frozen=True, slots=True)
class HeldAddress:
    """An address as a link has it. *ours*: this product added it; a kernel without marks shows only that it ends."""

    index: int
    interface: IPv4Interface
    ours: bool
    scope: int = 0

    @property
    def ip(self) -> IPv4Address:
        """The address alone."""
        return self.interface.ip

    @property
    def network(self) -> IPv4Network:
        """Its subnet."""
        return self.interface.network


@dataclass(frozen=True, slots=True)
class Picture:
    """Links by their number, and all IPv4 addresses, at one moment."""

    links: dict[int, Link]
    held: tuple[HeldAddress, ...]

    def of(self, address: IPv4Address) -> list[HeldAddress]:
        """Return where the address is."""
        return [held for held in self.held if held.ip == address]

    def own(self) -> list[HeldAddress]:
        """Return the node's own addresses, without those of clusters where they can be told apart."""
        return [held for held in self.held if not held.ours] if keeps_marks() else list(self.held)

    def carriers(self, subnet: IPv4Network) -> list[Link]:
        """Return the links on which the node has an address of its own in that subnet."""
        found = {held.index for held in self.own() if held.network == subnet}
        return [link for index, link in sorted(self.links.items()) if index in found]

    def scope(self, link: Link, subnet: IPv4Network) -> int:
        """Return the scope of the link's own addresses in that subnet."""
        return next((held.scope for held in self.own() if (held.index, held.network) == (link.index, subnet)), 0)

    def subnets_with(self, address: IPv4Address) -> set[IPv4Network]:
        """Return the smallest of the node's subnets in which *address* lies; several only if equally small."""
        around = {held.network for held in self.own() if address in held.network and held.network.prefixlen < 32}
        longest = max((subnet.prefixlen for subnet in around), default=0)
        return {subnet for subnet in around if subnet.prefixlen == longest}


@functools.cache
def keeps_marks() -> bool:
    """Tell whether this kernel keeps the mark of an address."""
    found = re.match(r"(\d+)\.(\d+)", platform.release())
    return found is not None and (int(found[1]), int(found[2])) >= MARKS_SINCE


def picture() -> Picture:
    """Return what there is now.

    Raises:
        OSError: netlink is not to be had here.
    """
    with Netlink(netlink.ROUTE) as line:
        links = (_link(part.body) for part in line.ask(_GET_LINK, netlink.ROOT_MATCH, _LINK.pack(0, 0, 0, 0, 0)))
        query = _ADDRESS.pack(socket.AF_INET, 0, 0, 0, 0)
        held = (_held(part.body) for part in line.ask(_GET_ADDRESS, netlink.ROOT_MATCH, query))
        return Picture({link.index: link for link in links}, tuple(one for one in held if one))


def link(index: int) -> Link | None:
    """Return one link; None when it is gone."""
    with Netlink(netlink.ROUTE) as line:
        try:
            parts = line.ask(_GET_LINK, 0, _LINK.pack(0, 0, index, 0, 0))
        except OSError as exc:
            if exc.errno == errno.ENODEV:
                return None
            raise
    return _link(parts[0].body) if parts else None


def _link(body: bytes) -> Link:
    _, kind, index, flags, _ = _LINK.unpack_from(body)
    found = attributes(body[_LINK.size :])
    return Link(
        index=index,
        name=found.get(_IFLA_NAME, b"").rstrip(b"\0").decode(errors="replace"),
        up=bool(flags & _UP and flags & _LOWER_UP),
        loopback=bool(flags & _LOOPBACK),
        arp=kind == _ETHER and not flags & (_LOOPBACK | _NO_ARP),
        mac=found.get(_IFLA_ADDRESS, b""),
    )


def _held(body: bytes) -> HeldAddress | None:
    family, prefix, _, scope, index = _ADDRESS.unpack_from(body)
    found = attributes(body[_ADDRESS.size :])
    local = found.get(_IFA_LOCAL, found.get(_IFA_ADDRESS, b""))
    if family != socket.AF_INET or len(local) != 4:
        return None
    if keeps_marks():
        ours = found.get(_IFA_PROTO) == bytes((MARK,))
    else:
        ours = len(found.get(_IFA_CACHE, b"")) == _CACHE.size and _CACHE.unpack(found[_IFA_CACHE])[1] != FOREVER
    return HeldAddress(index, IPv4Interface((local, prefix)), ours, scope)


def whole_seconds(rest: float) -> int:
    """Return valid_lft for *rest* seconds: whole ones, rounded up, since 0 is refused; without an end, 136 years."""
    return FOREVER - 1 if math.isinf(rest) else max(1, min(math.ceil(rest), FOREVER - 1))


def put(index: int, interface: IPv4Interface, seconds: int, scope: int = 0) -> None:
    """Add the address for so many seconds, or give it so many more: the kernel adds one that has expired again.

    Args:
        scope: that of the link's other addresses of the subnet; the kernel refuses another one.

    Raises:
        OSError: EPERM without CAP_NET_ADMIN; ENODEV when the link is gone.
    """
    local = interface.ip.packed
    body = (
        _ADDRESS.pack(socket.AF_INET, interface.network.prefixlen, 0, scope, index)
        + attribute(_IFA_LOCAL, local)
        + attribute(_IFA_ADDRESS, local)
        + attribute(_IFA_CACHE, _CACHE.pack(seconds, seconds, 0, 0))
        + attribute(_IFA_PROTO, bytes((MARK,)))
    )
    with Netlink(netlink.ROUTE) as line:
        line.order(_NEW_ADDRESS, netlink.CREATE | netlink.REPLACE, body)


def remove(held: HeldAddress) -> None:
    """Remove the address; one that is gone is no error.

    Raises:
        OSError: EPERM without CAP_NET_ADMIN.
    """
    body = _ADDRESS.pack(socket.AF_INET, held.network.prefixlen, 0, 0, held.index)
    body += attribute(_IFA_LOCAL, held.ip.packed)
    with Netlink(netlink.ROUTE) as line:
        try:
            line.order(_DEL_ADDRESS, 0, body)
        except OSError as exc:
            if exc.errno not in (errno.EADDRNOTAVAIL, errno.ENODEV):
                raise


def privileged() -> bool:
    """Tell whether this process may add addresses and send ARP: CAP_NET_ADMIN (12) and CAP_NET_RAW (13)."""
    with contextlib.suppress(OSError, ValueError), Path("/proc/self/status").open(encoding="ascii") as status:
        for line in status:
            if line.startswith("CapEff:"):
                return (int(line.split()[1], 16) >> 12) & 3 == 3
    return os.geteuid() == 0


@dataclass(frozen=True, slots=True)
class Happening:
    """Something has become of a link or, when there is an *address*, of that; *index* 0 stands for any of them."""

    index: int
    address: IPv4Address | None = None
    ours: bool = False


class LinkNews:
    """Becomes readable when a link changes, an IPv4 address is removed or, with *additions*, added.

    Addresses are given another lifetime with each heartbeat, which the kernel tells as an addition.
    """

    def __init__(self, *, additions: bool = False) -> None:
        without = None if additions else _NEW_ADDRESS
        self._line = Netlink(netlink.ROUTE, (_GROUP_LINK, _GROUP_IPV4), without=without)

    def fileno(self) -> int:
        """Return what becomes readable."""
        return self._line.fileno()

    def take(self) -> list[Happening]:
        """Take what has come. It may be over already: `picture` says what is so now."""
        try:
            news = self._line.news()
        except OSError as exc:
            if exc.errno != errno.ENOBUFS:  # more came than there is room for
                raise
            return [Happening(0)]
        found: list[Happening] = []
        for one in news:
            if one.type in (_NEW_LINK, _DEL_LINK):
                found.append(Happening(_LINK.unpack_from(one.body)[2]))
            elif one.type in (_NEW_ADDRESS, _DEL_ADDRESS) and (held := _held(one.body)):
                found.append(Happening(held.index, held.ip, held.ours))
        return found

    def close(self) -> None:
        """Hear no more."""
        self._line.close()
