"""What the event log says about one object, newest first; entries unfold to their causes."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex
from PySide6.QtWidgets import QAbstractItemView, QTableView

from clusteradmin.wizards.edits import Key
from ui.models.eventlog import NODE, OBJECT, TIME, EventModel
from ui.models.roles import Tone
from ui.sheets.draft import Draft
from ui.sheets.page import Page
from ui.skins import dress_view
from ui.theme import Height
from ui.widgets.labels import TextLabel

_TIME_WIDTH, _NODE_WIDTH = 144, 90


class HistoryPage(Page):
    """The log of the window is looked through once; afterwards only what is new."""

    def __init__(self, draft: Draft) -> None:
        super().__init__("", draft)
        self.title = self.tr("History")
        self.model = EventModel(self)
        self.view = QTableView()
        self.view.setModel(self.model)
        dress_view(self.view, row=Height.EVENT_ROW, framed=True)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.view.setColumnHidden(OBJECT, True)
        self.view.setColumnWidth(TIME, _TIME_WIDTH)
        self.view.setColumnWidth(NODE, _NODE_WIDTH)
        self.view.setAccessibleName(self.tr("Events about {0}").format(draft.item.name))
        self.view.activated.connect(self._toggle)
        self.empty = TextLabel(
            self.tr("The log that this window has fetched says nothing about {0}.").format(draft.item.name),
            tone=Tone.TEXT2,
            wrap=True,
        )
        self.column.addWidget(self.empty)
        self.column.addWidget(self.view, 1)
        self._seen = -1

    def follow(self, problems: dict[Key, str]) -> None:
        log = self.draft.cluster.log
        newest = log[-1].sequence if log else -1
        if newest != self._seen:
            # All of them again, and the model leaves out what it has: one may come late, with a lower number.
            self.model.add(entry for entry in log if entry.object == self.draft.reference)
            self._seen = newest
        self.model.show_objects(self.draft.snapshot, live=True)
        self.empty.setVisible(self.model.rowCount() == 0)
        self.view.setVisible(self.model.rowCount() > 0)

    def _toggle(self, index: QModelIndex) -> None:
        head = self.model.head_of(index.row())
        self.model.unfold(head, not self.model.is_unfolded(head))
