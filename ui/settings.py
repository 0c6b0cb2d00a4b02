"""What the window remembers: its place, layouts and columns, filters, and which clusters were open."""

import base64
from pathlib import Path
from typing import Final

import msgspec

from clusteradmin.settings import write_json

FILE_NAME: Final = "window.json"
MOST_CLUSTERS: Final = 50  # layouts kept; those not used for longest are dropped


class ListLayout(msgspec.Struct, omit_defaults=True):
    """How one kind of list looks. Widths by column; *shown* and *hidden* are choices that differ from the usual."""

    widths: dict[str, int] = {}
    order: list[str] = []
    shown: list[str] = []
    hidden: list[str] = []
    sort: str = ""
    descending: bool = False
    filter: str = ""


class ClusterLayout(msgspec.Struct, omit_defaults=True):
    """How one cluster's area looks. *details* is None while the width decides."""

    place: str = ""
    details: bool | None = None
    unfolded: list[str] = []
    columns_split: list[int] = []
    rows_split: list[int] = []
    lists: dict[str, ListLayout] = {}
    event_filter: str = ""
    event_widths: list[int] = []

    def list(self, branch: str) -> ListLayout:
        """Return the layout of one kind of list, a new one the first time."""
        return self.lists.setdefault(branch, ListLayout())


class WindowState(msgspec.Struct, omit_defaults=True):
    """All that is kept. *tiled* is "", "side" or "above"; *open* the targets of the tabs, in order."""

    geometry: str = ""
    appearance: str = "system"
    toolbar: bool = True
    status_bar: bool = True
    events: bool = True
    tiled: str = ""
    open: list[str] = []
    clusters: dict[str, ClusterLayout] = {}

    def cluster(self, target: str) -> ClusterLayout:
        """Return the layout of a target's area, a new one the first time; it counts as used now."""
        layout = self.clusters.pop(target, None) or ClusterLayout()
        self.clusters[target] = layout
        while len(self.clusters) > MOST_CLUSTERS:
            del self.clusters[next(iter(self.clusters))]
        return layout

    def geometry_bytes(self) -> bytes:
        return base64.b64decode(self.geometry)

    def set_geometry(self, geometry: bytes) -> None:
        self.geometry = base64.b64encode(geometry).decode()


def load(file: Path) -> WindowState:
    """Return what was kept; a file that is missing or cannot be understood means a window as new."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=WindowState)
    except (OSError, msgspec.MsgspecError):
        return WindowState()


def save(state: WindowState, file: Path) -> None:
    """Keep *state*, whole or not at all.

    Raises:
        SettingsError: it cannot be written.
    """
    write_json(file, state)
