"""The network interfaces of this node, as they are now."""

import ipaddress
import socket

import msgspec
import psutil


class InterfaceAddress(msgspec.Struct, frozen=True):
    """One address; an IPv6 one is without its zone."""

    address: str
    prefix_length: int

    @property
    def network(self) -> str:
        """The subnet, as 192.0.2.0/24."""
        return str(ipaddress.ip_interface(f"{self.address}/{self.prefix_length}").network)


class Interface(msgspec.Struct, frozen=True):
    """One interface.

    Attributes:
        mac: None where it has none, as on a tunnel.
        speed: Mbit/s, None where the driver does not say, as on a virtual one.
    """

    name: str
    up: bool
    loopback: bool
    mac: str | None
    speed: int | None
    mtu: int
    ipv4: tuple[InterfaceAddress, ...]
    ipv6: tuple[InterfaceAddress, ...]


def interfaces() -> list[Interface]:
    """Return all interfaces, by name."""
    stats = psutil.net_if_stats()
    return [
        Interface(
            name=name,
            up=stats[name].isup,
            loopback="loopback" in stats[name].flags.split(","),
            mac=next((entry.address for entry in entries if entry.family == psutil.AF_LINK), None),
            speed=stats[name].speed or None,
            mtu=stats[name].mtu,
            ipv4=_addresses(entries, socket.AF_INET),
            ipv6=_addresses(entries, socket.AF_INET6),
        )
        for name, entries in sorted(psutil.net_if_addrs().items())
        if name in stats  # it may have gone between the two questions
    ]


def prefix_length(mask: str) -> int:
    """Turn a mask as 255.255.255.0 or ffff:ffff:: into the number of its bits."""
    return int(ipaddress.ip_address(mask)).bit_count()


def _addresses(entries: list["psutil._ntuples.snicaddr"], family: socket.AddressFamily) -> tuple[InterfaceAddress, ...]:
    return tuple(
        InterfaceAddress(entry.address.partition("%")[0], _prefix_of(entry.netmask, family))
        for entry in entries
        if entry.family == family
    )


def _prefix_of(mask: str | None, family: socket.AddressFamily) -> int:
    """A point-to-point interface may have no mask: then the address stands for itself alone."""
    if mask is None:
        return 32 if family == socket.AF_INET else 128
    return prefix_length(mask)
