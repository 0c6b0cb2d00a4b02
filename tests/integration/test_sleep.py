"""A whole cluster that stands still for a while, as on a laptop that is closed, and wakes up."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from clusteradmin.automation import Cluster, NodeState
from nodeagent.api.events import Severity
from nodeagent.api.texts import render
from tests.support.applications import SECONDS, another_process, await_event, bring_up, online_on, until
from tests.support.demo import RunningDemo, private_account, running_demo
from tests.support.witness import Witness

pytestmark = pytest.mark.timeout(300)

ASLEEP_SECONDS = 8.0  # longer than the takeover time of the default profile, 4.5 s


@contextmanager
def asleep(demo: RunningDemo) -> Iterator[None]:
    """Stop all processes of *demo* until the block ends."""
    stopped: set[int] = set()
    while new := demo.pids - stopped:  # somebody may just have started another one
        for pid in new:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        stopped |= new
    try:
        yield
    finally:
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def test_after_a_sleep_everything_has_stopped_once_and_nobody_was_declared_down(tmp_path: Path) -> None:
    nodes = ("NODE1", "NODE2", "NODE3")
    with (
        private_account() as account,
        running_demo(account, "--empty") as demo,
        Cluster(home=demo.clients).open(demo.name) as cluster,
    ):
        witnesses = {node: Witness(tmp_path / node) for node in nodes}
        resources = {node: bring_up(cluster, node, witnesses[node], tmp_path, node) for node in nodes}
        before = {node: resource.process_id for node, resource in resources.items()}
        lives = {node.name: node.incarnation for node in cluster.snapshot.nodes.values()}
        events = cluster.events(timeout=SECONDS)

        with asleep(demo):
            time.sleep(ASLEEP_SECONDS)  # the sleep itself

        for node, resource in resources.items():
            witnesses[node].await_life(until(resource, another_process(before[node])))
            until(resource, online_on(node))
        woke = await_event(events, "event_woke")
        assert render(woke.code, woke.parameters).startswith(f"{woke.node} slept for ")
        assert {node.name: node.incarnation for node in cluster.snapshot.nodes.values()} == lives
        assert all(node.state is NodeState.UP for node in cluster.nodes)
        said = {entry.sequence: entry.code for entry in cluster.client.log}
        assert list(said.values()).count("event_woke") == 1
        assert "event_node_down" not in said.values()
        assert not [entry for entry in cluster.client.log if entry.severity is Severity.ERROR]
        assert sum(line.startswith("Everything here slept for ") for line in demo.output) == 1
    for witness in witnesses.values():
        witness.prove_never_two()
        assert len(witness.lives()) == 2, "stopped once, and started in place"
