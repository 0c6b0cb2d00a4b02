"""The list at the right of the tree: what the current place holds, filtered and sorted."""

from collections.abc import Iterable

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QMenu, QSizePolicy, QTableView, QVBoxLayout, QWidget

from nodeagent.api.objects import ClusterObject, ObjectRef, ref
from ui.models.columns import RowId, drawing_of, name_of, row_id
from ui.models.information import as_of
from ui.models.picture import Picture
from ui.models.places import Branch, Place
from ui.models.roles import Tone
from ui.models.tables import ListModel
from ui.panes.columnfit import fitted, hidden_columns
from ui.panes.emptylist import EmptyList
from ui.settings import ClusterLayout
from ui.skins import dress_view
from ui.widgets.fields import FilterField
from ui.widgets.labels import ElidedLabel
from ui.widgets.panels import PaneHeader

TYPING_PAUSE = 120  # ms after the last key before a filter is applied: ten thousand rows take some


STEPS = frozenset(
    {Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown}
)


class ListView(QTableView):
    """A table whose Enter key means "open this"."""

    opened = Signal(QModelIndex)
    resized = Signal()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.resized.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        editing = self.state() == QAbstractItemView.State.EditingState
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and plain and not editing:
            self.opened.emit(self.currentIndex())
            event.accept()
            return
        super().keyPressEvent(event)
        if event.key() in STEPS and plain and not self.selectionModel().hasSelection():
            self.selectRow(self.currentIndex().row())  # Qt does not, where the current row stays: in a list of one


class ListPane(QWidget):
    """Shows the rows of one place. Selection is kept by reference, over every change of rows."""

    selection_changed = Signal()
    opened = Signal(object)  # the Row that Enter or a double-click meant
    menu_wanted = Signal(QPoint)
    new_wanted = Signal()  # the link of an empty list

    def __init__(self, layout: ClusterLayout, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = layout
        self._room = 1280
        self._arranging = False
        self._selected: list[ClusterObject] = []
        self.model = ListModel(self)
        self.view = ListView(self)
        self.header = PaneHeader(parent=self)
        self.count = ElidedLabel(tone=Tone.TEXT2)
        self.count.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.filter = FilterField(self.tr("Filter, e.g. state:failed"), self.tr("Filter the list"))
        self._typing = QTimer(self, singleShot=True, interval=TYPING_PAUSE)
        self._typing.timeout.connect(self._apply_filter)
        self.empty = EmptyList(self)
        self._prepare_view()
        self._lay_out()
        self._connect()

    # What is shown

    @property
    def place(self) -> Place:
        return self.model.place

    def show_place(self, place: Place, picture: Picture) -> None:
        """Show the list of *place*, with the columns, order and filter that such lists had last."""
        self._keep_layout()
        kept = self._layout.list(place.branch.value)
        self._selected = []
        self._arranging = True  # the header makes new sections of its own width, which nobody chose
        self.model.show_place(place, picture, sort=kept.sort, descending=kept.descending)
        self._arranging = False
        self._typing.stop()
        self.filter.blockSignals(True)
        self.filter.setText(kept.filter)
        self.filter.blockSignals(False)
        self.model.set_filter(kept.filter)
        self._show_header(picture)
        self._arrange_columns()
        self._count()
        self.selection_changed.emit()

    def show_picture(self, picture: Picture) -> None:
        """Show *picture* of the same place; only rows that differ change."""
        self.model.update(picture)
        self._show_header(picture)

    def set_room(self, width: int) -> None:
        """Show the columns that an area of that *width* (logical pixels) has room for."""
        if width != self._room:
            self._room = width
            self._arrange_columns()

    def set_filter(self, text: str) -> None:
        """Filter at once, as a chip does."""
        self.filter.setText(text)
        self._typing.stop()
        self._apply_filter()

    # Selection

    def selection(self) -> list[ClusterObject]:
        """Return the selected objects, in the order of the list; folders are none."""
        ranges = self.view.selectionModel().selection()
        parts = (ranges.at(number) for number in range(ranges.count()))
        return self.model.objects_in(sorted({row for part in parts for row in range(part.top(), part.bottom() + 1)}))

    def select(self, references: Iterable[ObjectRef | Place]) -> None:
        """Select these rows, and no others; the first one becomes current."""
        selection = QItemSelection()
        current = QModelIndex()
        for reference in references:
            index = self.model.index_of(reference)
            if index.isValid():
                selection.select(index, index)
                current = current if current.isValid() else index
        flags = QItemSelectionModel.SelectionFlag
        model = self.view.selectionModel()
        if current.isValid():
            model.setCurrentIndex(current, flags.NoUpdate)
            self.view.scrollTo(current)
        model.select(selection, flags.ClearAndSelect | flags.Rows)

    def current_row(self) -> RowId | None:
        row = self.model.row_at(self.view.currentIndex())
        return None if row is None else row_id(row)

    def edit_name(self) -> None:
        """Begin to rename the current row in place."""
        row = self.view.currentIndex().row()
        for column in range(self.model.columnCount()):
            index = self.model.index(row, column)
            if self.model.flags(index) & Qt.ItemFlag.ItemIsEditable:
                self.view.edit(index)
                return

    # Keeping

    def keep(self) -> None:
        """Put what is to be remembered of this list into the layout."""
        self._keep_layout()

    def _keep_layout(self) -> None:
        if self.model.picture is None:
            return
        kept = self._layout.list(self.model.place.branch.value)
        kept.sort, kept.descending, kept.filter = self.model.sort_key, self.model.descending, self.filter.text()
        header = self.view.horizontalHeader()
        order = [self.model.columns[header.logicalIndex(place)].key for place in range(header.count())]
        kept.order = [] if order == [column.key for column in self.model.columns] else order

    # Columns

    def _arrange_columns(self) -> None:
        """Hide, order and size the columns as layout and room want it."""
        if self.model.picture is None:
            return
        self._arranging = True
        kept = self._layout.list(self.model.place.branch.value)
        header = self.view.horizontalHeader()
        columns = self.model.columns
        hidden = hidden_columns(columns, kept, self._room, described=self.model.described)
        keys = [column.key for column in columns]
        for place, key in enumerate(k for k in (kept.order or keys) if k in keys):
            header.moveSection(header.visualIndex(keys.index(key)), place)
        for number, column in enumerate(columns):
            self.view.setColumnHidden(number, column.key in hidden)
        shown = [columns[header.logicalIndex(place)] for place in range(header.count())]
        shown = [column for column in shown if column.key not in hidden]
        for key, width in fitted(shown, kept.widths, self.view.viewport().width()).items():
            self.view.setColumnWidth(keys.index(key), width)
        # The last one is stretched, but Qt never makes it less than it was: it would overlap the edge of a narrow tile.
        self.view.setColumnWidth(keys.index(shown[-1].key), header.minimumSectionSize())
        order = Qt.SortOrder.DescendingOrder if self.model.descending else Qt.SortOrder.AscendingOrder
        header.setSortIndicator(keys.index(self.model.sort_key), order)
        self._arranging = False

    def _resized(self, column: int, old: int, new: int) -> None:
        del old
        header = self.view.horizontalHeader()
        last = next((p for p in range(header.count() - 1, -1, -1) if not self._is_hidden(header.logicalIndex(p))), 0)
        if not self._arranging and column != header.logicalIndex(last) and new > 0 and self.view.isVisible():
            self._layout.list(self.model.place.branch.value).widths[self.model.columns[column].key] = new

    def _is_hidden(self, column: int) -> bool:
        return self.view.isColumnHidden(column)

    def _sort(self, column: int) -> None:
        again = self.model.columns[column].key == self.model.sort_key
        descending = again and not self.model.descending
        order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
        self.view.horizontalHeader().setSortIndicator(column, order)
        self.model.sort(column, order)

    def _column_menu(self, where: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for number, column in enumerate(self.model.columns[1:], 1):
            action = menu.addAction(column.header())
            action.setCheckable(True)
            action.setChecked(not self._is_hidden(number))
            action.toggled.connect(lambda shown, key=column.key: self._choose_column(key, shown))
        menu.popup(self.view.horizontalHeader().mapToGlobal(where))

    def _choose_column(self, key: str, shown: bool) -> None:
        kept = self._layout.list(self.model.place.branch.value)
        for names, wanted in ((kept.shown, shown), (kept.hidden, not shown)):
            if wanted and key not in names:
                names.append(key)
            elif not wanted and key in names:
                names.remove(key)
        self._arrange_columns()

    def _view_resized(self) -> None:
        self._arrange_columns()
        self.empty.setGeometry(self.view.geometry().adjusted(0, self.view.horizontalHeader().height() + 1, 0, 0))

    # Events

    def _apply_filter(self) -> None:
        self.model.set_filter(self.filter.text())
        self._count()

    def _count(self) -> None:
        shown, total = self.model.rowCount(), self.model.total
        self.count.setText(self.tr("{0} of {1}").format(shown, total))
        self._show_empty(shown, total)

    def _show_empty(self, shown: int, total: int) -> None:
        if shown:
            self.empty.hide()
        elif total:
            text = self.tr("The filter “{0}” hides all {1} rows.").format(self.filter.text(), total)
            self.empty.say(text, self.tr("Clear filter"), lambda: self.set_filter(""))
        else:
            text, link = self._why_empty()
            self.empty.say(text, link, self.new_wanted.emit)

    def _why_empty(self) -> tuple[str, str]:
        place, picture = self.model.place, self.model.picture
        if picture is None:
            return "", ""
        snapshot = picture.snapshot
        match place.branch:
            case Branch.GROUP | Branch.ACTIVE_GROUP:
                return self.tr("{0} has no resources.").format(picture.group_name(place.id)), self.tr("New Resource…")
            case Branch.GROUPS:
                return self.tr("{0} has no groups.").format(snapshot.cluster.name), self.tr("New Group…")
            case Branch.RESOURCES:
                return self.tr("{0} has no resources.").format(snapshot.cluster.name), self.tr("New Resource…")
            case Branch.ACTIVE_GROUPS | Branch.ACTIVE_RESOURCES:
                return self.tr("{0} owns no group now.").format(snapshot.node_name(int(place.id))), ""
            case Branch.NETWORKS | Branch.INTERFACES | Branch.NETWORK | Branch.NODE_INTERFACES:
                return self.tr("No node has reported a network yet."), ""
        return self.tr("There is nothing here."), ""

    def _show_header(self, picture: Picture) -> None:
        place = self.model.place
        item = picture.object(place.reference) if place.reference else None
        row = item or (picture.snapshot.cluster if place.branch is Branch.CLUSTER else place)
        self.header.set_kind(drawing_of(row))
        self.header.set_title(name_of(row, picture))
        if picture.live:
            self.header.set_subtitle(self._subtitle(picture))
        else:
            self.header.set_subtitle(as_of(picture.heard_at, picture.now), Tone.WARN)

    def _subtitle(self, picture: Picture) -> str:
        place = self.model.place
        match place.branch:
            case Branch.RESOURCES:
                return self.tr("all groups")
            case Branch.GROUP | Branch.ACTIVE_GROUP:
                group = picture.snapshot.groups.get(place.id)
                owner = picture.owner_of(group) if group else None
                return self.tr("on {0}").format(owner.name) if owner else ""
            case Branch.ACTIVE_GROUPS | Branch.ACTIVE_RESOURCES | Branch.NODE_INTERFACES:
                return self.tr("on {0}").format(picture.snapshot.node_name(int(place.id)))
        return ""

    def _selection_edited(self) -> None:
        self._selected = self.selection()
        self.selection_changed.emit()

    def _rows_reset(self) -> None:
        if self._selected:
            self.select([ref(item) for item in self._selected])

    def _open(self, index: QModelIndex) -> None:
        row = self.model.row_at(index)
        if row is not None:
            self.opened.emit(row)

    def _menu(self, where: QPoint) -> None:
        self.menu_wanted.emit(self.view.viewport().mapToGlobal(where))

    # Parts

    def _prepare_view(self) -> None:
        view = self.view
        view.setModel(self.model)
        dress_view(view)
        view.setAccessibleName(self.tr("List"))
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.SelectedClicked)
        view.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)
        view.setDragDropOverwriteMode(True)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header = view.horizontalHeader()
        header.setSectionsClickable(True)
        header.setSectionsMovable(True)
        header.setSortIndicatorShown(True)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def _connect(self) -> None:
        header = self.view.horizontalHeader()
        header.sectionClicked.connect(self._sort)
        header.sectionResized.connect(self._resized)
        header.customContextMenuRequested.connect(self._column_menu)
        self.view.customContextMenuRequested.connect(self._menu)
        self.view.opened.connect(self._open)
        self.view.resized.connect(self._view_resized)
        self.view.doubleClicked.connect(self._open)
        self.view.selectionModel().selectionChanged.connect(self._selection_edited)
        self.model.modelReset.connect(self._rows_reset)
        self.model.counted.connect(self._count)
        self.filter.textChanged.connect(lambda _text: self._typing.start())
        self.filter.returnPressed.connect(self.view.setFocus)

    def _lay_out(self) -> None:
        self.header.add_widget(self.count)
        self.header.add_filter(self.filter)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(self.view, 1)
