"""A planned move in the middle of which something dies: whatever it is, and whenever."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nodeagent.database.store import Transaction
from tests.simulation.moments import CLAIM, HANDOVER, MOVING, steps
from tests.simulation.mutationstories import away_from_the_leader, leading
from tests.simulation.node import Node
from tests.simulation.running import simulate
from tests.simulation.world import World

DEATHS: dict[str, tuple[Callable[[Node], None], ...]] = {
    "its service dies": (Node.crash_service,),
    "its monitor dies": (Node.crash_monitor,),
    "its service and its monitor die": (Node.crash_monitor, Node.crash_service),
    "it loses its power": (Node.power_off,),
}


def at_that_step(world: World, step: str, do: Callable[[], object]) -> list[str]:
    """Do it when the first such commit has been applied, and before anybody hears of it; returns what it was."""
    former, done = world.network.committed, list[str]()

    def committed(who: str, transaction: Transaction) -> None:
        former(who, transaction)
        if not done and step in steps(transaction.put):
            done.append(who)
            world.kernel.soon(do)

    world.network.committed = committed
    return done


@pytest.mark.parametrize("death", DEATHS)
@pytest.mark.parametrize("victim", ["source", "target", "leader"])
@pytest.mark.parametrize("step", [MOVING, HANDOVER, CLAIM])
def test_a_move_ends_well_when_something_dies_in_the_middle_of_it(step: str, victim: str, death: str) -> None:
    async def story(world: World) -> None:
        source = await away_from_the_leader(world)
        leader = leading(world)
        target = next(node for node in world.others(source) if node is not leader)
        node = {"source": source, "target": target, "leader": leader}[victim]
        done = at_that_step(world, step, lambda: [die(node) for die in DEATHS[death]])
        world.move("g", world.number_of(target))
        await world.until(lambda: done, 5.0, f"the step {step} is taken")
        await world.pass_time(12.0)
        if not node.on:
            node.power_on()
        await world.settled(40.0)

    simulate(story)
