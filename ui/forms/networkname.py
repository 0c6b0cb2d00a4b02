"""Use Network Name is off until the resource depends on one; the reason names one that could be added."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QCoreApplication

from clusteradmin.wizards.networkname import has_network_name, offered_network_name
from nodeagent.api.objects import GroupId, ResourceId, Snapshot
from ui.forms.row import PropertyRow


def show_network_name_need(
    row: PropertyRow, dependencies: Iterable[ResourceId], group: GroupId, cluster: Snapshot
) -> None:
    """Switch *row* on or off, by what the resource depends on directly."""
    if has_network_name(dependencies, cluster):
        row.set_reason("")
        return
    offered = offered_network_name(group, cluster)
    link = QCoreApplication.translate("forms", "Add {0}…").format(offered.name) if offered else None
    row.set_reason(QCoreApplication.translate("forms", "Needs a direct dependency on a Network Name."), link)
