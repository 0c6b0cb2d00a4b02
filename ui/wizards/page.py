"""A page of a wizard: title, what it is about, its fields, and what is still missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QVBoxLayout, QWidget

from clusteradmin.wizards.flow import Step
from nodeagent.api.objects import Snapshot
from nodeagent.api.problems import Problem
from ui.forms.command import CommandPanel
from ui.forms.facts import FactRow
from ui.models.roles import Tone
from ui.theme import FontRole, Space
from ui.widgets.labels import TextLabel
from ui.widgets.panels import InfoPanel

if TYPE_CHECKING:
    from ui.wizards.wizard import Wizard

_SIDE, _TOP = 20, 16


class WizardPage(QWidget):
    """Subclasses fill `column`, write answers as they are typed, and call `answered`."""

    step = Step.REVIEW

    def __init__(self, wizard: Wizard, title: str) -> None:
        super().__init__()
        self.wizard = wizard
        self.title = TextLabel(title, FontRole.TITLE)
        self.subtitle = TextLabel("", FontRole.BODY, Tone.TEXT2, wrap=True)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(_SIDE, _TOP, _SIDE, _TOP)
        self.column.setSpacing(Space.SMALL)
        self.column.addWidget(self.title)
        self.column.addWidget(self.subtitle)
        self.column.addSpacing(Space.TINY)

    def about(self, text: str) -> None:
        """Say in one sentence what the page is about."""
        self.subtitle.setText(text)

    def answered(self) -> None:
        """Tell the wizard that an answer changed."""
        self.wizard.answers_changed()

    def summary(self, cluster: Snapshot) -> str:
        """Return the answers in a line for the rail; an empty text while there are none."""
        raise NotImplementedError

    def refresh(self, cluster: Snapshot) -> None:
        """Show the answers, and the cluster as it is now."""
        raise NotImplementedError

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Say what is wrong or missing; nothing when all is well."""
        raise NotImplementedError

    def take_focus(self) -> None:
        """Put the focus into the first field, or the first that is wrong."""


class ReviewPage(WizardPage):
    """The last page: what will be created, and the same as a command."""

    step = Step.REVIEW

    def __init__(self, wizard: Wizard) -> None:
        super().__init__(wizard, wizard.tr("Review"))
        self.facts = QVBoxLayout()
        self.facts.setSpacing(2)
        self.panel = InfoPanel(self.tr("What Finish does"))
        self.command = CommandPanel()
        self._rows: dict[str, FactRow] = {}
        self.column.addLayout(self.facts)
        self.column.addStretch(1)
        self.column.addWidget(self.panel)
        self.column.addWidget(self.command)

    def summary(self, cluster: Snapshot) -> str:
        del cluster
        return ""

    def refresh(self, cluster: Snapshot) -> None:
        self.about(self.wizard.review_title())
        wanted = self.wizard.review_facts(cluster)
        if list(self._rows) != list(wanted):
            self._rebuild(list(wanted))
        for label, value in wanted.items():
            self._rows[label].show_value(value)
        self.panel.set_text(self.wizard.review_effect(cluster))
        self.command.show_commands(self.wizard.command_text(cluster))

    def _rebuild(self, labels: Sequence[str]) -> None:
        for row in self._rows.values():
            self.facts.removeWidget(row)
            row.deleteLater()
        self._rows = {label: FactRow(label) for label in labels}
        for row in self._rows.values():
            self.facts.addWidget(row)

    def show_problems(self, problems: Sequence[Problem]) -> None:
        del problems  # the wizard's notice shows them: nothing can be corrected here

    def take_focus(self) -> None:
        self.wizard.next_button.setFocus()
