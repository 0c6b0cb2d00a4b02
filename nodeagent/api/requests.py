"""What a workstation may ask: one class per request, with its reply, the right it needs and its time limit."""

from __future__ import annotations

import enum
from typing import ClassVar

import msgspec

from nodeagent.api.objects import GroupId, NodeId, ObjectKind, ResourceId
from nodeagent.api.problems import Problem
from nodeagent.api.properties import Value


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


Reply = Done | Validated | OutputRead
AnyReply = type[Done] | type[Validated] | type[OutputRead]


class _Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="request"):
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
    right: ClassVar[Right] = Right.ADMINISTER


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
    """Let a node keep what it has and take nothing new."""

    node: NodeId
    right: ClassVar[Right] = Right.OPERATE


class ResumeNode(_Request, frozen=True, kw_only=True, tag="resume_node"):
    """End a pause."""

    node: NodeId
    right: ClassVar[Right] = Right.OPERATE


class ValidateParameters(_Request, frozen=True, kw_only=True, tag="validate_parameters"):
    """Ask every possible owner whether it could run a resource with these parameters."""

    type: str
    parameters: dict[str, Value] = {}
    possible_owners: tuple[NodeId, ...] | None = None
    right: ClassVar[Right] = Right.READ
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
    | ValidateParameters
    | ReadOutput
)
