"""Orders to fence devices, as the leader keeps them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nodeagent.api.fencing import FenceSetting
from nodeagent.database.records import FenceRecord, encode, fence_key
from nodeagent.database.store import Transaction
from nodeagent.service.fencing import Fencing
from nodeagent.system.clock import SystemClock
from tests.support.agents import short_folder
from tests.support.offices import open_office


class Faulty:
    """A runner with a fault of its own."""

    async def off(self, device: FenceSetting) -> None:
        raise ValueError(device.program)


@pytest.mark.asyncio
async def test_an_order_that_ends_by_a_fault_of_ours_has_failed_and_is_not_waited_for() -> None:
    """Silence does not judge a node while its device is being asked."""
    with short_folder() as home:
        async with open_office(home) as office:
            record = FenceRecord(devices=(FenceSetting(program="fence_it"),))
            await office.commit(Transaction(put={fence_key(office.node): encode(record)}))
            faulty: Any = Faulty()
            fencing = Fencing(office.following, SystemClock(), office.events, faulty)
            fencing.begin(office.node, 1)
            order = fencing.order(office.node)
            assert order is not None
            assert order.task is not None
            async with asyncio.timeout(20):
                with pytest.raises(ValueError, match="fence_it"):
                    await order.task
            assert not order.running
            assert not order.off
