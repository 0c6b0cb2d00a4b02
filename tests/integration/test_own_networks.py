"""A node's report follows its network cards: by the kernel's news, without those addresses that clusters put there."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Interface

import pytest

from nodeagent.api.objects import InterfaceState
from nodeagent.service.ownnetworks import OwnNetworks
from nodeagent.service.selfreport import own_interfaces
from nodeagent.system import addresses
from tests.support.agents import short_folder
from tests.support.namespaces import needs_namespaces, two_hosts
from tests.support.offices import Office, open_office

pytestmark = [needs_namespaces, pytest.mark.asyncio]

SUBNET = "10.99.0.0/24"


async def until_card_is(office: Office, state: InterfaceState) -> None:
    async with asyncio.timeout(20):
        while (card := office.following.snapshot.interfaces.get(f"1:{SUBNET}")) is None or card.state is not state:
            await office.following.next(1.0)


async def test_a_card_that_loses_its_link_is_shown_as_failed_and_up_again_later() -> None:
    with two_hosts() as (here, there), here.inside(), short_folder() as home:
        async with open_office(home) as office:
            there.ip("link", "set", "eth0", "down")
            own = OwnNetworks(office.following, office.membership, office.events)
            assert await own.report()
            work = asyncio.create_task(own.run())
            await until_card_is(office, InterfaceState.FAILED)
            there.ip("link", "set", "eth0", "up")
            await until_card_is(office, InterfaceState.UP)
            here.ip("address", "add", "10.98.0.1/24", "dev", "eth0")
            async with asyncio.timeout(20):
                while "10.98.0.0/24" not in office.following.snapshot.networks:
                    await office.following.next(1.0)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            told = [entry.code for entry in office.log if entry.code.startswith("event_interface")]
            assert told[-3:] == ["event_interface_failed", "event_interface_up", "event_interface_up"]


async def test_a_clusters_address_is_not_the_nodes() -> None:
    with two_hosts() as (here, _), here.inside():
        before = own_interfaces()
        index = next(link.index for link in addresses.picture().links.values() if link.name == "eth0")
        addresses.put(index, IPv4Interface("10.99.0.50/24"), 60)
        assert own_interfaces() == before
        assert [card.address for card in before] == ["10.99.0.1"]
