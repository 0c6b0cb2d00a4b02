"""A resource's Dependencies page."""

from __future__ import annotations

import msgspec

from clusteradmin.wizards.edits import DEPENDENCIES, Key
from nodeagent.api.objects import Resource, ResourceState
from nodeagent.api.problems import problem
from nodeagent.api.texts import sentence
from ui.forms.dependencies import Dependencies
from ui.sheets.draft import Draft
from ui.sheets.page import Page
from ui.widgets import FieldReason
from ui.widgets.labels import TextLabel


class DependenciesPage(Page):
    """What must be online before the resource; can be changed only while it is offline."""

    def __init__(self, draft: Draft) -> None:
        super().__init__("", draft)
        self.title = self.tr("Dependencies")
        self.caption = TextLabel("", wrap=True)
        self.lists = Dependencies()
        self.lists.edited.connect(lambda providers: draft.put(DEPENDENCIES, providers))
        self.reason = FieldReason()
        self.column.addWidget(self.caption)
        self.column.addWidget(self.reason)
        self.column.addWidget(self.lists, 1)

    def keys(self) -> tuple[Key, ...]:
        return (DEPENDENCIES,)

    def follow(self, problems: dict[Key, str]) -> None:
        item = self.draft.item
        assert isinstance(item, Resource)
        self.caption.setText(
            self.tr("What stands at the right must be online before {0} starts, and stops after it.").format(item.name)
        )
        chosen = self.draft.edits.value(DEPENDENCIES)
        self.lists.show_resource(msgspec.structs.replace(item, dependencies=chosen), self.draft.snapshot)
        self.lists.show_problem(problems.get(DEPENDENCIES, ""))
        running = item.state.pending or item.state is ResourceState.ONLINE
        changed = DEPENDENCIES in self.draft.edits.changed
        self.reason.show_reason(sentence(problem("dependency_online", name=item.name)) if running else None)
        self.lists.lock(bool(self.draft.forbidden) or (running and not changed))

    def take_focus(self, key: Key) -> None:
        del key
        self.lists.setFocus()
