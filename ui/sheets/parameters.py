"""A resource's Parameters page: its type's settings, the check on its possible owners, the same as a command."""

from __future__ import annotations

from functools import partial

from clusteradmin.wizards.commandline import commands, text
from clusteradmin.wizards.edits import DEPENDENCIES, POSSIBLE_OWNERS, Key, Part, parameter, schema_of
from clusteradmin.wizards.networkname import USE_NETWORK_NAME
from nodeagent.api.objects import NodeId, Resource
from nodeagent.api.properties import Value
from ui.forms.command import CommandPanel
from ui.forms.networkname import show_network_name_need
from ui.forms.ownercheck import OwnerCheck
from ui.sheets.draft import Draft
from ui.sheets.page import Page
from ui.theme import Space
from ui.widgets.labels import TextLabel
from ui.widgets.lines import HairLine


class ParametersPage(Page):
    """Made from the schema that the type's nodes sent."""

    def __init__(self, draft: Draft) -> None:
        super().__init__("", draft)
        self.title = self.tr("Parameters")
        self.column.setSpacing(6)
        schema = schema_of(Part.PARAMETER, draft.item, draft.snapshot)
        for spec in schema:
            row = self.add_row(parameter(spec.name), spec, helped=True)
            row.link.connect(partial(self._follow_link, spec.name))
            if spec.read_only:
                row.set_reason(self.tr("This can be read but not set."))
        if not schema:
            self.column.addWidget(TextLabel(self.tr("Resources of this type have no settings of their own.")))
        self.column.addSpacing(Space.TINY)
        self.column.addWidget(HairLine())
        self.check = OwnerCheck(draft.cluster)
        self.check.wanted.connect(self._ask)
        self.column.addWidget(self.check)
        self.column.addStretch(1)
        self.command = CommandPanel()
        self.column.addWidget(self.command)

    def values(self) -> dict[str, Value]:
        """Return the parameters as they would be stored."""
        edits = self.draft.edits
        values = {key.name: edits.value(key) for key in self.rows}
        # Parameters hold Values.
        return {name: value for name, value in values.items() if value is not None}  # type: ignore[misc]

    def _owners(self) -> tuple[NodeId, ...]:
        chosen = self.draft.edits.value(POSSIBLE_OWNERS)
        if chosen is None:
            return tuple(sorted(self.draft.snapshot.nodes))
        return chosen  # type: ignore[return-value]  # node ids

    def _ask(self) -> None:
        item = self.draft.item
        assert isinstance(item, Resource)
        self.check.ask(item.type, self.values(), self.draft.snapshot)

    def follow(self, problems: dict[Key, str]) -> None:
        item, cluster = self.draft.item, self.draft.snapshot
        assert isinstance(item, Resource)
        self.check.show_owners(self._owners(), cluster)
        self.check.values_changed(item.type, self.values())
        self.check.allow(complete=not any(key in problems for key in self.rows))
        lines = [line for request in self.draft.edits.requests() for line in commands(request, cluster)]
        self.command.show_commands(text(lines, self.draft.cluster.target))
        self._follow_network_name(item)

    def _follow_network_name(self, item: Resource) -> None:
        """Use Network Name needs a direct dependency on one; the reason names one that could be added."""
        row = self.rows.get(parameter(USE_NETWORK_NAME))
        if row is None:
            return
        cluster = self.draft.snapshot
        chosen: tuple[str, ...] = self.draft.edits.value(DEPENDENCIES) or ()  # type: ignore[assignment]  # their ids
        show_network_name_need(row, chosen, item.group, cluster)

    def _follow_link(self, name: str) -> None:
        if name == USE_NETWORK_NAME:
            self.draft.wanted.emit(DEPENDENCIES)
