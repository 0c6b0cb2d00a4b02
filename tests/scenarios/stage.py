"""Where a scenario is played: the simulated world without its randomness, whose event log is listened to."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Coroutine, MutableSequence
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from nodeagent.api.causes import cause
from nodeagent.api.events import LogEntry
from nodeagent.api.objects import GroupState, NodeState, ResourceState, Snapshot, Wanted
from nodeagent.api.requests import Right
from nodeagent.api.states import state_words, wanted
from nodeagent.database.records import (
    CLUSTER,
    ClusterRecord,
    GroupRecord,
    ResourceRecord,
    WishRecord,
    decode,
    encode,
    group_key,
    resource_key,
    wish_key,
)
from nodeagent.database.store import Transaction
from nodeagent.resourcetypes.base import ResourceType
from nodeagent.service.rights import Caller
from tests.scenarios.scenario import GroupStart, Scenario, value_of
from tests.scenarios.telling import Log
from tests.simulation.machine import TYPES, Application, Settings
from tests.simulation.node import Node
from tests.simulation.witness import Witness
from tests.simulation.world import BrokenPromise, World

PATIENCE: Final = 90.0  # seconds that a healed cluster gets until everything is as it is wanted
BEGINNING: Final = 1_800_000_000.0  # time of day at which every simulated world begins
ANNA: Final = Caller("anna", Right.ADMINISTER)

T = TypeVar("T")


class Steady(random.Random):
    """Draws the middle of everything, so that a story tells the same whatever else is drawn beside it."""

    def random(self) -> float:
        """Return the middle."""
        return 0.5

    def choice(self, seq: Any) -> Any:
        """Return the middle one."""
        return seq[len(seq) // 2]

    def shuffle(self, x: MutableSequence[Any]) -> None:
        """Leave it as it is."""


class Checked(Application):
    """An application that can be asked whether it works."""

    name = "Checked"

    def is_alive(self, mine: Settings) -> bool:
        """Never called: the simulated machine answers."""
        raise NotImplementedError


class Site(Checked):
    """An application that needs an address."""

    name = "Site"
    required_dependencies = ("Application",)


ALL_TYPES: Final[dict[str, ResourceType[Any]]] = {**TYPES, "Checked": Checked(), "Site": Site()}


class _TellingWitness(Witness):
    """A witness that the log hears."""

    say: Callable[[str], None]

    def started(self, now: float, node: str, resource: str, pid: int, excused_until: float) -> list[str]:
        self.say(f"({resource} runs on {node})")
        return super().started(now, node, resource, pid, excused_until)

    def ended(self, now: float, node: str, pid: int) -> None:
        self.say(f"({self.open[node, pid].resource} has ended on {node})")
        super().ended(now, node, pid)


class Stage:
    """One scenario being played."""

    def __init__(self, scenario: Scenario, world: World) -> None:
        self.scenario = scenario
        self.world = world
        self.log = Log()
        self.told = False  # what happens before the story begins is not told
        self.uncaused: list[str] = []
        self._heard: set[str] = set()
        world.types = ALL_TYPES
        self._committed = world.network.committed
        world.network.committed = self._hear
        witness = _TellingWitness(world.profile)
        witness.say = self.say
        if scenario.start.applications:
            world.witness = witness
        self.set_clock(scenario.start.clock)
        for node in world.nodes.values():
            start = scenario.start
            node.settings = replace(node.settings, watchdog=start.watchdog, reset=start.reset)
        for number, types in scenario.start.without.items():
            self.node(number).without = set(types)

    def node(self, number: int) -> Node:
        """Return a node by its number."""
        return self.world.nodes[number]

    def say(self, text: str) -> None:
        """Write into the log what the applications themselves would have written down."""
        if self.told:
            self.log.say(self.world.loop.time(), text)

    def _hear(self, who: str, transaction: Transaction) -> None:
        self._committed(who, transaction)
        for key, value in transaction.put.items():
            if key.startswith("events/") and key not in self._heard:  # a commit that is repeated says nothing new
                self._heard.add(key)
                entry = decode(value, LogEntry)
                self._check_cause(entry)
                if self.told and (entry.code != "event_leader" or self.scenario.start.leader):
                    self.log.entry(self.world.loop.time(), entry)

    def _check_cause(self, entry: LogEntry) -> None:
        """Every transition has a cause, or says itself how it came about."""
        moves = entry.code in ("event_group_moving", "event_group_assigned", "event_group_gave_up", "event_requested")
        fails = entry.code in ("event_failed", "event_restarted", "event_self_stop", "event_node_down")
        if (moves and entry.cause is None) or (
            fails and entry.cause is None and not (entry.parameters.get("detail") or entry.parameters.get("reason"))
        ):
            self.uncaused.append(f"{entry.code} {entry.parameters}")

    # --- the starting cluster -----------------------------------------------------------------------------------

    def set_clock(self, text: str) -> None:
        """Set the time of day of all nodes, in UTC: "2026-03-29 00:59", or only "22:30" of the same day."""
        now = self.world.loop.time()
        ahead = next(iter(self.world.nodes.values())).clock.set_ahead
        today = datetime.datetime.fromtimestamp(BEGINNING + ahead + now, datetime.UTC)
        full = text if "-" in text else f"{today:%Y-%m-%d} {text}"
        wanted_time = datetime.datetime.fromisoformat(full).replace(tzinfo=datetime.UTC).timestamp()
        for node in self.world.nodes.values():
            node.clock.set_ahead = wanted_time - BEGINNING - now

    async def begin(self) -> None:
        """Boot the nodes that are on, put the groups where they are, and wait until everything is as it is wanted."""
        start = self.scenario.start
        self._set_cluster_properties()
        on = [node for number, node in self.world.nodes.items() if number not in start.switched_off]
        for node in on:
            node.power_on()
            await self.world.until(lambda: node.parts and node.parts.membership.incarnation, 20.0)  # noqa: B023 - at once
        if on:
            await self.world.until(lambda: any(n.parts and n.parts.leadership.leads for n in on), 20.0, "one leads")
        if start.fence:
            self.world.give_fence_devices()
        for name, group in start.groups.items():
            self.add_group(name, group, placed=bool(on))
        if on:
            await self.settled(30.0)
            # Until everybody's judgement has settled, too.
            await self.world.pass_time(max(10.0, self.world.profile.takeover + 4 * self.world.profile.interval))

    def _set_cluster_properties(self) -> None:
        entry = self.world.network.database.entries[CLUSTER]
        record = decode(entry.value, ClusterRecord)
        properties = {**record.properties, **{k: value_of(v) for k, v in self.scenario.start.cluster.items()}}
        made = ClusterRecord(id=record.id, name=record.name, properties=properties)
        self.world.put(CLUSTER, encode(made))

    def add_group(self, name: str, group: GroupStart, *, placed: bool) -> None:
        """Put a group into the database, and wish it where it is to be."""
        self.world.groups[name] = list(group.resources)
        values: dict[str, bytes] = {}
        for identity, resource in group.resources.items():
            self.world.witness.providers[identity] = resource.needs
            values[resource_key(identity)] = encode(
                ResourceRecord(
                    id=identity,
                    name=identity,
                    type=resource.type,
                    group=name,
                    dependencies=resource.needs,
                    possible_owners=resource.possible,
                    separate_monitor=resource.separate,
                    persistent_state=Wanted(resource.wanted),
                    properties={k: value_of(v) for k, v in resource.properties.items()},
                    parameters={"Start": resource.start, "Stop": resource.stop},
                )
            )
        values[group_key(name)] = encode(
            GroupRecord(
                id=name,
                name=name,
                preferred_owners=group.preferred,
                properties={k: value_of(v) for k, v in group.properties.items()},
                persistent_state=Wanted(group.wanted),
            )
        )
        if placed:
            values[wish_key(name)] = encode(WishRecord(node=group.node, cause=cause("cause_asked")))
        self.world.network.apply("admin", Transaction(put=values))

    # --- looking ------------------------------------------------------------------------------------------------

    def asked(self) -> Node | None:
        """Return the node that a workstation would be connected to: the first that is well."""
        for node in self.world.nodes.values():
            ways = node.path.cut_in or node.path.cut_out
            if (
                node.parts
                and node.service
                and not node.service.frozen
                and not ways
                and not node.parts.stopping.is_set()
            ):
                return node
        return None

    def snapshot(self) -> Snapshot:
        """Return the cluster as that node sees it."""
        node = self.asked() or next(n for n in self.world.nodes.values() if n.parts)
        assert node.parts is not None
        return node.parts.following.snapshot

    async def in_service(self, node: Node, work: Coroutine[Any, Any, T], within: float = 20.0) -> T:
        """Run something in the service of *node* and wait for it.

        Raises:
            BrokenPromise: it does not end, or its service did before.
        """
        assert node.service is not None
        task = node.service.start(work, "asked")
        await self.world.until(task.done, within, "an answer")
        if task.cancelled():
            raise BrokenPromise("the service ended while it was asked")
        result: T = task.result()
        return result

    def unsettled(self) -> list[str]:
        """Say what is not as it is wanted."""
        if self.asked() is None:
            return ["no node is well"]
        now = self.snapshot()
        found = [f"{n.name} is not up" for n in self.world.nodes.values() if n.on and n.parts is None]
        for group in now.groups.values():
            for resource in now.resources_of(group.id):
                online = _kept(resource.id, now) and resource.id not in self.scenario.start.stays_down
                right = (ResourceState.ONLINE,) if online else (ResourceState.OFFLINE, ResourceState.FAILED)
                running = len(self.world.witness.running(resource.id))
                if resource.state not in right or running != online:
                    found.append(f"{resource.name} is {state_words(resource.state)} and runs {running} times")
        return found

    async def settled(self, within: float) -> None:
        """Wait until everything is as it is wanted."""
        try:
            await self.world.until(lambda: not self.unsettled(), within, "everything is as it is wanted")
        except BrokenPromise as exc:
            raise BrokenPromise(f"{exc} ({'; '.join(self.unsettled())})") from None

    def tell_states(self) -> None:
        """Write down how everything is in the end."""
        now = self.snapshot()
        for node in now.nodes.values():
            if node.state is not NodeState.UP:
                self.log.lines.append(f"= {node.name}: {state_words(node.state)}")
        for group in sorted(now.groups.values(), key=lambda one: one.name):
            where = f" on {now.node_name(group.owner)}" if group.owner else ""
            self.log.lines.append(f"= {group.name}: {state_words(group.state)}{where}")
            for resource in now.resources_of(group.id):
                if group.state not in (GroupState.ONLINE, GroupState.OFFLINE):
                    said = f" ({resource.information})" if resource.state is ResourceState.FAILED else ""
                    self.log.lines.append(f"=   {resource.name}: {state_words(resource.state)}{said}")

    # --- healing ------------------------------------------------------------------------------------------------

    async def heal(self) -> None:
        """End everything that is wrong, as an administrator would; then all has to be as it is wanted."""
        self.told = False
        self.world.switch.fails = self.world.switch.hangs = False
        self.world.heal_everybody()
        for number, node in self.world.nodes.items():
            for container in node.containers.all.values():
                container.unkillable = False
            node.broken.clear()
            node.sick.clear()
            node.thaw()
            if not node.on:
                node.power_on()
            node.start_service()
            self.world.pause(number, paused=False)
        helper = self.world.kernel.start(self._administrate(), "administrator")
        await self.settled(PATIENCE)
        helper.cancel()

    async def _administrate(self) -> None:
        while True:
            for node in self.world.nodes.values():
                if node.on and node.service is None:
                    node.start_service()
            if self.asked() is not None:
                for resource in self.snapshot().resources.values():
                    if resource.state is ResourceState.FAILED and resource.id not in self.scenario.start.stays_down:
                        self.world.retry(resource.id)
            await self.world.pass_time(5.0)


def _kept(resource: str, now: Snapshot) -> bool:
    """Tell whether a resource and all it needs are wanted online."""
    item = now.resources[resource]
    return wanted(item, now.groups[item.group]) is Wanted.ONLINE and all(_kept(p, now) for p in item.dependencies)
