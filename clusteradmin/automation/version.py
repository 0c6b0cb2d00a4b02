"""The cluster's version, from those of its nodes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nodeagent.api.objects import Snapshot
from nodeagent.api.wire import PROTOCOL, SOFTWARE

VENDOR = "Cluster Administrator"


@dataclass(frozen=True, slots=True)
class Version:
    """Versions as the original's ClusVersion has them; without a node that tells its own they are ours."""

    snapshot: Snapshot

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.snapshot.cluster.name

    @property
    def _known(self) -> list[str]:
        told = {node.version for node in self.snapshot.nodes.values() if node.version}
        return sorted(told or {SOFTWARE}, key=_numbers)

    @property
    def major_version(self) -> int:
        """First number of the lowest version of a node: what the whole cluster can do."""
        return _numbers(self._known[0])[0]

    @property
    def minor_version(self) -> int:
        """Second number of the lowest version."""
        return _numbers(self._known[0])[1]

    @property
    def build_number(self) -> int:
        """Third number of the lowest version."""
        return _numbers(self._known[0])[2]

    @property
    def vendor_id(self) -> str:
        """Who made it."""
        return VENDOR

    @property
    def csd_version(self) -> str:
        """The lowest version in full."""
        return self._known[0]

    @property
    def cluster_highest_version(self) -> str:
        """The highest version of a node."""
        return self._known[-1]

    @property
    def cluster_lowest_version(self) -> str:
        """The lowest version of a node."""
        return self._known[0]

    @property
    def mixed_version(self) -> bool:
        """Whether the nodes' versions differ, as during an upgrade."""
        return len(self._known) > 1

    @property
    def flags(self) -> int:
        """1 when the versions are mixed (CLUSTER_VERSION_FLAG_MIXED_MODE)."""
        return int(self.mixed_version)

    @property
    def protocol(self) -> int:
        """The highest version of the protocol that we speak."""
        return PROTOCOL[1]


def _numbers(version: str) -> tuple[int, int, int]:
    found = [int(number) for number in re.findall(r"\d+", version)[:3]]
    first, second, third = (*found, 0, 0, 0)[:3]
    return first, second, third
