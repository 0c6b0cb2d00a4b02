"""Two lists side by side: what may be chosen, and what is chosen, in its order."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QGridLayout, QPushButton, QTableView, QVBoxLayout, QWidget

from ui.models.roles import Cell, Role, Tone
from ui.skins import dress_view, wear_verb
from ui.theme import Space
from ui.widgets.fields import FilterField
from ui.widgets.labels import ElidedLabel, TextLabel

FILTER_ABOVE = 8  # rows
BUTTON_WIDTH = 100
NAME_SHARE = (0.35, 0.6)  # of the list's width: the least and the most that names take


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that can be chosen."""

    key: str  # tells it from the others
    text: str
    kind: str | None = None
    detail: str = ""  # second column, such as the resource type
    state: str | None = None  # glyph after the name, such as a node's


class ChoiceModel(QAbstractTableModel):
    """Rows of choices; a refused one shows its reason in place of the detail."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._rows: list[Choice] = []
        self._refused: Mapping[str, str] = {}

    def show_rows(self, rows: Sequence[Choice], refused: Mapping[str, str]) -> None:
        """Show *rows*; *refused* has the reasons by key."""
        if list(rows) == self._rows:
            self._refused = refused
            if rows:
                self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, 1))
            return
        self.beginResetModel()
        self._rows, self._refused = list(rows), refused
        self.endResetModel()

    def choice(self, row: int) -> Choice:
        """Return what stands in *row*."""
        return self._rows[row]

    def row_of(self, key: str) -> int | None:
        """Return the row of *key*, or None."""
        return next((row for row, choice in enumerate(self._rows) if choice.key == key), None)

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else 2

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        choice = self._rows[index.row()]
        reason = self._refused.get(choice.key)
        if role == Role.CELL:
            if index.column() == 0:
                tone = Tone.TEXT if reason is None else Tone.TEXT2
                return Cell(choice.text, kind=choice.kind, tone=tone, owner_glyph=choice.state)
            return Cell(reason or choice.detail, tone=Tone.TEXT2)
        if role == Qt.ItemDataRole.DisplayRole:
            return choice.text if index.column() == 0 else reason or choice.detail
        if role == Role.OBJECT_REF:
            return choice.key
        return None


class TwoLists(QWidget):
    """Available and chosen. Double-click, Enter and the buttons move; what may not be added is listed with its reason.

    In the chosen list Delete removes, and Alt+Up and Alt+Down move where the order counts.
    """

    changed = Signal()  # what is chosen, or its order, by the user's hand

    def __init__(self, available: str, chosen: str, *, ordered: bool = False, parent: QWidget | None = None) -> None:
        """Make two empty lists with the titles *available* and *chosen*; *ordered* adds Move Up and Move Down."""
        super().__init__(parent)
        self._choices: dict[str, Choice] = {}
        self._chosen: list[str] = []
        self._refused: dict[str, str] = {}
        self._ordered = ordered
        self.filter = FilterField(self.tr("Filter"), self.tr("Filter {list}").format(list=available))
        self.filter.textChanged.connect(self._show)
        self.available_title, self.chosen_title = ElidedLabel(available), ElidedLabel(chosen)
        self.available, self._left = self._make_list(available)
        self.chosen_view, self._right = self._make_list(chosen)
        self.add_button = self._make_button(self.tr("&Add"), "add", self.add_selected)
        self.add_button.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the arrow points to where it goes
        self.remove_button = self._make_button(self.tr("&Remove"), "remove", self.remove_selected)
        self.up_button = self._make_button(self.tr("Move &Up"), "move-up", lambda: self.move_selected(-1))
        self.down_button = self._make_button(self.tr("Move &Down"), "move-down", lambda: self.move_selected(1))
        self.reason = TextLabel(tone=Tone.TEXT2, wrap=True)
        """Why the selected one may not be added, in full: the column may be too narrow for it."""
        self._lay_out()
        self._show()

    # What is in the lists

    def set_choices(self, choices: Iterable[Choice], chosen: Sequence[str] = ()) -> None:
        """Show *choices*; those whose keys are in *chosen* at the right, in that order."""
        self._choices = {choice.key: choice for choice in choices}
        self._chosen = [key for key in chosen if key in self._choices]
        self._show()

    def set_refusals(self, refused: Mapping[str, str]) -> None:
        """Say which of the available ones may not be added now, and why: the reason by key."""
        self._refused = dict(refused)
        self._show()

    def chosen(self) -> list[str]:
        """Return the keys of what is chosen, in their order."""
        return list(self._chosen)

    # What the user does

    def add_selected(self) -> None:
        """Move the selected available ones, but for refused ones, to the end of the chosen."""
        keys = [key for key in self._selected(self.available, self._left) if key not in self._refused]
        self._change([*self._chosen, *keys], self.chosen_view, keys)

    def remove_selected(self) -> None:
        """Move the selected chosen ones back."""
        keys = self._selected(self.chosen_view, self._right)
        self._change([key for key in self._chosen if key not in keys], self.available, keys)

    def move_selected(self, by: int) -> None:
        """Move the selected chosen ones up (-1) or down (1) by one place, as far as there is one."""
        moving = set(self._selected(self.chosen_view, self._right))
        order = list(self._chosen)
        places = range(len(order)) if by < 0 else range(len(order) - 1, -1, -1)
        for place in places:
            other = place + by
            if order[place] in moving and 0 <= other < len(order) and order[other] not in moving:
                order[place], order[other] = order[other], order[place]
        self._change(order, self.chosen_view, list(moving))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the keys that move rows, before the dialog takes Enter for its button; keep the columns' shares."""
        if isinstance(event, QResizeEvent) and isinstance(watched, QTableView):
            _share_columns(watched, event.size().width())
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            act = self._act_of(watched, event)
            if act is not None:
                act()
                return True
        return super().eventFilter(watched, event)

    def _act_of(self, watched: QObject, event: QKeyEvent) -> Callable[[], None] | None:
        enter = event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}
        if watched is self.available:
            return self.add_selected if enter else None
        if enter or event.key() == Qt.Key.Key_Delete:
            return self.remove_selected
        if self._ordered and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
            return None if step is None else lambda: self.move_selected(step)
        return None

    def _change(self, chosen: list[str], view: QTableView, selected: Sequence[str]) -> None:
        """Make *chosen* what is chosen, select the *selected* in *view*, and tell."""
        if chosen == self._chosen:
            return
        self._chosen = chosen
        self._show()
        self._select(view, selected)
        self.changed.emit()

    # What is shown

    def _show(self) -> None:
        words = self.filter.text().casefold().split()
        rest = [choice for key, choice in self._choices.items() if key not in self._chosen]
        self.filter.setVisible(len(rest) > FILTER_ABOVE or bool(words))
        shown = [c for c in rest if all(word in f"{c.text} {c.detail}".casefold() for word in words)]
        self._left.show_rows(shown, self._refused)
        self._right.show_rows([self._choices[key] for key in self._chosen], {})
        for view in (self.available, self.chosen_view):
            _share_columns(view, view.width())
        self._offer()

    def _offer(self) -> None:
        """Switch the buttons: what cannot be done is off, and Add's tooltip says why."""
        wanted = self._selected(self.available, self._left)
        reasons = [self._refused[key] for key in wanted if key in self._refused]
        self.add_button.setEnabled(len(reasons) < len(wanted))
        self.add_button.setToolTip(reasons[0] if reasons else "")
        self.reason.setText(reasons[0] if reasons else "")
        self.reason.setVisible(bool(reasons))
        places = [self._chosen.index(key) for key in self._selected(self.chosen_view, self._right)]
        self.remove_button.setEnabled(bool(places))
        self.up_button.setEnabled(bool(places) and sorted(places) != list(range(len(places))))
        last = len(self._chosen) - len(places)
        self.down_button.setEnabled(bool(places) and sorted(places) != list(range(last, len(self._chosen))))

    @staticmethod
    def _selected(view: QTableView, model: ChoiceModel) -> list[str]:
        rows = sorted({index.row() for index in view.selectionModel().selectedRows()})
        return [model.choice(row).key for row in rows if row < model.rowCount()]

    def _select(self, view: QTableView, keys: Sequence[str]) -> None:
        model = self._left if view is self.available else self._right
        flags = QItemSelectionModel.SelectionFlag
        view.clearSelection()
        for key in keys:
            row = model.row_of(key)
            if row is not None:
                index = model.index(row, 0)
                view.selectionModel().setCurrentIndex(index, flags.Select | flags.Rows)
                view.scrollTo(index)

    # Parts

    def _make_list(self, name: str) -> tuple[QTableView, ChoiceModel]:
        view = QTableView(self)
        model = ChoiceModel(view)
        view.setModel(model)
        dress_view(view, framed=True)
        view.horizontalHeader().hide()
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setAccessibleName(name)
        view.setMinimumSize(180, 120)
        view.installEventFilter(self)
        view.selectionModel().selectionChanged.connect(self._offer)
        return view, model

    def _make_button(self, text: str, verb: str, act: Callable[[], None]) -> QPushButton:
        button = QPushButton(text, self)
        button.setAutoDefault(False)
        button.setMinimumWidth(BUTTON_WIDTH)
        wear_verb(button, verb)
        button.clicked.connect(act)
        return button

    def _lay_out(self) -> None:
        self.available.doubleClicked.connect(self.add_selected)
        self.chosen_view.doubleClicked.connect(self.remove_selected)
        middle = QVBoxLayout()
        middle.setSpacing(Space.SMALL)
        middle.addStretch(1)
        for button in (self.add_button, self.remove_button):
            middle.addWidget(button)
        middle.addSpacing(Space.LARGE)
        for button in (self.up_button, self.down_button):
            button.setVisible(self._ordered)
            middle.addWidget(button)
        middle.addStretch(1)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(Space.MEDIUM)
        grid.setVerticalSpacing(Space.TINY)
        grid.addWidget(self.available_title, 0, 0)
        grid.addWidget(self.chosen_title, 0, 2)
        grid.addWidget(self.filter, 1, 0)
        grid.addWidget(self.available, 2, 0)
        grid.addLayout(middle, 2, 1)
        grid.addWidget(self.chosen_view, 2, 2)
        grid.addWidget(self.reason, 3, 0, 1, 3)
        for column in (0, 2):
            grid.setColumnStretch(column, 1)
        for before, after in (
            (self.filter, self.available),
            (self.available, self.add_button),
            (self.remove_button, self.chosen_view),
            (self.chosen_view, self.up_button),
        ):
            QWidget.setTabOrder(before, after)


def _share_columns(view: QTableView, width: int) -> None:
    """Give the names of *view*, *width* wide, the room that they need within NAME_SHARE."""
    least, most = (round(width * share) for share in NAME_SHARE)
    view.setColumnWidth(0, min(most, max(least, view.sizeHintForColumn(0))))
