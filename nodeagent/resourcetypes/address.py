"""IP Address: an IPv4 address that is at one node at a time, on the card that is on its network."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address
from typing import ClassVar

from nodeagent.api.problems import Problem, problem
from nodeagent.resourcetypes.addressgrip import AddressGrip, KeptSockets, give_back, ours
from nodeagent.resourcetypes.addressorphans import cut_orphans
from nodeagent.resourcetypes.addressplace import Settings, place_of, refuse_foreign, refused
from nodeagent.resourcetypes.base import ResourceError, ResourceType, failure
from nodeagent.system import addresses


class IPAddress(ResourceType[Settings]):
    """The monitor's grip takes the address, permits it, watches it, and cuts it."""

    name: ClassVar[str] = "IP Address"
    description: ClassVar[str] = "An IPv4 address that clients use, on whichever node owns it"
    settings = Settings
    by_grip: ClassVar[bool] = True
    kill_bound: ClassVar[float | None] = 0.15  # the cut takes 1 ms; the rest is for a busy node

    def __init__(self) -> None:
        self._sockets = KeptSockets()

    def validate(self, mine: Settings) -> list[Problem]:
        """Look for the right to take addresses, and for the one card that is on the network."""
        if not addresses.privileged():
            return [problem("address_needs_privilege")]
        try:
            now = addresses.picture()
            refuse_foreign(place_of(mine, now), now)
        except ResourceError as exc:
            return [exc.problem]
        except OSError as exc:
            return [refused(mine.address, exc).problem]
        return []

    def terminate(self, mine: Settings) -> None:
        """Remove the address, and prove that it is gone."""
        address = IPv4Address(mine.address)
        try:
            give_back(address, self._sockets.guard)
            left = ours(addresses.picture(), address)
        except OSError as exc:
            raise refused(mine.address, exc) from exc
        if left:
            raise failure("address_stays", address=mine.address)

    def is_alive(self, mine: Settings) -> bool:
        """Tell whether the address is there, on a link that works."""
        now = addresses.picture()
        return any(now.links[held.index].up for held in ours(now, IPv4Address(mine.address)))

    def grip(self, mine: Settings, now: Callable[[], float]) -> AddressGrip:
        """Return the monitor's hand on the address."""
        try:
            address = IPv4Address(mine.address)
        except AddressValueError:
            raise failure("no_network_for_address", address=mine.address) from None
        return AddressGrip(mine, address, now, self._sockets)

    def cut_orphans(self) -> None:
        """Remove the addresses of clusters that no living process holds."""
        cut_orphans()
