"""What a node tells its workstations: objects that changed, entries of the event log, pages of a snapshot."""

from __future__ import annotations

import enum

import msgspec

from nodeagent.api.causes import Cause
from nodeagent.api.objects import (
    Cluster,
    Group,
    Interface,
    Network,
    Node,
    ObjectRef,
    Resource,
    ResourceType,
)
from nodeagent.api.problems import Parameter


class Severity(enum.StrEnum):
    """How much an entry of the event log matters."""

    ERROR = "error"
    WARNING = "warning"
    PROGRESS = "progress"
    INFORMATION = "information"


class LogEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of the cluster's event log.

    Attributes:
        sequence: counts the entries of the whole cluster.
        at: wall-clock seconds by the clock of *node*.
        node: name of the node that says it.
        code: key of the sentence in `texts.SENTENCES`; *parameters* are what it names.
        object, object_name: what it is about, by the name that it had then.
        number: the original's event number (1069 "a resource failed"), 0 where it has none.
        request: id of the request that led to it.
        steady: the node's steady clock, seconds, for comparing entries of one node.
        output: last lines of the resource's output, where they explain it.
    """

    sequence: int
    at: float
    node: str
    severity: Severity
    code: str
    parameters: dict[str, Parameter] = {}
    object: ObjectRef | None = None
    object_name: str = ""
    number: int = 0
    cause: Cause | None = None
    request: str = ""
    epoch: int = 0
    steady: float = 0.0
    output: str = ""


class Changes(msgspec.Struct, frozen=True, kw_only=True, tag="changes", tag_field="frame", omit_defaults=True):
    """A batch: the whole new objects, what is gone, new log entries.

    A mirror at revision r may apply it when *after* <= r; otherwise it has missed something and asks for a snapshot.

    Attributes:
        after: the revision that the batch continues from.
        revision: the revision reached by it.
    """

    after: int
    revision: int
    changed: tuple[Cluster | Node | Group | Resource | ResourceType | Network | Interface, ...] = ()
    removed: tuple[ObjectRef, ...] = ()
    logged: tuple[LogEntry, ...] = ()


class Page(msgspec.Struct, frozen=True, kw_only=True, tag="page", tag_field="frame", omit_defaults=True):
    """Part of a snapshot at *revision*; *last* marks the end. Log entries come with the last page, oldest first."""

    revision: int
    objects: tuple[Cluster | Node | Group | Resource | ResourceType | Network | Interface, ...] = ()
    logged: tuple[LogEntry, ...] = ()
    last: bool = False


class Output(msgspec.Struct, frozen=True, kw_only=True, tag="output", tag_field="frame", omit_defaults=True):
    """More of an output log that is followed; *id* is that of the call that follows it."""

    id: int
    data: bytes
    offset: int = 0
    truncated: bool = False
