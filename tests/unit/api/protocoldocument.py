"""The parts of docs/protocol.md that are made from the program; run as a module, it writes them anew."""

from __future__ import annotations

import enum
import re
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from nodeagent.api import requests as r
from nodeagent.api import wire
from nodeagent.api.causes import Cause, cause
from nodeagent.api.events import Changes, LogEntry, Output, Page, Severity
from nodeagent.api.fencing import FenceOption, FenceSetting
from nodeagent.api.objects import (
    Cluster,
    ClusterObject,
    Endpoint,
    Group,
    GroupState,
    Interface,
    InterfaceState,
    Network,
    NetworkState,
    Node,
    NodeState,
    ObjectKind,
    ObjectRef,
    Phase,
    Resource,
    ResourceState,
    ResourceType,
    Wanted,
)
from nodeagent.api.problems import NUMBERS, problem
from nodeagent.api.properties import LONGEST, Kind, PropertySpec
from nodeagent.api.quorum import Voter
from nodeagent.api.rules.names import MAXIMUM_LENGTH
from nodeagent.api.texts import SENTENCES
from nodeagent.service import workstation

DOCUMENT = Path(__file__).parents[3] / "docs" / "protocol.md"

WHY = Cause(rule="cause_requested", parameters={"user": "anna"}, request="4f1c09d2a7be", user="anna", note="patch day")
OBJECTS: tuple[Any, ...] = (
    Cluster(id="cluster", name="SHOP", backend="etcd", leader=1),
    Node(
        id=1,
        name="alpha",
        state=NodeState.UP,
        incarnation=3,
        version="0.1.0",
        endpoints=(Endpoint(host="10.0.0.1", host_keys=("ssh-ed25519 AAAAC3Nz…",)),),
    ),
    Group(
        id="web",
        name="Web",
        preferred_owners=(1, 2),
        persistent_state=Wanted.ONLINE,
        owner=1,
        phase=Phase.CLAIMED,
        epoch=7,
        owner_incarnation=3,
        cause=WHY,
        state=GroupState.ONLINE,
    ),
    Resource(
        id="app",
        name="Shop",
        type="Generic Application",
        group="web",
        dependencies=("ip",),
        parameters={"CommandLine": "/srv/shop/run"},
        state=ResourceState.ONLINE,
        state_node=1,
        state_epoch=7,
        process_id=4711,
    ),
    ResourceType(
        name="Generic Application",
        schema=(PropertySpec(name="CommandLine", kind=Kind.COMMAND, label="Command line", required=True),),
        possible_owners=(1, 2),
    ),
    Network(id="public", name="Public", address="10.0.0.0", mask="255.255.255.0", state=NetworkState.UP),
    Interface(
        id="public-1", name="alpha-Public", node=1, network="public", adapter="eth0", address="10.0.0.1",
        state=InterfaceState.UP,
    ),
)  # fmt: skip
ENTRY = LogEntry(
    sequence=7301112000000000001,
    at=1763848800.5,
    node="alpha",
    severity=Severity.ERROR,
    code="event_failed",
    parameters={"name": "Shop", "detail": "the process was ended by signal 9"},
    object=ObjectRef(ObjectKind.RESOURCE, "app"),
    object_name="Shop",
    number=1069,
    cause=cause("cause_policy_restart", used=1, threshold=3, period=900),
    epoch=7,
)

REQUESTS: tuple[r.Request, ...] = (
    r.CreateGroup(name="Web", preferred_owners=(1, 2)),
    r.CreateResource(
        name="Shop", type="Generic Application", group="web", dependencies=("ip",),
        parameters={"CommandLine": "/srv/shop/run"},
    ),
    r.Delete(kind=ObjectKind.RESOURCE, id="ip", with_dependents=("app",)),
    r.Rename(kind=ObjectKind.GROUP, id="web", name="Shop"),
    r.SetProperties(
        kind=ObjectKind.GROUP, id="web", properties={"FailoverThreshold": 2, "Description": None}, expected=41
    ),
    r.SetPreferredOwners(group="web", nodes=(2, 1)),
    r.SetPossibleOwners(resource="app", nodes=None),
    r.SetDependencies(resource="app", providers=("ip", "disk")),
    r.ChangeGroup(resource="app", group="spare"),
    r.BringOnline(kind=ObjectKind.GROUP, id="web", node=2, note="patch day"),
    r.TakeOffline(kind=ObjectKind.RESOURCE, id="app"),
    r.InitiateFailure(resource="app"),
    r.MoveGroup(group="web", note="patch day"),
    r.PauseNode(node=2, drain=True),
    r.ResumeNode(node=2, failback=True),
    r.CancelDrain(node=2),
    r.StopNode(node=2, note="new memory"),
    r.StartNode(node=2),
    r.RestartNode(node=2),
    r.EvictNode(node=2),
    r.AdmitNode(name="beta"),
    r.BeginMaintenance(kind=ObjectKind.GROUP, id="web", seconds=1800, note="patch day"),
    r.EndMaintenance(kind=ObjectKind.GROUP, id="web"),
    r.DeclareOff(node=2, name="beta", heartbeat=41, note="I pulled the plug"),
    r.TakeOverNow(nodes=(2, 3)),
    r.SetFenceDevices(
        node=2, devices=(FenceSetting(program="fence_ipmilan", options={"ip": "10.0.9.2"}, kept=("password",)),)
    ),
    r.DescribeFenceProgram(program="fence_ipmilan"),
    r.CheckFenceDevices(node=2),
    r.ReadQuorum(),
    r.ValidateParameters(
        type="Generic Application", parameters={"CommandLine": "/srv/shop/run"}, possible_owners=(1, 2)
    ),
    r.ReadOutput(resource="app", follow=True),
)  # fmt: skip
REPLIES: tuple[r.Reply, ...] = (
    r.Done(revision=42, id="5d0c", notices=(problem("stored_for_next_online", name="Shop", names="CommandLine"),)),
    r.Validated(
        answers=(
            r.NodeAnswer(node=1),
            r.NodeAnswer(node=2, problems=(problem("program_not_found", "CommandLine", program="/srv/shop/run"),)),
        )
    ),
    r.OutputRead(data=b"listening\n", offset=10),
    r.FenceDescribed(
        options=(FenceOption(name="ip", help="Address of the device", replaces="ipaddr"),), actions=("off", "status")
    ),
    r.QuorumRead(
        voters=(Voter(name="alpha", leader=True), Voter(name="beta"), Voter(name="gamma", answering=False)),
        needed=2,
        now=problem("quorum_missing", answering=2, voters=3, missing=("gamma",), needed=2),
        next_loss=problem("quorum_loss_stop"),
        failover=problem("failover_yes"),
    ),
)
FROM_WORKSTATION: tuple[wire.FromWorkstation, ...] = (
    wire.Hello(protocol=(1, 2), features=()),
    wire.Call(id=1, request=REQUESTS[12]),
    wire.Cancel(id=1),
    wire.Subscribe(log=500),
    wire.Ping(number=5),
)
FROM_NODE: tuple[wire.FromNode, ...] = (
    wire.Welcome(
        protocol=1, software="0.1.0", node=1, node_name="alpha", cluster="7e57", cluster_name="SHOP", user="anna",
        right=r.Right.ADMINISTER,
    ),
    wire.Answer(id=1, reply=r.Done(revision=42)),
    wire.Refused(id=1, problem=problem("node_paused", "node", node="beta")),
    Page(revision=41, objects=(OBJECTS[0],), last=True),
    Changes(
        after=41, revision=42, changed=(OBJECTS[2],), removed=(ObjectRef(ObjectKind.RESOURCE, "old"),), logged=(ENTRY,)
    ),
    Output(id=7, data=b"ready\n", offset=16),
    wire.Pong(number=5),
    wire.Bye(problem=problem("service_stopping", node="alpha")),
)  # fmt: skip


UNIONS = {frozenset(r.Request.__args__): "*one of the requests*", frozenset(ClusterObject.__args__): "*object*"}


def shown(frame: Any) -> str:
    """Return the line of *frame* as people read it."""
    return "```json\n" + msgspec.json.encode(frame).decode() + "\n```"


def words_of(annotation: Any) -> str:
    """Say what a field holds."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return words_of(arguments[0])
    if frozenset(arguments) in UNIONS:
        return UNIONS[frozenset(arguments)]
    if origin in (types.UnionType, typing.Union):
        names = list(dict.fromkeys(words_of(one) for one in arguments if one is not type(None)))
        return " or ".join(names) + (" or null" if type(None) in arguments else "")
    if origin is tuple:
        counted = len(arguments) if Ellipsis not in arguments else 0
        return (f"{counted} of " if counted else "list of ") + words_of(arguments[0])
    if origin is dict:
        return f"object of {words_of(arguments[1])}"
    plain = {str: "text", int: "whole number", float: "number", bool: "true or false", bytes: "base64"}
    if annotation in plain:
        return plain[annotation]
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return " / ".join(
            f"{e.value}" if isinstance(e.value, str) else f"{e.value} {e.name.lower()}" for e in annotation
        )
    return f"*{annotation.__name__}*"


def field_table(kind: type[Any]) -> str:
    """Return the fields of a Struct as a table; what is not required is left out at its default."""
    lines = ["| field | holds | default |", "| --- | --- | --- |"]
    for field in msgspec.structs.fields(kind):
        default = "required" if field.required else default_of(field)
        lines.append(f"| `{field.encode_name}` | {words_of(field.type)} | {default} |")
    return "\n".join(lines) if len(lines) > 2 else "It has no fields."


def default_of(field: Any) -> str:
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return f"`{msgspec.json.encode(value).decode()}`"


def first_sentence(kind: type[Any]) -> str:
    text = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
    return re.sub(r"`(?:\w+\.)?(\w+)`", r"`\1`", text)


def sections(frames: tuple[Any, ...], depth: str = "###") -> str:
    parts = []
    for frame in frames:
        kind = type(frame)
        parts += [f"{depth} {kind.__struct_config__.tag}", first_sentence(kind), field_table(kind), shown(frame)]
    return "\n\n".join(parts)


def request_sections() -> str:
    parts = []
    for request in REQUESTS:
        kind = type(request)
        effect = "changes the cluster" if kind.changes else "changes nothing"
        facts = f"Right: {kind.right.name.lower()}. Reply: {kind.reply.__struct_config__.tag}. It {effect}."
        facts += f" Time limit: {kind.timeout:g} s."
        name = kind.__struct_config__.tag
        parts += [f"### {name}", first_sentence(kind), facts, field_table(kind), shown(request)]
    return "\n\n".join(parts)


def right_table() -> str:
    lines = ["| right | requests |", "| --- | --- |"]
    for right in (r.Right.READ, r.Right.OPERATE, r.Right.ADMINISTER):
        named = [f"`{type(one).__struct_config__.tag}`" for one in REQUESTS if type(one).right is right]
        lines.append(f"| {right.name.lower()} | {', '.join(named)} |")
    return "\n".join(lines)


def object_sections() -> str:
    return sections(OBJECTS)


def limits() -> str:
    rows = [
        ("protocol versions spoken by this release", f"{wire.PROTOCOL[0]} to {wire.PROTOCOL[1]}"),
        ("longest line, either way", f"{wire.MAXIMUM_LINE} bytes"),
        ("longest line of a workstation that is looked at", f"{workstation.MAXIMUM_FRAME} bytes"),
        ("objects in one page of a snapshot", f"{wire.PAGE_SIZE} at most"),
        ("calls of one connection that run at a time", str(workstation.MAXIMUM_CALLS)),
        ("time until the first frame must have come", f"{workstation.HELLO_PATIENCE:g} s"),
        ("unread bytes after which a workstation is sent away", str(workstation.MAXIMUM_BEHIND)),
        ("the same, without taking a byte", f"{workstation.WRITE_PATIENCE:g} s"),
        ("characters of a name", str(MAXIMUM_LENGTH)),
        ("characters of a property's value", str(LONGEST)),
    ]
    return "\n".join(["| what | limit |", "| --- | --- |", *(f"| {what} | {limit} |" for what, limit in rows)])


def problem_table() -> str:
    lines = ["| code | number | sentence |", "| --- | --- | --- |"]
    for code, pattern in SENTENCES.items():
        if not code.startswith(("event_", "cause_")):
            lines.append(f"| `{code}` | {NUMBERS.get(code, '')} | {pattern} |")
    return "\n".join(lines)


def code_table(prefix: str) -> str:
    lines = ["| code | sentence |", "| --- | --- |"]
    lines += [f"| `{code}` | {pattern} |" for code, pattern in SENTENCES.items() if code.startswith(prefix)]
    return "\n".join(lines)


PARTS: dict[str, Callable[[], str]] = {
    "from a workstation": lambda: sections(FROM_WORKSTATION),
    "from a node": lambda: sections(FROM_NODE),
    "rights": right_table,
    "requests": request_sections,
    "replies": lambda: sections(REPLIES),
    "objects": object_sections,
    "limits": limits,
    "problems": problem_table,
    "causes": lambda: code_table("cause_"),
    "events": lambda: code_table("event_"),
}


def renewed(text: str) -> str:
    """Return the document *text* with every generated part made anew.

    Raises:
        ValueError: a part has no place in it.
    """
    for name, make in PARTS.items():
        before, mark, rest = text.partition(f"<!-- made: {name} -->\n")
        _old, end, after = rest.partition("<!-- end -->")
        if not mark or not end:
            raise ValueError(f"the document has no place for {name}")
        text = f"{before}{mark}\n{make()}\n\n{end}{after}"
    return text


if __name__ == "__main__":
    DOCUMENT.write_text(renewed(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
