"""A TCP connection to a host, with the socket options that SSH wants."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys

from clusteradmin.client.transport import ConnectFailed, ConnectFailure
from clusteradmin.ssh.threads import in_thread

_DEAD_AFTER_SECONDS = 15
"""When the kernel gives a silent peer up. Sooner detection is the business of who asks and waits for answers."""

_Place = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
_Address = tuple[socket.AddressFamily, _Place]


async def dial(host: str, port: int, timeout: float) -> socket.socket:
    """Connect to the first address of *host* that answers, within *timeout* seconds in all.

    Raises:
        ConnectFailed: with the reason and, in its sentence, host and port.
    """
    place = f"{host} port {port}"
    try:
        async with asyncio.timeout(timeout) as limit:
            addresses = await _addresses(host, port)
            return await _first_to_answer(addresses, limit.when() or 0.0)
    except socket.gaierror as exc:
        raise ConnectFailed(
            ConnectFailure.UNRESOLVABLE, f"The name {host} cannot be resolved ({exc.strerror})."
        ) from exc
    except TimeoutError as exc:
        raise ConnectFailed(ConnectFailure.TIMEOUT, f"{place} did not answer within {timeout:g} s.") from exc
    except ConnectionRefusedError as exc:
        sentence = f"{place} refused the connection: nothing listens there."
        raise ConnectFailed(ConnectFailure.REFUSED, sentence) from exc
    except OSError as exc:
        sentence = f"{place} cannot be reached ({exc.strerror or exc})."
        raise ConnectFailed(ConnectFailure.UNREACHABLE, sentence) from exc


async def _addresses(host: str, port: int) -> list[_Address]:
    try:
        found = await in_thread(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), name=f"resolve {host}")
    except UnicodeError as exc:  # a label that is empty or too long for a name
        raise socket.gaierror(socket.EAI_NONAME, "it is not a possible name") from exc
    return [(family, address) for family, _, _, _, address in found]


async def _first_to_answer(addresses: list[_Address], deadline: float) -> socket.socket:
    """Try the addresses in the resolver's order; one that keeps silent leaves the others their share of the time.

    Raises:
        OSError: that of the last address.
    """
    loop = asyncio.get_running_loop()
    failure: OSError = OSError("it has no address")
    for position, (family, address) in enumerate(addresses):
        share = (deadline - loop.time()) / (len(addresses) - position)
        try:
            async with asyncio.timeout(share):
                return await _connected(family, address)
        except OSError as exc:
            failure = exc
    raise failure


async def _connected(family: socket.AddressFamily, address: _Place) -> socket.socket:
    link = socket.socket(family, socket.SOCK_STREAM)
    try:
        link.setblocking(False)
        await asyncio.get_running_loop().sock_connect(link, address)
        _set_options(link)
    except BaseException:
        link.close()
        raise
    return link


def _set_options(link: socket.socket) -> None:
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # paramiko leaves it off; requests are small
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "linux":
        for option, seconds in ((socket.TCP_KEEPIDLE, 5), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 2)):
            link.setsockopt(socket.IPPROTO_TCP, option, seconds)
        with contextlib.suppress(OSError):  # absent from some containers' kernels
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_AFTER_SECONDS * 1000)
