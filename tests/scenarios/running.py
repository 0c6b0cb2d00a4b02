"""Plays a scenario and returns its log. The invariants hold all the while, and everything heals afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

from nodeagent.service.aside import Aside
from tests.scenarios import steps
from tests.scenarios.scenario import Scenario
from tests.scenarios.stage import Stage, Steady
from tests.simulation.running import simulate
from tests.simulation.world import World


async def _at_once(_aside: Aside, work: Callable[[], Any], _timeout: float) -> Any:
    """Run in the place of a thread, which would not be deterministic."""
    return work()


def played(scenario: Scenario) -> list[str]:
    """Play a scenario; returns its log.

    Raises:
        BrokenPromise: something happened that must never happen, or not everything healed; with the timeline.
    """
    stages: list[Stage] = []

    def prepare(world: World) -> None:
        stages.append(Stage(scenario, world))

    async def story(world: World) -> None:
        del world
        (stage,) = stages
        await stage.begin()
        stage.told = True
        await steps.play(stage)
        stage.told = False
        stage.tell_states()
        await stage.heal()
        assert not stage.uncaused, f"without a cause: {stage.uncaused}"

    with mock.patch.object(Aside, "run", _at_once):
        simulate(
            story,
            nodes=scenario.start.nodes,
            profile=scenario.start.profile,
            chance=Steady(),
            prepare=prepare,
        )
    return stages[0].log.lines
