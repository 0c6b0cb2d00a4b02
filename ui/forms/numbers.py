"""Number fields: any text may be typed, so that the sentence below can say what is wrong; the unit in words."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLocale, Signal
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QAbstractSpinBox, QWidget

from nodeagent.api.properties import Kind, PropertySpec, parse
from ui import words
from ui.forms.measures import wide
from ui.theme import NUMBER_FIELD_WIDTH

_ECHO_FROM = 91.0  # seconds; shorter times are clear as they stand
_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "hours": 3600.0}


def unit_word(unit: str) -> str:
    """Return a unit of the schema as a word beside the field."""
    found = {
        "ms": QCoreApplication.translate("units", "milliseconds"),
        "s": QCoreApplication.translate("units", "seconds"),
        "h": QCoreApplication.translate("units", "hours"),
        "min": QCoreApplication.translate("units", "minutes"),
        "hours": QCoreApplication.translate("units", "hours"),
        "restarts": QCoreApplication.translate("units", "restarts"),
        "failovers": QCoreApplication.translate("units", "failovers"),
        "o'clock": QCoreApplication.translate("units", "o’clock"),
        "users": QCoreApplication.translate("units", "users"),
    }
    return found.get(unit, unit)


def echo(value: object, unit: str) -> str:
    """Return a long time again in larger units ("= 15 min"), or nothing where the number is clear as it stands."""
    if isinstance(value, bool) or not isinstance(value, int | float) or unit not in _SECONDS:
        return ""
    seconds = value * _SECONDS[unit]
    clear_until = {"ms": 1.0, "h": 86_400.0, "hours": 86_400.0}.get(unit, _ECHO_FROM)
    exact = _is_exact(seconds)
    if seconds < clear_until or (seconds < 120 and not exact):
        return ""
    return f"{'=' if exact else '≈'} {words.duration(seconds)}"


def _is_exact(seconds: float) -> bool:
    """Tell whether `words.duration` drops nothing: whole seconds below 2 min, then minutes, from a day on hours."""
    step = 1 if seconds < 120 else 60 if seconds < 86_400 else 3600
    return abs(seconds / step - round(seconds / step)) < 1e-9


class NumberBox(QAbstractSpinBox):
    """A number in 86 px with arrows. `edited` comes when the person changed it, by typing or by the arrows.

    Args:
        spec: the property; what is shown is its value divided by *scale*.
        scale: 1000 shows a property of milliseconds in seconds.
        step: of the arrows, as shown.
    """

    edited = Signal()

    def __init__(self, spec: PropertySpec, scale: int = 1, step: int = 1, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._spec = spec
        self._scale = scale
        self._step = step
        self._value: int | float | str = ""
        self.setFixedWidth(wide(NUMBER_FIELD_WIDTH))
        self.lineEdit().textEdited.connect(self._typed)

    def value(self) -> int | float | str:
        """Return the number as it is stored, or what was typed where that is no number."""
        return self._value

    def show_value(self, value: object) -> None:
        """Show a stored number; what the person is typing is left alone when it means the same."""
        if value != self._value or type(value) is not type(self._value):
            self._value = value if isinstance(value, int | float | str) else ""
            self._write()

    def _typed(self, text: str) -> None:
        self._value = self._read(text)
        self.edited.emit()

    def _read(self, text: str) -> int | float | str:
        number, valid = QLocale().toDouble(text.strip())
        shown = parse(self._spec, str(number) if valid else text)
        if isinstance(shown, bool) or not isinstance(shown, int | float):
            return text
        stored = shown * self._scale
        if self._spec.kind is Kind.INTEGER and isinstance(stored, float):
            stored = round(stored, 6)  # 0.3 s are 300 ms, not 299.99999999999994
            return int(stored) if stored.is_integer() else stored
        return stored

    def _write(self) -> None:
        locale = QLocale()
        if self.hasFocus():  # groups of digits would be in the way of typing
            locale.setNumberOptions(locale.numberOptions() | QLocale.NumberOption.OmitGroupSeparator)
        self.lineEdit().setText(self._text(locale))

    def _text(self, locale: QLocale) -> str:
        value = self._value
        if isinstance(value, str):
            return value
        shown = value / self._scale
        if float(shown).is_integer():
            return locale.toString(int(shown))
        return locale.toString(float(shown), "g", 12)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._write()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._write()

    def stepBy(self, steps: int) -> None:
        if isinstance(self._value, str):
            self._value = int(self._spec.minimum or 0)
        else:
            self._value = self._clamped(self._value + steps * self._step * self._scale)
        self._write()
        self.lineEdit().selectAll()
        self.edited.emit()

    def _clamped(self, value: float) -> int | float:
        low, high = self._spec.minimum, self._spec.maximum
        if low is not None and value < low:
            value = low
        if high is not None and value > high:
            value = high
        return int(value) if self._spec.kind is Kind.INTEGER else value

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:
        flags = QAbstractSpinBox.StepEnabledFlag
        value = self._value
        allowed = flags.StepNone
        if self.isReadOnly():
            return allowed
        if isinstance(value, str) or self._spec.minimum is None or value > self._spec.minimum:
            allowed |= flags.StepDownEnabled
        if isinstance(value, str) or self._spec.maximum is None or value < self._spec.maximum:
            allowed |= flags.StepUpEnabled
        return allowed
