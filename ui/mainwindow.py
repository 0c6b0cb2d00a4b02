"""The main window: tabs of clusters, menus, tool bar, status bar, and what was open last time."""

import asyncio
from pathlib import Path

from PySide6.QtCore import QPoint, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QMainWindow, QMenu, QStackedWidget

from clusteradmin.client.cluster import Cluster, ConnectionState
from clusteradmin.settings import ClientHome, SettingsError
from nodeagent.api.objects import Node, Resource
from nodeagent.api.problems import Problem
from nodeagent.api.requests import Right, Verb
from nodeagent.api.texts import sentence
from ui import settings, tasks
from ui.actions import SHORTCUTS, WindowActions
from ui.clusterarea import ClusterArea
from ui.commands import Commander
from ui.demostart import DemoStarter
from ui.dialogs.connect import ConnectDialog, known_targets
from ui.dialogs.credentials import WindowPrompter
from ui.dialogs.errors import AttemptsDialog
from ui.firstrun import FirstRunPage
from ui.icons import application_icon
from ui.menus import Menus, ToolBar
from ui.models.takeover import takeover_sentence
from ui.statusline import StatusLine
from ui.theme import Appearance, theme
from ui.tiles import ABOVE, SIDE, Tiles
from ui.verbs import Offer
from ui.windowcommands import WindowCommands
from ui.words import listed, right_word

USUAL_SIZE = (1280, 800)
LEAST_SIZE = (880, 520)
NAME = "Cluster Administrator"


class MainWindow(QMainWindow):
    """All open clusters in one window. It is closed by whoever runs it: `leaving` says that the person wants to."""

    leaving = Signal()

    def __init__(self, home: ClientHome | None = None, file: Path | None = None) -> None:
        """Make the window.

        Args:
            home: saved connections; None is this account's own.
            file: where layout and open connections are kept; None is beside the saved connections.
        """
        super().__init__()
        self._home = home or ClientHome.default()
        self._file = file or self._home.directory / settings.FILE_NAME
        self.state = settings.load(self._file)
        self._offers: dict[Verb, Offer] = {}
        self.actions_ = WindowActions(self)
        self.commander = Commander(self)
        self.commands = WindowCommands(self, self.current, self.actions_, self.commander)
        self.prompter = WindowPrompter(self)
        self.demo = DemoStarter(self)
        self.tiles = Tiles(self)
        self.first_run = FirstRunPage(self)
        self.status = StatusLine(self)
        self.menus = Menus(self.menuBar(), self.actions_)
        self.tool_bar = ToolBar(self.actions_, self.menus.move, self)
        self._lay_out()
        self._connect()
        self._restore()
        self._current_changed()

    # Clusters

    def open_target(self, target: str) -> ClusterArea | None:
        """Open a cluster in a tab of its own, or turn to the tab that has it."""
        for area in self.tiles.areas():
            if area.cluster.target == target:
                self.tiles.show_area(area)
                return area
        try:
            cluster = Cluster(target, prompter=self.prompter, home=self._home)
        except SettingsError as exc:
            self.status.say(str(exc), problem=True)
            return None
        area = self.add_cluster(cluster)
        cluster.start()
        self._remember(target)
        return area

    def add_cluster(self, cluster: Cluster) -> ClusterArea:
        """Show *cluster*, which somebody else has made, in a tab of its own."""
        area = ClusterArea(cluster, self.state.cluster(cluster.target), self)
        area.details.set_shortcuts(SHORTCUTS)
        area.set_events_shown(self.state.events)
        area.verb_wanted.connect(lambda verb: self.commander.do(area, verb))
        area.menu_wanted.connect(self._show_shortcut_menu)
        area.renamed.connect(lambda reference, name: self.commander.rename(area, reference, name))
        area.dropped.connect(lambda drop: self.commander.drop(area, drop))
        area.problem_shown.connect(lambda text: self.status.say(text, problem=True))
        area.selection_changed.connect(self._selection_changed)
        area.changed.connect(self._area_changed)
        area.close_wanted.connect(lambda: self.close_cluster(area))
        area.attempts_wanted.connect(lambda: self._show_attempts(area))
        self.tiles.add(area)
        self._pages.setCurrentWidget(self.tiles)
        area.list.view.setFocus()
        return area

    def close_cluster(self, area: ClusterArea) -> "asyncio.Task[None]":
        """Close a tab; its layout is kept. The task ends when the connection is closed, too."""
        area.keep()
        area.stop()
        self.tiles.remove(area)
        area.hide()
        area.setParent(None)
        task = asyncio.get_running_loop().create_task(area.cluster.close())
        area.deleteLater()
        if not self.tiles.areas():
            self.first_run.show_recent(self._home.recent())
            self._pages.setCurrentWidget(self.first_run)
        self._current_changed()
        return task

    def reopen(self) -> None:
        """Open what was open when the window was left last time."""
        for target in list(self.state.open):
            self.open_target(target)
        if self.state.tiled:
            self.tiles.arrange(self.state.tiled)
            self._show_tiling()

    async def shut_down(self) -> None:
        """Keep what is to be remembered and close everything; the window is of no use afterwards."""
        self.keep()
        areas = self.tiles.areas()
        for area in areas:
            area.stop()
        await tasks.cancel_all()
        await asyncio.gather(*(area.cluster.close() for area in areas), return_exceptions=True)
        self.demo.stop()

    def keep(self) -> None:
        """Save layout and open connections; that it cannot be saved is no reason to stay."""
        for area in self.tiles.areas():
            area.keep()
        demo_only = {area.cluster.target for area in self.tiles.areas() if self._is_own_demo(area)}
        self.state.open = [a.cluster.target for a in self.tiles.areas() if a.cluster.target not in demo_only]
        self.state.tiled = self.tiles.arrangement
        self.state.set_geometry(bytes(self.saveGeometry().data()))
        try:
            settings.save(self.state, self._file)
        except SettingsError as exc:
            self.status.say(str(exc), problem=True)

    def show_problem(self, problem: Problem) -> None:
        """Show a problem of no particular cluster."""
        self.status.say(sentence(problem), problem=True)

    def current(self) -> ClusterArea | None:
        """Return the area that menus and shortcuts apply to."""
        return self.tiles.current()

    # Events

    def closeEvent(self, event: QCloseEvent) -> None:
        event.ignore()  # connections are closed first, which takes a moment
        self.leaving.emit()

    def _remember(self, target: str) -> None:
        try:
            self._home.remember(target)
        except SettingsError as exc:
            self.status.say(str(exc), problem=True)

    def _is_own_demo(self, area: ClusterArea) -> bool:
        return self.demo.running and bool(area.cluster.saved.demo_home)

    def _current_changed(self) -> None:
        area = self.current()
        title = f"{area.cluster.name} — {NAME}" if area is not None else NAME
        self.setWindowTitle(title)
        for key in ("close", "copy_names", "select_all", "filter", "refresh", "up", "output", "why", "details"):
            self.actions_[key].setEnabled(area is not None)
        for key in ("tile_side", "tile_above", "next_tab"):
            self.actions_[key].setEnabled(len(self.tiles.areas()) > 1)
        self._selection_changed()
        self._show_connection()

    def _area_changed(self) -> None:
        if self.sender() is self.current():
            self._selection_changed()
            self._show_connection()

    def _selection_changed(self) -> None:
        area = self.current()
        if area is None or area.picture is None:
            self._offers = {}
            self.actions_.show_offers({})
            self.actions_["output"].setEnabled(False)
            self.status.show_summary(self.tr("For help, press F1") if area is None else "")
            self._show_power(None)
            return
        selection = area.selection()
        self._offers = area.offers(selection)
        self.actions_.show_offers(self._offers)
        self.actions_["output"].setEnabled(len(selection) == 1 and isinstance(selection[0], Resource))
        self.actions_["details"].setChecked(area.details_shown())
        self._show_power(area)
        if area.picture.live:
            self.status.show_summary(self._summary([item.name for item in selection]))
        else:
            self.status.show_summary(self.tr("Not connected. Commands are off until the cluster answers."))

    def _summary(self, names: list[str]) -> str:
        if not names:
            return ""
        text = self.tr("{0} selected: {1}.").format(len(names), listed(names))
        for verb in (Verb.BRING_ONLINE, Verb.TAKE_OFFLINE, Verb.PAUSE, Verb.RESUME):
            offer = self._offers[verb]
            if offer.possible and offer.consequence:
                said = offer.consequence
                return f"{text} {self.actions_.verbs[verb].text()}: {said}"
        return text

    def _show_power(self, area: ClusterArea | None) -> None:
        demo = area is not None and bool(area.cluster.saved.demo_home)
        selection = area.selection() if area is not None and demo else []
        node = selection[0] if len(selection) == 1 and isinstance(selection[0], Node) else None
        for key in ("power_off", "power_on"):
            self.actions_[key].setVisible(demo)
            self.actions_[key].setEnabled(node is not None)

    def _show_connection(self) -> None:
        area = self.current()
        if area is None:
            self.status.show_connection("", "", "", live=True)
            return
        cluster = area.cluster
        live = cluster.status.state is ConnectionState.LIVE
        who = f"{cluster.user}, {right_word(cluster.right)}" if cluster.right > Right.NONE else ""
        takeover = takeover_sentence(area.picture) if area.picture is not None and live else ""
        self.status.show_connection(takeover, who, area.age(), live=live)

    def _show_shortcut_menu(self, where: QPoint) -> None:
        self._fill_move_menu()
        self.menus.shortcut_menu(self, self._offers).popup(where)

    def _show_attempts(self, area: ClusterArea) -> None:
        AttemptsDialog(area.cluster.name, area.cluster.status.attempts, self).show()

    # Commands of the window

    def _ask_target(self, target: str = "") -> None:
        if target:
            self.open_target(target)
            return
        dialog = ConnectDialog(known_targets(self._home), self)
        dialog.chosen.connect(self.open_target)
        dialog.open()

    def _arrange(self, arrangement: str, on: bool) -> None:
        self.tiles.arrange(arrangement if on else "")
        self._show_tiling()

    def _show_tiling(self) -> None:
        self.actions_["tile_side"].setChecked(self.tiles.arrangement == SIDE)
        self.actions_["tile_above"].setChecked(self.tiles.arrangement == ABOVE)

    def _set_appearance(self, appearance: Appearance) -> None:
        self.state.appearance = appearance.value
        theme().set_appearance(appearance)
        self.actions_.show_appearance(appearance)

    def _set_events_shown(self, shown: bool) -> None:
        self.state.events = shown
        for area in self.tiles.areas():
            area.set_events_shown(shown)

    def _set_toolbar_shown(self, shown: bool) -> None:
        self.state.toolbar = shown
        self.tool_bar.setVisible(shown)

    def _set_status_bar_shown(self, shown: bool) -> None:
        self.state.status_bar = shown
        self.statusBar().setVisible(shown)

    def _fill_move_menu(self) -> None:
        area = self.current()
        if area is not None:
            self.commander.move_menu(area, self.menus.move)

    def _fill_recent(self) -> None:
        self.menus.recent.clear()
        for target in self._home.recent():
            self.menus.recent.addAction(target).triggered.connect(
                lambda _on=False, target=target: self.open_target(target)
            )
        self.menus.recent.setEnabled(bool(self.menus.recent.actions()))

    def _fill_window_menu(self) -> None:
        for action in self.menus.window.actions():
            if isinstance(action.data(), str):
                self.menus.window.removeAction(action)
        for number, area in enumerate(self.tiles.areas(), 1):
            action = self.menus.window.addAction(f"&{number} {area.cluster.name}")
            action.setCheckable(True)
            action.setChecked(area is self.current())
            action.setData(area.cluster.target)
            action.triggered.connect(lambda _on=False, area=area: self.tiles.show_area(area))

    # Parts

    def _lay_out(self) -> None:
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self.first_run)
        self._pages.addWidget(self.tiles)
        self.setCentralWidget(self._pages)
        self.addToolBar(self.tool_bar)
        bar = self.statusBar()
        bar.setSizeGripEnabled(False)
        bar.setContentsMargins(0, 0, 0, 0)
        bar.addWidget(self.status, 1)
        self.setMinimumSize(*LEAST_SIZE)

    def _restore(self) -> None:
        self.setWindowIcon(application_icon())
        self.resize(*USUAL_SIZE)
        if self.state.geometry:
            self.restoreGeometry(self.state.geometry_bytes())
        known = {appearance.value for appearance in Appearance}
        chosen = self.state.appearance if self.state.appearance in known else Appearance.SYSTEM.value
        self._set_appearance(Appearance(chosen))
        self.tool_bar.setVisible(self.state.toolbar)
        self.statusBar().setVisible(self.state.status_bar)
        for key, shown in (
            ("toolbar", self.state.toolbar),
            ("status_bar", self.state.status_bar),
            ("events", self.state.events),
        ):
            self.actions_[key].setChecked(shown)
        self.first_run.show_recent(self._home.recent())

    def _connect(self) -> None:
        actions = self.actions_
        self.tiles.current_changed.connect(self._current_changed)
        self.tiles.close_wanted.connect(self.close_cluster)
        self.tiles.open_wanted.connect(self._ask_target)
        self.first_run.open_wanted.connect(self._ask_target)
        self.first_run.demo_wanted.connect(self._start_demo)
        self.commander.said.connect(self.status.say)
        actions.verb_wanted.connect(self.commands.do)
        actions.appearance_wanted.connect(self._set_appearance)
        self.menus.move.aboutToShow.connect(self._fill_move_menu)
        self.menus.recent.aboutToShow.connect(self._fill_recent)
        self.menus.file.aboutToShow.connect(self._fill_recent)
        self.menus.window.aboutToShow.connect(self._fill_window_menu)
        self.demo.ready.connect(self.open_target)
        self.demo.said.connect(self.status.say)
        self.demo.failed.connect(lambda text: self.status.say(text, problem=True))
        for menu in (*self.menuBar().findChildren(QMenu), self.menus.move):
            menu.hovered.connect(lambda action: self.status.show_help(action.statusTip()))
            menu.aboutToHide.connect(lambda: self.status.show_help(""))
        handlers = {
            "open": self._ask_target,
            "close": self._close_current,
            "quit": self.close,
            "next_tab": self.tiles.show_next,
        }
        for key, handler in handlers.items():
            actions[key].triggered.connect(lambda _on=False, handler=handler: handler())
        self.commands.connect_actions()
        actions["events"].toggled.connect(self._set_events_shown)
        actions["toolbar"].toggled.connect(self._set_toolbar_shown)
        actions["status_bar"].toggled.connect(self._set_status_bar_shown)
        actions["tile_side"].triggered.connect(lambda on: self._arrange(SIDE, on))
        actions["tile_above"].triggered.connect(lambda on: self._arrange(ABOVE, on))
        self.addActions([*actions.verbs.values(), *actions.commands.values()])

    def _start_demo(self) -> None:
        self.demo.start()
        self.status.say(self.tr("Starting the demo: three nodes on this machine."))

    def _close_current(self) -> None:
        area = self.current()
        if area is not None:
            self.close_cluster(area)
