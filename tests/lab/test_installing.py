"""What docs/installing-a-node.md shows: two nodes and a witness, installing once more, the undoing, a single node."""

from __future__ import annotations

import pytest

from nodeagent.api.objects import NodeState, Snapshot
from tests.lab.faults import MONITOR, SERVICE, node_of
from tests.lab.installed import BUNDLE, CLUSTER, InstalledCluster
from tests.lab.lab import lab
from tests.lab.possible import skipped_where_impossible

pytestmark = pytest.mark.timeout(240, func_only=True)  # the first run builds the hosts' system


def test_nodes_are_installed_updated_and_removed_as_the_document_says() -> None:
    with skipped_where_impossible(), lab("install") as made:
        made.make(3)
        cluster = InstalledCluster(made)
        cluster.prepare()
        made.boot()
        cluster.install(witness="h3")
        two_nodes_and_a_witness(cluster)
        installing_once_more_changes_nothing_but_the_agent(cluster)
        removing_leaves_nothing(cluster)
        a_single_node_needs_no_etcd(cluster)


def two_nodes_and_a_witness(cluster: InstalledCluster) -> None:
    assert sorted(node.name for node in cluster.look().nodes.values()) == ["h1", "h2"]
    witness = cluster.lab["h3"]
    assert witness.main_process("etcd.service")
    assert not (witness.disk / "opt/clusteragent").exists()
    for name in ("h1", "h2"):
        status = cluster.lab[name].run("clusteragent", "status")
        assert status.stdout == f"The Cluster Service of {name} is running.\n"


def installing_once_more_changes_nothing_but_the_agent(cluster: InstalledCluster) -> None:
    host = cluster.lab["h1"]
    kept = [host.main_process(unit) for unit in (MONITOR, "etcd.service")]
    settings = (host.disk / "etc/clusteragent/agent.toml").read_bytes()
    service = host.main_process(SERVICE)
    host.run(*cluster.command("h1"))
    cluster.await_all_up()
    assert [host.main_process(unit) for unit in (MONITOR, "etcd.service")] == kept
    assert (host.disk / "etc/clusteragent/agent.toml").read_bytes() == settings
    assert host.main_process(SERVICE) not in (0, service)


def removing_leaves_nothing(cluster: InstalledCluster) -> None:
    number = node_of(cluster.look(), "h2")
    host = cluster.lab["h2"]
    host.run(f"{BUNDLE}/remove", "--purge")

    def gone(seen: Snapshot) -> bool | None:
        return seen.nodes[number].state is NodeState.DOWN or None

    assert cluster.until(gone, "h2 has left")
    paths = "/opt/clusteragent /etc/clusteragent /run/clusteragent /var/lib/clusteragent /usr/local/bin/clusteragent"
    units = "/etc/systemd/system/clusteragent* /etc/systemd/system/*/clusteragent*"
    left = host.run("sh", "-c", f"ls -d {paths} {units}", check=False)
    assert left.stdout == ""
    assert host.run("systemctl", "list-units", "--all", "--no-legend", "clusteragent*").stdout == ""


def a_single_node_needs_no_etcd(cluster: InstalledCluster) -> None:
    host = cluster.lab["h2"]
    host.run(f"{BUNDLE}/install", "--name", "h2", "--cluster", CLUSTER, "--sqlite")

    def alone(seen: Snapshot) -> bool | None:
        return [node.state for node in seen.nodes.values()] == [NodeState.UP] or None

    assert cluster.until(alone, "a cluster of one", through="h2")
    assert not host.main_process("etcd.service")
