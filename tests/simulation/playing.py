"""Lets a random story happen: builds its cluster, begins and ends its faults, heals everything, and waits."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from nodeagent.api import requests as r
from nodeagent.api.freezing import Maintenance
from nodeagent.api.objects import ResourceState, Wanted
from nodeagent.api.problems import ClusterError
from nodeagent.api.requests import Right
from nodeagent.database.records import GroupRecord, NodeRecord, decode, encode, group_key, node_key
from nodeagent.database.store import Transaction
from nodeagent.planner.timing import PROFILES
from nodeagent.service.rights import Caller
from tests.simulation.faults import ANOTHER, EVERYBODY, LEADER, Fault
from tests.simulation.machine import Slow
from tests.simulation.moments import MOMENTS, steps
from tests.simulation.network import USUAL_DELAY, Path
from tests.simulation.node import Node
from tests.simulation.plans import Plan, draw
from tests.simulation.running import simulate
from tests.simulation.world import BrokenPromise, World

HEALED = 180.0  # seconds after which everything must be as it is wanted
ADMINISTRATOR = 5.0  # seconds between looks of the administrator, who brings online again what has failed
SOME_LATE = 0.5  # of the requests that are lost arrive after all
FOR_EVER = 1e12  # a time of day that never comes
SHORTER = {"virtual machines": ("default", "fast"), "default": ("fast",), "fast": ("fast",)}
_LATE = {f"late {step}": step for step in MOMENTS}
ANNA = Caller("anna", Right.ADMINISTER)


def tell(seed: int, prepare: Callable[[World], None] = lambda _world: None) -> World:
    """Tell the story of that seed.

    Raises:
        BrokenPromise: with the story and its timeline.
    """
    plan = draw(seed)

    def prepared(world: World) -> None:
        for node in world.nodes.values():
            node.settings = msgspec.structs.replace(node.settings, watchdog=plan.watchdog, reset=plan.reset)
        prepare(world)

    try:
        return simulate(
            lambda world: Player(world, plan).play(),
            seed=seed,
            nodes=plan.nodes,
            profile=plan.profile,
            prepare=prepared,
        )
    except BrokenPromise as exc:
        raise BrokenPromise(f"{exc}\n\nthe story of seed {seed}: {plan}") from exc


class Player:
    """Plays a plan in a world."""

    def __init__(self, world: World, plan: Plan) -> None:
        self._world = world
        self._plan = plan
        self._chosen: dict[tuple[int, int], Node] = {}
        self._flapping: dict[Fault, asyncio.Task[None]] = {}
        self._waiting: list[tuple[str, Fault]] = []
        self._healed = False
        self._committed, world.network.committed = world.network.committed, self._hear

    async def play(self) -> None:
        """Let the story happen, end all faults, and wait until everything is as it is wanted."""
        world, plan = self._world, self._plan
        self._build()
        last = max(world.nodes)
        for number, node in world.nodes.items():
            node.path.late = SOME_LATE
            if number != last or not plan.late:
                node.power_on()
                await world.pass_time(0.02)
        began = world.loop.time()
        events = [
            (fault.at, place, self._lie_in_wait if fault.after else self._begin, fault)
            for place, fault in enumerate(plan.faults)
        ]
        events += [
            (fault.at + fault.seconds, place, self._end, fault)
            for place, fault in enumerate(plan.faults)
            if fault.seconds and not fault.after
        ]
        if plan.late:
            events.append((plan.late, -1, self._end, Fault(0.0, "power", last)))
        if plan.device is not None:
            world.kernel.start(self._connect(), "connects the devices")
        for at, _, what, fault in sorted(events, key=lambda event: (event[0], event[1])):
            await world.pass_time(max(0.0, began + at - world.loop.time()))
            what(fault)
        await world.pass_time(max(0.0, began + plan.seconds - world.loop.time()))
        self._heal()
        administrator = world.kernel.start(self._administrate(), "administrator")
        await world.settled(HEALED)
        administrator.cancel()
        await world.pass_time(3.0)

    def _build(self) -> None:
        for group in self._plan.groups:
            self._world.add_group(
                group.name,
                group.resources,
                preferred=group.preferred,
                possible=group.possible,
                properties=group.properties,
                policy=group.policy,
                parameters=group.parameters,
                kinds=group.kinds,
                separate=group.separate,
            )
            for resource in [name for name, kind in group.kinds.items() if kind == Slow.name]:
                for node in self._world.nodes.values():
                    node.slow.add(resource)

    async def _connect(self) -> None:
        """Give every node its fence device as soon as all have their numbers."""
        world, device = self._world, self._plan.device
        assert device is not None
        world.switch.seconds, world.switch.fails, world.switch.hangs = device.seconds, device.fails, device.hangs
        while not all(node.parts and node.parts.membership.node for node in world.nodes.values()):
            await world.pass_time(0.1)
        world.give_fence_devices()

    # --- faults -------------------------------------------------------------------------------------------------

    def _nodes(self, fault: Fault) -> list[Node]:
        """Return whom it befalls: in one scene always the same."""
        world = self._world
        if fault.node == EVERYBODY:
            return list(world.nodes.values())
        if fault.node > 0:
            return [world.nodes[fault.node]]
        key = fault.scene, fault.node
        if key not in self._chosen:
            self._chosen[key] = self._found(fault)
        return [self._chosen[key]]

    def _found(self, fault: Fault) -> Node:
        nodes = list(self._world.nodes.values())
        if fault.node == LEADER:
            found = [node for node in nodes if node.parts and node.parts.leadership.holds_lead]
        else:
            homes = self._homes(self._group_of(fault))
            found = [node for node in nodes if (node.name in homes) != (fault.node == ANOTHER)]
        found = found or nodes
        return found[int(fault.number * len(found))]

    def _homes(self, group: str) -> set[str]:
        """Return the names of the nodes on which something of a group runs."""
        return {one.node for one in self._world.witness.running() if one.resource in self._world.groups[group]}

    def _lie_in_wait(self, fault: Fault) -> None:
        """Let it begin right after a step of whom it befalls."""
        for node in self._nodes(fault):
            self._waiting.append((node.name, fault))

    def _hear(self, who: str, transaction: Transaction) -> None:
        self._committed(who, transaction)
        if not self._waiting:
            return
        taken = steps(transaction.put)
        for waiting in [one for one in self._waiting if one[0] == who]:
            fault = waiting[1]
            if fault.after is not None and fault.after[0] in taken:
                self._waiting.remove(waiting)
                self._world.kernel.later(fault.after[1], self._strike, fault)

    def _strike(self, fault: Fault) -> None:
        if self._healed:
            return
        self._begin(fault)
        if fault.seconds:
            self._world.kernel.later(fault.seconds, lambda: None if self._healed else self._end(fault))

    def _begin(self, fault: Fault) -> None:
        self._world.say("fault", str(fault))
        if fault.kind in ("database away", "offline", "profile", "shorter times", "compact", "group maintenance"):
            self._to_the_cluster(fault)
            return
        for node in self._nodes(fault):
            self._to_a_node(fault, node)

    def _group_of(self, fault: Fault) -> str:
        groups = list(self._world.groups)
        return groups[int(fault.which * len(groups))]

    def _resource_of(self, fault: Fault) -> str:
        resources = self._world.groups[self._group_of(fault)]
        return resources[int(fault.which * 1000) % len(resources)]

    def _to_the_cluster(self, fault: Fault) -> None:
        world, group = self._world, self._group_of(fault)
        if fault.kind == "database away":
            world.cut_everybody()
        elif fault.kind == "offline":
            world.want(group, Wanted.OFFLINE)
        elif fault.kind == "profile":
            world.change_profile(list(PROFILES)[int(fault.number * len(PROFILES))])
        elif fault.kind == "shorter times":
            shorter = SHORTER[self._plan.profile]
            world.change_profile(shorter[int(fault.number * len(shorter))])
        elif fault.kind == "compact":
            world.network.database.forget(world.network.database.revision)
        else:
            self._maintain_group(group, Maintenance(since=0.0, until=FOR_EVER))

    def _to_a_node(self, fault: Fault, node: Node) -> None:
        world, path, number = self._world, node.path, fault.number
        place = next(place for place, one in world.nodes.items() if one is node)
        actions: dict[str, Callable[[], object]] = {
            "power": node.power_off,
            "leave": node.stop_service,
            "service frozen": lambda: node.freeze(service=True),
            "monitor frozen": lambda: node.freeze(monitor=True),
            "node frozen": lambda: node.freeze(whole=True),
            "cut": path.cut,
            "cut out": lambda: path.cut(into=False),
            "cut in": lambda: path.cut(out=False),
            "flapping": lambda: self._flap(fault, node),
            "lossy": lambda: path.change(lost_requests=number / 2, lost_replies=number / 2),
            "all late": lambda: path.change(lost_requests=0.5 + number / 2, lost_replies=number / 2, late=1.0),
            "slow": lambda: path.change(delay=(0.001, 2 * number)),
            "slow answers": lambda: path.change(delay=(0.05, 0.29)),
            "slow watch": lambda: path.change(watch_delay=(0.001, 5 * number)),
            "rare news": lambda: path.change(watch_delay=(0.85 + number / 8, 0.85 + number / 8)),
            "late news": lambda: path.change(watch_delay=(0.5 + 3 * number, 0.6 + 3 * number)),
            "refusing": lambda: path.change(refused=number),
            "doubled": lambda: path.change(doubled=number),
            "paused": lambda: world.pause(place, paused=True),
            "drained": lambda: self._ask(lambda: r.PauseNode(node=place, drain=True)),
            "maintenance": lambda: self._maintain_node(place, Maintenance(since=0.0, until=FOR_EVER)),
            "broken": lambda: node.broken.add(self._resource_of(fault)),
            "sick": lambda: node.sick.add(self._resource_of(fault)),
            "unkillable": lambda: self._resist(node, self._resource_of(fault)),
            "service crash": node.crash_service,
            "service lost": lambda: node.crash_service(restart=False),
            "monitor crash": node.crash_monitor,
            "application crash": lambda: node.crash_app(self._resource_of(fault)),
            "wiped": lambda: node.wipe() if node.on and node.service else None,
            "dies slowly": lambda: setattr(node, "kills_slowly", True),
            "clock set": lambda: setattr(node.clock, "set_ahead", 7200 * (number - 0.5)),
            "move": lambda: self._move(self._group_of(fault), number),
            "move to": lambda: world.move(self._group_of(fault), place),
            "word": self._give_word,
        }
        if fault.kind in _LATE:
            path.held[_LATE[fault.kind]] = 0.3 * 40**number
        else:
            actions[fault.kind]()

    def _move(self, group: str, number: float) -> None:
        """Move a group to where it is not, and shall not be."""
        homes, owner = self._homes(group), self._world.owner(group).node
        found = [place for place, node in self._world.nodes.items() if node.name not in homes and place != owner] or [1]
        self._world.move(group, found[int(number * len(found))])

    def _end(self, fault: Fault) -> None:
        world = self._world
        world.say("fault", f"over: {fault}")
        if fault.kind == "database away":
            world.heal_everybody()
            return
        if fault.kind == "offline":
            world.want(self._group_of(fault), Wanted.ONLINE)
            return
        if fault.kind == "group maintenance":
            self._maintain_group(self._group_of(fault), None)
            return
        for node in self._nodes(fault):
            self._end_at(fault, node)

    def _end_at(self, fault: Fault, node: Node) -> None:
        world, kind = self._world, fault.kind
        place = next(place for place, one in world.nodes.items() if one is node)
        if kind == "power":
            if not node.on:
                node.power_on()
        elif kind in ("leave", "service lost"):
            node.start_service()
        elif kind.endswith("frozen"):
            node.thaw()
        elif kind == "paused":
            world.pause(place, paused=False)
        elif kind == "drained":
            self._ask(lambda: r.ResumeNode(node=place, failback=fault.number < 0.5))
        elif kind == "maintenance":
            self._maintain_node(place, None)
        elif kind in ("broken", "sick"):
            (node.broken if kind == "broken" else node.sick).discard(self._resource_of(fault))
        elif kind == "unkillable":
            self._resist(node, self._resource_of(fault), resists=False)
        elif kind == "dies slowly":
            node.kills_slowly = False
        elif kind in _LATE:
            node.path.held.pop(_LATE[kind], None)
        else:
            self._mend(fault, node.path)

    def _mend(self, fault: Fault, path: Path) -> None:
        """End what is wrong with a way, and leave what another fault has done to it."""
        kind = fault.kind
        if (flapping := self._flapping.pop(fault, None)) is not None:
            flapping.cancel()
        if kind.startswith("cut") or kind == "flapping":
            path.join()
        elif kind in ("slow", "slow answers"):
            path.change(delay=USUAL_DELAY)
        elif kind in ("slow watch", "rare news", "late news"):
            path.change(watch_delay=USUAL_DELAY)
        else:
            assert kind in ("lossy", "all late", "refusing", "doubled"), kind
            path.change(lost_requests=0.0, lost_replies=0.0, refused=0.0, doubled=0.0, late=SOME_LATE)

    def _flap(self, fault: Fault, node: Node) -> None:
        chance = random.Random(fault.number)

        async def flap() -> None:
            while True:
                way = chance.choice(((True, True), (True, True), (False, True), (True, False)))
                node.path.cut(out=way[0], into=way[1])
                await asyncio.sleep(chance.choice((0.1, 0.4, 1.0, 3.0, 4.5)) * chance.random())  # virtual time
                node.path.heal()
                await asyncio.sleep(chance.choice((0.05, 0.2, 0.5, 1.0)) * chance.random())  # virtual time

        self._flapping[fault] = self._world.kernel.start(flap(), "flapping")

    @staticmethod
    def _resist(node: Node, resource: str, *, resists: bool = True) -> None:
        node.container(resource).unkillable = resists

    # --- an administrator ---------------------------------------------------------------------------------------

    def _maintain_node(self, number: int, maintenance: Maintenance | None) -> None:
        entry = self._world.network.database.entries.get(node_key(number))
        if entry is not None:
            record = msgspec.structs.replace(decode(entry.value, NodeRecord), maintenance=maintenance)
            self._world.put(node_key(number), encode(record))

    def _maintain_group(self, group: str, maintenance: Maintenance | None) -> None:
        record = decode(self._world.network.database.entries[group_key(group)].value, GroupRecord)
        self._world.put(group_key(group), encode(msgspec.structs.replace(record, maintenance=maintenance)))

    def _give_word(self) -> None:
        """Give the word for a node that is truly off."""
        for number, node in self._world.nodes.items():
            if not node.on and f"heartbeats/{number}" in self._world.network.database.entries:
                revision = self._world.network.database.entries[f"heartbeats/{number}"].revision
                self._ask(lambda: r.DeclareOff(node=number, name=node.name, heartbeat=revision))  # noqa: B023 - asked now
                return

    def _ask(self, make: Callable[[], r.Request]) -> None:
        """Ask as a workstation of some node would; whatever is refused is refused."""
        request = make()

        async def ask(node: Node) -> None:
            assert node.parts is not None
            try:
                await node.parts.handlers.handle(request, ANNA)
            except ClusterError as exc:
                self._world.say("admin", f"is refused: {exc.problem.code}")

        for node in self._world.nodes.values():
            if node.on and node.service is not None and node.parts is not None and node.parts.membership.node:
                self._world.say("admin", f"asks {node.name}: {request}")
                work: Coroutine[Any, Any, None] = ask(node)
                node.service.start(work, "a request")
                return

    async def _administrate(self) -> None:
        """Bring online what has failed, and switch on what its device turned off: nobody else does."""
        world = self._world
        while True:
            for node in world.nodes.values():
                if not node.on:
                    node.power_on()
            for resources in world.groups.values():
                for resource in resources:
                    state = world.record(resource)
                    if state is not None and state.state is ResourceState.FAILED:
                        world.retry(resource)
            await asyncio.sleep(ADMINISTRATOR)  # virtual time

    def _heal(self) -> None:
        """End everything that is wrong."""
        world = self._world
        world.say("fault", "everything heals")
        self._healed = True
        self._waiting.clear()
        for flapping in self._flapping.values():
            flapping.cancel()
        world.heal_everybody()
        for group in world.groups:
            self._maintain_group(group, None)
        for number, node in world.nodes.items():
            node.broken.clear()
            node.sick.clear()
            node.kills_slowly = False
            for container in node.containers.all.values():
                container.unkillable = False
            node.thaw()
            if not node.on:
                node.power_on()
            node.start_service()
            self._maintain_node(number, None)
            entry = world.network.database.entries.get(node_key(number))
            if entry is not None:
                record = msgspec.structs.replace(decode(entry.value, NodeRecord), paused=False, drain=None)
                world.put(node_key(number), encode(record))
