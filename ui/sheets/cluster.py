"""The cluster's Policy page: timing, time zone, anti-affinity."""

from __future__ import annotations

from clusteradmin.wizards.edits import Key, prop
from clusteradmin.wizards.profiles import times_of
from nodeagent.api.commonproperties import CLUSTER
from nodeagent.api.texts import sentence
from ui.sheets.draft import Draft
from ui.sheets.page import Page
from ui.theme import Space
from ui.widgets.panels import InfoPanel


class PolicyPage(Page):
    """What holds for all groups."""

    def __init__(self, draft: Draft) -> None:
        super().__init__("", draft)
        self.title = self.tr("Policy")
        for spec in CLUSTER:
            if spec.name != "Description":
                self.add_row(prop(spec.name), spec, helped=True)
        self.column.addSpacing(Space.SMALL)
        self.panel = InfoPanel(self.tr("What these settings do"))
        self.column.addWidget(self.panel)
        self.column.addStretch(1)

    def follow(self, problems: dict[Key, str]) -> None:
        times = times_of(str(self.draft.edits.effective(prop("Profile"))), len(self.draft.snapshot.nodes))
        self.panel.setVisible(times is not None)
        if times is not None:
            self.panel.set_text(sentence(times.meaning))
