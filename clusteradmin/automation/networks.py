"""Networks and network interfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusteradmin.automation.collection import Collection, by_name
from clusteradmin.automation.item import Item, RenamableItem
from nodeagent.api.objects import Interface, InterfaceState, NetworkState, NodeId, ObjectKind
from nodeagent.api.objects import Network as NetworkItself

if TYPE_CHECKING:
    from clusteradmin.automation.cluster import Cluster


class NetworkInterface(Item[Interface]):
    """A node's card on a network (ClusNetInterface)."""

    kind = ObjectKind.INTERFACE

    @property
    def state(self) -> InterfaceState:
        """Its state."""
        return self._now.state


class NetworkInterfaces(Collection[NetworkInterface]):
    """Network interfaces: all (ClusNetInterfaces), a node's or a network's."""

    kind = "network interface"

    def __init__(self, cluster: Cluster, *, node: NodeId | None = None, network: str | None = None) -> None:
        super().__init__(cluster)
        self._node = node
        self._network = network

    def _items(self) -> list[NetworkInterface]:
        chosen = [
            card
            for card in self._cluster.snapshot.interfaces.values()
            if self._node in (None, card.node) and self._network in (None, card.network)
        ]
        return [NetworkInterface(self._cluster, c.id) for c in sorted(chosen, key=lambda c: (c.node, c.name))]


class Network(RenamableItem[NetworkItself]):
    """A network (ClusNetwork)."""

    kind = ObjectKind.NETWORK

    @property
    def network_id(self) -> str:
        """Its id, which never changes."""
        return self._reference.id

    @property
    def state(self) -> NetworkState:
        """Its state."""
        return self._now.state

    @property
    def net_interfaces(self) -> NetworkInterfaces:
        """The nodes' interfaces on it."""
        return NetworkInterfaces(self._cluster, network=self.network_id)


class Networks(Collection[Network]):
    """Networks (ClusNetworks)."""

    kind = "network"
    unknown = "network_unknown"

    def _items(self) -> list[Network]:
        networks = self._cluster.snapshot.networks.values()
        return [Network(self._cluster, network.id) for network in by_name(networks)]
