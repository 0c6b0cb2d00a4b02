"""The verbs that declare nodes down by a person's word, open the brake, and look after fence devices."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from clusteradmin.cli import terminal
from clusteradmin.cli.grammar import Option, UsageError, seconds
from clusteradmin.cli.session import Session
from nodeagent.api.fencing import MASK, FenceDevice, FenceSetting, is_secret
from nodeagent.api.objects import Node
from nodeagent.api.problems import ClusterError, refuse
from nodeagent.api.requests import (
    CheckFenceDevices,
    DeclareOff,
    DescribeFenceProgram,
    FenceDescribed,
    SetFenceDevices,
    TakeOverNow,
    Validated,
    Verb,
)
from nodeagent.api.rules.nodes import groups_on
from nodeagent.api.rules.verbs import verb_problem
from nodeagent.api.texts import sentence

VERBS: Final = ("declareoff", "listfence", "addfence", "setfence", "clearfence", "checkfence", "fencehelp")


async def run(session: Session, node: Node, verb: Option) -> None:
    """Do one verb of a node. Raises ClusterError and UsageError."""
    match verb.name:
        case "declareoff":
            await _declare_off(session, node)
        case "listfence":
            _list(session, node.fence)
        case "addfence":
            added = await _device(verb, (), session)
            await session.do(SetFenceDevices(node=node.id, devices=(*map(_as_it_is, node.fence), added)))
        case "setfence":
            await session.do(SetFenceDevices(node=node.id, devices=(await _device(verb, node.fence, session),)))
        case "clearfence":
            await session.meant(f"Let {node.name} have no fence device?", needs_yes=True)
            await session.do(SetFenceDevices(node=node.id))
        case "checkfence":
            await _check(session, node)
        case _:
            await _help(session, verb.value or "")


# --- a person's word --------------------------------------------------------------------------------------------


async def _declare_off(session: Session, node: Node) -> None:
    if bad := verb_problem(Verb.DECLARE_OFF, node, session.snapshot, session.cluster.right):
        raise ClusterError(bad)
    groups = ", ".join(group.name for group in groups_on(node, session.snapshot)) or "no group"
    for line in (
        f"Nothing has been heard of {node.name} for {time.time() - node.silent_since:.0f} s. It owns {groups}.",
        f"Go on only if {node.name} is off for certain: its groups start on other nodes at once.",
        "If it still runs, its applications run twice and their data can be destroyed.",
    ):
        session.output.complain(line)
    typed = node.name if session.line.has("yes") or session.whatif else await _typed_name(node)
    await session.do(DeclareOff(node=node.id, name=typed, heartbeat=node.heartbeat, note=session.note))


async def _typed_name(node: Node) -> str:
    if not terminal.present():
        raise UsageError(f"That {node.name} is off has to be confirmed. Add --yes if that is certain.")
    return (await terminal.ask(f"Type the node's name to declare that it is off ({node.name}): ")).strip()


async def take_over_now(session: Session) -> None:
    """Open the brake for the nodes that are silent. Raises ClusterError and UsageError."""
    cluster = session.snapshot.cluster
    if bad := verb_problem(Verb.TAKE_OVER_NOW, cluster, session.snapshot, session.cluster.right):
        raise ClusterError(bad)
    names = ", ".join(session.snapshot.node_name(node) for node in cluster.brake)
    question = f"More than half of the nodes fell silent at once. Declare {names} down and take their groups over?"
    await session.meant(question, needs_yes=True)
    await session.do(TakeOverNow(nodes=cluster.brake, note=session.note))


# --- fence devices ----------------------------------------------------------------------------------------------


def _list(session: Session, devices: Sequence[FenceDevice]) -> None:
    rows, documents = [], []
    for number, device in enumerate(devices, 1):
        shown = {**device.options, **dict.fromkeys(device.secrets, MASK)}
        options = " ".join(f"{name}={value}" for name, value in sorted(shown.items()))
        rows.append((str(number), device.program, options, f"{device.timeout:g} s"))
        documents.append({"program": device.program, "options": shown, "time_limit": device.timeout})
    session.output.table(("Order", "Program", "Options", "Time limit"), rows, documents)


def _as_it_is(device: FenceDevice) -> FenceSetting:
    """Return the setting that changes nothing of a device: what is secret of it stays where it is."""
    return FenceSetting(program=device.program, options=device.options, kept=device.secrets, timeout=device.timeout)


async def _device(verb: Option, present: Sequence[FenceDevice], session: Session) -> FenceSetting:
    """Read PROGRAM NAME=VALUE ...; a name alone is a value that is stored already, or is asked for without an echo."""
    if not verb.pairs or verb.pairs[0][1] is not None:
        raise UsageError(f"--{verb.name} PROGRAM NAME=VALUE ...: name the program first, such as fence_ipmilan.")
    program = verb.pairs[0][0]
    stored = {name for device in present if device.program == program for name in device.secrets}
    options, kept = {}, []
    for name, value in verb.pairs[1:]:
        if value is not None:
            options[name] = value
        elif name in stored:
            kept.append(name)
        elif terminal.present() and not session.whatif:
            options[name] = await terminal.ask(f"{name}: ", secret=is_secret(name))
        else:
            raise UsageError(f"{name} has no value; write {name}=VALUE, or do this at a terminal, which asks for it.")
    limit = session.line.get("timelimit")
    if limit is None:
        return FenceSetting(program=program, options=options, kept=tuple(kept))
    return FenceSetting(program=program, options=options, kept=tuple(kept), timeout=seconds(limit))


async def _check(session: Session, node: Node) -> None:
    reply = await session.cluster.call(CheckFenceDevices(node=node.id))
    assert isinstance(reply, Validated), reply
    rows = []
    for answer in reply.answers:
        said = " ".join(map(sentence, answer.problems)) if answer.answered else "no answer"
        rows.append((session.snapshot.node_name(answer.node), said or "works"))
    documents = [{"asked_by": who, "result": what, "works": what == "works"} for who, what in rows]
    session.output.table(("Asked by", f"Fence devices of {node.name}"), rows, documents)
    if bad := next((answer for answer in reply.answers if answer.problems or not answer.answered), None):
        detail = dict(rows)[session.snapshot.node_name(bad.node)]
        raise refuse("validation_failed", node=session.snapshot.node_name(bad.node), detail=detail)


async def _help(session: Session, program: str) -> None:
    reply = await session.cluster.call(DescribeFenceProgram(program=program))
    assert isinstance(reply, FenceDescribed), reply
    options = [option for option in reply.options if not option.deprecated]
    rows = [
        (option.name, option.kind, "required" if option.required else option.default, option.help) for option in options
    ]
    documents = [
        {"name": o.name, "kind": o.kind, "required": o.required, "default": o.default, "help": o.help} for o in options
    ]
    session.output.table(("Option", "Kind", "Default", "Meaning"), rows, documents)
