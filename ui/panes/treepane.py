"""The tree of a cluster, with its own find field."""

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QTreeView, QVBoxLayout, QWidget

from nodeagent.api.objects import ClusterObject
from ui.models.picture import Picture
from ui.models.places import CLUSTER, GROUPS, Place, parse_place
from ui.models.tree import TreeModel
from ui.skins import dress_view, follow_theme
from ui.theme import Height, Space, height
from ui.widgets.fields import FilterField

MINIMUM_WIDTH = 180
# Shown unfolded at first: what fits on a screen and is looked at most.
UNFOLDED_AT_FIRST = (CLUSTER, GROUPS)


class TreePane(QWidget):
    """Shows the places of a cluster; one of them is the current one, whose list stands at the right."""

    place_changed = Signal(object)  # Place
    menu_wanted = Signal(QPoint)  # global position; the item under it is selected

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = TreeModel(self)
        self.view = QTreeView(self)
        self.view.setModel(self.model)
        self.view.setHeaderHidden(True)
        self.view.setAccessibleName(self.tr("Cluster tree"))
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.SelectedClicked)
        self.view.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._menu)
        dress_view(self.view)
        self.finder = FilterField(self.tr("Find in tree"), self.tr("Find in tree"))
        self.finder.textChanged.connect(self._filter)
        self.finder.returnPressed.connect(self.view.setFocus)
        self._unfolded_before: list[Place] | None = None
        self._wanted_unfolded: set[Place] = set(UNFOLDED_AT_FIRST)
        self._wanted_place: Place | None = None
        self.setMinimumWidth(MINIMUM_WIDTH)
        self.view.selectionModel().currentChanged.connect(self._current_changed)
        self._lay_out()
        self._scrolled = False
        self._settle = QTimer(self, singleShot=True, interval=0)  # after the view has its new size
        self._settle.timeout.connect(self._scroll_from_top)
        self.view.verticalScrollBar().actionTriggered.connect(self._note_scrolled)

    # What is shown

    def show_picture(self, picture: Picture) -> None:
        """Show *picture*; the first one unfolds and selects what was asked for before."""
        self.model.update(picture)
        if self._wanted_unfolded:
            for place in list(self._wanted_unfolded):
                index = self.model.index_of(place)
                if index.isValid():
                    self.view.expand(index)
                    self._wanted_unfolded.discard(place)
        if self._wanted_place is not None and self.model.index_of(self._wanted_place).isValid():
            wanted, self._wanted_place = self._wanted_place, None
            self.go_to(wanted)

    @property
    def place(self) -> Place:
        """The current place; the cluster itself before there is one."""
        return self.model.place_at(self.view.currentIndex()) or CLUSTER

    def go_to(self, place: Place) -> None:
        """Make *place* the current one, unfolding what is above; later, when it is not there yet."""
        index = self.model.index_of(place)
        if not index.isValid():
            self._wanted_place = place
            return
        flags = QItemSelectionModel.SelectionFlag
        self.view.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        self.view.scrollTo(index)

    def go_up(self) -> None:
        """Make the place above the current one current."""
        above = self.place.parent
        if above is not None:
            self.go_to(above)

    def selected_object(self) -> ClusterObject | None:
        """Return the object that the current item stands for."""
        return self.model.object_at(self.view.currentIndex())

    def edit_name(self) -> None:
        """Begin to rename the current item in place."""
        index = self.view.currentIndex()
        if self.model.flags(index) & Qt.ItemFlag.ItemIsEditable:
            self.view.edit(index)

    # What is unfolded

    def unfolded(self) -> list[str]:
        """Return the unfolded items, as settings keep them."""
        return [place.text() for place in self._unfolded_places()]

    def unfold(self, places: list[str]) -> None:
        """Unfold these items and no others; those that are not there yet, when they come."""
        found = {place for text in places if (place := parse_place(text)) is not None}
        self._wanted_unfolded = found or set(UNFOLDED_AT_FIRST)

    def _unfolded_places(self) -> list[Place]:
        found: list[Place] = []
        queue = [self.model.index(0, 0)]
        while queue:
            index = queue.pop(0)
            place = self.model.place_at(index)
            if place is not None and self.view.isExpanded(index):
                found.append(place)
                queue += [self.model.index(row, 0, index) for row in range(self.model.rowCount(index))]
        return found

    # Events

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._settle.start()

    def _scroll_from_top(self) -> None:
        """Until the person scrolls, show the tree from its top, as far as the current item can be seen."""
        if not self._scrolled:
            self.view.scrollToTop()
            self.view.scrollTo(self.view.currentIndex())

    def _note_scrolled(self) -> None:
        self._scrolled = True

    def _filter(self, text: str) -> None:
        if text and self._unfolded_before is None:
            self._unfolded_before = self._unfolded_places()
        self.model.set_filter(text)
        if text:
            self.view.expandAll()
        elif self._unfolded_before is not None:
            self.view.collapseAll()
            for place in self._unfolded_before:
                self.view.expand(self.model.index_of(place))
            self._unfolded_before = None

    def _current_changed(self, current: QModelIndex, previous: QModelIndex) -> None:
        del previous
        place = self.model.place_at(current)
        if place is not None:
            self.place_changed.emit(place)

    def _menu(self, where: QPoint) -> None:
        index = self.view.indexAt(where)
        if index.isValid():
            self.view.setCurrentIndex(index)
        self.menu_wanted.emit(self.view.viewport().mapToGlobal(where))

    def _lay_out(self) -> None:
        head = QWidget(self)
        row = QHBoxLayout(head)
        row.setContentsMargins(Space.SMALL, 0, Space.SMALL, 0)
        row.addWidget(self.finder)
        follow_theme(head, lambda seen, _t: seen.setFixedHeight(height(Height.PANE_HEADER, seen.fontMetrics())))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(head)
        column.addWidget(self.view, 1)
