"""Opens wizards, modeless."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialog, QWidget

from nodeagent.api.objects import GroupId, Snapshot
from nodeagent.api.problems import refuse
from ui.wizards.newgroup import NewGroupWizard
from ui.wizards.newresource import NewResourceWizard

if TYPE_CHECKING:
    from clusteradmin.client.cluster import Cluster


def new_group(cluster: Cluster, parent: QWidget) -> QDialog:
    """Show the New Group wizard.

    Raises:
        ClusterError: the cluster was never reached.
    """
    wizard = NewGroupWizard(cluster, _snapshot(cluster), parent)
    wizard.show()
    return wizard


def new_resource(cluster: Cluster, parent: QWidget, group: GroupId | None) -> QDialog:
    """Show the New Resource wizard, with *group* chosen.

    Raises:
        ClusterError: the cluster was never reached.
    """
    wizard = NewResourceWizard(cluster, _snapshot(cluster), group, parent)
    wizard.show()
    return wizard


def _snapshot(cluster: Cluster) -> Snapshot:
    if cluster.snapshot is None:
        raise refuse("not_connected", detail="it was not reached yet")
    return cluster.snapshot
