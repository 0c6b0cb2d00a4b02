"""Stories of a simulated cluster, each with what must come out."""

from __future__ import annotations

from tests.simulation.world import World, simulate

WEB = {"address": (), "web": ("address",)}


def test_a_group_is_taken_over_within_the_budget_when_its_node_loses_power() -> None:
    async def story(world: World) -> None:
        world.add_group("g", WEB)
        await world.boot()
        lost = world.home_of("g")
        lost.power_off()
        await world.until(lambda: world.runs("web"), 5.5, "web runs elsewhere")
        assert world.home_of("g") is not lost

    simulate(story)
