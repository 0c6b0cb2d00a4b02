"""A page of a property sheet: headings, rows bound to what they edit, facts, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QVBoxLayout, QWidget

from clusteradmin.wizards.edits import DESCRIBING, Held, Key
from nodeagent.api.properties import Kind, PropertySpec
from ui.forms.editors import Editor, editor_for
from ui.forms.facts import FactRow
from ui.forms.row import PropertyRow
from ui.sheets.draft import Draft
from ui.theme import FontRole, Space
from ui.widgets.labels import TextLabel

NAME_SPEC = PropertySpec(name="Name", kind=Kind.STRING, label="Name", required=True)


class Page(QWidget):
    """A page. Subclasses fill `column` in their constructor and rewrite what follows from other values in `follow`."""

    def __init__(self, title: str, draft: Draft) -> None:
        super().__init__()
        self.title = title
        self.draft = draft
        self.rows: dict[Key, PropertyRow] = {}
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(Space.LARGE, Space.MEDIUM, Space.LARGE, Space.MEDIUM)
        self.column.setSpacing(Space.TINY)

    def add_heading(self, text: str, *, first: bool = False) -> TextLabel:
        """Add the heading of a group of fields, 14 px below the group before it."""
        if not first:
            self.column.addSpacing(Space.FIELD_GROUPS - Space.TINY)
        heading = TextLabel(text, FontRole.HEADING)
        self.column.addWidget(heading)
        return heading

    def add_row(
        self,
        key: Key,
        spec: PropertySpec,
        editor: Editor | None = None,
        *,
        indent: int = 0,
        label: str = "",
        helped: bool = False,
        scale: int = 1,
        step: int = 1,
        lead: QWidget | None = None,
    ) -> PropertyRow:
        """Add a field that edits *key*; see `PropertyRow` for the rest."""
        editor = editor or editor_for(spec, self.networks(), scale=scale, step=step)
        marked = key.name not in DESCRIBING
        row = PropertyRow(
            spec, editor, indent=indent, label=label, helped=helped, scale=scale, lead=lead, marked=marked
        )
        self.bind(key, row)
        self.column.addWidget(row)
        return row

    def networks(self) -> list[str]:
        """Return the names of the cluster's networks."""
        return [network.name for network in self.draft.snapshot.networks.values()]

    def bind(self, key: Key, row: PropertyRow) -> None:
        """Let *row* edit *key*."""
        self.rows[key] = row
        row.edited.connect(self._putting(key))

    def _putting(self, key: Key) -> Callable[[Held], None]:
        return lambda value: self.draft.put(key, value)

    def add_fact(self, label: str, value: str = "") -> FactRow:
        """Add something that can only be read."""
        row = FactRow(label, value)
        self.column.addWidget(row)
        return row

    def keys(self) -> tuple[Key, ...]:
        """Return what this page edits."""
        return tuple(self.rows)

    def refresh(self) -> None:
        """Show the values as they are now, what is wrong with them, and what follows from them."""
        problems = self.draft.problems()
        for key, row in self.rows.items():
            row.show_value(self.draft.edits.value(key))  # type: ignore[arg-type]  # rows edit properties and names
            row.show_problem(problems.get(key, ""))
            row.allow(not self.draft.forbidden)
        self.follow(problems)

    def follow(self, problems: dict[Key, str]) -> None:
        """Rewrite what follows from the values; nothing does on a plain page."""

    def take_first_focus(self) -> None:
        """Go to the first field."""
        for row in self.rows.values():
            row.take_focus()
            return

    def take_focus(self, key: Key) -> None:
        """Go to the field of *key*."""
        if key in self.rows:
            self.rows[key].take_focus()
