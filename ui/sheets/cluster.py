"""The cluster's Policy page: timing, time zone, anti-affinity."""

from __future__ import annotations

from clusteradmin.wizards.edits import Key, prop
from nodeagent.api.commonproperties import CLUSTER
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
        profile = str(self.draft.edits.effective(prop("Profile")))
        texts = {
            "default": self.tr("A node is taken for dead after 4.5 s of silence; pauses of up to 2.8 s do no harm."),
            "fast": self.tr("A node is taken for dead after 1.8 s of silence; pauses of up to 1.1 s do no harm."),
            "virtual machines": self.tr(
                "A node is taken for dead after 38 s of silence; pauses of up to 30 s, as in a live migration, do no "
                "harm."
            ),
        }
        self.panel.set_text(texts.get(profile, ""))
        self.panel.setVisible(profile in texts)
