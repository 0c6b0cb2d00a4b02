"""What a workstation may ask: one class per request, with its reply, the right it needs and its time limit."""

from __future__ import annotations

import enum
from typing import ClassVar

import msgspec

from nodeagent.api.fencing import FenceOption, FenceSetting
from nodeagent.api.objects import GroupId, NodeId, ObjectKind, ResourceId
from nodeagent.api.problems import Problem
from nodeagent.api.properties import Value
from nodeagent.api.quorum import Voter


class Right(enum.IntEnum):
    """What a user may do; each level includes those below it."""

    NONE = 0
    READ = 1
    OPERATE = 2
    ADMINISTER = 3


class Verb(enum.StrEnum):
    """The commands that a person gives; menus, rules and events name them by these."""

    BRING_ONLINE = "bring_online"
    TAKE_OFFLINE = "take_offline"
    INITIATE_FAILURE = "initiate_failure"
    MOVE_GROUP = "move_group"
    CHANGE_GROUP = "change_group"
    PAUSE = "pause"
    RESUME = "resume"
    DRAIN = "drain"
    CANCEL_DRAIN = "cancel_drain"
    RESUME_FAILBACK = "resume_failback"
    STOP = "stop"
    START = "start"
    RESTART = "restart"
    EVICT = "evict"
    DECLARE_OFF = "declare_off"
    TAKE_OVER_NOW = "take_over_now"
    BEGIN_MAINTENANCE = "begin_maintenance"
    END_MAINTENANCE = "end_maintenance"
    NEW_GROUP = "new_group"
    NEW_RESOURCE = "new_resource"
    DELETE = "delete"
    RENAME = "rename"
    PROPERTIES = "properties"


class Done(msgspec.Struct, frozen=True, kw_only=True, tag_field="result", tag="done", omit_defaults=True):
    """The wish is committed.

    Attributes:
        revision: of the database after the commit; the mirror has it when its revision is not lower.
        id: of the object that was created, empty otherwise.
        notices: what the person should know although it was done (stored for the next online, directory missing
            on a possible owner).
    """

    revision: int = 0
    id: str = ""
    notices: tuple[Problem, ...] = ()


class NodeAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one node found: nothing, or problems; *answered* is False when it did not answer in time."""

    node: NodeId
    answered: bool = True
    problems: tuple[Problem, ...] = ()


class Validated(msgspec.Struct, frozen=True, kw_only=True, tag_field="result", tag="validated", omit_defaults=True):
    """Answers of the possible owners to `ValidateParameters`."""

    answers: tuple[NodeAnswer, ...] = ()


class OutputRead(msgspec.Struct, frozen=True, kw_only=True, tag_field="result", tag="output", omit_defaults=True):
    """A piece of a resource's output log; *offset* is that of the next byte, counted from the log's beginning."""

    data: bytes = b""
    offset: int = 0


class QuorumRead(msgspec.Struct, frozen=True, kw_only=True, tag_field="result", tag="quorum", omit_defaults=True):
    """The voters, and what it means in sentences: how it stands, and what the loss of one more would do.

    Attributes:
        needed: how many voters must answer.
        failover: what the number of nodes and voters means for automatic failover of nodes.
    """

    voters: tuple[Voter, ...] = ()
    needed: int = 1
    quorum: bool = True
    now: Problem
    next_loss: Problem
    failover: Problem


class FenceDescribed(msgspec.Struct, frozen=True, kw_only=True, tag_field="result", tag="fence", omit_defaults=True):
    """What a fence program says of itself."""

    options: tuple[FenceOption, ...] = ()
    actions: tuple[str, ...] = ()


Reply = Done | Validated | OutputRead | QuorumRead | FenceDescribed
AnyReply = type[Done] | type[Validated] | type[OutputRead] | type[QuorumRead] | type[FenceDescribed]


class _Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="request"):
    # What is not said otherwise is for administrators. Who only looks starts nothing on a node: a program that is asked
    # for its options or whether it is there runs as the agent.
    right: ClassVar[Right] = Right.ADMINISTER
    reply: ClassVar[AnyReply] = Done
    changes: ClassVar[bool] = True
    timeout: ClassVar[float] = 10.0  # seconds


class CreateGroup(_Request, frozen=True, kw_only=True, tag="create_group"):
    """Create an empty, offline group."""

    name: str
    description: str = ""
    preferred_owners: tuple[NodeId, ...] = ()
    properties: dict[str, Value] = {}


class CreateResource(_Request, frozen=True, kw_only=True, tag="create_resource"):
    """Create an offline resource in a group."""

    name: str
    type: str
    group: GroupId
    description: str = ""
    separate_monitor: bool = False
    possible_owners: tuple[NodeId, ...] | None = None
    dependencies: tuple[ResourceId, ...] = ()
    properties: dict[str, Value] = {}
    parameters: dict[str, Value] = {}


class Delete(_Request, frozen=True, kw_only=True, tag="delete"):
    """Delete a group or a resource; *with_dependents* names every resource that goes with it, and only those."""

    kind: ObjectKind
    id: str
    with_dependents: tuple[ResourceId, ...] = ()


class Rename(_Request, frozen=True, kw_only=True, tag="rename"):
    """Give a cluster, group, resource or network another name."""

    kind: ObjectKind
    id: str
    name: str


class SetProperties(_Request, frozen=True, kw_only=True, tag="set_properties"):
    """Change common properties and, of a resource, private ones (*parameters*); None means "back to the default".

    Attributes:
        expected: revision of the object as it was when the person began; 0 means whatever is there. When it was
            changed meanwhile the request is refused with "changed_elsewhere".
    """

    kind: ObjectKind
    id: str
    properties: dict[str, Value | None] = {}
    parameters: dict[str, Value | None] = {}
    expected: int = 0


class SetPreferredOwners(_Request, frozen=True, kw_only=True, tag="set_preferred_owners"):
    """Set a group's preferred owners, in order."""

    group: GroupId
    nodes: tuple[NodeId, ...]


class SetPossibleOwners(_Request, frozen=True, kw_only=True, tag="set_possible_owners"):
    """Set a resource's possible owners; None means every node."""

    resource: ResourceId
    nodes: tuple[NodeId, ...] | None


class SetDependencies(_Request, frozen=True, kw_only=True, tag="set_dependencies"):
    """Set what a resource depends on."""

    resource: ResourceId
    providers: tuple[ResourceId, ...]


class ChangeGroup(_Request, frozen=True, kw_only=True, tag="change_group"):
    """Move a resource, with all that it depends on and all that depends on it, to another group."""

    resource: ResourceId
    group: GroupId


class BringOnline(_Request, frozen=True, kw_only=True, tag="bring_online"):
    """Bring a group or resource online; a group on *node* when given."""

    kind: ObjectKind
    id: str
    node: NodeId | None = None
    note: str = ""
    right: ClassVar[Right] = Right.OPERATE


class TakeOffline(_Request, frozen=True, kw_only=True, tag="take_offline"):
    """Take a group or resource offline, dependents first."""

    kind: ObjectKind
    id: str
    note: str = ""
    right: ClassVar[Right] = Right.OPERATE


class InitiateFailure(_Request, frozen=True, kw_only=True, tag="initiate_failure"):
    """Treat an online resource as failed and let its policy act."""

    resource: ResourceId
    note: str = ""
    right: ClassVar[Right] = Right.OPERATE


class MoveGroup(_Request, frozen=True, kw_only=True, tag="move_group"):
    """Move a group to *node*, or to the best possible one."""

    group: GroupId
    node: NodeId | None = None
    note: str = ""
    right: ClassVar[Right] = Right.OPERATE


class PauseNode(_Request, frozen=True, kw_only=True, tag="pause_node"):
    """Let a node take nothing new, and keep what it has; with *drain* its groups are moved away."""

    node: NodeId
    drain: bool = False
    note: str = ""
    right: ClassVar[Right] = Right.OPERATE


class ResumeNode(_Request, frozen=True, kw_only=True, tag="resume_node"):
    """End a pause; with *failback* the groups that it was drained of come back."""

    node: NodeId
    failback: bool = False
    note: str = ""
    right: ClassVar[Right] = Right.OPERATE


class CancelDrain(_Request, frozen=True, kw_only=True, tag="cancel_drain"):
    """Move no further group away from a node that is drained; it stays paused."""

    node: NodeId
    note: str = ""
    right: ClassVar[Right] = Right.OPERATE


class StopNode(_Request, frozen=True, kw_only=True, tag="stop_node"):
    """Let a node give its groups away, or take them offline, and leave; it stays out until it is started."""

    node: NodeId
    note: str = ""


class StartNode(_Request, frozen=True, kw_only=True, tag="start_node"):
    """Let a node that was stopped join again."""

    node: NodeId
    note: str = ""


class RestartNode(_Request, frozen=True, kw_only=True, tag="restart_node"):
    """Let a node's Cluster Service and Resource Monitors begin anew, from what is installed, under the applications."""

    node: NodeId
    note: str = ""


class EvictNode(_Request, frozen=True, kw_only=True, tag="evict_node"):
    """Remove a node that is down and owns nothing; it does not join again before it is admitted."""

    node: NodeId
    note: str = ""


class AdmitNode(_Request, frozen=True, kw_only=True, tag="admit_node"):
    """Let the node of that name, which was evicted, join again, as a new member."""

    name: str
    note: str = ""


class BeginMaintenance(_Request, frozen=True, kw_only=True, tag="begin_maintenance"):
    """Freeze the cluster, a node or a group for *seconds*; asked again it is given that long from now on."""

    kind: ObjectKind
    id: str
    seconds: float
    note: str = ""
    right: ClassVar[Right] = Right.OPERATE


class EndMaintenance(_Request, frozen=True, kw_only=True, tag="end_maintenance"):
    """End maintenance before its time."""

    kind: ObjectKind
    id: str
    note: str = ""
    right: ClassVar[Right] = Right.OPERATE


class DeclareOff(_Request, frozen=True, kw_only=True, tag="declare_off"):
    """Give the word that a node of which nothing is heard is off: it is declared down and its groups are taken over.

    Attributes:
        name: the node's name, as the person typed it.
        heartbeat: revision of the heartbeat after which it fell silent, as it was shown (`Node.heartbeat`).
    """

    node: NodeId
    name: str
    heartbeat: int
    note: str = ""


class TakeOverNow(_Request, frozen=True, kw_only=True, tag="take_over_now"):
    """Open the brake once: for these nodes, and for the silence that they are in now."""

    nodes: tuple[NodeId, ...]
    note: str = ""


class SetFenceDevices(_Request, frozen=True, kw_only=True, tag="set_fence_devices"):
    """Set a node's fence devices, in the order in which they are asked; none means that it has none."""

    node: NodeId
    devices: tuple[FenceSetting, ...] = ()
    timeout: ClassVar[float] = 30.0  # each node starts the programs, to see what they need


class DescribeFenceProgram(_Request, frozen=True, kw_only=True, tag="describe_fence_program"):
    """Ask the node for the options of a fence program, by the program's own metadata."""

    program: str
    reply: ClassVar[AnyReply] = FenceDescribed
    changes: ClassVar[bool] = False
    timeout: ClassVar[float] = 20.0


class CheckFenceDevices(_Request, frozen=True, kw_only=True, tag="check_fence_devices"):
    """Have every node that is up ask a node's fence devices whether they work; nothing is turned off."""

    node: NodeId
    reply: ClassVar[AnyReply] = Validated
    changes: ClassVar[bool] = False
    timeout: ClassVar[float] = 60.0


class ReadQuorum(_Request, frozen=True, kw_only=True, tag="read_quorum"):
    """Ask the node for the voters of the cluster database as it sees them."""

    right: ClassVar[Right] = Right.READ
    reply: ClassVar[AnyReply] = QuorumRead
    changes: ClassVar[bool] = False


class ValidateParameters(_Request, frozen=True, kw_only=True, tag="validate_parameters"):
    """Ask every possible owner whether it could run a resource with these parameters."""

    type: str
    parameters: dict[str, Value] = {}
    possible_owners: tuple[NodeId, ...] | None = None
    reply: ClassVar[AnyReply] = Validated
    changes: ClassVar[bool] = False


class ReadOutput(_Request, frozen=True, kw_only=True, tag="read_output"):
    """Read the output log that the node asked keeps of a resource.

    Attributes:
        offset: first byte wanted; negative counts from the end.
        follow: send what is added as `events.Output` frames under the request's id until it is cancelled.
    """

    resource: ResourceId
    offset: int = -65536
    limit: int = 65536
    follow: bool = False
    right: ClassVar[Right] = Right.READ
    reply: ClassVar[AnyReply] = OutputRead
    changes: ClassVar[bool] = False


Request = (
    CreateGroup
    | CreateResource
    | Delete
    | Rename
    | SetProperties
    | SetPreferredOwners
    | SetPossibleOwners
    | SetDependencies
    | ChangeGroup
    | BringOnline
    | TakeOffline
    | InitiateFailure
    | MoveGroup
    | PauseNode
    | ResumeNode
    | CancelDrain
    | StopNode
    | StartNode
    | RestartNode
    | EvictNode
    | AdmitNode
    | BeginMaintenance
    | EndMaintenance
    | DeclareOff
    | TakeOverNow
    | SetFenceDevices
    | DescribeFenceProgram
    | CheckFenceDevices
    | ReadQuorum
    | ValidateParameters
    | ReadOutput
)
