"""Random clusters and random faults: all drawn from a seed before anything happens, so that a story replays."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from nodeagent.api.objects import ResourceState, Wanted
from nodeagent.api.properties import Value
from tests.simulation.node import Node
from tests.simulation.world import World

FAULTY = 120.0  # seconds in which faults begin and end
HEALED = 120.0  # seconds after which everything must be as it is wanted
ADMINISTRATOR = 5.0  # seconds between looks of the administrator, who brings online again what has failed


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that happens at a moment, to a node, for some seconds (0: it has no end)."""

    at: float
    kind: str
    node: int
    seconds: float
    number: float

    def __str__(self) -> str:
        ends = f" for {self.seconds:.2f} s" if self.seconds else ""
        return f"{self.at:7.2f} s  {self.kind} at node {self.node}{ends} ({self.number:.2f})"


@dataclass(frozen=True, slots=True)
class Group:
    """A group of a random cluster."""

    name: str
    resources: dict[str, tuple[str, ...]]
    preferred: tuple[int, ...]
    possible: tuple[int, ...] | None
    properties: dict[str, Value]
    policy: dict[str, Value]
    parameters: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Plan:
    """A random story."""

    nodes: int
    profile: str
    groups: tuple[Group, ...]
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        groups = "\n".join(map(str, self.groups))
        return f"{self.nodes} nodes, {self.profile}\n{groups}\n" + "\n".join(map(str, self.faults))


LASTS: dict[str, tuple[float, float]] = {
    "power": (0.5, 40.0),
    "leave": (1.0, 20.0),
    "service frozen": (0.1, 60.0),
    "monitor frozen": (0.1, 60.0),
    "node frozen": (0.1, 60.0),
    "cut": (0.3, 30.0),
    "cut out": (0.3, 30.0),
    "cut in": (0.3, 30.0),
    "database away": (0.3, 20.0),
    "lossy": (2.0, 30.0),
    "slow": (2.0, 30.0),
    "slow watch": (2.0, 30.0),
    "refusing": (2.0, 20.0),
    "paused": (2.0, 30.0),
    "offline": (1.0, 20.0),
    "service crash": (0.0, 0.0),
    "monitor crash": (0.0, 0.0),
    "application crash": (0.0, 0.0),
    "move": (0.0, 0.0),
    "compact": (0.0, 0.0),
}


def draw(seed: int) -> Plan:
    """Return the story of that seed."""
    chance = random.Random(f"plan {seed}")
    nodes = chance.randint(2, 4)
    groups = tuple(_group(chance, nodes, number) for number in range(1, chance.randint(1, 4) + 1))
    faults = sorted(
        (_fault(chance, nodes) for _ in range(chance.randint(3, 24))), key=lambda fault: (fault.at, fault.kind)
    )
    return Plan(nodes, chance.choice(("default", "default", "fast")), groups, tuple(faults))


def _group(chance: random.Random, nodes: int, number: int) -> Group:
    names = [f"g{number}{letter}" for letter in "abc"[: chance.randint(1, 3)]]
    resources = {
        name: tuple(provider for provider in names[:place] if chance.random() < 0.7) for place, name in enumerate(names)
    }
    everybody = list(range(1, nodes + 1))
    possible = tuple(sorted(chance.sample(everybody, max(1, nodes - 1)))) if chance.random() < 0.3 else None
    preferred = tuple(chance.sample(everybody, chance.randint(0, nodes)))
    return Group(
        f"g{number}",
        resources,
        preferred,
        possible,
        {"AutoFailbackType": chance.randint(0, 1), "FailoverThreshold": chance.choice((1, 10))},
        {"RestartThreshold": chance.randint(0, 3), "RetryPeriodOnFailure": chance.choice((3000, 10_000))},
        {"Start": chance.choice((0.01, 0.1, 1.0)), "Stop": chance.choice((0.01, 0.1, 1.5))},
    )


def _fault(chance: random.Random, nodes: int) -> Fault:
    kind = chance.choice(list(LASTS))
    at = chance.uniform(0.0, FAULTY)
    least, most = LASTS[kind]
    seconds = min(least * (most / least) ** chance.random(), FAULTY - at) if most else 0.0
    return Fault(at, kind, chance.randint(1, nodes), seconds, chance.random())


def _begin(world: World, node: Node, fault: Fault) -> None:
    path, number = node.path, fault.number
    groups = list(world.groups)
    group = groups[int(number * len(groups))]
    chosen = world.groups[group][int(number * 1000) % len(world.groups[group])]
    actions: dict[str, Callable[[], object]] = {
        "power": node.power_off,
        "leave": node.stop_service,
        "service frozen": lambda: node.freeze(service=True),
        "monitor frozen": lambda: node.freeze(monitor=True),
        "node frozen": lambda: node.freeze(whole=True),
        "cut": path.cut,
        "cut out": lambda: path.cut(into=False),
        "cut in": lambda: path.cut(out=False),
        "database away": world.cut_everybody,
        "lossy": lambda: path.change(lost_requests=number / 2, lost_replies=number / 2),
        "slow": lambda: path.change(delay=(0.001, 2 * number)),
        "slow watch": lambda: path.change(watch_delay=(0.001, 5 * number)),
        "refusing": lambda: path.change(refused=number),
        "paused": lambda: world.pause(fault.node, paused=True),
        "offline": lambda: world.want(group, Wanted.OFFLINE),
        "service crash": node.crash_service,
        "monitor crash": node.crash_monitor,
        "application crash": lambda: node.crash_app(chosen),
        "move": lambda: world.move(group, fault.node),
        "compact": lambda: world.network.database.forget(world.network.database.revision),
    }
    world.say("fault", str(fault))
    actions[fault.kind]()


def _end(world: World, node: Node, fault: Fault) -> None:
    groups = list(world.groups)
    world.say("fault", f"over: {fault.kind} at node {fault.node}")
    if fault.kind == "power" and not node.on:
        node.power_on()
    elif fault.kind == "leave":
        node.start_service()
    elif fault.kind.endswith("frozen"):
        node.thaw()
    elif fault.kind == "paused":
        world.pause(fault.node, paused=False)
    elif fault.kind == "offline":
        world.want(groups[int(fault.number * len(groups))], Wanted.ONLINE)
    elif fault.kind == "database away":
        world.heal_everybody()
    else:
        node.path.heal()


async def play(world: World, plan: Plan) -> None:
    """Let the story happen, end all faults, and wait until everything is as it is wanted."""
    for group in plan.groups:
        world.add_group(
            group.name,
            group.resources,
            preferred=group.preferred,
            possible=group.possible,
            properties=group.properties,
            policy=group.policy,
            parameters=group.parameters,
        )
    for node in world.nodes.values():
        node.path.late = 0.5
        node.power_on()
        await world.pass_time(0.02)
    events = [(fault.at, place, _begin, fault) for place, fault in enumerate(plan.faults)]
    events += [
        (fault.at + fault.seconds, place, _end, fault) for place, fault in enumerate(plan.faults) if fault.seconds
    ]
    began = world.loop.time()
    for at, _, what, fault in sorted(events, key=lambda event: (event[0], event[1])):
        await world.pass_time(began + at - world.loop.time())
        what(world, world.nodes[fault.node], fault)
    await world.pass_time(max(0.0, began + FAULTY - world.loop.time()))
    heal(world)
    administrator = world.kernel.start(_administrate(world), "administrator")
    await world.settled(HEALED)
    administrator.cancel()
    await world.pass_time(3.0)


def heal(world: World) -> None:
    """End everything that is wrong."""
    world.say("fault", "everything heals")
    world.heal_everybody()
    for number, node in world.nodes.items():
        node.thaw()
        if not node.on:
            node.power_on()
        node.start_service()
        world.pause(number, paused=False)


async def _administrate(world: World) -> None:
    while True:
        for resources in world.groups.values():
            for resource in resources:
                state = world.record(resource)
                if state is not None and state.state is ResourceState.FAILED:
                    world.retry(resource)
        await world.pass_time(ADMINISTRATOR)
