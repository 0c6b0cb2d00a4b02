"""A form made from a schema: a row per property, in the schema's order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from nodeagent.api.properties import PropertySpec, Value
from ui.forms.editors import editor_for
from ui.forms.row import PropertyRow


class PropertyForm(QWidget):
    """The properties of a schema.

    Signals: `edited` with a property's name and its value, or None for the default; `link` with the name of the
    property beside whose reason a link was used.
    """

    edited = Signal(str, object)
    link = Signal(str)

    def __init__(
        self, schema: Iterable[PropertySpec], networks: Sequence[str] = (), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.rows: dict[str, PropertyRow] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for spec in schema:
            row = PropertyRow(spec, editor_for(spec, networks))
            self.rows[spec.name] = row
            column.addWidget(row)
            row.edited.connect(self._telling(spec.name))
            row.link.connect(self._linking(spec.name))
            if spec.read_only:
                row.set_reason(self.tr("This can be read but not set."))

    def _telling(self, name: str) -> object:
        return lambda value: self.edited.emit(name, value)

    def _linking(self, name: str) -> object:
        return lambda: self.link.emit(name)

    def show_values(self, values: Mapping[str, Value]) -> None:
        """Show *values*; what is not among them is at its default."""
        for name, row in self.rows.items():
            row.show_value(values.get(name))

    def show_problems(self, sentences: Mapping[str, str]) -> None:
        """Say under each field what is wrong with it, and nothing under the others."""
        for name, row in self.rows.items():
            row.show_problem(sentences.get(name, ""))

    def focus_first_problem(self) -> bool:
        """Go to the first field with a problem; False when there is none."""
        for row in self.rows.values():
            if row.error.problem:
                row.take_focus()
                return True
        return False
