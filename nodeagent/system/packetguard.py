"""A cluster address answers only while it is permitted: nftables drops its packets otherwise, by the kernel's clock.

One table `clusteradmin` for IPv4 and one for ARP, in this network namespace. In each: the set of cluster addresses, the
set of permitted ones with time-outs in milliseconds, and two chains that drop what goes to or comes from an address
that is in the first and not in the second. An element counts until its time-out, whether our processes run or not.
Formats: linux/netfilter/nf_tables.h. The tables are made by netlink as well: no program is needed.
"""

import errno
import math
import os
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from nodeagent.system import netlink
from nodeagent.system.closing import Closing
from nodeagent.system.netlink import Message, Netlink, attribute, attributes, each_attribute, nested, text, word

TABLE: Final = "clusteradmin"
CLUSTER: Final = "cluster"
PERMITTED: Final = "permitted"

_SUBSYSTEM = 10 << 8  # NFNL_SUBSYS_NFTABLES
_BEGIN, _END = 16, 17  # NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END
_BATCH_GENERATION = 1  # NFNL_BATCH_GENID
_NEW_TABLE, _DEL_TABLE, _NEW_CHAIN, _NEW_RULE, _DEL_RULE = 0, 2, 3, 6, 8  # NFT_MSG_*
_NEW_SET, _NEW_ELEMENT, _GET_ELEMENT, _DEL_ELEMENT, _GET_GENERATION = 9, 12, 13, 14, 16
_SET_TIMEOUT = 0x10  # NFT_SET_TIMEOUT
_TYPE_IPV4 = 7  # as the nft program names the key's type
_REGISTER = 1  # NFT_REG_1
_NETWORK_HEADER = 1  # NFT_PAYLOAD_NETWORK_HEADER
_INVERTED = 1  # NFT_LOOKUP_F_INV
_DROP = 0  # NF_DROP
_GENERAL = struct.Struct(">BBH")  # family, version, resource
_LONGEST = 2**40  # milliseconds; the kernel counts them in jiffies


@dataclass(frozen=True, slots=True)
class _Chain:
    """A chain: where it hooks in, with which priority, and where in the network header the address is."""

    name: str
    hook: int
    priority: int
    offset: int


@dataclass(frozen=True, slots=True)
class _Family:
    number: int
    chains: tuple[_Chain, ...]


# IPv4: before any address translation for what comes in, after it for what goes out. ARP has its own two hooks; what is
# sent by a packet socket passes by the second one, and so our announcements do.
_FAMILIES: Final = (
    _Family(2, (_Chain("to", 0, -300, 16), _Chain("from", 4, 300, 12))),
    _Family(3, (_Chain("to", 0, 0, 24), _Chain("from", 1, 0, 14))),
)


class GuardUnavailable(Exception):
    """There is no nftables here, or this process may not use it; the text says which."""


class PacketGuard(Closing):
    """Renewing takes some 70 us. To close one takes 20 ms: the kernel waits until all it has replaced is gone.

    Raises:
        GuardUnavailable: from every method but `close`.
    """

    def __init__(self) -> None:
        try:
            self._line = Netlink(netlink.NETFILTER)
        except OSError as exc:
            raise GuardUnavailable(os.strerror(exc.errno or 0)) from exc
        self._generation = -1  # of the rule set after our last change: another one means that somebody changed it

    def close(self) -> None:
        """Close the socket; what is in force stays so."""
        self._line.close()

    def __del__(self) -> None:
        """Close one that was kept to the end."""
        if hasattr(self, "_line"):
            self.close()

    def check(self) -> None:
        """Have the kernel check tables, sets, chains and rules without putting them in force."""
        numbers = self._line.send([_begin(), *_tables()])  # a batch without its end is checked and taken back
        for code in self._line.refusals(numbers).values():
            raise GuardUnavailable(os.strerror(code))

    def cover(self, address: IPv4Address) -> None:
        """Let *address* answer only while it is permitted, from now on; its permission, if there is one, stays."""
        self._commit([*_tables(), *_each(_NEW_ELEMENT, CLUSTER, address)])

    def permit(self, address: IPv4Address, seconds: Callable[[], float]) -> None:
        """Let *address* answer for so long, in the place of what was permitted before.

        The tables are made anew when anybody has changed the rule set since the last call.

        Args:
            seconds: tells how long, just before it is sent; infinite for no time-out.
        """
        if self._generation >= 0:
            try:
                self._batch(_renewal(address, seconds()), self._generation)
            except OSError as exc:
                if exc.errno not in (errno.ENOENT, errno.ERESTART):
                    raise _unavailable(exc) from exc
            else:
                self._generation += 1
                return
        self._commit([*_tables(), *_each(_NEW_ELEMENT, CLUSTER, address), *_renewal(address, seconds())])

    def forbid(self, address: IPv4Address) -> None:
        """Let *address* not answer any more."""
        self._delete(PERMITTED, address)

    def uncover(self, address: IPv4Address) -> None:
        """Forget *address*, which must be gone from this node; the tables go with the last one."""
        for name in (PERMITTED, CLUSTER):
            self._delete(name, address)
        generation = self._read_generation()
        try:
            if not self._elements(CLUSTER):
                self._batch([_message(_DEL_TABLE, f.number, 0, text(1, TABLE)) for f in _FAMILIES], generation)
        except OSError as exc:
            if exc.errno not in (errno.ENOENT, errno.ERESTART):  # gone, or changed meanwhile: used by somebody
                raise _unavailable(exc) from exc

    def covered(self) -> list[IPv4Address]:
        """Return the addresses that answer only while permitted."""
        try:
            return self._elements(CLUSTER)
        except OSError as exc:
            if exc.errno == errno.ENOENT:
                return []
            raise _unavailable(exc) from exc

    # --- batches ------------------------------------------------------------------------------------------------

    def _delete(self, name: str, address: IPv4Address) -> None:
        """Add and delete: what is not there would fail the whole batch."""
        try:
            self._batch([*_each(_NEW_ELEMENT, name, address), *_each(_DEL_ELEMENT, name, address)])
        except OSError as exc:
            if exc.errno != errno.ENOENT:  # no table: nothing to forbid
                raise _unavailable(exc) from exc

    def _commit(self, messages: list[Message]) -> None:
        """Put *messages* in force, and remember the generation they make when nobody else changed anything."""
        try:
            before = self._read_generation()
            self._batch(messages)
            self._generation = before + 1
        except OSError as exc:
            self._generation = -1
            raise _unavailable(exc) from exc

    def _batch(self, messages: list[Message], generation: int | None = None) -> None:
        numbers = self._line.send([_begin(generation), *messages, _message(_END, 0, 0, resource=10, batch=True)])
        for code in self._line.refusals(numbers).values():
            raise OSError(code, os.strerror(code))

    def _read_generation(self) -> int:
        answer = self._line.ask(_SUBSYSTEM | _GET_GENERATION, 0, _GENERAL.pack(0, 0, 0))
        return int(struct.unpack(">I", attributes(answer[0].body[_GENERAL.size :])[1])[0])

    def _elements(self, name: str) -> list[IPv4Address]:
        body = _GENERAL.pack(_FAMILIES[0].number, 0, 0) + text(1, TABLE) + text(2, name)
        found: list[IPv4Address] = []
        for part in self._line.ask(_SUBSYSTEM | _GET_ELEMENT, netlink.ROOT_MATCH, body):
            listed = attributes(part.body[_GENERAL.size :]).get(3, b"")
            for _, element in each_attribute(listed):
                key = attributes(attributes(element).get(1, b"")).get(1, b"")
                found.append(IPv4Address(key))
        return found


def _unavailable(exc: OSError) -> GuardUnavailable:
    return GuardUnavailable(os.strerror(exc.errno or 0))


def _message(kind: int, family: int, flags: int, *parts: bytes, resource: int = 0, batch: bool = False) -> Message:
    number = kind if batch else _SUBSYSTEM | kind
    acknowledge = 0 if batch else netlink.ACK
    body = _GENERAL.pack(family, 0, resource) + b"".join(parts)
    return Message(number, netlink.REQUEST | acknowledge | flags, body)


def _begin(generation: int | None = None) -> Message:
    """Begin a batch; with a *generation* it is refused (ERESTART) when the rule set has another one."""
    condition = b"" if generation is None else word(_BATCH_GENERATION, generation)
    return _message(_BEGIN, 0, 0, condition, resource=10, batch=True)


def _tables() -> list[Message]:
    """Make what is missing, and the rules anew; elements stay."""
    return [message for family in _FAMILIES for message in _table(family)]


def _table(family: _Family) -> Iterable[Message]:
    number, table = family.number, text(1, TABLE)
    yield _message(_NEW_TABLE, number, netlink.CREATE, table)
    for name, flags in ((CLUSTER, 0), (PERMITTED, _SET_TIMEOUT)):
        key = word(4, _TYPE_IPV4) + word(5, 4)
        yield _message(_NEW_SET, number, netlink.CREATE, table, text(2, name), word(3, flags), key, word(10, 1))
    for chain in family.chains:
        hook = nested(4, word(1, chain.hook), attribute(2, struct.pack(">i", chain.priority)))
        yield _message(_NEW_CHAIN, number, netlink.CREATE, table, text(3, chain.name), hook, text(7, "filter"))
    for chain in family.chains:
        yield _message(_DEL_RULE, number, 0, table, text(2, chain.name))
        flags = netlink.CREATE | netlink.APPEND
        yield _message(_NEW_RULE, number, flags, table, text(2, chain.name), _rule(chain.offset))


def _rule(offset: int) -> bytes:
    """Drop what has an address at *offset* that is a cluster's and not permitted."""
    load = word(1, _REGISTER) + word(2, _NETWORK_HEADER) + word(3, offset) + word(4, 4)
    is_cluster = text(1, CLUSTER) + word(2, _REGISTER)
    not_permitted = text(1, PERMITTED) + word(2, _REGISTER) + word(5, _INVERTED)
    drop = word(1, 0) + nested(2, nested(2, word(1, _DROP)))
    expressions = (("payload", load), ("lookup", is_cluster), ("lookup", not_permitted), ("immediate", drop))
    return nested(4, *(nested(1, text(1, name), nested(2, data)) for name, data in expressions))


def _renewal(address: IPv4Address, seconds: float) -> list[Message]:
    """Add, delete, add: older kernels do not change the time-out of an element that is there."""
    length = None if math.isinf(seconds) else max(1, min(int(seconds * 1000), _LONGEST))
    return [
        *_each(_NEW_ELEMENT, PERMITTED, address),
        *_each(_DEL_ELEMENT, PERMITTED, address),
        *_each(_NEW_ELEMENT, PERMITTED, address, length),
    ]


def _each(kind: int, name: str, address: IPv4Address, milliseconds: int | None = None) -> list[Message]:
    """Return the message about one element for each family."""
    timeout = b"" if milliseconds is None else attribute(4, struct.pack(">Q", milliseconds))
    element = nested(1, nested(1, attribute(1, address.packed)), timeout)
    flags = netlink.CREATE if kind == _NEW_ELEMENT else 0
    return [
        _message(kind, family.number, flags, text(1, TABLE), text(2, name), nested(3, element)) for family in _FAMILIES
    ]


def unavailable() -> str:
    """Return an empty string when addresses can be guarded here, else why not."""
    try:
        with PacketGuard() as guard:
            guard.check()
    except GuardUnavailable as exc:
        return str(exc)
    return ""
