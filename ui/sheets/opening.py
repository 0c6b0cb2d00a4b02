"""Which pages a sheet has, and one sheet per object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialog, QWidget

from nodeagent.api.objects import Cluster as ClusterItself
from nodeagent.api.objects import ClusterObject, Group, ObjectRef, Resource
from nodeagent.api.problems import refuse
from ui.sheets.advanced import AdvancedPage
from ui.sheets.cluster import PolicyPage
from ui.sheets.dependencies import DependenciesPage
from ui.sheets.draft import Draft
from ui.sheets.general import general_page
from ui.sheets.group import AntiAffinityPage, FailbackPage, FailoverPage
from ui.sheets.history import HistoryPage
from ui.sheets.page import Page
from ui.sheets.parameters import ParametersPage
from ui.sheets.sheet import Sheet

if TYPE_CHECKING:
    from clusteradmin.client.cluster import Cluster


def open_properties(cluster: Cluster, reference: ObjectRef, parent: QWidget) -> QDialog:
    """Show the properties of an object, modeless; the sheet that is already open is raised.

    Raises:
        ClusterError: the object is not there any more, or the cluster was never reached.
    """
    for sheet in parent.findChildren(Sheet):
        if sheet.reference == reference and sheet.cluster is cluster:
            sheet.show()
            sheet.raise_()
            sheet.activateWindow()
            return sheet
    snapshot = cluster.snapshot
    item = snapshot.get(reference) if snapshot is not None else None
    if snapshot is None or item is None:
        raise refuse("object_unknown", kind=reference.kind.value, id=reference.id)
    sheet = Sheet(cluster, snapshot, item, reference, parent)
    sheet.add_pages(_pages(item, sheet.draft))
    sheet.show()
    return sheet


def _pages(item: ClusterObject, draft: Draft) -> list[Page]:
    pages: list[Page] = [general_page(draft)]
    match item:
        case Group():
            pages += [FailoverPage(draft), FailbackPage(draft), AntiAffinityPage(draft)]
        case Resource():
            pages += [DependenciesPage(draft), AdvancedPage(draft), ParametersPage(draft)]
        case ClusterItself():
            pages.append(PolicyPage(draft))
    return [*pages, HistoryPage(draft)]
