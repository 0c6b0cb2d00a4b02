"""A resource's Advanced page: what happens when it fails, how often it is looked at, how long it may take."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QRadioButton, QVBoxLayout, QWidget

from clusteradmin.wizards.edits import Key, prop
from nodeagent.api.commonproperties import NEVER, RESOURCE, RESOURCE_TYPE
from nodeagent.api.objects import Resource, Snapshot
from nodeagent.api.properties import PropertySpec, Value, effective, spec_of
from ui import words
from ui.forms.editors import Editor, NumberEditor
from ui.forms.row import OptionalNumberRow, value_text
from ui.models.roles import Tone
from ui.sheets.draft import Draft
from ui.sheets.page import Page
from ui.theme import FontRole, Height, Space, height
from ui.widgets.labels import ElidedLabel
from ui.widgets.panels import InfoPanel

DO_NOT_RESTART, RESTART, RESTART_AND_AFFECT = 0, 1, 2  # RestartAction


class RestartEditor(Editor):
    """RestartAction as the original shows it: two radio buttons, and a check box under the second."""

    labelled = True

    def __init__(self, spec: PropertySpec, parent: QWidget | None = None) -> None:
        super().__init__(spec, parent)
        self.never = QRadioButton(self.tr("Do &not restart"))
        self.restart = QRadioButton(self.tr("&Restart"))
        self.affect = QCheckBox(self.tr("&Affect the group"))
        self.reason = ElidedLabel("", FontRole.SMALL, Tone.TEXT2)
        first = QHBoxLayout()
        first.setSpacing(Space.LARGE)
        first.addWidget(self.never)
        first.addWidget(self.reason, 1)
        indented = QHBoxLayout()
        indented.setContentsMargins(Space.INDENT, 0, 0, 0)
        indented.addWidget(self.affect)
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addLayout(first)
        column.addWidget(self.restart)
        column.addLayout(indented)
        for button in (self.never, self.restart, self.affect):
            button.setMinimumHeight(height(Height.EVENT_ROW, button.fontMetrics()))
            button.clicked.connect(self._clicked)
        self._layout.addLayout(column)
        self.setFocusProxy(self.restart)

    def call(self, name: str) -> None:
        """Give *name* to the whole; each button is called by its own words."""
        self.setAccessibleName(name)

    def value(self) -> Value | None:
        if self.never.isChecked():
            return DO_NOT_RESTART
        return RESTART_AND_AFFECT if self.affect.isChecked() else RESTART

    def show_value(self, value: Value | None) -> None:
        (self.never if value == DO_NOT_RESTART else self.restart).setChecked(True)
        if value != DO_NOT_RESTART:  # what was chosen last comes back with Restart
            self.affect.setChecked(value == RESTART_AND_AFFECT)
        self._explain()

    def _clicked(self) -> None:
        self._explain()
        self.edited.emit()

    def _explain(self) -> None:
        off = self.never.isChecked()
        self.affect.setEnabled(not off)
        self.reason.setText(self.tr("What is off below counts with Restart only.") if off else "")


class AdvancedPage(Page):
    """All of it in one page without scrolling, in the original's order."""

    def __init__(self, draft: Draft) -> None:
        super().__init__("", draft)
        self.title = self.tr("Advanced")
        self.column.setSpacing(1)
        self.column.setContentsMargins(Space.LARGE, Space.SMALL, Space.LARGE, Space.SMALL)
        self.add_heading(self.tr("When the resource fails"), first=True)
        action = _spec("RestartAction")
        self.add_row(prop("RestartAction"), action, RestartEditor(action))
        self.threshold = self.add_row(prop("RestartThreshold"), _spec("RestartThreshold"), indent=1)
        self.period = self.add_row(prop("RestartPeriod"), _spec("RestartPeriod"), indent=1, scale=1000)
        self.add_row(prop("RetryPeriodOnFailure"), _spec("RetryPeriodOnFailure"), indent=1, scale=1000)
        self.looks_alive = self._add_poll("LooksAlivePollInterval", self.tr("“Looks Alive” poll interval"))
        self.is_alive = self._add_poll("IsAlivePollInterval", self.tr("“Is Alive” poll interval"))
        self.column.addSpacing(Space.TINY)
        title = self.tr("Pending timeout")
        lead = ElidedLabel(title, FontRole.HEADING)
        self.add_row(prop("PendingTimeout"), _spec("PendingTimeout"), label=title, scale=1000, lead=lead)
        self.column.addStretch(1)
        self.column.addSpacing(Space.SMALL)
        self.panel = InfoPanel(self.tr("What these settings do"))
        self.column.addWidget(self.panel)

    def add_heading(self, text: str, *, first: bool = False) -> ElidedLabel:
        """Add a heading with less room above: the whole page is to fit 640 px."""
        if not first:
            self.column.addSpacing(Space.TINY + 2)
        heading = ElidedLabel(text, FontRole.HEADING)
        self.column.addWidget(heading)
        return heading

    def _add_poll(self, name: str, title: str) -> tuple[QRadioButton, OptionalNumberRow]:
        self.add_heading(title)
        from_type = QRadioButton()
        own = QRadioButton(self.tr("Specify value"))
        holder = QWidget()  # radio buttons of one parent exclude each other: each pair needs its own
        line = QHBoxLayout(holder)
        line.setContentsMargins(Space.LARGE, 0, 0, 0)
        line.addWidget(from_type)
        line.addStretch(1)
        spec = _spec(name)
        number = NumberEditor(without_special(spec), step=100)
        row = OptionalNumberRow(spec, number, lead=own, instead=0)
        for button in (from_type, own):
            button.setAutoExclusive(False)  # they stand in different rows; `follow` keeps them apart
            button.setMinimumHeight(height(Height.EVENT_ROW, button.fontMetrics()))
            button.setAccessibleDescription(title)
        from_type.clicked.connect(lambda: self.draft.put(prop(name), None))
        own.clicked.connect(lambda: self.draft.put(prop(name), self._of_type(name)))
        own.clicked.connect(row.take_focus)
        self.column.addWidget(holder)
        self.column.addWidget(row)
        self.bind(prop(name), row)
        number.call(title)
        return from_type, row

    def _of_type(self, name: str) -> int:
        item = self.draft.item
        assert isinstance(item, Resource)
        return type_interval(name, item.type, self.draft.snapshot)

    def follow(self, problems: dict[Key, str]) -> None:
        item = self.draft.item
        assert isinstance(item, Resource)
        may = not self.draft.forbidden
        restarts = self.draft.edits.effective(prop("RestartAction")) != DO_NOT_RESTART
        for row in (self.threshold, self.period):
            row.allow(restarts and may)
        for from_type, row in (self.looks_alive, self.is_alive):
            interval = self._of_type(row.spec.name)
            shown = value_text(row.spec, interval)
            from_type.setText(self.tr("Use value from resource type ({0}: {1})").format(item.type, shown))
            own = self.draft.edits.value(prop(row.spec.name)) is not None
            from_type.setChecked(not own)
            lead = row.lead
            assert isinstance(lead, QRadioButton)
            lead.setChecked(own)
            for button in (from_type, lead):
                button.setEnabled(may)
            row.show_instead(interval)
        self.panel.set_text(self._consequences() if not any(key in problems for key in self.rows) else _correct_first())

    def _consequences(self) -> str:
        item = self.draft.item
        assert isinstance(item, Resource)
        values = {name: self.draft.edits.effective(prop(name)) for name in _READ}
        return consequences(item, self.draft.snapshot, {k: v for k, v in values.items() if isinstance(v, int)})


_READ = ("RestartAction", "RestartThreshold", "RestartPeriod", "RetryPeriodOnFailure", "PendingTimeout")


def _correct_first() -> str:
    return QCoreApplication.translate("advanced", "Correct the marked values to see what they do.")


def consequences(item: Resource, cluster: Snapshot, values: dict[str, int]) -> str:
    """Say in sentences what happens when *item* fails or hangs, with these settings (milliseconds)."""

    def said(text: str) -> str:
        return QCoreApplication.translate("advanced", text)

    group = cluster.groups.get(item.group)
    group_name = group.name if group else ""
    count = len(cluster.resources_of(item.group))
    action, threshold = values["RestartAction"], values["RestartThreshold"]
    period = words.duration(values["RestartPeriod"] / 1000)
    again = values["RetryPeriodOnFailure"]
    if action == DO_NOT_RESTART:
        text = said("If {name} fails, it is not restarted and its group stays where it is.")
    elif threshold == 0 and action == RESTART_AND_AFFECT:
        text = said("If {name} fails, the whole group {group} ({members}) moves to its best possible owner.")
    elif threshold == 0:
        text = said("If {name} fails, it is not restarted; the group {group} stays where it is.")
    else:
        text = said("If {name} fails, it is restarted on the same node, at most {threshold} times in {period}.")
        if action == RESTART_AND_AFFECT:
            text += " " + said("The next failure moves the whole group {group} ({members}) to its best owner.")
        else:
            text += " " + said("After that it stays Failed; the other resources of {group} stay where they are.")
    if action == RESTART_AND_AFFECT:
        stays = said("If no node can take it, {name} stays Failed")
    else:
        stays = said("{name} stays Failed")
    until = said("until somebody brings it online") if again == NEVER else said("and is tried again after {again}")
    sentences = f"{text} {stays} {until}."
    return sentences.format(
        name=item.name,
        group=group_name,
        members=said("1 resource") if count == 1 else said("{0} resources").format(count),
        threshold=threshold,
        period=period,
        again=words.duration(again / 1000),
    )


def type_interval(name: str, type_name: str, cluster: Snapshot) -> int:
    """Return the poll interval of a resource type, milliseconds."""
    kind = cluster.types.get(type_name)
    value = effective(RESOURCE_TYPE, kind.properties if kind else {}, name)
    return value if isinstance(value, int) else 0


def _spec(name: str) -> PropertySpec:
    return spec_of(RESOURCE, name)


def without_special(spec: PropertySpec) -> PropertySpec:
    """Return *spec* for a field whose special value is shown by radio buttons instead."""
    return PropertySpec(
        name=spec.name,
        kind=spec.kind,
        label=spec.label,
        help=spec.help,
        default=spec.default,
        unit=spec.unit,
        minimum=spec.minimum,
        maximum=spec.maximum,
    )
