"""IP Address: an IPv4 address that is at one node at a time, on the card that is on its network."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Interface, IPv4Network, NetmaskValueError
from typing import ClassVar, Final

from nodeagent.api.problems import Problem, problem
from nodeagent.api.properties import Kind
from nodeagent.resourcetypes.base import Grip, Progress, ResourceError, ResourceType, failure, setting
from nodeagent.system import addresses, arp
from nodeagent.system.addresses import HeldAddress, Link, LinkNews, Picture
from nodeagent.system.arp import Announcer
from nodeagent.system.packetguard import GuardUnavailable, PacketGuard

UNTIL_PERMITTED: Final = 3  # seconds for which an address is added before the monitor permits it
ANNOUNCEMENTS: Final = 3  # with so many permissions in a row: a neighbour may miss one


@dataclass(frozen=True, slots=True)
class Settings:
    """Private properties, the original's."""

    address: str = setting("IPv4 address that clients use", kind=Kind.IPV4)
    subnet_mask: str = setting(
        "Subnet mask, or prefix length; empty means that of the network", kind=Kind.MASK, default=""
    )
    network: str = setting(
        "Network of the cluster that carries it; empty means the one in whose subnet it lies",
        kind=Kind.NETWORK,
        default="",
    )
    override_address_match: bool = setting(
        "Allow an address outside the network's subnet", label="Override address match", default=False
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address belongs: the link, the address with its prefix length, and its scope there."""

    link: Link
    interface: IPv4Interface
    scope: int


class IPAddress(ResourceType[Settings]):
    """Takes an address and gives it back; the monitor's grip permits, watches and cuts it."""

    name: ClassVar[str] = "IP Address"
    description: ClassVar[str] = "An IPv4 address that clients use, on whichever node owns it"
    settings = Settings
    kill_bound: ClassVar[float | None] = 0.3  # the cut takes 1 ms; the rest is for a busy node

    def __init__(self) -> None:
        """Begin without sockets.

        A process keeps its own, since to close one takes long. A forked child has others; those of its parent stay in
        the tables, as their numbers are other files' by then.
        """
        self._guards: dict[int, PacketGuard] = {}
        self._announcers: dict[int, Announcer] = {}

    def announcer(self) -> Announcer:
        """Return this process's announcer. Raises OSError."""
        pid = os.getpid()
        if pid not in self._announcers:
            self._announcers[pid] = Announcer()
        return self._announcers[pid]

    def guard(self) -> PacketGuard:
        """Return this process's packet guard.

        Raises:
            GuardUnavailable: there is no nftables here.
        """
        pid = os.getpid()
        if pid not in self._guards:
            self._guards[pid] = PacketGuard()
        return self._guards[pid]

    def validate(self, mine: Settings) -> list[Problem]:
        """Look for the right to take addresses, and for the one card that is on the network."""
        if not addresses.privileged():
            return [problem("address_needs_privilege")]
        try:
            place = _place(mine, addresses.picture())
            _refuse_foreign(place, addresses.picture())
        except ResourceError as exc:
            return [exc.problem]
        except OSError as exc:
            return [_refused(mine, exc).problem]
        return []

    def online(self, mine: Settings, progress: Progress) -> None:
        """Add the address when nobody else has it; it answers once the monitor permits it."""
        del progress
        try:
            now = addresses.picture()
            place = _place(mine, now)
            if not place.link.up:
                raise failure("link_down", interface=place.link.name)
            _refuse_foreign(place, now)
            self._take(place, now)
        except OSError as exc:
            raise _refused(mine, exc) from exc

    def _take(self, place: Place, now: Picture) -> None:
        held = now.of(place.interface.ip)
        if not held:
            _refuse_user(place, now)
        for elsewhere in held:
            if (elsewhere.index, elsewhere.interface) != (place.link.index, place.interface):
                addresses.remove(elsewhere)
        with contextlib.suppress(GuardUnavailable):  # the grip says so
            self.guard().cover(place.interface.ip)
        addresses.put(place.link.index, place.interface, UNTIL_PERMITTED, place.scope)

    def offline(self, mine: Settings, progress: Progress) -> None:
        """Remove the address."""
        del progress
        self.terminate(mine)

    def terminate(self, mine: Settings) -> None:
        """Remove the address, and prove that it is gone."""
        address = IPv4Address(mine.address)
        try:
            give_back(address, self.guard)
            left = _ours(addresses.picture(), address)
        except OSError as exc:
            raise _refused(mine, exc) from exc
        if left:
            raise failure("address_stays", address=mine.address)

    def is_alive(self, mine: Settings) -> bool:
        """Tell whether the address is there, on a link that works."""
        now = addresses.picture()
        return any(now.links[held.index].up for held in _ours(now, IPv4Address(mine.address)))

    def grip(self, mine: Settings, now: Callable[[], float]) -> Grip:
        """Return the monitor's hand on the address."""
        return AddressGrip(IPv4Address(mine.address), now, self)


class AddressGrip:
    """Permits an address until T, by nftables and by its lifetime; adds it again when somebody removes it."""

    def __init__(self, address: IPv4Address, now: Callable[[], float], kind: IPAddress) -> None:
        self._address = address
        self._kind = kind
        self._now = now
        self._until = float("-inf")
        self._announcements = ANNOUNCEMENTS
        self._where: HeldAddress | None = None
        self._news = LinkNews()
        self.weakness: Problem | None = None

    def fileno(self) -> int:
        """Return what becomes readable when links or addresses change."""
        return self._news.fileno()

    def close(self) -> None:
        """Let go; the address stays as it is."""
        self._news.close()

    def permit(self, until: float) -> None:
        """Let it answer until then: check T, refresh, check T again, past T remove (safety rule P4)."""
        now = self._now()
        if now >= until:
            return
        if now >= self._until:  # new, or after a pause in which somebody else may have been asked
            self._announcements = ANNOUNCEMENTS
        self._until = until
        try:
            where = self._place()
            self._permit_packets(until)
            rest = until - self._now()
            addresses.put(where.index, where.interface, addresses.whole_seconds(rest), where.scope)
        except OSError as exc:
            raise failure("address_refused", address=str(self._address), detail=os.strerror(exc.errno or 0)) from exc
        if self._now() >= until:
            self.cut()
        elif self._announcements:
            self._announcements -= 1
            self._announce(where.index)

    def _place(self) -> HeldAddress:
        if self._where is None:
            held = _ours(addresses.picture(), self._address)
            if not held:
                raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
            self._where = held[0]
        return self._where

    def _permit_packets(self, until: float) -> None:
        try:
            self._kind.guard().permit(self._address, lambda: until - self._now())
        except GuardUnavailable as exc:
            self.weakness = problem("address_unguarded", address=str(self._address), detail=str(exc))
        else:
            self.weakness = None

    def _announce(self, index: int) -> None:
        link = addresses.link(index)
        if link is not None and link.up:
            with contextlib.suppress(OSError):  # it has just gone down: of that there are news
                self._kind.announcer().announce(self._address, link)

    def look(self) -> None:
        """See what has become of link and address."""
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
        if not any(held.index == where.index for held in _ours(now, self._address)):
            self.permit(self._until)
            self._announce(where.index)
        elif any(one.address is None for one in happened):
            self._announce(where.index)  # it may have been down and up again

    def cut(self) -> bool:
        """Silence the address and remove it; the kernel has done so when it answers."""
        self._until = float("-inf")
        give_back(self._address, self._kind.guard)
        return True


def give_back(address: IPv4Address, guard: Callable[[], PacketGuard]) -> None:
    """Remove the address from this node: it is silent first, then gone.

    Raises:
        OSError: it stays; where nftables is, it is silent all the same.
    """
    with contextlib.suppress(GuardUnavailable):
        guard().forbid(address)
    for held in _ours(addresses.picture(), address):
        addresses.remove(held)
    with contextlib.suppress(GuardUnavailable):  # what is left of its rules concerns an address that is gone
        guard().uncover(address)


def _ours(now: Picture, address: IPv4Address) -> list[HeldAddress]:
    return [held for held in now.of(address) if held.ours]


def _place(mine: Settings, now: Picture) -> Place:
    """Find the one card for the address.

    Raises:
        ResourceError: there is none, or more than one.
    """
    try:
        address = IPv4Address(mine.address)
    except AddressValueError:
        raise failure("no_network_for_address", address=mine.address) from None
    subnet = _subnet(mine, address, now)
    if address not in subnet and not mine.override_address_match:
        raise failure("address_outside_network", address=mine.address, network=str(subnet))
    ends = (subnet.network_address, subnet.broadcast_address) if subnet.prefixlen < 31 else ()
    if address in ends or address.is_multicast or address.is_unspecified:
        raise failure("address_unusable", address=mine.address)
    links = now.carriers(subnet)
    if len(links) > 1:
        links = [link for link in links if link.up] or links
    if not links:
        raise failure("no_interface_on_network", network=str(subnet))
    if len(links) > 1:
        names = tuple(link.name for link in links)
        raise failure("several_interfaces_on_network", network=str(subnet), interfaces=names)
    try:
        interface = IPv4Interface(f"{address}/{mine.subnet_mask or subnet.prefixlen}")
    except (AddressValueError, NetmaskValueError) as exc:
        raise failure("start_failed", detail=str(exc)) from exc
    return Place(links[0], interface, now.scope(links[0], subnet))


def _subnet(mine: Settings, address: IPv4Address, now: Picture) -> IPv4Network:
    """Return the subnet of the network that is named; the service has put the subnet in the place of its name."""
    if mine.network:
        try:
            return IPv4Network(mine.network)
        except ValueError:
            raise failure("network_unknown", name=mine.network) from None
    around = now.subnets_with(address)
    if len(around) != 1:
        raise failure("no_network_for_address", address=mine.address)
    return around.pop()


def _refuse_foreign(place: Place, now: Picture) -> None:
    """Refuse an address that the node has on its own account: it would be taken from it later."""
    for held in now.of(place.interface.ip):
        if not held.ours:
            name = now.links[held.index].name if held.index in now.links else str(held.index)
            raise failure("address_is_the_nodes", address=str(held.ip), interface=name)


def _refuse_user(place: Place, now: Picture) -> None:
    if place.link.arp:
        own = {link.mac for link in now.links.values()}
        user = arp.user_of(place.interface.ip, place.link, own)
        if user:
            raise failure("address_in_use", address=str(place.interface.ip), mac=user)


def _refused(mine: Settings, exc: OSError) -> ResourceError:
    if exc.errno in (errno.EPERM, errno.EACCES):
        return failure("address_needs_privilege")
    return failure("address_refused", address=mine.address, detail=os.strerror(exc.errno or 0))
