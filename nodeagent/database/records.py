"""What each key of the cluster database holds; docs/database.md lists them for people.

cluster                      ClusterRecord
leader                       LeaderRecord
silence                      SilenceRecord: whom the leader does not hear, and whether the brake is held
voters                       voters.VotersRecord: who votes in the database, and who of them is missing
nodes/<id>                   NodeRecord
heartbeats/<id>              HeartbeatRecord
fences/<id>                  FenceRecord: how the node can be turned off; holds secrets
reports/<id>                 NodeReport: what a node says of itself (types, addresses, version)
groups/<id>                  GroupRecord
owners/<group>               OwnerRecord
wishes/<group>               WishRecord: a move that was asked for
verdicts/<group>             VerdictRecord: no further failover
resources/<id>               ResourceRecord
states/<resource>            StateRecord: what the owner reports
orders/<resource>            OrderRecord: done once by the owner, then deleted
types/<name>                 TypeRecord: what the administrator set of a type
networks/<subnet>            networks.NetworkRecord: what the administrator set of a network
interfaces/<node>:<subnet>   networks.InterfaceRecord: of a network interface
events/<16 hex digits>       LogEntry
asks/<node>/<id>             Ask, answered at answers/<id>
"""

from __future__ import annotations

import enum
from typing import Final, TypeVar

import msgspec

from nodeagent.api.causes import Cause
from nodeagent.api.fencing import FenceSetting
from nodeagent.api.freezing import Maintenance
from nodeagent.api.objects import Endpoint, GroupId, NodeId, Phase, ResourceId, ResourceState, Wanted
from nodeagent.api.problems import Problem
from nodeagent.api.properties import PropertySpec, Value

SCHEMA: Final = 1


class _Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


class _Kept(_Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record that others than its writer write anew.

    Attributes:
        rest: fields of a newer version, as they came: `decode` puts them here, a changed copy takes them along, and
            `encode` writes them where they were. What is nested in a field has no such place: what a newer version
            adds goes into fields of the record itself.
    """

    rest: dict[str, msgspec.Raw] = {}


class ClusterRecord(_Kept, frozen=True, kw_only=True):
    """The cluster: identity and settings.

    Attributes:
        schema: version of these records; what is not stored is 1 for ever, whatever a later version begins with.
    """

    id: str
    name: str
    schema: int = 1
    description: str = ""
    properties: dict[str, Value] = {}
    next_node: NodeId = 1
    maintenance: Maintenance | None = None


class LeaderRecord(_Record, frozen=True, kw_only=True):
    """Who plans (safety rule O6: for order's sake)."""

    node: NodeId
    incarnation: int
    term: int


class Drain(_Record, frozen=True, kw_only=True):
    """That a node's groups are moved away: *groups* are those that it had, *over* that it was called off."""

    cause: Cause
    groups: tuple[GroupId, ...] = ()
    over: bool = False


class NodeRecord(_Kept, frozen=True, kw_only=True):
    """A member's configuration, and what persons want of it.

    Attributes:
        stopped: its Cluster Service is to leave and stay out; on whose word.
        restart: its Cluster Service is to begin anew under the applications; deleted by the node when it does.
        evicted: it is no member any more. The record stays, so that a node of that name knows.
        admitted: whoever joins under the name of this evicted node is a new member.
    """

    id: NodeId
    name: str
    description: str = ""
    properties: dict[str, Value] = {}
    paused: bool = False
    drain: Drain | None = None
    maintenance: Maintenance | None = None
    stopped: Cause | None = None
    restart: Cause | None = None
    evicted: Cause | None = None
    admitted: bool = False


class Life(enum.StrEnum):
    """State of an incarnation (safety rule M1)."""

    ALIVE = "alive"
    DEAD = "dead"
    LEFT = "left"


class HeartbeatRecord(_Kept, frozen=True, kw_only=True):
    """The membership record: every write of it expects its last revision (safety rule M1).

    Attributes:
        attempt: id of the attempt that wrote it: random per process, plus a number (P2).
        boot: identity of the boot (boot_id and start time of PID 1).
        machine: identity of the machine, against clones (M6).
        self_stop, kill_bound: s and k that this node announces, seconds; 0 for s means unguarded, UNBOUNDED for k that
            time may not judge it (P7, P9).
        margin: m that it counts with, seconds.
        watchdog: w as read back from its watchdog, seconds; 0 for none (P10).
        interval: h, seconds.
        unclean: something exclusive could not be proven stopped (P7).
        reason: of DEAD: "silence", "fenced", "user", or "restarted".
        planned: revision up to which a leader has planned.
        since: wall-clock seconds of the last change of life, for display.
    """

    incarnation: int
    life: Life
    attempt: str
    boot: str
    machine: str = ""
    interval: float = 0.5
    self_stop: float = 0.0
    kill_bound: float = 0.6
    margin: float = 0.0
    watchdog: float = 0.0
    unclean: bool = False
    reason: str = ""
    silence: float = 0.0
    planned: int = 0
    since: float = 0.0


class SilentNode(_Record, frozen=True, kw_only=True):
    """A node that is ALIVE in the database and not heard: which heartbeat was its last, and since when."""

    heartbeat: int
    since: float


class SilenceRecord(_Record, frozen=True, kw_only=True):
    """What the leader has to say of nodes that fell silent.

    Attributes:
        nodes: those that are ALIVE in the database and were not heard for half of the takeover time.
        held: the brake is held: more than half of the *members* fell silent at once.
        opened: for which nodes a person opened the brake, each with the heartbeat that it counts for.
    """

    nodes: dict[NodeId, SilentNode] = {}
    held: bool = False
    members: int = 0
    opened: dict[NodeId, int] = {}


class FenceRecord(_Kept, frozen=True, kw_only=True):
    """How a node can be turned off; the first device that confirms it is enough. It never travels as it is."""

    devices: tuple[FenceSetting, ...] = ()


class TypeReport(_Record, frozen=True, kw_only=True):
    """A resource type as it is installed on a node."""

    name: str
    description: str = ""
    schema: tuple[PropertySpec, ...] = ()
    required_dependencies: tuple[str, ...] = ()
    exclusive: bool = True
    looks_alive: int = 5000
    is_alive: int = 60_000


class InterfaceReport(_Record, frozen=True, kw_only=True):
    """A network card's address as the node sees it."""

    adapter: str
    address: str
    mask: str
    up: bool = True


class NodeReport(_Record, frozen=True, kw_only=True):
    """What a node says of itself when it joins, and when it changes.

    Attributes:
        schema: the highest version of the records that its software knows.
        started: wall-clock seconds at which its Cluster Service began, by its own clock.
    """

    version: str
    protocol: tuple[int, int]
    schema: int = 1
    started: float = 0.0
    types: tuple[TypeReport, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    interfaces: tuple[InterfaceReport, ...] = ()
    facts: dict[str, str] = {}


class GroupRecord(_Kept, frozen=True, kw_only=True):
    """A group's configuration."""

    id: GroupId
    name: str
    description: str = ""
    preferred_owners: tuple[NodeId, ...] = ()
    properties: dict[str, Value] = {}
    persistent_state: Wanted = Wanted.OFFLINE
    maintenance: Maintenance | None = None


class OwnerRecord(_Kept, frozen=True, kw_only=True):
    """Ownership of a group: every write expects the last revision and raises the epoch (safety rule O1).

    Attributes:
        given: epoch under which the node was given the group: what was reported before counts for nothing.
        lives: incarnation of each preferred owner when it was decided where the group is; see `Group.lives`.
    """

    phase: Phase
    node: NodeId | None = None
    incarnation: int = 0
    epoch: int = 0
    given: int = 0
    target: NodeId | None = None
    failovers: tuple[float, ...] = ()
    failure: bool = False
    cause: Cause | None = None
    since: float = 0.0
    lives: dict[NodeId, int] = {}


class WishRecord(_Record, frozen=True, kw_only=True):
    """A move that was asked for; *node* 0 means the best possible one."""

    node: NodeId
    cause: Cause


class VerdictRecord(_Record, frozen=True, kw_only=True):
    """The leader's word that the group fails over no further under this epoch: everything of it stops."""

    epoch: int
    cause: Cause


class ResourceRecord(_Kept, frozen=True, kw_only=True):
    """A resource's configuration."""

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


class StateRecord(_Record, frozen=True, kw_only=True):
    """What the owner of a group reports of a resource; a report of an older epoch counts for nothing."""

    state: ResourceState
    node: NodeId
    epoch: int
    incarnation: int = 0
    information: Problem | None = None
    process_id: int = 0
    monitor_process_id: int = 0
    restarts: int = 0
    exhausted: bool = False
    since: float = 0.0
    pending_since: float = 0.0
    retry_at: float = 0.0
    cause: Cause | None = None


class Order(enum.StrEnum):
    """What an owner is told to do once."""

    FAIL = "fail"
    RETRY = "retry"


class OrderRecord(_Record, frozen=True, kw_only=True):
    """An order for the owner of a resource."""

    order: Order
    cause: Cause


class TypeRecord(_Kept, frozen=True, kw_only=True):
    """What an administrator set of a type; its schema comes from the nodes' reports."""

    name: str
    properties: dict[str, Value] = {}


class Ask(_Record, frozen=True, kw_only=True):
    """A small question to a node; its answer is at most 16 KiB."""

    asker: NodeId
    question: str
    type: str = ""
    parameters: dict[str, Value] = {}
    expires: float = 0.0


class AskAnswer(_Record, frozen=True, kw_only=True):
    """A node's answer to an Ask."""

    node: NodeId
    problems: tuple[Problem, ...] = ()


CLUSTER: Final = "cluster"
LEADER: Final = "leader"
SILENCE: Final = "silence"

_encoder = msgspec.json.Encoder()
R = TypeVar("R", bound=msgspec.Struct)


def encode(record: msgspec.Struct) -> bytes:
    """Return the value to store."""
    if not isinstance(record, _Kept) or not record.rest:
        return _encoder.encode(record)
    own = msgspec.json.decode(_encoder.encode(msgspec.structs.replace(record, rest={})), type=dict[str, msgspec.Raw])
    return _encoder.encode({**record.rest, **own})


def decode(value: bytes, kind: type[R]) -> R:
    """Read a stored value. What a newer version has added to a record that is written anew here is kept in it.

    Raises:
        msgspec.ValidationError: it is not a *kind*.
    """
    try:
        return msgspec.json.decode(value, type=kind)
    except msgspec.ValidationError:
        if not issubclass(kind, _Kept):
            raise
    fields = msgspec.json.decode(value, type=dict[str, msgspec.Raw])
    own = {name: field for name, field in fields.items() if name in kind.__struct_fields__ and name != "rest"}
    rest = {name: field.copy() for name, field in fields.items() if name not in own}
    return msgspec.structs.replace(msgspec.json.decode(_encoder.encode(own), type=kind), rest=rest)


def node_key(node: NodeId) -> str:
    """Key of a NodeRecord."""
    return f"nodes/{node}"


def heartbeat_key(node: NodeId) -> str:
    """Key of a HeartbeatRecord."""
    return f"heartbeats/{node}"


def fence_key(node: NodeId) -> str:
    """Key of a FenceRecord."""
    return f"fences/{node}"


def report_key(node: NodeId) -> str:
    """Key of a NodeReport."""
    return f"reports/{node}"


def group_key(group: GroupId) -> str:
    """Key of a GroupRecord."""
    return f"groups/{group}"


def owner_key(group: GroupId) -> str:
    """Key of an OwnerRecord."""
    return f"owners/{group}"


def wish_key(group: GroupId) -> str:
    """Key of a WishRecord."""
    return f"wishes/{group}"


def verdict_key(group: GroupId) -> str:
    """Key of a VerdictRecord."""
    return f"verdicts/{group}"


def resource_key(resource: ResourceId) -> str:
    """Key of a ResourceRecord."""
    return f"resources/{resource}"


def state_key(resource: ResourceId) -> str:
    """Key of a StateRecord."""
    return f"states/{resource}"


def order_key(resource: ResourceId) -> str:
    """Key of an OrderRecord."""
    return f"orders/{resource}"


def type_key(name: str) -> str:
    """Key of a TypeRecord."""
    return f"types/{name}"


def event_key(sequence: int) -> str:
    """Key of a LogEntry; keys sort as their numbers do."""
    return f"events/{sequence:016x}"


def ask_key(node: NodeId, ask: str) -> str:
    """Key of an Ask."""
    return f"asks/{node}/{ask}"


def answer_key(ask: str, node: NodeId) -> str:
    """Key of an AskAnswer."""
    return f"answers/{ask}/{node}"
