"""A simulated cluster: nodes, one database, faults, an administrator, and a witness."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from nodeagent.api.causes import cause
from nodeagent.api.events import LogEntry
from nodeagent.api.objects import GroupId, NodeId, Phase, ResourceId, ResourceState, Wanted
from nodeagent.api.properties import Value
from nodeagent.database.records import (
    CLUSTER,
    ClusterRecord,
    FenceRecord,
    GroupRecord,
    HeartbeatRecord,
    NodeRecord,
    Order,
    OrderRecord,
    OwnerRecord,
    ResourceRecord,
    StateRecord,
    WishRecord,
    decode,
    encode,
    fence_key,
    group_key,
    heartbeat_key,
    node_key,
    order_key,
    owner_key,
    resource_key,
    state_key,
    wish_key,
)
from nodeagent.database.store import Transaction
from nodeagent.planner.timing import PROFILES, Profile
from nodeagent.resourcetypes.base import ResourceType
from tests.simulation.address import Address
from tests.simulation.machine import TYPES
from tests.simulation.network import Network
from tests.simulation.node import Node
from tests.simulation.powerswitch import PowerSwitch, outlet
from tests.simulation.virtualtime import Process, VirtualLoop
from tests.simulation.witness import Interval, Witness

WEB: Final = {"address": (), "web": ("address",)}  # the group of most stories: an application behind its address


class BrokenPromise(AssertionError):
    """Something happened that must never happen."""


class World:
    """See the module. All randomness comes from *seed*; the same seed gives the same story."""

    def __init__(
        self,
        seed: int,
        nodes: int,
        folder: Path,
        *,
        profile: str = "default",
        rates: dict[int, float] | None = None,
        chance: random.Random | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop = loop
        self.seed = seed
        self.folder = folder
        self.chance = chance or random.Random(seed)
        self.profile: Profile = PROFILES[profile]
        self.network = Network(loop, self.chance)
        self.network.committed = self._committed
        self.kernel = Process("world")
        self.switch = PowerSwitch(self)
        self.witness = Witness(self.profile)
        self.timeline: list[str] = []
        self.broken: list[str] = []
        self.init_reaps = True
        self.types: dict[str, ResourceType[Any]] = {**TYPES, Address.name: Address()}
        self._rates = rates or {}
        self._stop = asyncio.Event()
        self._lives: dict[str, object] = {}
        self.groups: dict[GroupId, list[ResourceId]] = {}
        record = ClusterRecord(id="world", name="WORLD", properties={"Profile": profile})
        self.network.database.apply(Transaction(put={CLUSTER: encode(record)}))
        self.nodes = {number: Node(self, number) for number in range(1, nodes + 1)}
        loop.set_exception_handler(self._uncaught)

    # --- what is said and judged --------------------------------------------------------------------------------

    def rate(self, number: int) -> float | None:
        """Return the rate of a node's clock; None for a random one."""
        return self._rates.get(number)

    def say(self, who: str, text: str) -> None:
        """Write into the timeline."""
        self.timeline.append(f"{self.loop.time():9.3f} {who:8} {text}")

    def judge(self, wrong: Iterable[str]) -> None:
        """Take note of what must never be."""
        for text in wrong:
            self.violate(text)

    def violate(self, text: str) -> None:
        """Break the story off: something happened that must never happen."""
        self.say("WRONG", text)
        self.broken.append(text)
        self._stop.set()

    def look_for_overlaps(self) -> None:
        """Look at everything that runs."""
        self.judge(self.witness.overlaps(self.loop.time()))

    def _uncaught(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        del loop
        self.violate(f"uncaught: {context.get('message')} {context.get('exception')!r} {context.get('task')!r}")

    def _committed(self, who: str, transaction: Transaction) -> None:
        for key, value in transaction.put.items():
            prefix = key.partition("/")[0]
            if prefix == "owners":
                owner = decode(value, OwnerRecord)
                target = f" -> {owner.target}" if owner.target is not None else ""
                self.say(
                    who, f"commits {key}: {owner.phase} {owner.node}/{owner.incarnation}{target}, epoch {owner.epoch}"
                )
            elif prefix == "heartbeats":
                beat = decode(value, HeartbeatRecord)
                if self._lives.get(key) != (beat.life, beat.incarnation):
                    self._lives[key] = (beat.life, beat.incarnation)
                    self.say(who, f"commits {key}: {beat.life}, incarnation {beat.incarnation} {beat.reason}")
            elif prefix == "wishes":
                self.say(who, f"commits {key}: {decode(value, WishRecord).node}")
            elif prefix in ("leader", "verdicts"):
                self.say(who, f"commits {key}: {value.decode()[:120]}")

    # --- the database, as an administrator would use it ---------------------------------------------------------

    def put(self, key: str, value: bytes) -> None:
        """Write into the database."""
        self.network.apply("admin", Transaction(put={key: value}))

    def add_group(
        self,
        group: GroupId,
        resources: dict[ResourceId, tuple[ResourceId, ...]],
        *,
        preferred: tuple[NodeId, ...] = (),
        properties: dict[str, Value] | None = None,
        policy: dict[str, Value] | None = None,
        parameters: dict[str, Value] | None = None,
        possible: tuple[NodeId, ...] | None = None,
        kind: str = "Application",
        kinds: Mapping[ResourceId, str] | None = None,
        separate: Collection[ResourceId] = (),
    ) -> None:
        """Make a group that is wanted online; each resource with its providers, *separate* ones in own monitors."""
        self.groups[group] = list(resources)
        for resource, providers in resources.items():
            self.witness.providers[resource] = providers
            record = ResourceRecord(
                id=resource,
                name=resource,
                type=(kinds or {}).get(resource, kind),
                group=group,
                dependencies=providers,
                possible_owners=possible,
                properties={**(policy or {}), **({"SeparateMonitor": 1} if resource in separate else {})},
                parameters={"Name": resource} if (kinds or {}).get(resource) == Address.name else parameters or {},
            )
            self.put(resource_key(resource), encode(record))
        self.put(
            group_key(group),
            encode(
                GroupRecord(
                    id=group,
                    name=group,
                    preferred_owners=preferred,
                    properties=properties or {},
                    persistent_state=Wanted.ONLINE,
                )
            ),
        )

    def want(self, group: GroupId, wanted: Wanted) -> None:
        """Bring a group online, or take it offline."""
        record = decode(self.network.database.entries[group_key(group)].value, GroupRecord)
        self.say("admin", f"wants {group} {wanted}")
        self.put(group_key(group), encode(msgspec.structs.replace(record, persistent_state=wanted)))

    def change_profile(self, name: str) -> None:
        """Give the cluster other times."""
        self.say("admin", f"sets the profile {name}")
        record = decode(self.network.database.entries[CLUSTER].value, ClusterRecord)
        self.put(CLUSTER, encode(msgspec.structs.replace(record, properties={**record.properties, "Profile": name})))

    def move(self, group: GroupId, node: NodeId) -> None:
        """Ask for a move."""
        self.say("admin", f"moves {group} to {node}")
        self.put(wish_key(group), encode(WishRecord(node=node, cause=cause("cause_asked"))))

    def pause(self, node: NodeId, *, paused: bool) -> None:
        """Pause or resume a node."""
        entry = self.network.database.entries.get(node_key(node))
        if entry is not None:
            self.say("admin", f"{'pauses' if paused else 'resumes'} {node}")
            self.put(node_key(node), encode(msgspec.structs.replace(decode(entry.value, NodeRecord), paused=paused)))

    def retry(self, resource: ResourceId) -> None:
        """Bring a failed resource online."""
        self.put(order_key(resource), encode(OrderRecord(order=Order.RETRY, cause=cause("cause_asked"))))

    def give_fence_devices(self) -> None:
        """Connect every node to the power switch."""
        for node in self.nodes.values():
            device = FenceRecord(devices=(outlet(node.name),))
            self.put(fence_key(self.number_of(node)), encode(device))

    def codes(self) -> list[str]:
        """Return the codes of all entries of the event log, in their order."""
        entries = self.network.database.entries
        return [decode(entries[key].value, LogEntry).code for key in sorted(entries) if key.startswith("events/")]

    def owner(self, group: GroupId) -> OwnerRecord:
        """Return who owns a group."""
        entry = self.network.database.entries.get(owner_key(group))
        return decode(entry.value, OwnerRecord) if entry else OwnerRecord(phase=Phase.FREE)

    def beat(self, node: NodeId) -> HeartbeatRecord:
        """Return a node's heartbeat."""
        return decode(self.network.database.entries[heartbeat_key(node)].value, HeartbeatRecord)

    def record(self, resource: ResourceId) -> StateRecord | None:
        """Return what was reported of a resource."""
        entry = self.network.database.entries.get(state_key(resource))
        return decode(entry.value, StateRecord) if entry else None

    def number_of(self, node: Node) -> NodeId:
        """Return the number that a node was given when it joined."""
        assert node.parts is not None
        return node.parts.membership.node

    def runs(self, resource: ResourceId) -> Interval | None:
        """Return where a resource runs."""
        found = self.witness.running(resource)
        return found[0] if found else None

    def home_of(self, group: GroupId) -> Node:
        """Return the node on which the first resource of a group runs."""
        found = self.runs(self.groups[group][0])
        assert found is not None, f"{group} does not run"
        return next(node for node in self.nodes.values() if node.name == found.node)

    def others(self, node: Node) -> list[Node]:
        """Return all nodes but one."""
        return [other for other in self.nodes.values() if other is not node]

    def unsettled(self) -> list[str]:
        """Say what is not as it is wanted."""
        found = [f"{node.name} is not up" for node in self.nodes.values() if node.on and node.parts is None]
        for group, resources in self.groups.items():
            record = decode(self.network.database.entries[group_key(group)].value, GroupRecord)
            owner = self.owner(group)
            wanted = record.persistent_state is Wanted.ONLINE
            if wanted and owner.phase is not Phase.CLAIMED:
                found.append(f"{group} is {owner.phase}")
            for resource in resources:
                state = self.record(resource)
                right = ResourceState.ONLINE if wanted else ResourceState.OFFLINE
                running = self.witness.running(resource)
                if len(running) != wanted:
                    found.append(f"{resource} runs {len(running)} times")
                elif (wanted or state) and (state is None or state.state is not right):
                    found.append(f"{resource} is said to be {state.state.name if state else 'nothing'}")
        return found

    def cut_everybody(self) -> None:
        """Take the database away."""
        for node in self.nodes.values():
            node.path.cut()

    def heal_everybody(self) -> None:
        """Make all ways to the database good again."""
        for node in self.nodes.values():
            node.path.heal()

    # --- time ---------------------------------------------------------------------------------------------------

    async def boot(self) -> None:
        """Switch all nodes on and wait until everything is as it is wanted."""
        for node in self.nodes.values():
            node.power_on()
            await self.pass_time(0.05)  # so that their numbers are those of their names
        await self.settled(30.0)

    async def boot_web(self) -> Node:
        """Add the group "g" of an address and a web application, boot, and return the node on which it runs."""
        self.add_group("g", WEB)
        await self.boot()
        return self.home_of("g")

    async def pass_time(self, seconds: float) -> None:
        """Let the world go on. Raises BrokenPromise."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)
        if self.broken:
            raise BrokenPromise("; ".join(self.broken))

    async def until(self, test: Callable[[], Any], within: float, what: str = "") -> float:
        """Let the world go on until *test* holds; returns how long that took.

        Raises:
            BrokenPromise: it does not within that time, or something worse happened.
        """
        began = self.loop.time()
        while not test():
            if self.loop.time() - began > within:
                self.say("WRONG", f"not within {within:g} s: {what}")
                raise BrokenPromise(f"not within {within:g} s: {what}")
            await self.pass_time(0.02)
        return self.loop.time() - began

    async def settled(self, within: float) -> float:
        """Let the world go on until everything is as it is wanted."""
        try:
            return await self.until(lambda: not self.unsettled(), within, "everything is as it is wanted")
        except BrokenPromise as exc:
            raise BrokenPromise(f"{exc} ({'; '.join(self.unsettled())})") from None

    def end(self) -> None:
        """Switch everything off."""
        for node in self.nodes.values():
            node.power_off()
        self.kernel.kill()  # no machine that was reset boots any more
