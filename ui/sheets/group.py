"""A group's pages beside General: Failover, Failback, Anti-affinity."""

from __future__ import annotations

from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QRadioButton, QWidget

from clusteradmin.wizards.edits import PREFERRED_OWNERS, Key, prop
from nodeagent.api.commonproperties import GROUP
from nodeagent.api.objects import Group
from nodeagent.api.properties import PropertySpec, spec_of
from ui import words
from ui.forms.editors import NumberEditor
from ui.forms.row import OptionalNumberRow
from ui.sheets.advanced import without_special
from ui.sheets.draft import Draft
from ui.sheets.page import Page
from ui.theme import Height, Space, height
from ui.widgets import FieldReason
from ui.widgets.labels import TextLabel
from ui.widgets.panels import InfoPanel

PREVENT, ALLOW = 0, 1  # AutoFailbackType
# What the fields of the window start from: a night, when few would notice.
SUGGESTED_START, SUGGESTED_END = 22, 5


class FailoverPage(Page):
    """How often the group may fail over."""

    def __init__(self, draft: Draft) -> None:
        super().__init__("", draft)
        self.title = self.tr("Failover")
        self.column.addWidget(TextLabel(self.tr("How often the group may fail over before it stays where it is:")))
        for name in ("FailoverThreshold", "FailoverPeriod"):
            self.add_row(prop(name), _spec(name))
        self.column.addSpacing(Space.SMALL)
        self.panel = InfoPanel(self.tr("What these settings do"))
        self.column.addWidget(self.panel)
        self.column.addStretch(1)

    def follow(self, problems: dict[Key, str]) -> None:
        if any(key in problems for key in self.rows):
            self.panel.set_text(self.tr("Correct the marked values to see what they do."))
            return
        name = self.draft.item.name
        threshold = self.draft.edits.effective(prop("FailoverThreshold"))
        period = self.draft.edits.effective(prop("FailoverPeriod"))
        if threshold == 0:
            self.panel.set_text(self.tr("{0} is not moved when a resource fails; it stays Failed.").format(name))
            return
        text = self.tr(
            "{0} may fail over at most {1} times within {2} hours. After that it stays where it is, and a person "
            "has to bring it online. Moves that a person asks for do not count."
        )
        self.panel.set_text(text.format(name, threshold, period))


class FailbackPage(Page):
    """Whether and when the group returns to its most preferred owner."""

    def __init__(self, draft: Draft) -> None:
        super().__init__("", draft)
        self.title = self.tr("Failback")
        self.prevent = self._radio(self.tr("&Prevent failback"))
        self.allow = self._radio(self.tr("&Allow failback"))
        self.at_once = self._radio(self.tr("&Immediately"))
        self.between = QRadioButton(self.tr("Failback &between"))
        first, second = QButtonGroup(self), QButtonGroup(self)
        for group, buttons in ((first, (self.prevent, self.allow)), (second, (self.at_once, self.between))):
            for button in buttons:
                group.addButton(button)
        self._add(self.prevent, 0)
        self._add(self.allow, 0)
        self.reason = FieldReason()
        self.reason.followed.connect(lambda: draft.wanted.emit(PREFERRED_OWNERS))
        self.column.addWidget(self.reason)
        self._add(self.at_once, 1)
        self.start = self._hour("FailbackWindowStart", SUGGESTED_START, self.between)
        self.end = self._hour("FailbackWindowEnd", SUGGESTED_END, None)
        self.column.addSpacing(Space.SMALL)
        self.panel = InfoPanel(self.tr("What these settings do"))
        self.column.addWidget(self.panel)
        self.column.addStretch(1)
        self.prevent.clicked.connect(lambda: draft.put(prop("AutoFailbackType"), PREVENT))
        self.allow.clicked.connect(lambda: draft.put(prop("AutoFailbackType"), ALLOW))
        self.at_once.clicked.connect(lambda: self._put_window(None, None))
        self.between.clicked.connect(lambda: self._put_window(SUGGESTED_START, SUGGESTED_END))

    def _radio(self, text: str) -> QRadioButton:
        button = QRadioButton(text)
        button.setMinimumHeight(height(Height.ROW, button.fontMetrics()))
        return button

    def _add(self, button: QRadioButton, indent: int) -> None:
        line = QHBoxLayout()
        line.setContentsMargins(Space.LARGE + indent * Space.INDENT, 0, 0, 0)
        line.addWidget(button)
        line.addStretch(1)
        self.column.addLayout(line)

    def _hour(self, name: str, suggested: int, lead: QWidget | None) -> OptionalNumberRow:
        spec = _spec(name)
        editor = NumberEditor(without_special(spec))
        row = OptionalNumberRow(spec, editor, lead=lead, instead=suggested, label=self.tr("and"), indent=1)
        self.bind(prop(name), row)
        self.column.addWidget(row)
        return row

    def _put_window(self, start: int | None, end: int | None) -> None:
        self.draft.edits.put(prop("FailbackWindowStart"), start)
        self.draft.put(prop("FailbackWindowEnd"), end)

    def keys(self) -> tuple[Key, ...]:
        return (prop("AutoFailbackType"), *self.rows)

    def follow(self, problems: dict[Key, str]) -> None:
        edits, item = self.draft.edits, self.draft.item
        allowed = edits.effective(prop("AutoFailbackType")) == ALLOW
        window = edits.value(prop("FailbackWindowStart")) is not None
        (self.allow if allowed else self.prevent).setChecked(True)
        (self.between if window else self.at_once).setChecked(True)
        may = not self.draft.forbidden
        for control, counts in ((self.prevent, True), (self.allow, True), (self.at_once, allowed)):
            control.setEnabled(may and counts)
        self.between.setEnabled(may and allowed)
        for row in (self.start, self.end):
            row.allow(may and allowed and window)
        nobody = allowed and not edits.value(PREFERRED_OWNERS)
        self.reason.show_reason(
            self.tr("{0} has no preferred owners, so there is nowhere to go back to.").format(item.name)
            if nobody
            else None,
            self.tr("Choose preferred owners…") if nobody else None,
        )
        self.panel.set_text(self._consequences(allowed, window))

    def _consequences(self, allowed: bool, window: bool) -> str:
        edits, name = self.draft.edits, self.draft.item.name
        if not allowed:
            text = self.tr("After a failover {0} stays on the node that took it until somebody moves it.")
            return text.format(name)
        owners: tuple[int, ...] = edits.value(PREFERRED_OWNERS) or ()  # type: ignore[assignment]  # node ids
        first = self.draft.snapshot.node_name(owners[0]) if owners else self.tr("its most preferred owner")
        if not window:
            return self.tr("{0} moves back to {1} as soon as that node is up again.").format(name, first)
        start, end = (edits.effective(prop(f"FailbackWindow{which}")) for which in ("Start", "End"))
        zone = self.draft.snapshot.cluster.properties.get("TimeZone") or self.tr("the node that plans")
        text = self.tr("{0} moves back to {1} between {2} and {3} o’clock, by the time of {4}.")
        sentence = text.format(name, first, start, end, zone)
        overnight = isinstance(start, int) and isinstance(end, int) and end < start
        return f"{sentence} {self.tr('The window ends on the next day.')}" if overnight else sentence


class AntiAffinityPage(Page):
    """Which groups try to stay on different nodes."""

    def __init__(self, draft: Draft) -> None:
        super().__init__("", draft)
        self.title = self.tr("Anti-affinity")
        self.column.addWidget(TextLabel(self.tr("Groups that share a name try to stay on different nodes."), wrap=True))
        self.add_row(prop("AntiAffinityClassNames"), _spec("AntiAffinityClassNames"), label=self.tr("Class names"))
        self.column.addSpacing(Space.SMALL)
        self.panel = InfoPanel(self.tr("What these settings do"))
        self.column.addWidget(self.panel)
        self.column.addStretch(1)

    def follow(self, problems: dict[Key, str]) -> None:
        own = self.draft.edits.effective(prop("AntiAffinityClassNames")) or ()
        names = {str(name) for name in own} if isinstance(own, tuple) else set()
        others = sorted(
            group.name
            for group in self.draft.snapshot.groups.values()
            if group.id != self.draft.item.id and names & set(_class_names(group))
        )
        name = self.draft.item.name
        if not names:
            self.panel.set_text(self.tr("{0} keeps away from no other group.").format(name))
        elif not others:
            self.panel.set_text(self.tr("No other group has one of these names yet.").format(name))
        elif self.draft.snapshot.cluster.properties.get("EnforcedAntiAffinity"):
            text = self.tr("{0} never runs on the node of {1}; it stays offline if no other node can take it.")
            self.panel.set_text(text.format(name, words.listed(others)))
        else:
            text = self.tr("{0} goes to the node of {1} only if no other node can take it.")
            self.panel.set_text(text.format(name, words.listed(others)))


def _class_names(group: Group) -> tuple[str, ...]:
    value = group.properties.get("AntiAffinityClassNames", ())
    return value if isinstance(value, tuple) else ()


def _spec(name: str) -> PropertySpec:
    return spec_of(GROUP, name)
