"""The monitor's hand on an IPv4 address: takes it, permits it, hears who else claims it, cuts it."""

from __future__ import annotations

import contextlib
import errno
import os
import select
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Final

from nodeagent.api.problems import Problem, problem
from nodeagent.resourcetypes.addressplace import Place, Settings, place_of, refuse_foreign, refused
from nodeagent.resourcetypes.base import failure
from nodeagent.system import addresses, addressholders
from nodeagent.system.addresses import HeldAddress, Link, LinkNews, Picture
from nodeagent.system.addressholders import Sign
from nodeagent.system.arp import ArpLine
from nodeagent.system.neighbours import Neighbours
from nodeagent.system.packetguard import GuardUnavailable, PacketGuard

UNTIL_PERMITTED: Final = 3  # seconds for which an address is added before the monitor permits it
ANNOUNCEMENTS: Final = 3  # with so many permissions in a row: a neighbour may miss one


class KeptSockets:
    """The sockets of a process that serve all its addresses, and are kept, since to close one takes long.

    A forked child has others; those of its parent stay in the tables, as their numbers are other files' by then.
    """

    def __init__(self) -> None:
        self._guards: dict[int, PacketGuard] = {}
        self._lines: dict[int, ArpLine] = {}

    def line(self) -> ArpLine:
        """Return this process's line for ARP. Raises OSError."""
        pid = os.getpid()
        if pid not in self._lines:
            self._lines[pid] = ArpLine()
        return self._lines[pid]

    def guard(self) -> PacketGuard:
        """Return this process's packet guard.

        Raises:
            GuardUnavailable: there is no nftables here.
        """
        pid = os.getpid()
        if pid not in self._guards:
            self._guards[pid] = PacketGuard()
        return self._guards[pid]


class AddressGrip:
    """Takes an address when nobody else has it. Permits it until T, by nftables and by its lifetime.

    While it is here it is added again when somebody removes it, and it fails when somebody else has it too.
    """

    def __init__(self, mine: Settings, address: IPv4Address, now: Callable[[], float], sockets: KeptSockets) -> None:
        self._mine = mine
        self._address = address
        self._sockets = sockets
        self._now = now
        self._until = float("-inf")
        self._announcements = ANNOUNCEMENTS
        self._place: Place | None = None
        self._where: HeldAddress | None = None
        self._sign: Sign | None = None
        self._neighbours: Neighbours | None = None
        self._news = LinkNews()
        self._poll = select.epoll()
        self._poll.register(self._news, select.EPOLLIN)
        self.weakness: Problem | None = None

    def fileno(self) -> int:
        """Return what becomes readable when links or addresses change, neighbours speak, or it is time to ask them."""
        return self._poll.fileno()

    def close(self) -> None:
        """Let go; the address stays as it is."""
        self._hear_no_more()
        self._poll.close()
        self._news.close()
        if self._sign is not None:
            self._sign.close()
            self._sign = None

    # --- taking it ----------------------------------------------------------------------------------------------

    def take(self) -> bool:
        """Add the address once nobody has said that he has it; it answers when it is permitted."""
        try:
            if self._place is None:
                self._place = self._ask_for_it()
            elif self._neighbours is not None:
                self._news.take()  # what they tell is seen when it is added
                if self._asking(self._neighbours):
                    return False
            if self._neighbours is not None and self._neighbours.asking:
                return False
            self._add(self._place)
        except OSError as exc:
            raise refused(str(self._address), exc) from exc
        return True

    def _ask_for_it(self) -> Place:
        now = addresses.picture()
        place = _free_place(self._mine, now)
        if place.link.arp and not now.of(self._address):
            self._listen(place.link).ask()
        return place

    def _asking(self, neighbours: Neighbours) -> bool:
        """Ask on; looked at before they are heard, so that they had all of the time."""
        asking = neighbours.asking
        self._refuse_user(neighbours)
        return asking

    def _add(self, place: Place) -> None:
        now = addresses.picture()
        if _free_place(self._mine, now).link.index != place.link.index:  # another card has taken the network over
            raise failure("link_down", interface=place.link.name)
        for elsewhere in now.of(self._address):
            if (elsewhere.index, elsewhere.interface) != (place.link.index, place.interface):
                addresses.remove(elsewhere)
        self._show(here=False)
        with contextlib.suppress(GuardUnavailable):  # `weakness` says so
            self._sockets.guard().cover(self._address)
        addresses.put(place.link.index, place.interface, UNTIL_PERMITTED, place.scope)
        self._show(here=True)

    def _show(self, *, here: bool) -> None:
        """Show that this process holds it, to all who look for what dead ones have left."""
        if self._sign is None:
            self._sign = addressholders.show(self._address, here=here)

    # --- permitting it ------------------------------------------------------------------------------------------

    def permit(self, until: float) -> None:
        """Let it answer until then: check T, refresh, check T again, past T remove (safety rule P4)."""
        now = self._now()
        if now >= until:
            return
        new = now >= self._until  # or after a pause, in which somebody else may have been asked
        if new:
            self._announcements = ANNOUNCEMENTS
        self._until = until
        try:
            where = self._held()
            self._show(here=True)
            self._permit_packets(until)
            rest = until - self._now()
            addresses.put(where.index, where.interface, addresses.whole_seconds(rest), where.scope)
        except OSError as exc:
            raise failure("address_refused", address=str(self._address), detail=os.strerror(exc.errno or 0)) from exc
        if self._now() >= until:
            self.cut()
            return
        if self._announcements:
            self._announcements -= 1
            self._announce(where.index)
        if new and self._neighbours is not None:
            with contextlib.suppress(OSError):  # the link has just gone down: of that there are news
                self._neighbours.taken()

    def _held(self) -> HeldAddress:
        if self._where is None:
            held = ours(addresses.picture(), self._address)
            if not held:
                raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
            self._where = held[0]
        return self._where

    def _permit_packets(self, until: float) -> None:
        try:
            self._sockets.guard().permit(self._address, lambda: until - self._now())
        except GuardUnavailable as exc:
            self.weakness = problem("address_unguarded", address=str(self._address), detail=str(exc))
        else:
            self.weakness = None

    def _announce(self, index: int) -> None:
        link = addresses.link(index)
        if link is not None and link.up and link.arp:
            here = self._neighbours
            (here if here is not None and here.link == link else self._listen(link)).announce()

    # --- watching it --------------------------------------------------------------------------------------------

    def look(self) -> None:
        """See what has become of link and address, and who else claims it."""
        if self._neighbours is not None:
            if self._now() >= self._until:
                self._hear_no_more()  # it is nobody's here, and nothing may be said about it
            else:
                with contextlib.suppress(OSError):  # the link has just gone down: of that there are news
                    self._refuse_user(self._neighbours)
        where = self._where
        happened = [
            one
            for one in self._news.take()
            if where is not None and one.index in (where.index, 0) and one.address in (self._address, None)
        ]
        if where is None or not happened:
            return
        now = addresses.picture()
        link = now.links.get(where.index)
        if link is None or not link.up:
            raise failure("link_down", interface=link.name if link else f"number {where.index}")
        if not any(held.index == where.index for held in ours(now, self._address)):
            self.permit(self._until)
            self._announce(where.index)
        elif any(one.address is None for one in happened):
            self._announce(where.index)  # it may have been down and up again

    def _listen(self, link: Link) -> Neighbours:
        self._hear_no_more()
        self._neighbours = Neighbours(self._sockets.line(), self._address, link, own_cards)
        self._neighbours.watch_with(self._poll)
        return self._neighbours

    def _hear_no_more(self) -> None:
        if self._neighbours is not None:
            self._neighbours.close()
            self._neighbours = None

    def _refuse_user(self, neighbours: Neighbours) -> None:
        if user := neighbours.hear():
            raise failure("address_in_use", address=str(self._address), mac=user)

    # --- giving it back -----------------------------------------------------------------------------------------

    def cut(self) -> bool:
        """Silence the address and remove it; the kernel has done so when it answers."""
        self._until = float("-inf")
        self._hear_no_more()
        give_back(self._address, self._sockets.guard)
        return True


def give_back(address: IPv4Address, guard: Callable[[], PacketGuard]) -> None:
    """Remove the address from this node: it is silent first, then gone.

    Raises:
        OSError: it stays; where nftables is, it is silent all the same.
    """
    with contextlib.suppress(GuardUnavailable):
        guard().forbid(address)
    for held in ours(addresses.picture(), address):
        addresses.remove(held)
    with contextlib.suppress(GuardUnavailable):  # what is left of its rules concerns an address that is gone
        guard().uncover(address)


def ours(now: Picture, address: IPv4Address) -> list[HeldAddress]:
    """Return where this product has put the address."""
    return [held for held in now.of(address) if held.ours]


def own_cards() -> set[bytes]:
    """Return the MAC addresses of this node."""
    return {link.mac for link in addresses.picture().links.values()}


def _free_place(mine: Settings, now: Picture) -> Place:
    """Find the card for the address.

    Raises:
        ResourceError: there is none, it has no link, or the address is the node's own.
    """
    place = place_of(mine, now)
    if not place.link.up:
        raise failure("link_down", interface=place.link.name)
    refuse_foreign(place, now)
    return place
