"""The cluster as both sides see it: one frozen Struct per kind of object, and the Snapshot that holds them."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import msgspec

from nodeagent.api.causes import Cause
from nodeagent.api.fencing import FenceDevice
from nodeagent.api.freezing import Maintenance
from nodeagent.api.problems import refuse
from nodeagent.api.properties import PropertySpec, Value
from nodeagent.api.quorum import Voter
from nodeagent.api.spelling import comparable

NodeId = int
GroupId = str
ResourceId = str


class ObjectKind(enum.StrEnum):
    """The kinds of object that a cluster has."""

    CLUSTER = "cluster"
    NODE = "node"
    GROUP = "group"
    RESOURCE = "resource"
    RESOURCE_TYPE = "resource_type"
    NETWORK = "network"
    INTERFACE = "interface"


class NodeState(enum.IntEnum):
    """States of a node, with the original's values (ClusNode.State)."""

    UNKNOWN = -1
    UP = 0
    DOWN = 1
    PAUSED = 2
    JOINING = 3


class GroupState(enum.IntEnum):
    """States of a group, computed from its resources (ClusResGroup.State)."""

    UNKNOWN = -1
    ONLINE = 0
    OFFLINE = 1
    FAILED = 2
    PARTIAL_ONLINE = 3
    PENDING = 4


class ResourceState(enum.IntEnum):
    """States of a resource (ClusResource.State)."""

    UNKNOWN = -1
    INITIALIZING = 1
    ONLINE = 2
    OFFLINE = 3
    FAILED = 4
    ONLINE_PENDING = 129
    OFFLINE_PENDING = 130

    @property
    def pending(self) -> bool:
        """Whether the resource is on its way to Online or Offline."""
        return self in (ResourceState.ONLINE_PENDING, ResourceState.OFFLINE_PENDING)


class NetworkState(enum.IntEnum):
    """States of a network (ClusNetwork.State)."""

    UNKNOWN = -1
    UNAVAILABLE = 0
    DOWN = 1
    PARTITIONED = 2
    UP = 3


class InterfaceState(enum.IntEnum):
    """States of a network interface (ClusNetInterface.State)."""

    UNKNOWN = -1
    UNAVAILABLE = 0
    FAILED = 1
    UNREACHABLE = 2
    UP = 3


class Wanted(enum.StrEnum):
    """The desired state (PersistentState): online, offline, or what the group wants."""

    ONLINE = "online"
    OFFLINE = "offline"
    INHERIT = "inherit"


class Phase(enum.StrEnum):
    """Where a group's ownership stands (safety rules O1 to O3)."""

    FREE = "free"
    ASSIGNED = "assigned"
    CLAIMED = "claimed"
    MOVING = "moving"
    STUCK = "stuck"


class _Object(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """Base of what a Snapshot holds; *revision* is that of the last change of its configuration."""

    revision: int = 0


class Cluster(_Object, frozen=True, kw_only=True, tag="cluster"):
    """The cluster itself. *backend* is the kind of database ("sqlite", "etcd", "memory"), *schema* its version."""

    id: str
    name: str
    description: str = ""
    properties: dict[str, Value] = {}
    backend: str = ""
    leader: NodeId = 0
    schema: int = 1
    maintenance: Maintenance | None = None
    voters: tuple[Voter, ...] = ()  # of the database, as the leading node last saw them; none of an embedded one
    brake: tuple[NodeId, ...] = ()  # nodes that fell silent together, while nobody is declared down for it


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a node's sshd answers, and the public keys it shows ("ssh-ed25519 AAAA…")."""

    host: str
    port: int = 22
    host_keys: tuple[str, ...] = ()


class Node(_Object, frozen=True, kw_only=True, tag="node"):
    """A member. *incarnation* counts its lives as a member; *paused* and *stopped* are kept over restarts.

    Attributes:
        draining: its groups are moved away; *drained* are those that it had when that was asked for.
        stopped: a person stopped its Cluster Service; it stays out until it is started.
        service_since: wall-clock seconds at which its service began, by its own clock.
    """

    id: NodeId
    name: str
    description: str = ""
    properties: dict[str, Value] = {}
    state: NodeState = NodeState.UNKNOWN
    paused: bool = False
    incarnation: int = 0
    version: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    facts: dict[str, str] = {}
    information: str = ""
    since: float = 0.0
    draining: bool = False
    drained: tuple[GroupId, ...] = ()
    stopped: bool = False
    service_since: float = 0.0
    maintenance: Maintenance | None = None
    fence: tuple[FenceDevice, ...] = ()  # asked in this order to turn it off
    silent_since: float = 0.0  # wall-clock seconds; nothing is heard of it, and it was not declared down
    heartbeat: int = 0  # revision of the heartbeat after which it fell silent


class Group(_Object, frozen=True, kw_only=True, tag="group"):
    """A group: its configuration, who owns it, and why.

    Attributes:
        preferred_owners: node ids in order; empty means none.
        persistent_state: ONLINE or OFFLINE; what its resources inherit.
        owner: the node that owns it now or gets it, None when nobody does.
        epoch: raised by every change of ownership (safety rule O1).
        owner_incarnation: the life of the owner that the ownership names.
        target: where a Moving group goes, None for "nowhere yet".
        failovers: when it failed over, wall-clock seconds, newest last.
        wish: node of an unfulfilled move request; 0 means "best possible", None no wish.
        gave_up: the failover threshold is exceeded; the group waits for a person.
        cause: why it is where it is.
        since: wall-clock seconds of the last change of ownership.
        lives: incarnation of each preferred owner when it was decided where the group is: failback waits for a later.
        state: computed from the resources (`states.group_state`).
    """

    id: GroupId
    name: str
    description: str = ""
    preferred_owners: tuple[NodeId, ...] = ()
    properties: dict[str, Value] = {}
    persistent_state: Wanted = Wanted.OFFLINE
    owner: NodeId | None = None
    phase: Phase = Phase.FREE
    epoch: int = 0
    owner_incarnation: int = 0
    target: NodeId | None = None
    failovers: tuple[float, ...] = ()
    wish: NodeId | None = None
    gave_up: bool = False
    cause: Cause | None = None
    since: float = 0.0
    lives: dict[NodeId, int] = {}
    state: GroupState = GroupState.OFFLINE
    maintenance: Maintenance | None = None


class Resource(_Object, frozen=True, kw_only=True, tag="resource"):
    """A resource: its configuration, and what its owner last reported.

    Attributes:
        possible_owners: node ids; None means every node.
        dependencies: ids of its providers, of the same group.
        properties: common properties that were set, by their name and unit on the wire.
        parameters: private properties that were set.
        state_epoch: epoch of the group under which *state* was reported.
        information: one sentence on the state: why failed, what is waited for.
        process_id: of the application's first process, 0 when none runs.
        monitor_process_id: of the Resource Monitor that holds it.
        restarts: restarts used in the running restart period.
        exhausted: failed, and the restart policy allows no further try on this node.
        pending_since, since: wall-clock seconds of the last progress and of the last change of state.
        retry_at: wall-clock seconds at which a failed resource is tried again, 0 for never.
    """

    id: ResourceId
    name: str
    type: str
    group: GroupId
    description: str = ""
    possible_owners: tuple[NodeId, ...] | None = None
    dependencies: tuple[ResourceId, ...] = ()
    separate_monitor: bool = False
    persistent_state: Wanted = Wanted.INHERIT
    properties: dict[str, Value] = {}
    parameters: dict[str, Value] = {}
    state: ResourceState = ResourceState.OFFLINE
    state_node: NodeId | None = None
    state_epoch: int = 0
    information: str = ""
    process_id: int = 0
    monitor_process_id: int = 0
    restarts: int = 0
    exhausted: bool = False
    since: float = 0.0
    pending_since: float = 0.0
    retry_at: float = 0.0
    cause: Cause | None = None


class ResourceType(_Object, frozen=True, kw_only=True, tag="resource_type"):
    """A kind of resource: the schema of its private properties, as data.

    Attributes:
        name: the registered name ("Generic Application"); never changes.
        schema: private properties in the order in which wizard and sheet show them.
        required_dependencies: names of types of which a resource must have a provider to go online.
        exclusive: its resources may be online on one node at most.
        possible_owners: nodes on which the type is installed.
    """

    name: str
    display_name: str = ""
    description: str = ""
    schema: tuple[PropertySpec, ...] = ()
    required_dependencies: tuple[str, ...] = ()
    exclusive: bool = True
    possible_owners: tuple[NodeId, ...] = ()
    properties: dict[str, Value] = {}

    @property
    def id(self) -> str:
        """A type is known by its name."""
        return self.name


class Network(_Object, frozen=True, kw_only=True, tag="network"):
    """A subnet that nodes share. *role*: 0 none, 1 internal, 2 client, 3 all communications."""

    id: str
    name: str
    description: str = ""
    address: str = ""
    mask: str = ""
    role: int = 3
    state: NetworkState = NetworkState.UNKNOWN
    properties: dict[str, Value] = {}


class Interface(_Object, frozen=True, kw_only=True, tag="interface"):
    """A node's card on a network."""

    id: str
    name: str
    node: NodeId
    network: str
    adapter: str = ""
    address: str = ""
    description: str = ""
    state: InterfaceState = InterfaceState.UNKNOWN
    properties: dict[str, Value] = {}


ClusterObject = Cluster | Node | Group | Resource | ResourceType | Network | Interface


class ObjectRef(msgspec.Struct, frozen=True, order=True):
    """An object by kind and id (a node's id as a decimal string, a type's is its name)."""

    kind: ObjectKind
    id: str


def ref(item: ClusterObject) -> ObjectRef:
    """Return the reference of *item*."""
    return ObjectRef(kind_of(item), str(item.id))


def kind_of(item: ClusterObject) -> ObjectKind:
    """Return the kind of *item*."""
    return ObjectKind(str(item.__struct_config__.tag))


def _node_id(text: str) -> NodeId | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The whole cluster at one revision of its database.

    Its tables never change once somebody has looked at it: what is found by group or by provider is found by an index
    that is made once. (Hence ``dict=True``: the index lies beside the fields and does not travel.)
    """

    cluster: Cluster
    revision: int = 0
    nodes: dict[NodeId, Node] = {}
    groups: dict[GroupId, Group] = {}
    resources: dict[ResourceId, Resource] = {}
    types: dict[str, ResourceType] = {}
    networks: dict[str, Network] = {}
    interfaces: dict[str, Interface] = {}

    def resources_of(self, group: GroupId) -> list[Resource]:
        """Return the resources of *group*, by name."""
        return list(self._members.get(group, ()))

    def dependents_of(self, resource: ResourceId) -> list[Resource]:
        """Return the resources that depend on *resource* directly."""
        return list(self._dependents.get(resource, ()))

    def inherit_indexes(self, former: Snapshot) -> None:
        """Take over the indexes of *former* where the resources are the very same: a heartbeat must not cost one."""
        if self.resources is former.resources:
            self.__dict__.update(former.__dict__)

    @cached_property
    def _members(self) -> dict[GroupId, list[Resource]]:
        found: dict[GroupId, list[Resource]] = {}
        for resource in self.resources.values():
            found.setdefault(resource.group, []).append(resource)
        for members in found.values():
            members.sort(key=lambda r: (r.name.casefold(), r.id))
        return found

    @cached_property
    def _dependents(self) -> dict[ResourceId, list[Resource]]:
        found: dict[ResourceId, list[Resource]] = {}
        for resource in self.resources.values():
            for provider in dict.fromkeys(resource.dependencies):
                found.setdefault(provider, []).append(resource)
        return found

    def with_groups(self, groups: dict[GroupId, Group]) -> Snapshot:
        """Return this snapshot with other groups; what was found out about its resources is kept."""
        result = msgspec.structs.replace(self, groups=groups)
        result.__dict__.update(self.__dict__)
        return result

    def node_name(self, node: NodeId | None) -> str:
        """Return the node's name; an empty string for None, its number for a node that is gone."""
        if node is None:
            return ""
        return self.nodes[node].name if node in self.nodes else f"node {node}"

    def table(self, kind: ObjectKind) -> Mapping[Any, ClusterObject]:
        """Return the objects of *kind* by id."""
        tables: dict[ObjectKind, Mapping[Any, ClusterObject]] = {
            ObjectKind.CLUSTER: {self.cluster.id: self.cluster},
            ObjectKind.NODE: self.nodes,
            ObjectKind.GROUP: self.groups,
            ObjectKind.RESOURCE: self.resources,
            ObjectKind.RESOURCE_TYPE: self.types,
            ObjectKind.NETWORK: self.networks,
            ObjectKind.INTERFACE: self.interfaces,
        }
        return tables[kind]

    def get(self, reference: ObjectRef) -> ClusterObject | None:
        """Return the object, or None when it is gone."""
        if reference.kind is ObjectKind.NODE:
            return self.nodes.get(number) if (number := _node_id(reference.id)) is not None else None
        return self.table(reference.kind).get(reference.id)

    def find(self, kind: ObjectKind, name: str) -> ClusterObject | None:
        """Return the object of *kind* with that name (case does not matter) or id, or None."""
        wanted = comparable(name)
        found = (item for item in self.table(kind).values() if comparable(item.name) == wanted)
        return next(found, None) or self.get(ObjectRef(kind, name))

    def everything(self) -> Iterator[ClusterObject]:
        """Yield each object, the cluster first."""
        for kind in ObjectKind:
            yield from self.table(kind).values()

    def group(self, group: GroupId) -> Group:
        """Return the group.

        Raises:
            ClusterError: group_unknown.
        """
        if group not in self.groups:
            raise refuse("group_unknown", id=group)
        return self.groups[group]

    def resource(self, resource: ResourceId) -> Resource:
        """Return the resource.

        Raises:
            ClusterError: resource_unknown.
        """
        if resource not in self.resources:
            raise refuse("resource_unknown", id=resource)
        return self.resources[resource]

    def node(self, node: NodeId) -> Node:
        """Return the node.

        Raises:
            ClusterError: node_unknown.
        """
        if node not in self.nodes:
            raise refuse("node_unknown", id=str(node))
        return self.nodes[node]
