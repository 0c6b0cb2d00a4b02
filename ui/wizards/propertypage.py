"""The Parameters page: a form made from the type's schema, and the check on every possible owner."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QVBoxLayout

from clusteradmin.wizards.flow import Step
from clusteradmin.wizards.networkname import USE_NETWORK_NAME
from clusteradmin.wizards.newresource import NewResource
from nodeagent.api.objects import Snapshot
from nodeagent.api.problems import Problem
from nodeagent.api.properties import PropertySpec, Value, check
from nodeagent.api.texts import sentence
from ui.forms.form import PropertyForm
from ui.forms.networkname import show_network_name_need
from ui.forms.ownercheck import OwnerCheck
from ui.theme import Space
from ui.widgets.lines import HairLine
from ui.wizards.page import WizardPage
from ui.wizards.wizard import Wizard


class ParametersPage(WizardPage):
    """Shows the settings of whatever type was chosen."""

    step = Step.PARAMETERS

    def __init__(self, wizard: Wizard, answers: NewResource) -> None:
        super().__init__(wizard, wizard.tr("Parameters"))
        self.answers = answers
        self.form: PropertyForm | None = None
        self._schema: tuple[PropertySpec, ...] | None = None
        self._place = QVBoxLayout()
        self.check = OwnerCheck(wizard.cluster)
        self.check.wanted.connect(self._ask)
        self.column.addLayout(self._place)
        self.column.addSpacing(Space.TINY)
        self.column.addWidget(HairLine())
        self.column.addWidget(self.check)
        self.column.addStretch(1)

    def _edited(self, name: str, value: Value | None) -> None:
        if value is None:
            self.answers.parameters.pop(name, None)
        else:
            self.answers.parameters[name] = value
        self.answered()

    def _ask(self) -> None:
        cluster = self.wizard.snapshot
        self.check.ask(self.answers.type, self.answers.sent_parameters(cluster), cluster)

    def summary(self, cluster: Snapshot) -> str:
        kind = self.answers.resource_type(cluster)
        for spec in kind.schema if kind else ():
            if spec.required and spec.name in self.answers.parameters:
                return str(self.answers.parameters[spec.name])
        return ""

    def refresh(self, cluster: Snapshot) -> None:
        kind = self.answers.resource_type(cluster)
        schema = kind.schema if kind else ()
        if schema != self._schema:
            self._rebuild(schema, cluster)
        self.about(self.tr("What a resource of type {0} needs to know. * is required.").format(self.answers.type))
        assert self.form is not None
        self.form.show_values(self.answers.parameters)
        if row := self.form.rows.get(USE_NETWORK_NAME):
            show_network_name_need(row, self.answers.providers(cluster), self.answers.group, cluster)
        parameters = self.answers.sent_parameters(cluster)
        self.check.show_owners(self.answers.owners(cluster), cluster)
        self.check.values_changed(self.answers.type, parameters)
        self.check.allow(complete=not self.answers.problems(Step.PARAMETERS, cluster))

    def _rebuild(self, schema: tuple[PropertySpec, ...], cluster: Snapshot) -> None:
        if self.form is not None:
            self._place.removeWidget(self.form)
            self.form.deleteLater()
        self._schema = schema
        self.form = PropertyForm(schema, [network.name for network in cluster.networks.values()])
        self.form.edited.connect(self._edited)
        self.form.link.connect(lambda _name: self.wizard.go_to(Step.DEPENDENCIES))
        self._place.addWidget(self.form)

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Show what is missing; what was typed wrong is said at once, in any case."""
        sentences = {problem.field: sentence(problem) for problem in problems}
        for spec in self._schema or ():
            typed = self.answers.parameters.get(spec.name)
            if typed is not None and spec.name not in sentences and (wrong := check(spec, typed)):
                sentences[spec.name] = sentence(wrong)
        if self.form is not None:
            self.form.show_problems(sentences)

    def take_focus(self) -> None:
        if self.form is not None and not self.form.focus_first_problem():
            for row in self.form.rows.values():
                row.take_focus()
                return
