"""The standard service, an application on an address, on two agents with a network of their own each."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from nodeagent.api import requests as r
from nodeagent.api.objects import ObjectKind, ResourceState
from tests.support.agents import Agent, processes_that_name, running_agent, short_folder
from tests.support.namespaces import Namespace, needs_namespaces, two_hosts
from tests.support.onlooker import SLEEP, Onlooker, runs

pytestmark = needs_namespaces

ADDRESS = "10.99.0.50"
SUBNET = "10.99.0.0/24"


@dataclass
class Pair:
    """Two nodes, the host of each, and who looks on through the second."""

    one: Agent
    two: Agent
    here: Namespace
    there: Namespace
    look: Onlooker


@pytest.fixture
def pair() -> Iterator[Pair]:
    with short_folder() as home, two_hosts() as (here, there), contextlib.ExitStack() as stack:
        agents = []
        for name, host in (("NODE1", here), ("NODE2", there)):
            agent = stack.enter_context(
                running_agent(home / name, name, database=f"sqlite:{home}/cluster.db", start=False)
            )
            with host.inside():
                agent.start()
            agents.append(agent)
        yield Pair(agents[0], agents[1], here, there, Onlooker(agents[1]))


def has(host: Namespace) -> bool:
    (link,) = json.loads(host.ip("-j", "address", "show", "dev", "eth0"))
    return ADDRESS in [entry["local"] for entry in link["addr_info"]]


def permitted(host: Namespace) -> bool:
    return f"{ADDRESS} timeout" in host.run("nft", "list", "ruleset")


def service(pair: Pair) -> str:
    """Bring a group with an address and an application on it online at the first node; returns the group."""
    with pair.two.greet() as talk:
        group = talk.do(r.CreateGroup(name="Web")).id
        address = talk.do(
            r.CreateResource(
                name="Address",
                type="IP Address",
                group=group,
                parameters={"Address": ADDRESS, "Network": SUBNET},
            )
        )
        assert address.notices == ()
        talk.do(
            r.CreateResource(
                name="Web", type="Generic Application", group=group, dependencies=(address.id,), parameters=dict(SLEEP)
            )
        )
        talk.do(r.Rename(kind=ObjectKind.NETWORK, id=SUBNET, name="Public"))
        talk.do(r.BringOnline(kind=ObjectKind.GROUP, id=group, node=1))
    pair.look.until(lambda s: runs(s, "Web", 1) and runs(s, "Address", 1))
    return group


def test_the_address_goes_with_its_group(pair: Pair) -> None:
    group = service(pair)
    now = pair.look.now
    assert now.networks[SUBNET].name == "Public"
    assert now.nodes[1].facts["addresses guarded by"] == "nftables"
    assert (has(pair.here), has(pair.there)) == (True, False)
    with pair.two.greet() as talk:
        talk.do(r.MoveGroup(group=group, node=2))
    pair.look.until(lambda s: runs(s, "Web", 2))
    assert (has(pair.here), has(pair.there)) == (False, True)
    assert pair.here.run("nft", "list", "ruleset") == ""
    with pair.two.greet() as talk:
        talk.do(r.TakeOffline(kind=ObjectKind.GROUP, id=group))
    pair.look.until(lambda s: all(one.state is ResourceState.OFFLINE for one in s.resources.values()))
    assert not has(pair.there)


def test_a_frozen_node_is_silent_before_another_one_takes_the_address(pair: Pair) -> None:
    service(pair)
    pair.look.until(lambda s: permitted(pair.here), 20.0)
    frozen = processes_that_name(pair.one.config)  # the application goes on: whoever is cut off is not dead
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        pair.look.until(lambda s: runs(s, "Web", 2))  # its probes found nobody who answers
        assert (permitted(pair.here), permitted(pair.there)) == (False, True)
    finally:
        for pid in frozen:
            with contextlib.suppress(ProcessLookupError):  # the kernel has killed the monitor
                os.kill(pid, signal.SIGCONT)
    pair.look.until(lambda s: not has(pair.here))
    assert runs(pair.look.now, "Web", 2)
