"""The application object: the clusters that can be opened by name."""

from __future__ import annotations

from clusteradmin.automation.cluster import Cluster
from clusteradmin.settings import ClientHome
from clusteradmin.ssh.credentials import Prompter


class Application:
    """ClusApplication: knows the saved connections and opens clusters."""

    def __init__(self, *, prompter: Prompter | None = None, home: ClientHome | None = None) -> None:
        self._prompter = prompter
        self._home = home or ClientHome.default()

    @property
    def cluster_names(self) -> tuple[str, ...]:
        """Names of the saved connections."""
        return tuple(saved.name for saved in self._home.connections())

    def open_cluster(self, name: str = "") -> Cluster:
        """Open a cluster by any target. Raises NotConnected."""
        return Cluster(prompter=self._prompter, home=self._home).open(name)
