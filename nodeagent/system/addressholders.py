"""Which addresses a living process holds: everybody in the network namespace sees it, and the kernel when it has died.

Who holds an address has a raw socket bound to it, of a protocol that is nobody's and that hears nothing. Notes get lost
with their directory, and an agent sees no process of another container; this sign needs neither. Only who may take
addresses may make one.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from nodeagent.system import packetfilter
from nodeagent.system.packetfilter import NOTHING, RETURN

PROTOCOL: Final = 253  # RFC 3692: for experiments; nothing is ever sent
_FREEBIND = 15  # IP_FREEBIND
_LISTED = Path("/proc/thread-self/net/raw")  # of the namespace in which this very thread is

_shown: set[Sign] = set()


class Sign:
    """Shows that this process holds *address*, until it is closed or the process ends; a forked child shows nothing.

    Raises:
        OSError: EPERM without CAP_NET_RAW; EADDRNOTAVAIL while the address is not here, before Linux 5.17.
    """

    def __init__(self, address: IPv4Address) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, PROTOCOL)
        try:
            packetfilter.attach(self._socket, ((RETURN, 0, 0, NOTHING),))
            self._socket.setsockopt(socket.IPPROTO_IP, _FREEBIND, 1)
            self._socket.bind((str(address), 0))
        except OSError:
            self._socket.close()
            raise
        _shown.add(self)

    def fileno(self) -> int:
        """Return the socket's number."""
        return self._socket.fileno()

    def close(self) -> None:
        """Show it no more."""
        _shown.discard(self)
        self._socket.close()


def show(address: IPv4Address, *, here: bool) -> Sign | None:
    """Show that this process holds *address*; None when that cannot be shown before the address is *here*.

    Raises:
        OSError: it cannot be shown at all.
    """
    try:
        return Sign(address)
    except OSError as exc:
        if here or exc.errno != errno.EADDRNOTAVAIL:
            raise
        return None


def shown() -> list[int]:
    """Return the numbers of this process's signs, for a program that it becomes."""
    return [sign.fileno() for sign in _shown]


def held() -> set[IPv4Address]:
    """Return the addresses that somebody living holds.

    Raises:
        OSError: that cannot be read here.
    """
    found: set[IPv4Address] = set()
    for line in _LISTED.read_text(encoding="ascii").splitlines()[1:]:
        address, number = line.split()[1].split(":")
        if int(number, 16) == PROTOCOL:
            found.add(IPv4Address(struct.pack("=I", int(address, 16))))
    return found - {IPv4Address(0)}  # one that is just being made


def _show_nothing() -> None:
    for sign in list(_shown):
        sign.close()


os.register_at_fork(after_in_child=_show_nothing)
