"""What a step of a scenario says, and what it does: requests of a person, and things that happen to machines.

README.md lists them for whoever writes a story.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from clusteradmin.client.whatif import foresee
from nodeagent.api import requests as r
from nodeagent.api.objects import Group, NodeId, ObjectKind, Resource, Snapshot
from nodeagent.api.problems import ClusterError, Problem
from nodeagent.api.texts import sentence
from tests.scenarios.stage import ANNA, Stage
from tests.simulation.node import Node

_NODE = r"node(\d+)"
_KINDS: Final = {
    "group": ObjectKind.GROUP,
    "resource": ObjectKind.RESOURCE,
    "cluster": ObjectKind.CLUSTER,
    "node": ObjectKind.NODE,
}


class UnknownStep(Exception):
    """A line that no step looks like."""


Found = re.Match[str]
Ids = Callable[[str], str]
Does = Callable[[Stage, Found], Awaitable[None] | None]


async def play(stage: Stage) -> None:
    """Do all steps."""
    for line in stage.scenario.steps:
        pattern, does = _look_up(line)
        if does is not _wait:
            stage.log.step(stage.world.loop.time(), line)
        found = re.fullmatch(pattern, line)
        assert found is not None
        working = does(stage, found)
        if working is not None:
            await working


def _look_up(line: str) -> tuple[str, Does]:
    for pattern, does in STEPS.items():
        if re.fullmatch(pattern, line):
            return pattern, does
    raise UnknownStep(line)


# --- time ---------------------------------------------------------------------------------------------------------


async def _wait(stage: Stage, found: Found) -> None:
    await stage.world.pass_time(float(found[1]))


def _clock(stage: Stage, found: Found) -> None:
    stage.set_clock(found[1])


# --- requests of a person -----------------------------------------------------------------------------------------


def _refused(stage: Stage, bad: Problem) -> None:
    number = f" ({bad.number})" if bad.number else ""
    stage.log.say(stage.world.loop.time(), f"refused: {sentence(bad)}{number}")


async def _ask(stage: Stage, request: r.Request) -> None:
    node = stage.asked()
    if node is None or node.parts is None:
        node = next((n for n in stage.world.nodes.values() if n.parts and n.service and not n.service.frozen), None)
    if node is None or node.parts is None:
        stage.log.add("nobody is there to be asked")
        return
    try:
        done = await stage.in_service(node, node.parts.handlers.handle(request, ANNA))
    except ClusterError as exc:
        _refused(stage, exc.problem)
        return
    if isinstance(done, r.Done):
        for notice in done.notices:
            stage.log.add(f"notice: {sentence(notice)}")


def _node_of(text: str | None) -> NodeId | None:
    return int(text) if text else None


def _request(line: Found, cluster: Snapshot) -> r.Request:
    def ids(name: str) -> str:
        """A story calls things by their names."""
        known: tuple[Group | Resource, ...] = (*cluster.groups.values(), *cluster.resources.values())
        return next((item.id for item in known if item.name == name), name)

    words = line[0].removeprefix("what if ")
    for pattern, make in REQUESTS.items():
        if found := re.fullmatch(pattern, words):
            return make(found, ids)
    raise UnknownStep(words)


async def _asks(stage: Stage, found: Found) -> None:
    request = _request(found, stage.snapshot())
    await _ask(stage, request)
    if isinstance(request, r.SetDependencies):
        now = stage.snapshot().resources.get(request.resource)
        stage.world.witness.providers[request.resource] = now.dependencies if now else ()


async def _declare_off(stage: Stage, found: Found) -> None:
    """The person types the name that is shown, after the heartbeat that is shown."""
    node = stage.snapshot().node(int(found[1]))
    await _ask(stage, r.DeclareOff(node=node.id, name=found[2] or node.name, heartbeat=node.heartbeat))


async def _what_if(stage: Stage, found: Found) -> None:
    node = stage.asked()
    assert node is not None
    assert node.parts is not None
    foreseen = foresee(_request(found, node.parts.following.snapshot), node.parts.following.snapshot)
    if foreseen.problem:
        _refused(stage, foreseen.problem)
    for effect in foreseen.effects:
        stage.log.add(f"would: {effect}")


def _kind(found: Found) -> ObjectKind:
    return _KINDS[found["kind"]]


def _value(text: str) -> Any:
    if text == "default":
        return None
    if text.startswith("[") and text.endswith("]"):
        return tuple(part for part in re.split(r",\s*", text[1:-1]) if part)
    if text in ("yes", "no"):
        return text == "yes"
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def _set(found: Found, ids: Ids) -> r.Request:
    pairs = dict(part.split("=", 1) for part in found["pairs"].split())
    kind = _kind(found)
    identity = ids(found["id"]) if found["id"] else "world"
    return r.SetProperties(kind=kind, id=identity, properties={name: _value(text) for name, text in pairs.items()})


def _numbers(text: str | None) -> tuple[NodeId, ...]:
    return tuple(int(number) for number in re.findall(_NODE, text or ""))


def _object(found: Found, ids: Ids) -> tuple[ObjectKind, str]:
    kind, name = _KINDS[found["kind"]], found["id"]
    if kind is ObjectKind.NODE:
        return kind, name.removeprefix("node")
    return kind, ids(name) if name else "world"


def _maintenance(found: Found, ids: Ids) -> r.Request:
    kind, identity = _object(found, ids)
    return r.BeginMaintenance(kind=kind, id=identity, seconds=float(found["seconds"]))


def _end_maintenance(found: Found, ids: Ids) -> r.Request:
    kind, identity = _object(found, ids)
    return r.EndMaintenance(kind=kind, id=identity)


REQUESTS: Final[dict[str, Callable[[Found, Ids], r.Request]]] = {
    r"online (?P<kind>group|resource) (?P<id>\w+)(?: on node(?P<node>\d+))?": lambda f, ids: r.BringOnline(
        kind=_kind(f), id=ids(f["id"]), node=_node_of(f["node"])
    ),
    r"offline (?P<kind>group|resource) (?P<id>\w+)": lambda f, ids: r.TakeOffline(kind=_kind(f), id=ids(f["id"])),
    r"fail (?P<id>\w+)": lambda f, ids: r.InitiateFailure(resource=ids(f["id"])),
    r"move (?P<id>\w+)(?: to node(?P<node>\d+))?": lambda f, ids: r.MoveGroup(
        group=ids(f["id"]), node=_node_of(f["node"])
    ),
    r"pause node(?P<node>\d+)": lambda f, ids: r.PauseNode(node=int(f["node"])),
    r"drain node(?P<node>\d+)": lambda f, ids: r.PauseNode(node=int(f["node"]), drain=True),
    r"stop draining node(?P<node>\d+)": lambda f, ids: r.CancelDrain(node=int(f["node"])),
    r"resume node(?P<node>\d+) with failback": lambda f, ids: r.ResumeNode(node=int(f["node"]), failback=True),
    r"stop node(?P<node>\d+)": lambda f, ids: r.StopNode(node=int(f["node"])),
    r"start node(?P<node>\d+)": lambda f, ids: r.StartNode(node=int(f["node"])),
    r"evict node(?P<node>\d+)": lambda f, ids: r.EvictNode(node=int(f["node"])),
    r"admit (?P<name>node\d+)": lambda f, ids: r.AdmitNode(name=f["name"]),
    r"maintenance of (?P<kind>group|node|cluster)(?: (?P<id>\w+))? for (?P<seconds>\d+)": _maintenance,
    r"end maintenance of (?P<kind>group|node|cluster)(?: (?P<id>\w+))?": _end_maintenance,
    r"take over now (?P<nodes>.+)": lambda f, ids: r.TakeOverNow(nodes=_numbers(f["nodes"])),
    r"resume node(?P<node>\d+)": lambda f, ids: r.ResumeNode(node=int(f["node"])),
    r"set (?P<kind>group|resource|cluster)(?: (?P<id>\w+))? (?P<pairs>\w+=.*)": _set,
    r"prefer (?P<id>\w+) (?P<nodes>.+)": lambda f, ids: r.SetPreferredOwners(
        group=ids(f["id"]), nodes=_numbers(f["nodes"])
    ),
    r"possible (?P<id>\w+) (?P<nodes>.+)": lambda f, ids: r.SetPossibleOwners(
        resource=ids(f["id"]), nodes=None if f["nodes"] == "all" else _numbers(f["nodes"])
    ),
    r"depend (?P<id>\w+) on (?P<providers>.+)": lambda f, ids: r.SetDependencies(
        resource=ids(f["id"]), providers=() if f["providers"] == "nothing" else tuple(map(ids, f["providers"].split()))
    ),
    r"delete (?P<kind>group|resource) (?P<id>\w+)(?: with (?P<others>.+))?": lambda f, ids: r.Delete(
        kind=_kind(f), id=ids(f["id"]), with_dependents=tuple(map(ids, (f["others"] or "").split()))
    ),
    r"change (?P<id>\w+) to group (?P<group>\w+)": lambda f, ids: r.ChangeGroup(
        resource=ids(f["id"]), group=ids(f["group"])
    ),
    r"create group (?P<name>\w+)": lambda f, ids: r.CreateGroup(name=f["name"]),
    r"create resource (?P<name>\w+) of type (?P<type>\w+) in (?P<group>\w+)": lambda f, ids: r.CreateResource(
        name=f["name"], type=f["type"], group=ids(f["group"])
    ),
}

# --- what happens to machines and processes -----------------------------------------------------------------------


def _on_node(act: Callable[[Node], object]) -> Does:
    def does(stage: Stage, found: Found) -> None:
        act(stage.node(int(found[1])))

    return does


def _everybody(act: Callable[[Stage], object]) -> Does:
    def does(stage: Stage, found: Found) -> None:
        del found
        act(stage)

    return does


def _cut(stage: Stage, found: Found) -> None:
    way = found[2]
    stage.node(int(found[1])).path.cut(out=way != " from the database", into=way != " to the database")


def _crash(stage: Stage, found: Found) -> None:
    for node in stage.world.nodes.values():
        node.crash_app(found[1])


def _break(stage: Stage, found: Found) -> None:
    stage.node(int(found[2])).broken.add(found[1])


def _mend(stage: Stage, found: Found) -> None:
    stage.node(int(found[2])).broken.discard(found[1])


def _sick(stage: Stage, found: Found) -> None:
    stage.node(int(found[2])).sick.add(found[1])


def _well(stage: Stage, found: Found) -> None:
    stage.node(int(found[2])).sick.discard(found[1])


def _slow(stage: Stage, found: Found) -> None:
    half = float(found[2]) / 2
    stage.node(int(found[1])).path.change(delay=(half, half))


def _late_watch(stage: Stage, found: Found) -> None:
    stage.node(int(found[1])).path.change(watch_delay=(float(found[2]), float(found[2])))


def _lose(stage: Stage, found: Found) -> None:
    node, what = stage.node(int(found[2])), found[1]
    if what == "requests":
        node.path.change(lost_requests=1.0)
    elif what == "answers":
        node.path.change(lost_replies=1.0)
    else:
        node.path.change(lost_requests=1.0, late=1.0)


def _jam(stage: Stage, found: Found) -> None:
    stage.node(int(found[2])).container(found[1]).unkillable = True


def _unjam(stage: Stage, found: Found) -> None:
    stage.node(int(found[2])).container(found[1]).unkillable = False


def _fence_devices(stage: Stage, found: Found) -> None:
    stage.world.switch.fails, stage.world.switch.hangs = found[1] == "fail", found[1] == "hang"


def _hang_planning(stage: Stage, found: Found) -> None:
    """The leader's planning hangs, its heartbeats go on."""
    node = stage.node(int(found[1]))
    assert node.parts is not None

    async def hang() -> bool:
        await asyncio.Event().wait()
        return False

    node.parts.reconciler._plan_once = hang  # type: ignore[method-assign]  # as a task that waits for ever


def _one_monitor(stage: Stage, found: Found) -> None:
    """One monitor by its name ends, others of the node go on."""
    node = stage.node(int(found[2]))
    for monitor in list(node.monitors.values()):
        if monitor.monitor_name == found[1]:
            monitor.die("crashes")


STEPS: Final[dict[str, Does]] = {
    r"wait (\d+(?:\.\d+)?)": _wait,
    r"clock ([\d: -]+)": _clock,
    **dict.fromkeys(REQUESTS, _asks),
    r"what if .*": _what_if,
    r"declare node(\d+) off(?:, typing (\w+))?": _declare_off,
    r"fence devices (fail|hang|work)": _fence_devices,
    r"jam (\w+) on node(\d+)": _jam,
    r"unjam (\w+) on node(\d+)": _unjam,
    r"hang planning on node(\d+)": _hang_planning,
    r"wipe node(\d+)": _on_node(Node.wipe),
    r"power off node(\d+)": _on_node(Node.power_off),
    r"power on node(\d+)": _on_node(Node.power_on),
    r"leave node(\d+)": _on_node(Node.stop_service),
    r"start service node(\d+)": _on_node(Node.start_service),
    r"crash service node(\d+)": _on_node(Node.crash_service),
    r"crash service node(\d+) for good": _on_node(lambda node: node.crash_service(restart=False)),
    r"crash monitor node(\d+)": _on_node(Node.crash_monitor),
    r"crash monitor of (\w+) on node(\d+)": _one_monitor,
    r"crash (\w+)": _crash,
    r"break (\w+) on node(\d+)": _break,
    r"mend (\w+) on node(\d+)": _mend,
    r"hang (\w+) on node(\d+)": _sick,
    r"unhang (\w+) on node(\d+)": _well,
    r"cut node(\d+)( to the database| from the database)?": _cut,
    r"cut everybody": _everybody(lambda stage: stage.world.cut_everybody()),
    r"heal node(\d+)": _on_node(lambda node: node.path.heal()),
    r"heal everybody": _everybody(lambda stage: stage.world.heal_everybody()),
    r"freeze node(\d+)": _on_node(lambda node: node.freeze(whole=True)),
    r"freeze service node(\d+)": _on_node(lambda node: node.freeze(service=True)),
    r"freeze monitor node(\d+)": _on_node(lambda node: node.freeze(monitor=True)),
    r"thaw node(\d+)": _on_node(Node.thaw),
    r"slow node(\d+) by (\d+(?:\.\d+)?)": _slow,
    r"late news for node(\d+) by (\d+(?:\.\d+)?)": _late_watch,
    r"lose (requests|answers|nothing but delay requests) of node(\d+)": _lose,
    r"compact": _everybody(lambda stage: stage.world.network.database.forget(stage.world.network.database.revision)),
}
