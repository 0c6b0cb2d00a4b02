"""Nodes."""

from __future__ import annotations

from clusteradmin.automation.collection import NodeCollection
from clusteradmin.automation.groups import ResourceGroups
from clusteradmin.automation.item import Item
from clusteradmin.automation.networks import NetworkInterfaces
from clusteradmin.client import commands
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

    def pause(self) -> None:
        """Let it keep its groups and take no new ones. Raises ClusterError."""
        self._cluster.run(commands.pause_node(self._cluster.client, self._now))

    def resume(self) -> None:
        """End a pause. Raises ClusterError."""
        self._cluster.run(commands.resume_node(self._cluster.client, self._now))


class Nodes(NodeCollection):
    """Nodes (ClusNodes), in the order of joining."""

    def _items(self) -> list[Node]:
        return [Node(self._cluster, node) for node in sorted(self._cluster.snapshot.nodes)]

    def by_id(self, identity: NodeId) -> Node:
        """Return the node with that number, whatever its place in this list."""
        return Node(self._cluster, identity)
