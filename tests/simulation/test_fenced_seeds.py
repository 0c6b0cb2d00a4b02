"""Random faults where nodes have fence devices, which work more or less: nothing runs twice, everything comes back."""

from __future__ import annotations

import random

from tests.simulation import faults
from tests.simulation.running import simulate
from tests.simulation.world import BrokenPromise, World


async def connect(world: World) -> None:
    """Give every node its fence device as soon as all have their numbers."""
    while not all(node.parts and node.parts.membership.node for node in world.nodes.values()):
        await world.pass_time(0.1)
    world.give_fence_devices()


def test_nothing_runs_twice_where_nodes_are_turned_off_and_everything_comes_back(fenced_seed: int) -> None:
    seed = fenced_seed
    plan, chance = faults.draw(seed), random.Random(f"devices {seed}")

    async def story(world: World) -> None:
        world.switch.seconds = chance.uniform(0.1, 4.0)
        world.switch.fails, world.switch.hangs = chance.random() < 0.2, chance.random() < 0.1
        connecting = world.kernel.start(connect(world), "connects the devices")
        await faults.play(world, plan)
        connecting.cancel()

    try:
        simulate(story, seed=seed, nodes=plan.nodes, profile=plan.profile)
    except BrokenPromise as exc:
        raise BrokenPromise(f"{exc}\n\nthe story of seed {seed}: {plan}") from exc
