"""A script operates two real agents through the automation objects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clusteradmin.automation import Cluster, ClusterError, NodeState
from tests.support.agents import Agent, running_cluster, short_folder
from tests.support.onlooker import Onlooker


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Agent]]:
    with short_folder() as home, running_cluster(home) as agents:
        monkeypatch.setenv("CLUSTERADMIN_HOME", str(home / "client"))
        yield agents


def test_a_script_drains_stops_starts_and_resumes_a_node(pair: list[Agent]) -> None:
    Onlooker(pair[0]).application("Web", 2)
    with Cluster().open(f"unix:{pair[0].socket}") as cluster:
        node, group = cluster.nodes["NODE2"], cluster.resource_groups["Web"]
        assert not node.pause(60, drain=True)
        owner = group.owner_node
        assert owner is not None
        assert owner.name == "NODE1"
        assert not node.stop(60)
        assert node.state is NodeState.DOWN
        with pytest.raises(ClusterError, match="already stopped"):
            node.stop()
        assert not node.start(60)
        assert not node.resume(60, failback=True)
        owner = group.owner_node
        assert owner is not None
        assert owner.name == "NODE2"
        group.begin_maintenance(600, "patch day")
        group.end_maintenance()
        with pytest.raises(ClusterError, match="not in maintenance"):
            node.end_maintenance()
        with pytest.raises(ClusterError, match="still a member"):
            node.evict()
        assert not node.restart(60)
