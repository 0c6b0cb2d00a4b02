"""What stories of a node as owner begin with: a group on a node that does not lead, and types that stop slowly."""

from __future__ import annotations

from typing import ClassVar

from nodeagent.database.records import Life
from tests.simulation.machine import TYPES, Application
from tests.simulation.node import Node
from tests.simulation.world import WEB, World


class Boundless(Application):
    """Promises no time at all."""

    name: ClassVar[str] = "Boundless"
    kill_bound: ClassVar[float | None] = None


def follower(world: World) -> Node:
    """Return a node that does not lead."""
    return next(node for node in world.nodes.values() if node.parts and not node.parts.leadership.holds_lead)


async def on_a_follower(world: World, kind: str = "Application") -> Node:
    """Let a group run on a node that does not lead, and return that node."""
    world.types = {**TYPES, "Boundless": Boundless()}
    world.add_group("g", WEB, kind=kind)
    world.add_group("h", {"other": ()})
    await world.boot()
    node = follower(world)
    if world.home_of("g") is not node:
        world.move("g", world.number_of(node))
        await world.until(lambda: world.runs("web") and world.home_of("g") is node, 10.0, "it runs there")
    return node


def elsewhere(world: World, node: Node) -> bool:
    """Tell whether the group is up, and not on that node."""
    found = world.runs("web")
    return found is not None and found.node != node.name


def alive(world: World, node: Node) -> bool:
    return world.beat(int(node.name.removeprefix("node"))).life is Life.ALIVE
