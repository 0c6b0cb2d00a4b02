"""One field per kind of property: each shows a value and tells when the person changed it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QSizePolicy,
    QWidget,
)

from nodeagent.api.properties import SIGNALS, Kind, PropertySpec, Value
from ui.forms.numbers import NumberBox, echo, unit_word
from ui.models.roles import Tone
from ui.skins import dress_scroll_bars
from ui.theme import FontRole, Height, Space, height, theme
from ui.widgets.labels import TextLabel

_TEXT_LINES = 2
_CHOICE_WIDTH = 150


class Editor(QWidget):
    """A field.

    `wide` ones take the whole width; the others leave room for the property's name beside them. `labelled` ones carry
    their label themselves, as check boxes do.
    """

    edited = Signal()
    wide = False
    labelled = False

    def __init__(self, spec: PropertySpec, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.spec = spec
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(Space.SMALL)

    def _hold(self, *fields: QWidget) -> None:
        for field in fields:
            self._layout.addWidget(field)
        self.setFocusProxy(fields[0])

    def value(self) -> Value | None:
        """Return what stands in the field; None when nothing does."""
        raise NotImplementedError

    def show_value(self, value: Value | None) -> None:
        """Show *value*. What the person is typing is left alone when it means the same."""
        raise NotImplementedError

    def call(self, name: str) -> None:
        """Tell assistive technology what the field is called."""
        (self.focusProxy() or self).setAccessibleName(name)

    def describe(self, description: str) -> None:
        """Tell assistive technology what the field is for, or what is wrong with it."""
        (self.focusProxy() or self).setAccessibleDescription(description)


class LineEditor(Editor):
    """One line of text: commands, paths, users, addresses."""

    wide = True

    def __init__(self, spec: PropertySpec, parent: QWidget | None = None) -> None:
        super().__init__(spec, parent)
        self.field = QLineEdit()
        if isinstance(spec.default, str) and spec.default:
            self.field.setPlaceholderText(spec.default)
        self.field.setMinimumHeight(height(Height.FIELD, self.field.fontMetrics()))
        self.field.textEdited.connect(self.edited)
        self._hold(self.field)
        if spec.kind in (Kind.COMMAND, Kind.DIRECTORY, Kind.FILE):
            self.field.setFont(theme().font(FontRole.MONO))

    def value(self) -> Value | None:
        return self.field.text()

    def show_value(self, value: Value | None) -> None:
        text = "" if value is None else str(value)
        if text != self.field.text():
            self.field.setText(text)


class TextEditor(Editor):
    """Several lines: a text, a list of strings, an environment of NAME=value."""

    wide = True

    def __init__(self, spec: PropertySpec, parent: QWidget | None = None) -> None:
        super().__init__(spec, parent)
        self.field = QPlainTextEdit()
        self.field.setTabChangesFocus(True)
        if spec.kind is not Kind.TEXT:
            self.field.setFont(theme().font(FontRole.MONO))
            self.field.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        if spec.kind is Kind.ENVIRONMENT:
            self.field.setPlaceholderText(self.tr("NAME=value, one per line"))
        elif spec.kind is Kind.STRINGS:
            self.field.setPlaceholderText(self.tr("One per line"))
        lines = self.field.fontMetrics().lineSpacing() * _TEXT_LINES
        self.field.setFixedHeight(lines + 2 * self.field.frameWidth() + int(2 * self.field.document().documentMargin()))
        dress_scroll_bars(self.field)
        self.field.textChanged.connect(self.edited)
        self._hold(self.field)

    def value(self) -> Value | None:
        text = self.field.toPlainText()
        if self.spec.kind is Kind.TEXT:
            return text
        return tuple(line for line in text.splitlines() if line.strip())

    def show_value(self, value: Value | None) -> None:
        shown = "\n".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
        if (value or None) != (self.value() or None):
            with QSignalBlocker(self.field):
                self.field.setPlainText(shown)


class NumberEditor(Editor):
    """A number, its unit as a word, long times again in larger units, and a check box for the first special value."""

    def __init__(self, spec: PropertySpec, scale: int = 1, step: int = 1, parent: QWidget | None = None) -> None:
        super().__init__(spec, parent)
        self._scale = scale
        self.box = NumberBox(spec, scale, step)
        self.box.setMinimumHeight(height(Height.FIELD, self.box.fontMetrics()))
        self._unit = TextLabel(unit_word("s" if scale == 1000 else spec.unit))
        self._echo = TextLabel("", FontRole.BODY, Tone.TEXT2)
        self._special = spec.special[0] if spec.special else None
        self.special = QCheckBox(self._special.label.replace("&", "&&") if self._special else "")
        self.special.setVisible(self._special is not None)
        self._hold(self.box, self._unit, self._echo, self.special)
        self._layout.addStretch(1)
        self.box.edited.connect(self._changed)
        self.special.clicked.connect(self._special_clicked)

    def value(self) -> Value | None:
        if self._special is not None and self.special.isChecked():
            return self._special.value
        value = self.box.value()
        return None if value == "" else value

    def show_value(self, value: Value | None) -> None:
        special = self._special is not None and value == self._special.value
        self.special.setChecked(special)
        self.box.setEnabled(not special)
        if not special:
            self.box.show_value(value)
        self._echo_value()

    def _special_clicked(self, checked: bool) -> None:
        self.box.setEnabled(not checked)
        if not checked:
            if self.box.value() == "":
                self.box.show_value(self._ordinary())
            self.box.setFocus()
        self._changed()

    def _ordinary(self) -> int:
        """Return a number to start from when the special value is left."""
        default = self.spec.default
        if self._special and default != self._special.value and isinstance(default, int):
            return default
        return int(self.spec.minimum or 0)

    def _changed(self) -> None:
        self._echo_value()
        self.edited.emit()

    def _echo_value(self) -> None:
        value = self.box.value()
        unit = self.spec.unit
        if self._scale == 1000 and isinstance(value, int | float):
            value, unit = value / 1000, "s"
        self._echo.setText("" if self.special.isChecked() else echo(value, unit))


class BooleanEditor(Editor):
    """A check box; its label is its own text."""

    labelled = True

    def __init__(self, spec: PropertySpec, parent: QWidget | None = None) -> None:
        super().__init__(spec, parent)
        self.field = QCheckBox((spec.label or spec.name).replace("&", "&&"))
        self.field.setMinimumHeight(height(Height.FIELD, self.field.fontMetrics()) - 2)
        self.field.clicked.connect(self.edited)
        self._hold(self.field)
        self._layout.addStretch(1)

    def value(self) -> Value | None:
        return self.field.isChecked()

    def show_value(self, value: Value | None) -> None:
        self.field.setChecked(bool(value))


class ChoiceEditor(Editor):
    """One of some values. A stored value that is none of them is shown, too, as it is."""

    def __init__(self, spec: PropertySpec, choices: Sequence[tuple[Value, str]], parent: QWidget | None = None) -> None:
        super().__init__(spec, parent)
        self.field = QComboBox()
        self.field.setMinimumHeight(height(Height.FIELD, self.field.fontMetrics()))
        self.field.setMinimumWidth(_CHOICE_WIDTH)
        self.field.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        for value, label in choices:
            self.field.addItem(label, value)
        self.field.activated.connect(self.edited)
        self._hold(self.field)
        self._layout.addStretch(1)

    def value(self) -> Value | None:
        value: Value | None = self.field.currentData()
        return value

    def show_value(self, value: Value | None) -> None:
        place = self._place_of(value)
        if place < 0 and value is not None:
            self.field.addItem(str(value), value)
            place = self.field.count() - 1
        self.field.setCurrentIndex(place)

    def _place_of(self, value: Value | None) -> int:
        return next((row for row in range(self.field.count()) if self.field.itemData(row) == value), -1)


class NetworkEditor(Editor):
    """A network of the cluster; another name may be typed, for a network that is yet to come."""

    def __init__(self, spec: PropertySpec, networks: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(spec, parent)
        self.field = QComboBox()
        self.field.setEditable(True)
        self.field.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.field.setMinimumHeight(height(Height.FIELD, self.field.fontMetrics()))
        self.field.setMinimumWidth(_CHOICE_WIDTH)
        self.field.addItems(list(networks))
        self.field.editTextChanged.connect(self.edited)
        self._hold(self.field)
        self._layout.addStretch(1)

    def value(self) -> Value | None:
        return self.field.currentText()

    def show_value(self, value: Value | None) -> None:
        text = "" if value is None else str(value)
        if text != self.field.currentText():
            with QSignalBlocker(self.field):
                self.field.setEditText(text)


def editor_for(spec: PropertySpec, networks: Sequence[str] = (), *, scale: int = 1, step: int = 1) -> Editor:
    """Return the field that shows properties of that kind.

    Args:
        networks: names of the cluster's networks.
        scale: 1000 shows milliseconds as seconds.
        step: of a number's arrows, as shown.
    """
    make: dict[Kind, Callable[[], Editor]] = {
        Kind.INTEGER: lambda: NumberEditor(spec, scale, step),
        Kind.NUMBER: lambda: NumberEditor(spec, scale, step),
        Kind.BOOLEAN: lambda: BooleanEditor(spec),
        Kind.CHOICE: lambda: ChoiceEditor(spec, [(one.value, one.label or str(one.value)) for one in spec.choices]),
        Kind.SIGNAL: lambda: ChoiceEditor(spec, [(name, name) for name in SIGNALS]),
        Kind.NETWORK: lambda: NetworkEditor(spec, networks),
        Kind.TEXT: lambda: TextEditor(spec),
        Kind.STRINGS: lambda: TextEditor(spec),
        Kind.ENVIRONMENT: lambda: TextEditor(spec),
    }
    return make.get(spec.kind, lambda: LineEditor(spec))()
