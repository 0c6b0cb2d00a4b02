"""The cluster database as a Snapshot, kept up to date change by change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec

from nodeagent.api.events import LogEntry
from nodeagent.api.objects import (
    Cluster,
    ClusterObject,
    Group,
    GroupId,
    Node,
    NodeId,
    ObjectKind,
    ObjectRef,
    Resource,
    ResourceId,
    Snapshot,
    kind_of,
    ref,
)
from nodeagent.database import records
from nodeagent.database.merging import Ownership, make_cluster, make_group, make_node, make_resource
from nodeagent.database.networks import make_networks
from nodeagent.database.records import (
    FenceRecord,
    HeartbeatRecord,
    NodeRecord,
    NodeReport,
    ResourceRecord,
    SilenceRecord,
    SilentNode,
)
from nodeagent.database.reported import make_types
from nodeagent.database.store import ABSENT, Change, Contents
from nodeagent.database.typedrecords import TypedRecords
from nodeagent.database.voters import VOTERS

K = TypeVar("K", int, str)
T = TypeVar("T", bound=ClusterObject)

_ORDER: Final = {kind: place for place, kind in enumerate(ObjectKind)}


@dataclass(frozen=True, slots=True)
class Delta:
    """What a batch of changes did.

    Attributes:
        changed: the whole new objects, those that really differ, in the order of ObjectKind.
        removed: what is gone.
        logged: new entries of the event log, oldest first.
        keys: every key that was put or deleted, whatever it means.
    """

    changed: tuple[ClusterObject, ...] = ()
    removed: tuple[ObjectRef, ...] = ()
    logged: tuple[LogEntry, ...] = ()
    keys: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Touched:
    """What has to be looked at again; *owned* are groups whose resources do, *lives* nodes whose groups do."""

    cluster: bool = False
    types: bool = False
    networks: bool = False
    nodes: set[NodeId] = field(default_factory=set)
    lives: set[NodeId] = field(default_factory=set)
    groups: set[GroupId] = field(default_factory=set)
    owned: set[GroupId] = field(default_factory=set)
    resources: set[ResourceId] = field(default_factory=set)

    def by(self, key: str, old: msgspec.Struct | None, new: msgspec.Struct | None) -> None:
        """Note what follows from the change of one record."""
        prefix, _, name = key.partition("/")
        if prefix in (records.CLUSTER, records.LEADER, VOTERS):
            self.cluster = True
        elif prefix == records.SILENCE:
            self.cluster = True
            for record in (old, new):
                self.nodes.update(record.nodes if isinstance(record, SilenceRecord) else ())
        elif prefix == "fences":
            self.nodes.update(int(name) for record in (old, new) if isinstance(record, FenceRecord))
        elif prefix == "types":
            self.types = True
        elif prefix in ("networks", "interfaces"):
            self.networks = True
        elif prefix in ("groups", "wishes", "verdicts", "owners"):
            self.groups.add(name)
            if prefix == "owners":
                self.owned.add(name)
        elif prefix in ("resources", "states"):
            self.resources.add(name)
            self.groups.update(item.group for item in (old, new) if isinstance(item, ResourceRecord))
        elif isinstance(old, NodeRecord | HeartbeatRecord | NodeReport) or isinstance(
            new, NodeRecord | HeartbeatRecord | NodeReport
        ):
            self._by_node(int(name), old, new)

    def _by_node(self, node: NodeId, old: msgspec.Struct | None, new: msgspec.Struct | None) -> None:
        self.nodes.add(node)
        if isinstance(old, HeartbeatRecord) and isinstance(new, HeartbeatRecord):
            if (old.life, old.incarnation, old.since) != (new.life, new.incarnation, new.since):
                self.lives.add(node)
        elif isinstance(old, NodeReport) and isinstance(new, NodeReport):
            self.types |= (old.types, old.version) != (new.types, new.version)
            self.networks |= old.interfaces != new.interfaces
        else:
            self.lives.add(node)
            self.types = self.networks = True


@dataclass(slots=True)
class _Difference:
    """Makes a table from the one before, and notes where they really differ."""

    changed: list[ClusterObject] = field(default_factory=list)
    removed: list[ObjectRef] = field(default_factory=list)

    def update(self, old: dict[K, T], made: Mapping[K, T | None]) -> dict[K, T]:
        """Return *old* with what was *made* (None: is gone); the very same table when nothing differs."""
        different = {key: item for key, item in made.items() if old.get(key) != item}
        if not different:
            return old
        new = dict(old)
        for key, item in different.items():
            if item is None:
                self.removed.append(ref(new.pop(key)))
            else:
                self.changed.append(item)
                new[key] = item
        return new if new.keys() <= old.keys() else {key: new[key] for key in sorted(new)}

    def replace(self, old: dict[K, T], new: Mapping[K, T]) -> dict[K, T]:
        """As `update`, where *new* is the whole table."""
        gone: dict[K, T | None] = dict.fromkeys(old.keys() - new.keys())
        return self.update(old, {**gone, **new})

    def of_cluster(self, old: Cluster, new: Cluster) -> None:
        """Note that the cluster differs; one with an empty id stands for none."""
        if new.id and new != old:
            self.changed.append(new)
        if old.id not in ("", new.id):
            self.removed.append(ref(old))


def _place(item: ClusterObject) -> tuple[int, int | str]:
    return _ORDER[kind_of(item)], item.id


class ClusterView(TypedRecords):
    """The typed records of the cluster database, and the Snapshot made of them.

    Attributes:
        snapshot: immutable; each batch makes a new one, which shares the tables and objects that did not change.
            Tables are sorted by id, so that nodes that know the same also go through it in the same order.
    """

    def __init__(self, backend: str = "") -> None:
        """Begin empty.

        Args:
            backend: kind of the database, as the Cluster object shows it.
        """
        self._backend = backend
        self._reset(0)

    def _reset(self, revision: int) -> None:
        super().__init__()
        self._members: dict[GroupId, set[ResourceId]] = {}
        self.snapshot = Snapshot(cluster=self._make_cluster(), revision=revision)

    @property
    def revision(self) -> int:
        """Revision of the database that the view has reached."""
        return self.snapshot.revision

    def load(self, contents: Contents) -> None:
        """Begin anew with everything that the database holds (prefix "")."""
        self._reset(contents.revision)
        touched = _Touched()
        for key, entry in contents.entries.items():
            self._accept(key, entry.value, entry.revision, touched)
        self._rebuild(contents.revision, touched)

    def apply(self, changes: Sequence[Change]) -> Delta:
        """Follow a batch from the watch; what is older than the view is left out."""
        new = [change for change in changes if change.revision >= self.revision]
        if not new:
            return Delta()
        touched = _Touched()
        logged: list[LogEntry] = []
        for change in new:
            record = self._accept(change.key, change.value, change.revision, touched)
            if isinstance(record, LogEntry):
                logged.append(record)
        difference = self._rebuild(new[-1].revision, touched)
        return Delta(
            changed=tuple(sorted(difference.changed, key=_place)),
            removed=tuple(sorted(difference.removed)),
            logged=tuple(sorted(logged, key=lambda entry: entry.sequence)),
            keys=frozenset(change.key for change in new),
        )

    def _accept(self, key: str, value: bytes | None, revision: int, touched: _Touched) -> msgspec.Struct | None:
        old, new = self.take(key, value, revision)
        if isinstance(old, ResourceRecord):
            self._members[old.group].discard(old.id)
            if not self._members[old.group]:
                del self._members[old.group]
        if isinstance(new, ResourceRecord):
            self._members.setdefault(new.group, set()).add(new.id)
        touched.by(key, old, new)
        return new

    # --- the snapshot, in the order in which its parts depend on each other ---------------------------------------

    def _rebuild(self, revision: int, touched: _Touched) -> _Difference:
        old, difference = self.snapshot, _Difference()
        cluster = self._make_cluster() if touched.cluster else old.cluster
        difference.of_cluster(old.cluster, cluster)
        nodes = difference.update(old.nodes, {node: self._make_node(node) for node in touched.nodes})
        resources = self._make_resources(touched, difference)
        members = {group: [resources[r] for r in self._members.get(group, ())] for group in touched.groups}
        groups = difference.update(old.groups, {group: self._make_group(group, members[group]) for group in members})
        types, networks, interfaces = old.types, old.networks, old.interfaces
        if touched.types:
            types = difference.replace(types, make_types(self._reports(nodes), self.type))
        if touched.networks or nodes is not old.nodes:
            new_networks, new_interfaces = make_networks(nodes, self._reports(nodes), self.network, self.interface)
            networks = difference.replace(networks, new_networks)
            interfaces = difference.replace(interfaces, new_interfaces)
        self.snapshot = Snapshot(
            cluster=cluster,
            revision=revision,
            nodes=nodes,
            groups=groups,
            resources=resources,
            types=types,
            networks=networks,
            interfaces=interfaces,
        )
        self.snapshot.inherit_indexes(old)
        return difference

    def _make_resources(self, touched: _Touched, difference: _Difference) -> dict[ResourceId, Resource]:
        """Make the touched resources anew, and touch the groups of those that differ."""
        if touched.lives:
            touched.owned.update(group for group in self._members if self._owner_node(group) in touched.lives)
        for group in touched.owned:
            touched.resources |= self._members.get(group, set())
        old, ownerships = self.snapshot.resources, dict[GroupId, Ownership]()
        new = difference.update(old, {item: self._make_resource(item, ownerships) for item in touched.resources})
        for resource in touched.resources:
            before, after = old.get(resource), new.get(resource)
            if before is not after:
                touched.groups.update(item.group for item in (before, after) if item)
        return new

    def _owner_node(self, group: GroupId) -> NodeId | None:
        found = self.owner(group)
        return found[0].node if found else None

    def _reports(self, nodes: Mapping[NodeId, Node]) -> dict[NodeId, NodeReport]:
        found = {node: self.report(node) for node in nodes}
        return {node: report[0] for node, report in found.items() if report}

    def _make_cluster(self) -> Cluster:
        record, revision = self.cluster() or (None, ABSENT)
        leader, _ = self.leader() or (None, ABSENT)
        silence, _ = self.silence() or (None, ABSENT)
        voters, _ = self.voters() or (None, ABSENT)
        return make_cluster(record, leader, silence, voters, revision=revision, backend=self._backend)

    def _make_node(self, node: NodeId) -> Node | None:
        record, revision = self.node(node) or (None, ABSENT)
        if record is None or record.evicted:
            return None
        heartbeat, _ = self.heartbeat(node) or (None, ABSENT)
        report, _ = self.report(node) or (None, ABSENT)
        fence, _ = self.fence(node) or (None, ABSENT)
        return make_node(record, heartbeat, report, fence, self._silent(node), revision=revision)

    def _silent(self, node: NodeId) -> SilentNode | None:
        """Return what the leader says of the node's silence, unless it was heard since."""
        silence, _ = self.silence() or (None, ABSENT)
        found = silence.nodes.get(node) if silence else None
        return found if found and found.heartbeat == self.revision_of(records.heartbeat_key(node)) else None

    def _make_group(self, group: GroupId, members: Sequence[Resource]) -> Group | None:
        record, revision = self.group(group) or (None, ABSENT)
        if record is None:
            return None
        owner, _ = self.owner(group) or (None, ABSENT)
        wish, _ = self.wish(group) or (None, ABSENT)
        verdict, _ = self.verdict(group) or (None, ABSENT)
        return make_group(record, owner, wish, verdict, members, revision=revision)

    def _make_resource(self, resource: ResourceId, ownerships: dict[GroupId, Ownership]) -> Resource | None:
        record, revision = self.resource(resource) or (None, ABSENT)
        if record is None:
            return None
        if record.group not in ownerships:
            ownerships[record.group] = self._make_ownership(record.group)
        state, _ = self.state(resource) or (None, ABSENT)
        return make_resource(record, state, ownerships[record.group], revision=revision)

    def _make_ownership(self, group: GroupId) -> Ownership:
        owner, _ = self.owner(group) or (None, ABSENT)
        if owner is None or owner.node is None:
            return Ownership(record=owner)
        heartbeat, _ = self.heartbeat(owner.node) or (None, ABSENT)
        node, _ = self.node(owner.node) or (None, ABSENT)
        return Ownership(record=owner, heartbeat=heartbeat, node_name=node.name if node else f"node {owner.node}")
