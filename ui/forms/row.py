"""One property in a form: dot, label, field, the property's own name, and under it what is wrong or why it is off."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLocale, QPoint, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QMenu, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from nodeagent.api.properties import PropertySpec, Value
from ui.delegate import plain_tooltip
from ui.forms.editors import Editor
from ui.forms.measures import wide
from ui.models.roles import Tone
from ui.theme import FontRole, Height, Space, height, theme
from ui.widgets import FieldError, FieldReason
from ui.widgets.labels import ElidedLabel, TextLabel

_DOT_SIZE = 6.0
_LEAST_NAME = 40
_SHORT_UNITS = {"ms": "ms", "s": "s", "h": "h", "hours": "h", "min": "min"}


def head_width() -> int:
    """Return the width of dot, gap and label: every field starts behind it, whatever its indent is."""
    return wide(Space.DOT_COLUMN + Space.ICON_TEXT_ROW + Space.LABEL_COLUMN + Space.SMALL)


def value_text(spec: PropertySpec, value: Value | None, scale: int = 1) -> str:
    """Return a property's value in words: "3", "180 seconds", "on", "restart, affect the group"."""
    for choice in (*spec.choices, *spec.special):
        if choice.value == value and choice.label:
            return choice.label
    if isinstance(value, bool):
        return QCoreApplication.translate("forms", "on") if value else QCoreApplication.translate("forms", "off")
    if isinstance(value, int | float):
        shown = QLocale().toString(value // scale) if isinstance(value, int) else f"{value:g}"
        unit = "s" if scale == 1000 else _SHORT_UNITS.get(spec.unit, "")
        return f"{shown} {unit}" if unit else shown
    if value in (None, "", ()):
        return QCoreApplication.translate("forms", "empty")
    return "; ".join(value) if isinstance(value, tuple) else str(value)


class ChangedDot(QToolButton):
    """Shows that a property differs from its default; its menu restores that. Keeps its place when not shown."""

    restore = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        policy = QSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        policy.setRetainSizeWhenHidden(True)
        self.setSizePolicy(policy)
        self._text = ""
        self._menu: QMenu | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.clicked.connect(lambda: self.open_menu(self.mapToGlobal(QPoint(0, self.height()))))

    def explain(self, text: str) -> None:
        """Take the words of the menu, such as "Restore the default: 3"."""
        self._text = text
        self.setToolTip(self.tr("Differs from its default"))
        self.setAccessibleName(f"{self.tr('Differs from its default')}. {text}")

    def open_menu(self, where: QPoint) -> None:
        """Offer to restore the default, at *where* on the screen."""
        if self._menu is None:  # a sheet has dozens of rows, and hardly any menu is ever opened
            self._menu = QMenu(self)
            action = self._menu.addAction(self._text.replace("&", "&&"))
            action.triggered.connect(self.restore)
        self._menu.popup(where)

    def sizeHint(self) -> QSize:
        return QSize(Space.DOT_COLUMN, Space.LARGE)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        accent = theme().tokens.accent
        middle = QPointF(self.width() / 2, self.height() / 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(accent)
        painter.drawEllipse(middle, _DOT_SIZE / 2, _DOT_SIZE / 2)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(accent)
            painter.drawEllipse(middle, _DOT_SIZE / 2 + 2, _DOT_SIZE / 2 + 2)


class PropertyRow(QWidget):
    """A property with its field.

    Signals: `edited` with what stands in the field, or None for the default; `link` when the link beside the reason
    is used.

    Args:
        indent: levels of 24 px; the field does not move.
        helped: whether the schema's explanation stands under the field.
        scale: 1000 when a property of milliseconds is shown in seconds.
        marked: whether a value that differs from the default is marked; what only describes is not.
        lead: what stands in place of the label, such as the radio button that switches the field on.
    """

    edited = Signal(object)
    link = Signal()

    def __init__(
        self,
        spec: PropertySpec,
        editor: Editor,
        *,
        indent: int = 0,
        label: str = "",
        helped: bool = True,
        scale: int = 1,
        lead: QWidget | None = None,
        marked: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.spec = spec
        self.editor = editor
        self._scale = scale
        self._value: Value | None = None
        self._reason = ""
        self._allowed = True
        self._marked = marked
        self._label = label or spec.label or spec.name
        self.lead = lead
        self.dot = ChangedDot()
        self.name = TextLabel(spec.name, FontRole.SMALL, Tone.TEXT2, selectable=True)
        self.name.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # selectable, but not one more stop of the Tab key
        self.name.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.name.setMinimumWidth(_LEAST_NAME)  # where room is short, it is the name that gives way
        self.name.setToolTip(plain_tooltip(spec.name))
        self.error = FieldError()
        self.reason = FieldReason()
        self.help = TextLabel(spec.help if helped else "", FontRole.SMALL, Tone.TEXT2, wrap=True)
        self._build(self._label, indent, lead)
        self.editor.edited.connect(self._edited)
        self.dot.restore.connect(self.restore)
        self.reason.followed.connect(self.link)
        self._offer_restore()
        self.show_value(None)
        self._explain()

    def _build(self, label: str, indent: int, lead: QWidget | None) -> None:
        required = " *" if self.spec.required else ""
        self.editor.call(label + required)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(Space.SMALL)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        if lead is None and not self.editor.labelled:
            lead = ElidedLabel(label + required)
            lead.setMinimumHeight(height(Height.FIELD, lead.fontMetrics()))
        head = self._head(lead, indent)
        below = QVBoxLayout()
        below.setSpacing(2)
        for part in (self.error, self.reason, self.help):
            below.addWidget(part)
        middle = Qt.AlignmentFlag.AlignVCenter
        if self.editor.labelled:  # its own text is the label, where labels stand
            line = QHBoxLayout()
            line.setSpacing(Space.ICON_TEXT_ROW)
            line.addWidget(head)
            line.addWidget(self.editor, 1)
            grid.addLayout(line, 0, 0, 1, 2)
            below.setContentsMargins(indent * Space.INDENT + Space.LARGE + Space.INDENT, 0, 0, 0)
            grid.addLayout(below, 1, 0, 1, 2)
        else:
            head.setFixedWidth(head_width())
            top = Qt.AlignmentFlag.AlignTop if self.editor.sizeHint().height() > 1.5 * Height.FIELD else middle
            grid.addWidget(head, 0, 0, top)
            grid.addWidget(self.editor, 0, 1, 1, 2 if self.editor.wide else 1)
            grid.addLayout(below, 1, 1)
        self.name.setVisible(self.spec.name != label)
        if self.editor.wide:
            grid.addWidget(self.name, 1, 2, Qt.AlignmentFlag.AlignTop)
        else:
            grid.addWidget(self.name, 0, 2, middle)

    def _head(self, lead: QWidget | None, indent: int) -> QWidget:
        head = QWidget()
        line = QHBoxLayout(head)
        line.setContentsMargins(indent * Space.INDENT, 0, 0, 0)
        line.setSpacing(Space.ICON_TEXT_ROW)
        line.addWidget(self.dot)
        if lead is not None:
            line.addWidget(lead, 1)
        return head

    def _offer_restore(self) -> None:
        text = self.tr("Restore the default: {0}")
        self.dot.explain(text.format(value_text(self.spec, self.spec.default, self._scale)))
        self.editor.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.editor.customContextMenuRequested.connect(lambda where: self.dot.open_menu(self.editor.mapToGlobal(where)))

    def restore(self) -> None:
        """Go back to the default."""
        self.show_value(None)
        self.edited.emit(None)

    def value(self) -> Value | None:
        """Return what stands in the field; None is the default."""
        return self._value

    def show_value(self, value: Value | None) -> None:
        """Show *value*; None is the default."""
        self._value = value
        self.editor.show_value(self.spec.default if value is None else value)
        self._show_difference()

    def _edited(self) -> None:
        value = self.editor.value()
        unset = self.spec.default is None and value in ("", ())
        same = value == self.spec.default and type(value) is type(self.spec.default)
        self._value = None if unset or same else value
        self._show_difference()
        self.edited.emit(self._value)

    def differs(self) -> bool:
        """Tell whether the value is another than the default."""
        return self._marked and self._value is not None and self.spec.default is not None

    def _default_words(self) -> str:
        """Return the default for beside the name; nothing where the field itself offers it."""
        return "" if self.spec.special else value_text(self.spec, self.spec.default, self._scale)

    def _show_difference(self) -> None:
        differs = self.differs()
        self.dot.setVisible(differs)
        short = self._default_words()
        tail = (
            self.tr("default {0}").format(short)
            if differs and short and len(short) <= 24 and not self.editor.wide
            else ""
        )
        # A property that is called as its label is need not be named twice.
        name = "" if self.spec.name == self._label else self.spec.name
        self.name.setText(f"{name} · {tail}" if tail else name)

    def show_problem(self, sentence: str) -> None:
        """Say under the field what is wrong with it; an empty text says nothing is."""
        self.error.show_problem(sentence)
        self._explain()

    def set_reason(self, sentence: str, link: str | None = None) -> None:
        """Switch the field off and say why under it, with a link that removes the reason; empty switches it on."""
        self._reason = sentence
        self.reason.show_reason(sentence or None, link)
        self._switch()
        self._explain()

    def allow(self, allowed: bool) -> None:
        """Let the field be edited, or not, for a reason that is said elsewhere."""
        self._allowed = allowed
        self._switch()

    def _switch(self) -> None:
        self.editor.setEnabled(self._allowed and not self._reason)

    def _explain(self) -> None:
        said = self.error.problem or self._reason
        self.help.setVisible(bool(self.help.text()) and not said)
        self.editor.describe(said or " ".join(filter(None, (self.spec.help, self.spec.name))))

    def take_focus(self) -> None:
        """Bring the field into view of the person who types."""
        self.editor.setFocus(Qt.FocusReason.OtherFocusReason)


class OptionalNumberRow(PropertyRow):
    """A number that counts only when *lead*, a radio button, is on; at the default something else decides.

    Then the field is off and shows *instead*, which is also where the person starts from.
    """

    def __init__(
        self,
        spec: PropertySpec,
        editor: Editor,
        *,
        lead: QWidget | None,
        instead: int,
        label: str = "",
        indent: int = 0,
    ) -> None:
        self._instead = instead
        super().__init__(spec, editor, lead=lead, label=label, indent=indent, helped=False)

    def show_value(self, value: Value | None) -> None:
        self._value = value
        self.editor.show_value(self._instead if value is None else value)
        self._switch()
        self._show_difference()

    def _switch(self) -> None:
        self.editor.setEnabled(self._allowed and self._value is not None)

    def _default_words(self) -> str:
        return value_text(self.spec, self._instead, self._scale)

    def show_instead(self, instead: int) -> None:
        """Take another value to show while the field is off."""
        self._instead = instead
        self.show_value(self._value)
