"""The records of the cluster database by key, decoded, each with the revision that a compare-set expects."""

from __future__ import annotations

import re
from typing import Final, TypeVar

import msgspec

from nodeagent.api.events import LogEntry
from nodeagent.api.objects import GroupId, NodeId, ResourceId
from nodeagent.database import records
from nodeagent.database.networks import InterfaceRecord, NetworkRecord, interface_key, network_key
from nodeagent.database.records import (
    ClusterRecord,
    FenceRecord,
    GroupRecord,
    HeartbeatRecord,
    LeaderRecord,
    NodeRecord,
    NodeReport,
    OrderRecord,
    OwnerRecord,
    ResourceRecord,
    SilenceRecord,
    StateRecord,
    TypeRecord,
    VerdictRecord,
    WishRecord,
)
from nodeagent.database.store import ABSENT
from nodeagent.database.voters import VOTERS, VotersRecord

R = TypeVar("R", bound=msgspec.Struct)

# What is read of the database, by the first part of the key. Questions and answers are their asker's matter.
_SINGLE: Final[dict[str, type[msgspec.Struct]]] = {
    records.CLUSTER: ClusterRecord,
    records.LEADER: LeaderRecord,
    records.SILENCE: SilenceRecord,
    VOTERS: VotersRecord,
}
_KINDS: Final[dict[str, type[msgspec.Struct]]] = {
    "nodes": NodeRecord,
    "heartbeats": HeartbeatRecord,
    "fences": FenceRecord,
    "reports": NodeReport,
    "groups": GroupRecord,
    "owners": OwnerRecord,
    "wishes": WishRecord,
    "verdicts": VerdictRecord,
    "resources": ResourceRecord,
    "states": StateRecord,
    "orders": OrderRecord,
    "types": TypeRecord,
    "networks": NetworkRecord,
    "interfaces": InterfaceRecord,
    "events": LogEntry,
}
_BY_NODE: Final = frozenset({"nodes", "heartbeats", "reports", "fences"})
_NODE_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,8}")


class Unreadable(Exception):
    """A value is damaged, or of a version that cannot be read here."""


def read_record(key: str, value: bytes) -> msgspec.Struct | None:
    """Decode the value of *key*; None for keys that mean nothing here.

    Raises:
        Unreadable: with a sentence that says why.
    """
    prefix, slash, name = key.partition("/")
    kind = (_KINDS if slash else _SINGLE).get(prefix)
    if kind is None:
        return None
    if prefix in _BY_NODE and not _NODE_NUMBER.fullmatch(name):
        raise Unreadable("The key does not end in the number of a node.")
    try:
        record = records.decode(value, kind)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"The value cannot be read as {kind.__name__}: {error}") from error
    own = record.name if isinstance(record, TypeRecord) else getattr(record, "id", name)
    if slash and str(own) != name:
        raise Unreadable(f"The value under this key is that of {own}.")
    return record


def _typed(found: tuple[msgspec.Struct, int] | None, kind: type[R]) -> tuple[R, int] | None:
    record, revision = found or (None, ABSENT)
    return (record, revision) if isinstance(record, kind) else None


class TypedRecords:
    """The records by key.

    Attributes:
        unreadable: keys whose value cannot be read, with the reason. They count as absent, but `revision_of` knows
            them: a compare-set cannot overwrite them by mistake.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self._records: dict[str, tuple[msgspec.Struct, int]] = {}
        self._revisions: dict[str, int] = {}
        self._log: dict[str, bytes] = {}  # as they came: the ring is long, rarely looked at, and small only so
        self.unreadable: dict[str, str] = {}

    def take(self, key: str, value: bytes | None, revision: int) -> tuple[msgspec.Struct | None, msgspec.Struct | None]:
        """Store the new value of *key* (None: deleted); return the record before and after."""
        old, _ = self._records.pop(key, (None, ABSENT))
        self._log.pop(key, None)
        self.unreadable.pop(key, None)
        if value is None:
            self._revisions.pop(key, None)
            return old, None
        self._revisions[key] = revision
        try:
            new = read_record(key, value)
        except Unreadable as error:
            self.unreadable[key] = str(error)
            return old, None
        if isinstance(new, LogEntry):
            self._log[key] = value
        elif new is not None:
            self._records[key] = (new, revision)
        return old, new

    def revision_of(self, key: str) -> int:
        """Return the revision of *key*, ABSENT (0) when it does not exist."""
        return self._revisions.get(key, ABSENT)

    def cluster(self) -> tuple[ClusterRecord, int] | None:
        """Return the cluster's record and its revision; so do all of the following with theirs."""
        return _typed(self._records.get(records.CLUSTER), ClusterRecord)

    def leader(self) -> tuple[LeaderRecord, int] | None:
        """Return who plans."""
        return _typed(self._records.get(records.LEADER), LeaderRecord)

    def node(self, node: NodeId) -> tuple[NodeRecord, int] | None:
        """Return the node's configuration."""
        return _typed(self._records.get(records.node_key(node)), NodeRecord)

    def heartbeat(self, node: NodeId) -> tuple[HeartbeatRecord, int] | None:
        """Return the node's membership record."""
        return _typed(self._records.get(records.heartbeat_key(node)), HeartbeatRecord)

    def silence(self) -> tuple[SilenceRecord, int] | None:
        """Return whom the leader does not hear."""
        return _typed(self._records.get(records.SILENCE), SilenceRecord)

    def voters(self) -> tuple[VotersRecord, int] | None:
        """Return the voters of the database itself."""
        return _typed(self._records.get(VOTERS), VotersRecord)

    def fence(self, node: NodeId) -> tuple[FenceRecord, int] | None:
        """Return how the node can be turned off."""
        return _typed(self._records.get(records.fence_key(node)), FenceRecord)

    def report(self, node: NodeId) -> tuple[NodeReport, int] | None:
        """Return what the node says of itself."""
        return _typed(self._records.get(records.report_key(node)), NodeReport)

    def group(self, group: GroupId) -> tuple[GroupRecord, int] | None:
        """Return the group's configuration."""
        return _typed(self._records.get(records.group_key(group)), GroupRecord)

    def owner(self, group: GroupId) -> tuple[OwnerRecord, int] | None:
        """Return the group's ownership."""
        return _typed(self._records.get(records.owner_key(group)), OwnerRecord)

    def wish(self, group: GroupId) -> tuple[WishRecord, int] | None:
        """Return the move that was asked for."""
        return _typed(self._records.get(records.wish_key(group)), WishRecord)

    def verdict(self, group: GroupId) -> tuple[VerdictRecord, int] | None:
        """Return the leader's word that the group fails over no further, whichever epoch it is of."""
        return _typed(self._records.get(records.verdict_key(group)), VerdictRecord)

    def resource(self, resource: ResourceId) -> tuple[ResourceRecord, int] | None:
        """Return the resource's configuration."""
        return _typed(self._records.get(records.resource_key(resource)), ResourceRecord)

    def state(self, resource: ResourceId) -> tuple[StateRecord, int] | None:
        """Return what an owner last reported, whether it still counts or not."""
        return _typed(self._records.get(records.state_key(resource)), StateRecord)

    def order(self, resource: ResourceId) -> tuple[OrderRecord, int] | None:
        """Return the order to the resource's owner."""
        return _typed(self._records.get(records.order_key(resource)), OrderRecord)

    def type(self, name: str) -> tuple[TypeRecord, int] | None:
        """Return what an administrator set of the type."""
        return _typed(self._records.get(records.type_key(name)), TypeRecord)

    def network(self, network: str) -> tuple[NetworkRecord, int] | None:
        """Return what an administrator set of the network."""
        return _typed(self._records.get(network_key(network)), NetworkRecord)

    def interface(self, interface: str) -> tuple[InterfaceRecord, int] | None:
        """Return what an administrator set of the network interface."""
        return _typed(self._records.get(interface_key(interface)), InterfaceRecord)

    def log_keys(self) -> list[str]:
        """Return the keys of the event log's entries as far as the database keeps them, oldest first."""
        return sorted(self._log)

    def log(self, newest: int | None = None) -> list[LogEntry]:
        """Return the event log, oldest first; only so many of the *newest* entries, where that is said."""
        keys = self.log_keys()
        first = 0 if newest is None else max(0, len(keys) - newest)
        return [records.decode(self._log[key], LogEntry) for key in keys[first:]]
