"""A simulated fence device: it takes time, fails, hangs, or does not get through, and truly turns nodes off."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nodeagent.api.fencing import FenceSetting
from nodeagent.api.problems import refuse
from nodeagent.system.fenceagents import Description

if TYPE_CHECKING:
    from tests.simulation.world import World

PROGRAM = "fence_simulated"


def outlet(name: str) -> FenceSetting:
    """Return the device that turns the node of that name off."""
    return FenceSetting(program=PROGRAM, options={"plug": name, "password": "secret"}, timeout=6.0)


class PowerSwitch:
    """Where all nodes have their outlet.

    Attributes:
        seconds: that an order takes.
        fails: orders that fail.
        hangs: orders are never answered.
        lies: orders are confirmed, and nothing happens.
        asked: nodes that were to be turned off, in their order; *cancelled* those whose order was given up.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.seconds = 0.5
        self.fails = False
        self.hangs = False
        self.lies = False
        self.asked: list[str] = []
        self.cancelled: list[str] = []

    async def off(self, device: FenceSetting) -> None:
        """See FenceRunner."""
        name = device.options["plug"]
        self.asked.append(name)
        self._world.say("switch", f"is asked to turn {name} off")
        try:
            await asyncio.sleep(1e6 if self.hangs else self.seconds)
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise
        if self.fails:
            raise refuse("fence_failed", program=PROGRAM, status=1, detail="the switch has no power itself")
        if self.lies:
            return
        node = next(node for node in self._world.nodes.values() if node.name == name)
        node.power_off()

    async def check(self, device: FenceSetting) -> None:
        """See FenceRunner."""
        if self.fails:
            raise refuse("fence_failed", program=device.program, status=1, detail="it does not answer")

    async def describe(self, program: str) -> Description:
        """See FenceRunner."""
        del program
        return Description((), ("off", "status"))
