"""The window's own commands on the current cluster: find, panes, output, details, power, help."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QWidget

from clusteradmin.client.cluster import ConnectionState
from nodeagent.api.objects import Node, Resource
from nodeagent.api.requests import Verb
from ui.actions import WindowActions
from ui.clusterarea import ClusterArea
from ui.commands import Commander
from ui.dialogs.keyboard import KeyboardDialog
from ui.dialogs.palette import Palette
from ui.finding import entries
from ui.icons import application_icon


class WindowCommands(QObject):
    """Does what is asked by the actions of the same names; without a current cluster they do nothing."""

    def __init__(
        self,
        window: QWidget,
        current: Callable[[], ClusterArea | None],
        actions: WindowActions,
        commander: Commander,
    ) -> None:
        super().__init__(window)
        self._window = window
        self._current = current
        self._actions = actions
        self._commander = commander

    def connect_actions(self) -> None:
        """Have the actions do these commands."""
        actions = self._actions
        handlers: dict[str, Callable[[], object]] = {
            "copy_names": self.copy_names,
            "select_all": lambda: self._with(lambda area: area.list.view.selectAll()),
            "filter": lambda: self._with(lambda area: area.list.filter.setFocus()),
            "find": self.find,
            "refresh": self.refresh,
            "next_pane": lambda: self.next_pane(1),
            "previous_pane": lambda: self.next_pane(-1),
            "up": lambda: self._with(lambda area: area.tree.go_up()),
            "output": self.show_output,
            "why": lambda: self.toggle_details(True),
            "power_off": lambda: self.power(False),
            "power_on": lambda: self.power(True),
            "keyboard": lambda: KeyboardDialog(actions, self._window).show(),
            "about": self.about,
        }
        for key, handler in handlers.items():
            actions[key].triggered.connect(lambda _on=False, handler=handler: handler())
        actions["details"].triggered.connect(self.toggle_details)

    def do(self, verb: Verb) -> None:
        """Do *verb* to the selection of the current cluster."""
        self._with(lambda area: self._commander.do(area, verb))

    def find(self) -> None:
        """Open Find Object or Command."""
        Palette(entries(self._current(), self._actions, self.do), self._window).open()

    def refresh(self) -> None:
        """Look at everything again; try at once to connect when there is no connection."""
        area = self._current()
        if area is not None:
            area.refresh()
            if area.cluster.status.state is not ConnectionState.LIVE:
                area.cluster.try_now()

    def next_pane(self, step: int) -> None:
        """Give the focus to the next pane, or for -1 the one before."""
        area = self._current()
        if area is None:
            return
        panes = area.panes
        focus = self._window.focusWidget()
        now = next((n for n, pane in enumerate(panes) if pane is focus or (focus and pane.isAncestorOf(focus))), 0)
        panes[(now + step) % len(panes)].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def copy_names(self) -> None:
        """Copy the names of what is selected, one per line."""
        area = self._current()
        if area is not None:
            QGuiApplication.clipboard().setText("\n".join(item.name for item in area.selection()))

    def show_output(self) -> None:
        """Follow the output of the selected resource."""
        area = self._current()
        selection = area.selection() if area is not None else []
        if area is not None and len(selection) == 1 and isinstance(selection[0], Resource):
            area.show_output(selection[0])

    def toggle_details(self, shown: bool) -> None:
        """Open or close the Details pane."""
        area = self._current()
        if area is not None:
            area.set_details_shown(shown)
            self._actions["details"].setChecked(area.details_shown())

    def power(self, on: bool) -> None:
        """Turn the power of the selected node of a demo on or off."""
        area = self._current()
        selection = area.selection() if area is not None else []
        if area is not None and len(selection) == 1 and isinstance(selection[0], Node):
            self._commander.power(area, selection[0], on)

    def about(self) -> None:
        """Say what this program is."""
        box = QMessageBox(self._window)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle(self.tr("About Cluster Administrator"))
        box.setIconPixmap(application_icon().pixmap(48, 48))
        box.setText(
            self.tr("Cluster Administrator opens, watches and steers clusters of highly available applications.")
        )
        box.setInformativeText(self.tr("Apache License 2.0"))
        box.open()

    def _with(self, act: Callable[[ClusterArea], object]) -> None:
        area = self._current()
        if area is not None:
            act(area)
