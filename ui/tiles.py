"""The tiles of the window: groups of tabs, one or several beside or above each other."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from ui.clusterarea import ClusterArea
from ui.panes.splitter import Splitter
from ui.tabs import TabGroup

SIDE, ABOVE = "side", "above"


class Tiles(QWidget):
    """Holds all open clusters. One of them is the current one, to which menus and shortcuts apply."""

    current_changed = Signal()
    close_wanted = Signal(object)  # ClusterArea
    open_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._arrangement = ""
        self._groups: list[TabGroup] = []
        self._splitter = Splitter(Qt.Orientation.Horizontal, self)
        self._active: TabGroup = self._add_group()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._splitter)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._focus_changed)

    def areas(self) -> list[ClusterArea]:
        """Return all open areas, in the order of their tabs."""
        return [area for group in self._groups for area in group.areas()]

    def current(self) -> ClusterArea | None:
        return self._active.current()

    def add(self, area: ClusterArea) -> None:
        """Open *area*, in a tile of its own while they are tiled."""
        group = self._active
        if self._arrangement and group.areas():
            group = self._add_group()
        group.add(area)
        self._activate(group)
        self.current_changed.emit()

    def remove(self, area: ClusterArea) -> None:
        """Take *area* out; its tile goes with it when it is empty and not the last."""
        group = self._group_of(area)
        if group is None:
            return
        group.remove(area)
        if not group.areas() and len(self._groups) > 1:
            self._drop_group(group)
        self.current_changed.emit()

    def show_area(self, area: ClusterArea) -> None:
        """Make *area* the current one."""
        group = self._group_of(area)
        if group is not None:
            group.show_area(area)
            self._activate(group)
            area.list.view.setFocus()

    def show_next(self) -> None:
        """Make the next open cluster current, round to the first."""
        areas = self.areas()
        current = self.current()
        if current is not None and len(areas) > 1:
            self.show_area(areas[(areas.index(current) + 1) % len(areas)])

    @property
    def arrangement(self) -> str:
        """How they are tiled: "", SIDE or ABOVE."""
        return self._arrangement

    def arrange(self, arrangement: str) -> None:
        """Give each cluster a tile of its own, SIDE by side or ABOVE each other; "" puts all into one again."""
        current = self.current()
        self._arrangement = arrangement
        self._splitter.setOrientation(Qt.Orientation.Vertical if arrangement == ABOVE else Qt.Orientation.Horizontal)
        areas = self.areas()
        for area in areas:
            group = self._group_of(area)
            if group is not None:
                group.remove(area)
        for group in self._groups[1:]:
            self._drop_group(group)
        self._active = self._groups[0]
        for area in areas:
            self.add(area)
        if current is not None:
            self.show_area(current)
        size = self._splitter.height() if arrangement == ABOVE else self._splitter.width()
        self._splitter.setSizes([size // max(1, len(self._groups))] * len(self._groups))

    # Groups

    def _add_group(self) -> TabGroup:
        group = TabGroup(self._splitter)
        group.current_changed.connect(self.current_changed)
        group.close_wanted.connect(self.close_wanted)
        group.open_wanted.connect(self.open_wanted)
        group.tabs.tabBarClicked.connect(lambda _index, group=group: self._activate(group))
        self._splitter.addWidget(group)
        self._groups.append(group)
        return group

    def _drop_group(self, group: TabGroup) -> None:
        self._groups.remove(group)
        if self._active is group:
            self._activate(self._groups[0])
        group.hide()
        group.setParent(None)
        group.deleteLater()

    def _group_of(self, area: ClusterArea) -> TabGroup | None:
        return next((group for group in self._groups if area in group.areas()), None)

    def _activate(self, group: TabGroup) -> None:
        changed = group is not self._active
        self._active = group
        for each in self._groups:
            each.tabs.set_active(each is group)
        if changed:
            self.current_changed.emit()

    def _focus_changed(self, old: QWidget | None, new: QWidget | None) -> None:
        del old
        for group in self._groups:
            if new is not None and group.isAncestorOf(new):
                self._activate(group)
                return
