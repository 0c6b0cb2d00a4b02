"""Nodes."""

from __future__ import annotations

from clusteradmin.automation.collection import NodeCollection
from clusteradmin.automation.groups import ResourceGroups
from clusteradmin.automation.item import Item
from clusteradmin.automation.networks import NetworkInterfaces
from clusteradmin.client import nodecommands as commands
from nodeagent.api.objects import Node as NodeItself
from nodeagent.api.objects import NodeId, NodeState, ObjectKind


class Node(Item[NodeItself]):
    """A node (ClusNode)."""

    kind = ObjectKind.NODE

    @property
    def node_id(self) -> NodeId:
        """Its number, in the order of joining."""
        return int(self._reference.id)

    @property
    def state(self) -> NodeState:
        """Its state."""
        return self._now.state

    @property
    def resource_groups(self) -> ResourceGroups:
        """The groups that it owns."""
        return ResourceGroups(self._cluster, self.node_id)

    @property
    def net_interfaces(self) -> NetworkInterfaces:
        """Its network interfaces."""
        return NetworkInterfaces(self._cluster, node=self.node_id)

    def pause(self, timeout: float = 0, *, drain: bool = False) -> bool:
        """Let it keep its groups and take no new ones; with *drain* they move away.

        Returns:
            Whether it is still pending after *timeout* seconds.

        Raises:
            ClusterError: it was refused, or drain_held_up: no other node can take what is left.
        """
        return self._cluster.pending(commands.pause_node(self._cluster.client, self._now, drain=drain, wait=timeout))

    def cancel_drain(self) -> None:
        """Move no further group away; it stays paused. Raises ClusterError."""
        self._cluster.run(commands.cancel_drain(self._cluster.client, self._now))

    def resume(self, timeout: float = 0, *, failback: bool = False) -> bool:
        """End a pause; with *failback* the groups that it was drained of come back. Raises ClusterError.

        Returns:
            Whether it is still pending after *timeout* seconds.
        """
        back = commands.resume_node(self._cluster.client, self._now, failback=failback, wait=timeout)
        return self._cluster.pending(back)

    def stop(self, timeout: float = 0) -> bool:
        """Let it give its groups away and leave; return whether that is pending after *timeout* seconds."""
        return self._cluster.pending(commands.stop_node(self._cluster.client, self._now, wait=timeout))

    def start(self, timeout: float = 0) -> bool:
        """Let it join again after `stop`; return whether that is pending after *timeout* seconds."""
        return self._cluster.pending(commands.start_node(self._cluster.client, self._now, wait=timeout))

    def restart(self, timeout: float = 0) -> bool:
        """Let its agent begin anew under the applications; return whether that is pending after *timeout* seconds."""
        return self._cluster.pending(commands.restart_node(self._cluster.client, self._now, wait=timeout))

    def evict(self) -> None:
        """Remove it from the cluster; it must be down and own nothing. Raises ClusterError."""
        self._cluster.run(commands.evict_node(self._cluster.client, self._now))

    def begin_maintenance(self, seconds: float, reason: str = "") -> None:
        """For so long nothing of it is restarted or taken over by itself. Raises ClusterError."""
        self._cluster.run(commands.begin_maintenance(self._cluster.client, self._now, seconds, note=reason))

    def end_maintenance(self) -> None:
        """End maintenance now. Raises ClusterError."""
        self._cluster.run(commands.end_maintenance(self._cluster.client, self._now))


class Nodes(NodeCollection):
    """Nodes (ClusNodes), in the order of joining."""

    def _items(self) -> list[Node]:
        return [Node(self._cluster, node) for node in sorted(self._cluster.snapshot.nodes)]

    def by_id(self, identity: NodeId) -> Node:
        """Return the node with that number, whatever its place in this list."""
        return Node(self._cluster, identity)
