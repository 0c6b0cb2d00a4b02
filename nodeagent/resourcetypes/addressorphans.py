"""Addresses of clusters that nobody living holds any more: what a dead monitor has left when its notes are gone too."""

from __future__ import annotations

import contextlib
from ipaddress import IPv4Address

from nodeagent.resourcetypes.addressgrip import KeptSockets, give_back, ours
from nodeagent.resourcetypes.addressplace import refused
from nodeagent.resourcetypes.base import failure
from nodeagent.system import addresses, addressholders
from nodeagent.system.packetguard import GuardUnavailable


def cut_orphans() -> None:
    """Silence and remove them, and what the packet guard still has of those that have gone by themselves.

    They are known by their mark, and by the sign that is missing (`addressholders`): so those of every agent's living
    monitors stay. On a kernel that keeps no marks the packet guard tells which are ours. Who may take no addresses has
    left none.

    Raises:
        ResourceError: one stays; the guard, where there is one, keeps it silent.
        OSError: it cannot be found out which there are.
    """
    if not addresses.privileged():
        return
    sockets = KeptSockets()
    now = addresses.picture()  # before the signs: who takes an address shows it first
    covered = _covered(sockets)
    living = addressholders.held()
    marked = {held.ip for held in now.held if held.ours}
    for address in (marked if addresses.keeps_marks() else marked & covered) - living:
        _cut(address, sockets)
    if addresses.keeps_marks():  # on older kernels nobody can show an address before it is there
        with contextlib.suppress(GuardUnavailable):
            for address in {address for address in covered if not now.of(address)} - living:
                sockets.guard().uncover(address)


def _covered(sockets: KeptSockets) -> set[IPv4Address]:
    try:
        return set(sockets.guard().covered())
    except GuardUnavailable:
        return set()


def _cut(address: IPv4Address, sockets: KeptSockets) -> None:
    try:
        give_back(address, sockets.guard)
        left = ours(addresses.picture(), address)
    except OSError as exc:
        raise refused(str(address), exc) from exc
    if left:
        raise failure("address_stays", address=str(address))
